//! Rollbacks on a real Argo CD: the controller against what Argo CD really does.

mod by_hand;
mod keepers;
mod people;
mod robustness;
mod sequence;
mod timing;
mod verdicts;
pub(crate) mod world;
