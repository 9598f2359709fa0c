//! Rollbacks of Kustomizations: the controller against what Flux really does.

mod modes;
mod people;
mod refused;
mod rights;
mod robustness;
mod sequence;
pub(super) mod world;
