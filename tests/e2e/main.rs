//! The real thing: a Kubernetes control plane, a process kubelet that runs the shipped binary, and Argo CD.
//!
//! Everything listens on loopback and ends with this process. One control plane serves all tests, side by side;
//! each test has a namespace of its own. What a test may use is in `harness`.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "this is a test: it may touch files and clocks, and failing is how it reports"
)]

mod argocd;
mod control_plane;
mod flux;
mod gate;
mod harness;
mod manifests;
mod rollback;
