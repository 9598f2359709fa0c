//! Flux: from the Job the gate runs in to the Kustomization and its objects.
//!
//! Sources: <https://fluxcd.io/flux/components/kustomize/kustomizations/>,
//! <https://fluxcd.io/flux/components/source/gitrepositories/>.

pub mod discover;
pub mod fleet;
pub mod helm_release;
pub mod inventory;
pub mod job;
pub mod kustomization;
pub mod members;
pub mod rollback;
pub mod source;
pub mod traps;
