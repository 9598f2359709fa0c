//! Edge towards GitOps tools: which application was deployed, at which revision, with which objects.
//!
//! Does not know findings or verdicts. Each tool has its folder; what it yields is a [`crate::scope::Scope`].

pub mod argocd;
pub mod discovery;
pub mod flux;
pub mod helm;
pub mod job;
pub mod trap;
pub mod wanted;
