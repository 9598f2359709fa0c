//! Flux: from the Job the gate runs in to the Kustomization and its objects.
//!
//! Sources: <https://fluxcd.io/flux/components/kustomize/kustomizations/>,
//! <https://fluxcd.io/flux/components/source/gitrepositories/>.

pub mod inventory;
pub mod kustomization;
pub mod source;
