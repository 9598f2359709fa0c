//! Flux's two ends of a rollback: what a Kustomization shows, and how the writes look.
//!
//! Flux cannot go back by itself. A copy of the Kustomization's source, pinned to the target, takes the source's place;
//! the original goes on following Git, so that what comes next is seen. Owns the Kustomization as far as rollbacks need
//! it, the copy, and the guarded patches. Does not know when what is written: that is [`crate::rollback`].
//!
//! Sources: `internal/controller/kustomization_controller.go` of kustomize-controller 1.9, `ssa/manager_apply.go` of
//! `fluxcd/pkg`, and <https://fluxcd.io/flux/components/source/gitrepositories/#reference>.

pub mod clone;
pub mod gate;
pub mod live;
pub mod marks;
pub mod observe;
pub mod write;

#[cfg(test)]
mod tests;
