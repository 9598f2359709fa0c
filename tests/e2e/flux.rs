//! driftgate under a real kustomize-controller: the gate with the shipped component and rights, and rollbacks.

mod gated;
mod rights;
mod rollback;
mod traps;
mod verdicts;
