//! Rollbacks on a real Argo CD: the controller against what Argo CD really does.

mod by_hand;
pub(crate) mod controller;
mod crowd;
mod keepers;
mod people;
mod places;
mod proxy;
pub(crate) mod rights;
mod robustness;
mod scale;
mod sequence;
mod sources;
mod targets;
mod timing;
mod verdicts;
pub(crate) mod world;
mod writes;
