//! What we saw: trimmed, lenient views of Kubernetes objects.
//!
//! Owns the shapes that rules judge. Unknown fields are ignored, absent and `null` fields take the API's default.
//! Does not know where an object came from (a cluster, a file, a recording) and holds no Secret or ConfigMap value.

pub mod access;
pub mod admission;
pub mod capability;
pub mod container;
pub mod crd;
pub mod host_path;
pub mod lenient;
pub mod meta;
pub mod namespace;
pub mod network;
pub mod node;
pub mod pod;
pub mod pod_status;
pub mod rbac;
pub mod reference;
pub mod selector;
pub mod workload;
pub mod world;
