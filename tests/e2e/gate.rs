//! The gate on the real thing: commits are synced by a real Argo CD, the shipped Job runs the real program with the
//! shipped rights, and the exit code decides how the sync ends.

mod admission;
mod baseline;
mod delegation;
pub(crate) mod files;
mod gated;
mod helm;
mod hooks;
pub(crate) mod outside;
mod recorded;
mod records;
pub(crate) mod rights;
mod rolled;
mod verdicts;
