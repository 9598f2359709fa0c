//! Rollbacks on a real Argo CD: the controller against what Argo CD really does.

mod by_hand;
mod keepers;
mod people;
mod proxy;
mod rights;
mod robustness;
mod scale;
mod sequence;
mod timing;
mod verdicts;
pub(crate) mod world;
