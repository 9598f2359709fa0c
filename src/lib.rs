//! driftgate judges the live resources of an application at the end of a GitOps deployment.
//!
//! Look, think, act: the edges look ([`memory`] stands in for a cluster), a pure core thinks, the edges act.
//!
//! - core: [`model`] ← [`finding`] ← [`rules`] ← [`engine`] ← [`verdict`]; no async, clock, environment, files or
//!   Kubernetes client;
//! - [`cluster`] is the edge to the Kubernetes API, the only importer of its client;
//! - [`exit`] is the protocol towards the GitOps tool.

pub mod app;
pub mod baseline;
pub mod cli;
pub mod cluster;
pub mod declared;
pub mod engine;
pub mod exclusion;
pub mod exit;
pub mod finding;
pub mod gitops;
pub mod manifests;
pub mod memory;
pub mod model;
pub mod notify;
pub mod plan;
pub mod policy;
pub mod progress;
pub mod rbac_manifest;
pub mod record;
pub mod redaction;
pub mod report;
pub mod rollback;
pub mod rollout;
pub mod rules;
pub mod scenario;
pub mod scope;
pub mod settling;
pub mod store;
pub mod telemetry;
pub mod verdict;
