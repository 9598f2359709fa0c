//! What several rules need to know, implemented once: pure functions over the model.
//!
//! Knows no rule. Semantics that stand in the Kubernetes documentation are linked where they are implemented.

pub(crate) mod address;
pub(crate) mod admission;
pub(crate) mod confinement;
pub(crate) mod control_socket;
pub(crate) mod danger;
pub(crate) mod field;
pub(crate) mod host_mount;
pub(crate) mod node_file;
pub(crate) mod platform;
pub(crate) mod pod_producers;
pub(crate) mod power;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod user;
pub(crate) mod webhook_backend;
