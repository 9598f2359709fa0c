//! A Kustomization and what is around it, as far as rollbacks need it.

use serde::Deserialize as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::declared::short_hex;
use crate::gitops::flux::job::GateJob;
use crate::gitops::flux::kustomization::Kustomization;
use crate::gitops::flux::source::Source;

/// Fields of a Kustomization's spec that say when and whether it is applied, not what of its source becomes of it.
const BESIDE: [&str; 14] = [
    "dependsOn",
    "deletionPolicy",
    "force",
    "healthCheckExprs",
    "healthChecks",
    "ignore",
    "interval",
    "prune",
    "retryInterval",
    "serviceAccountName",
    "sourceRef",
    "suspend",
    "timeout",
    "wait",
];

/// A Kustomization at one moment.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// The Kustomization.
    pub app: Kustomization,
    /// The Kustomization with the gate's Job, where it is another one.
    pub gate: Option<Kustomization>,
    /// The gate's Job.
    pub job: Option<GateJob>,
    /// The source that it follows, or followed before ours took its place.
    pub source: Option<Source>,
    /// Our source.
    pub clone: Option<Source>,
    /// Digest of how its source is rendered.
    pub rendered: String,
}

impl Live {
    /// From the Kustomization as it is in the cluster; the rest is still unknown.
    ///
    /// # Errors
    /// It is none.
    pub fn read(object: &Value) -> Result<Self, serde_json::Error> {
        let app = Kustomization::deserialize(object)?;
        let mut spec = object["spec"].clone();
        if let Some(fields) = spec.as_object_mut() {
            fields.retain(|name, value| !BESIDE.contains(&name.as_str()) && !value.is_null());
        }
        let mut hasher = Sha256::new();
        hasher.update(json!(spec).to_string().as_bytes());
        Ok(Self { app, rendered: short_hex(hasher), ..Self::default() })
    }

    /// The Kustomization with the gate's Job.
    pub fn judge(&self) -> &Kustomization {
        self.gate.as_ref().unwrap_or(&self.app)
    }
}
