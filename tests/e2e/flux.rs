//! The gate under a real kustomize-controller: the shipped component, the shipped rights, the real program.

mod gated;
mod rights;
mod traps;
mod verdicts;
