//! Rollbacks on a real Argo CD: the controller against what Argo CD really does.

mod people;
mod robustness;
mod sequence;
mod verdicts;
mod world;
