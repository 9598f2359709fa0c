//! driftgate under a real kustomize-controller: the gate with the shipped component and rights, and rollbacks.

mod gated;
mod held;
mod recorded;
mod rights;
mod rollback;
mod tenants;
mod traps;
mod undecided;
mod verdicts;
