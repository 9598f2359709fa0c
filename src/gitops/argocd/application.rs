//! The Application, as far as we read it. Every field may be missing; unknown ones are ignored.
//!
//! Source: `pkg/apis/application/v1alpha1/types.go` of Argo CD 2.4 to 3.5.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::scope::HookPhase;

/// `argoproj.io/v1alpha1` Application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ArgoApplication {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: Status,
}

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// The present or last operation.
    pub operation_state: Option<OperationState>,
    /// What the application consists of, as the refresh loop sees it; may be for another revision.
    #[serde(deserialize_with = "null_as_default")]
    pub resources: Vec<ResourceStatus>,
    /// Revisions whose whole sync, hooks included, succeeded; oldest first.
    #[serde(deserialize_with = "null_as_default")]
    pub history: Vec<HistoryEntry>,
}

/// `status.operationState`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OperationState {
    /// `Running`, `Terminating`, `Failed`, `Error`, `Succeeded`.
    #[serde(deserialize_with = "null_as_default")]
    pub phase: String,
    /// When the operation began; the same for all its attempts.
    pub started_at: Option<Timestamp>,
    /// What the present attempt did so far.
    #[serde(deserialize_with = "null_as_default")]
    pub sync_result: SyncResult,
}

/// `syncResult`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SyncResult {
    /// Deployed revision of a single source.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// Deployed revisions of several sources.
    #[serde(deserialize_with = "null_as_default")]
    pub revisions: Vec<String>,
    /// What was applied, and hooks.
    #[serde(deserialize_with = "null_as_default")]
    pub resources: Vec<ResourceResult>,
}

/// One row of `syncResult.resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceResult {
    /// API group.
    #[serde(deserialize_with = "null_as_default")]
    pub group: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Namespace; the destination namespace for cluster-scoped objects.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`.
    #[serde(deserialize_with = "null_as_default")]
    pub status: String,
    /// Empty for what is not a hook.
    #[serde(deserialize_with = "null_as_default")]
    pub hook_type: String,
}

/// One row of `status.resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceStatus {
    /// API group.
    #[serde(deserialize_with = "null_as_default")]
    pub group: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Namespace.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// True for hooks.
    #[serde(deserialize_with = "null_as_default")]
    pub hook: bool,
}

/// One entry of `status.history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HistoryEntry {
    /// Increasing number.
    #[serde(deserialize_with = "null_as_default")]
    pub id: i64,
    /// Revision of a single source.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// Revisions of several sources.
    #[serde(deserialize_with = "null_as_default")]
    pub revisions: Vec<String>,
}

/// One revision, or several joined by commas; none if nothing is known.
fn joined(revision: &str, revisions: &[String]) -> Option<String> {
    if revisions.is_empty() {
        return (!revision.is_empty()).then(|| revision.to_owned());
    }
    Some(revisions.join(","))
}

impl SyncResult {
    /// Deployed revision; several joined by commas.
    pub fn revision(&self) -> Option<String> {
        joined(&self.revision, &self.revisions)
    }
}

impl HistoryEntry {
    /// Revision of the entry; several joined by commas.
    pub fn revision(&self) -> Option<String> {
        joined(&self.revision, &self.revisions)
    }
}

impl ArgoApplication {
    /// What belongs to the application: the rows of this very operation, and what Argo CD counts as the
    /// application's besides: objects that were in sync already (`ApplyOutOfSyncOnly`), of waves that a failed
    /// operation never reached, or left behind unpruned. Names only: whether they are live, the cluster tells.
    ///
    /// `cluster_scoped` tells which kinds have no namespace, because Argo CD writes the destination namespace there.
    pub fn objects(&self, cluster_scoped: impl Fn(&GroupKind) -> bool) -> BTreeSet<ObjectRef> {
        let place = |group: &str, kind: &str, namespace: &str, name: &str| {
            let kind = GroupKind::new(group, kind);
            let namespace = if cluster_scoped(&kind) { "" } else { namespace };
            ObjectRef::new(&kind, namespace, name)
        };
        let operation = self.status.operation_state.iter();
        let rows = operation.flat_map(|state| &state.sync_result.resources).filter(|row| row.is_applied());
        let applied = rows.map(|row| place(&row.group, &row.kind, &row.namespace, &row.name));
        let managed = self.status.resources.iter().filter(|row| !row.hook);
        applied.chain(managed.map(|row| place(&row.group, &row.kind, &row.namespace, &row.name))).collect()
    }

    /// PostSync hooks that have been started in the present attempt of the operation.
    pub fn post_sync_hooks(&self) -> BTreeSet<ObjectRef> {
        let rows = self.status.operation_state.iter().flat_map(|state| &state.sync_result.resources);
        rows.filter(|row| row.hook_type == HookPhase::PostSync.as_str())
            .map(|row| ObjectRef::new(&GroupKind::new(&row.group, &row.kind), &row.namespace, &row.name))
            .collect()
    }

    /// Newest history entry whose revision differs from the given one.
    pub fn previous(&self, revision: &str) -> Option<&HistoryEntry> {
        self.status.history.iter().rev().find(|entry| entry.revision().is_some_and(|known| known != revision))
    }
}

impl ResourceResult {
    /// True for an object that the operation applied and left there; a failed row may be of one that was there
    /// before.
    fn is_applied(&self) -> bool {
        self.hook_type.is_empty() && self.status != "Pruned"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn application() -> ArgoApplication {
        let text = r#"{"status":{"operationState":{"phase":"Running","startedAt":"2026-11-24T10:00:00Z",
            "syncResult":{"revision":"bad","resources":[
              {"group":"apps","kind":"Deployment","namespace":"shop","name":"web","status":"Synced"},
              {"group":"rbac.authorization.k8s.io","kind":"ClusterRole","namespace":"shop","name":"r","status":"Synced"},
              {"group":"batch","kind":"Job","namespace":"shop","name":"gate","status":"Synced","hookType":"PostSync"},
              {"group":"","kind":"Service","namespace":"shop","name":"old","status":"Pruned"}]}},
            "resources":[{"kind":"Service","namespace":"shop","name":"web"},
              {"kind":"Pod","namespace":"shop","name":"hook","hook":true}],
            "history":[{"id":0,"revision":"good"},{"id":1,"revision":"bad"}]}}"#;
        serde_json::from_str(text).unwrap()
    }

    fn names(objects: &BTreeSet<ObjectRef>) -> Vec<String> {
        objects.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rows_of_the_operation_and_managed_resources_are_the_objects() {
        let objects = application().objects(|kind| kind.kind == "ClusterRole");
        let expected =
            ["Service shop/web", "apps/Deployment shop/web", "rbac.authorization.k8s.io/ClusterRole r"];
        assert_eq!(names(&objects), expected);
    }

    #[test]
    fn post_sync_hooks_are_told_by_their_rows() {
        assert_eq!(names(&application().post_sync_hooks()), ["batch/Job shop/gate"]);
        assert!(ArgoApplication::default().post_sync_hooks().is_empty());
    }

    #[test]
    fn the_previous_revision_differs_from_the_deployed_one() {
        let application = application();
        assert_eq!(application.previous("bad").unwrap().id, 0);
        assert_eq!(application.previous("new").unwrap().id, 1);
    }

    #[test]
    fn an_application_without_status_has_no_objects() {
        let application: ArgoApplication = serde_json::from_str(r#"{"status":null}"#).unwrap();
        assert!(application.objects(|_| false).is_empty());
    }
}
