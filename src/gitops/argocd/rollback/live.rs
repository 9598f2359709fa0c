//! The Application, as far as rollbacks need it: sources and settings stay in Argo CD's own words, because they are
//! written back exactly so.

use std::ops::Deref;

use serde::Deserialize;
use serde_json::Value;

use crate::gitops::argocd::rollback::writers::Writer;
use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;

/// `argoproj.io/v1alpha1` Application. Every field may be missing; unknown ones are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Live {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: LiveMeta,
    /// What is asked for.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: Spec,
    /// The operation that is asked for or runs.
    pub operation: Option<Operation>,
    /// What Argo CD has seen and done.
    #[serde(deserialize_with = "null_as_default")]
    pub status: Status,
}

/// `metadata`, with who has written the few fields that matter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LiveMeta {
    /// All that other objects have too.
    #[serde(flatten)]
    pub meta: Meta,
    /// Who has written auto-sync.
    #[serde(deserialize_with = "null_as_default")]
    pub managed_fields: Vec<Writer>,
}

impl Deref for LiveMeta {
    type Target = Meta;

    fn deref(&self) -> &Meta {
        &self.meta
    }
}

/// `spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Spec {
    /// Name of the AppProject.
    #[serde(deserialize_with = "null_as_default")]
    pub project: String,
    /// Several sources, where there are.
    #[serde(deserialize_with = "null_as_default")]
    pub sources: Vec<Value>,
    /// How it is synced.
    #[serde(deserialize_with = "null_as_default")]
    pub sync_policy: SyncPolicy,
}

/// `spec.syncPolicy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncPolicy {
    /// Auto-sync, in Argo CD's words; absent is off.
    pub automated: Option<Value>,
    /// Options of each sync.
    pub sync_options: Option<Value>,
}

/// `operation`, and `status.operationState.operation`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Operation {
    /// Who asked for it.
    #[serde(deserialize_with = "null_as_default")]
    pub initiated_by: Initiator,
    /// Notes of whoever asked for it.
    #[serde(deserialize_with = "null_as_default")]
    pub info: Vec<Info>,
    /// What is synced.
    #[serde(deserialize_with = "null_as_default")]
    pub sync: Sync,
}

/// `initiatedBy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Initiator {
    /// A person's, or a component's.
    #[serde(deserialize_with = "null_as_default")]
    pub username: String,
    /// True for auto-sync.
    #[serde(deserialize_with = "null_as_default")]
    pub automated: bool,
}

/// One item of `info`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    /// What it is.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// What it says.
    #[serde(deserialize_with = "null_as_default")]
    pub value: String,
}

/// `sync` of an operation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sync {
    /// Nothing is applied.
    #[serde(deserialize_with = "null_as_default")]
    pub dry_run: bool,
}

/// `status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The present or last operation.
    pub operation_state: Option<OperationState>,
    /// What the sources resolve to now.
    #[serde(deserialize_with = "null_as_default")]
    pub sync: SyncStatus,
    /// How it is.
    #[serde(deserialize_with = "null_as_default")]
    pub health: HealthStatus,
    /// Syncs that succeeded as a whole, oldest first.
    #[serde(deserialize_with = "null_as_default")]
    pub history: Vec<HistoryEntry>,
    /// When all this was seen.
    #[serde(deserialize_with = "null_as_default")]
    pub reconciled_at: String,
}

/// `status.operationState`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationState {
    /// What was asked for.
    #[serde(deserialize_with = "null_as_default")]
    pub operation: Operation,
    /// `Running`, `Terminating`, `Failed`, `Error`, `Succeeded`.
    #[serde(deserialize_with = "null_as_default")]
    pub phase: String,
    /// For people.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
    /// When it began; the same for all its attempts.
    #[serde(deserialize_with = "null_as_default")]
    pub started_at: String,
    /// When it ended, or its last attempt if another one is due.
    pub finished_at: Option<String>,
    /// What the present attempt did so far.
    #[serde(deserialize_with = "null_as_default")]
    pub sync_result: SyncResult,
}

/// `syncResult`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SyncResult {
    /// What was deployed.
    #[serde(flatten)]
    pub deployed: Deployed,
    /// What was applied, and hooks.
    #[serde(deserialize_with = "null_as_default")]
    pub resources: Vec<Row>,
}

/// Revisions and sources, as several places of an Application have them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Deployed {
    /// Of a single source.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// Of several sources.
    #[serde(deserialize_with = "null_as_default")]
    pub revisions: Vec<String>,
    /// A single source; empty where there are several.
    #[serde(deserialize_with = "null_as_default")]
    pub source: Value,
    /// Several sources.
    #[serde(deserialize_with = "null_as_default")]
    pub sources: Vec<Value>,
}

/// One row of `syncResult.resources`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Row {
    /// API group.
    #[serde(deserialize_with = "null_as_default")]
    pub group: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`; empty for hooks.
    #[serde(deserialize_with = "null_as_default")]
    pub status: String,
    /// For people; of a Job its Failed condition.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
    /// Empty for what is no hook.
    #[serde(deserialize_with = "null_as_default")]
    pub hook_type: String,
    /// `Running`, `Succeeded`, `Failed`, `Error`.
    #[serde(deserialize_with = "null_as_default")]
    pub hook_phase: String,
}

/// `status.sync`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SyncStatus {
    /// `Synced`, `OutOfSync`, `Unknown`.
    #[serde(deserialize_with = "null_as_default")]
    pub status: String,
    /// Of a single source.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// Of several sources.
    #[serde(deserialize_with = "null_as_default")]
    pub revisions: Vec<String>,
    /// The sources.
    #[serde(deserialize_with = "null_as_default")]
    pub compared_to: Deployed,
}

/// `status.health`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HealthStatus {
    /// `Healthy`, `Progressing`, `Degraded`, `Suspended`, `Missing`, `Unknown`.
    #[serde(deserialize_with = "null_as_default")]
    pub status: String,
}

/// One entry of `status.history`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HistoryEntry {
    /// Increasing number.
    #[serde(deserialize_with = "null_as_default")]
    pub id: i64,
    /// What was deployed.
    #[serde(flatten)]
    pub deployed: Deployed,
}

impl Deployed {
    /// True for several sources.
    pub fn is_multiple(&self) -> bool {
        !self.sources.is_empty()
    }
}
