//! What the e2e tests stand on: servers that die with this process, a kubelet, webhooks, namespaces.
#![allow(dead_code, reason = "the harness offers a little more than the tests of one day use")]

pub(crate) mod argocd;
pub(crate) mod audit;
pub(crate) mod binaries;
pub(crate) mod cluster;
pub(crate) mod credentials;
pub(crate) mod door;
mod failure;
pub(crate) mod flux;
pub(crate) mod git;
pub(crate) mod helm;
pub(crate) mod kubelet;
pub(crate) mod platform;
pub(crate) mod process;
pub(crate) mod receiver;
pub(crate) mod runtime;
pub(crate) mod servers;
pub(crate) mod state;
pub(crate) mod webhook;
