//! Rollbacks of Kustomizations: the controller against what Flux really does.

mod people;
mod refused;
mod robustness;
mod sequence;
mod world;
