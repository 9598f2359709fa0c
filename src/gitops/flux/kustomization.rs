//! Kustomizations, as far as we read them. Every field may be missing; unknown ones are ignored.
//!
//! Sources: `api/v1/kustomization_types.go` of kustomize-controller 1.7 to 1.9, `apis/meta/history.go` of
//! `fluxcd/pkg`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use crate::gitops::flux::inventory::Inventory;
use crate::gitops::flux::source::condition;
pub use crate::gitops::flux::source::{Artifact, SOURCE_GROUP, Source, SourceStatus};
use crate::model::lenient::{Opaque, null_as_default};
use crate::model::meta::Meta;
use crate::model::pod_status::Condition;
use crate::model::reference::{GroupKind, ObjectRef};

/// API group of Kustomizations.
pub const GROUP: &str = "kustomize.toolkit.fluxcd.io";
/// Label or annotation with which kustomize-controller neither applies nor prunes a live object: `disabled`.
pub const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// Annotation that asks for a reconciliation; each new value asks once.
pub const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// Label of what a Kustomization applied: its name.
pub const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// Label of what a Kustomization applied: its namespace.
pub const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";

/// Annotation of a Kustomization that follows a source of ours, and of that source: the case.
pub const CASE: &str = "driftgate.dev/rollback-case";
/// Annotation of a Kustomization that was rolled back: name of the source that it has without that.
pub const ORIGINAL_SOURCE: &str = "driftgate.dev/original-source";
/// Annotation of a Kustomization that was rolled back: the revision that must not come again.
pub const REJECTED_REVISION: &str = "driftgate.dev/rejected-revision";

/// The kind Kustomization of Flux, without its version.
pub fn kind() -> GroupKind {
    GroupKind::new(GROUP, "Kustomization")
}

/// `kustomize.toolkit.fluxcd.io/v1` Kustomization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Kustomization {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: Spec,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: Status,
}

/// `spec`. Durations are written as Go writes them: `10m0s`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the API has them")]
pub struct Spec {
    /// Where the manifests come from.
    #[serde(deserialize_with = "null_as_default")]
    pub source_ref: SourceRef,
    /// Folder in the source.
    #[serde(deserialize_with = "null_as_default")]
    pub path: String,
    /// What the source no longer has is deleted.
    #[serde(deserialize_with = "null_as_default")]
    pub prune: bool,
    /// How often it is reconciled.
    #[serde(deserialize_with = "null_as_default")]
    pub interval: String,
    /// How often after a failure; as `interval` if not given.
    pub retry_interval: Option<String>,
    /// How long health checks may take; `interval` less 30 s if not given, and never below 30 s.
    pub timeout: Option<String>,
    /// All applied objects must become healthy.
    #[serde(deserialize_with = "null_as_default")]
    pub wait: bool,
    /// An object whose immutable fields change is made anew.
    #[serde(deserialize_with = "null_as_default")]
    pub force: bool,
    /// Nothing is reconciled.
    #[serde(deserialize_with = "null_as_default")]
    pub suspend: bool,
    /// Kustomizations that must be ready first.
    #[serde(deserialize_with = "null_as_default")]
    pub depends_on: Vec<Dependency>,
    /// Objects that must become healthy, where `wait` is off.
    #[serde(deserialize_with = "null_as_default")]
    pub health_checks: Vec<HealthCheck>,
    /// Namespace that is put on what it applies.
    pub target_namespace: Option<String>,
    /// Account under which it applies.
    pub service_account_name: Option<String>,
    /// Applies into another cluster.
    pub kube_config: Option<Opaque>,
    /// Decrypts Secrets.
    pub decryption: Option<Opaque>,
}

/// `spec.sourceRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceRef {
    /// `GitRepository`, `OCIRepository`, `Bucket`, `ExternalArtifact`.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespace; the Kustomization's own if not given.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
}

/// An entry of `spec.dependsOn`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dependency {
    /// Name of a Kustomization.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Its namespace; the Kustomization's own if not given.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// CEL over `self` and `dep`, in place of the built-in check.
    pub ready_expr: Option<String>,
}

/// An entry of `spec.healthChecks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HealthCheck {
    /// `group/version` or `version`.
    #[serde(deserialize_with = "null_as_default")]
    pub api_version: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespace; the Kustomization's own if not given.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
}

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Status {
    /// `Ready`, `Healthy`, `Reconciling`, `Stalled`.
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
    /// Generation that was last reconciled with success; a failing Kustomization keeps the old one.
    pub observed_generation: Option<i64>,
    /// Last revision that was applied and passed its health checks.
    pub last_applied_revision: Option<String>,
    /// Last revision that was tried; set before anything is applied.
    pub last_attempted_revision: Option<String>,
    /// Value of the last [`REQUESTED_AT`] that was heard.
    pub last_handled_reconcile_at: Option<String>,
    /// What was applied last, whether it became healthy or not.
    pub inventory: Option<Inventory>,
    /// Up to five results, newest first, one for each content and result.
    #[serde(deserialize_with = "null_as_default")]
    pub history: Vec<Snapshot>,
}

/// An entry of `status.history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Snapshot {
    /// `sha256:…` of the manifests as they were built.
    #[serde(deserialize_with = "null_as_default")]
    pub digest: String,
    /// When this result was first seen.
    pub first_reconciled: Option<Timestamp>,
    /// When it was last seen.
    pub last_reconciled: Option<Timestamp>,
    /// Reason of the Ready condition: `ReconciliationSucceeded`, `HealthCheckFailed`, …
    #[serde(deserialize_with = "null_as_default")]
    pub last_reconciled_status: String,
    /// `revision`, the newest with this content, and `originRevision`.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: crate::model::meta::Map,
}

impl Kustomization {
    /// This object.
    pub fn reference(&self) -> ObjectRef {
        self.metadata.reference(&kind())
    }

    /// Name of the application: `kustomization/NAMESPACE/NAME`.
    pub fn application(&self) -> String {
        format!("kustomization/{}/{}", self.metadata.namespace, self.metadata.name)
    }

    /// The condition of this type.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        condition(&self.status.conditions, name)
    }

    /// The object that the manifests come from, with its namespace filled in.
    pub fn source(&self) -> ObjectRef {
        let SourceRef { kind, name, namespace } = &self.spec.source_ref;
        let namespace = or_own(namespace, &self.metadata.namespace);
        ObjectRef::new(&GroupKind::new(SOURCE_GROUP, kind), namespace, name)
    }

    /// The source that it is kept from, and the revision for which; none unless it was rolled back.
    pub fn held(&self) -> Option<(ObjectRef, String)> {
        let annotations = &self.metadata.annotations;
        annotations.get(CASE)?;
        let (source, rejected) = (annotations.get(ORIGINAL_SOURCE)?, annotations.get(REJECTED_REVISION)?);
        let mut object = self.source();
        object.name.clone_from(source);
        Some((object, rejected.clone()))
    }

    /// The source that it has whenever it is not held at an earlier revision.
    pub fn own_source(&self) -> ObjectRef {
        self.held().map_or_else(|| self.source(), |(source, _rejected)| source)
    }

    /// The Kustomizations that must be ready first.
    pub fn dependencies(&self) -> impl Iterator<Item = ObjectRef> + '_ {
        self.spec.depends_on.iter().map(|dependency| {
            ObjectRef::new(&kind(), or_own(&dependency.namespace, &self.metadata.namespace), &dependency.name)
        })
    }

    /// What was applied last; entries that name no object are left out and returned beside it.
    pub fn objects(&self) -> (BTreeSet<ObjectRef>, Vec<String>) {
        let entries = self.status.inventory.iter().flat_map(|inventory| &inventory.entries);
        let (mut objects, mut unreadable) = (BTreeSet::new(), Vec::new());
        for entry in entries {
            match entry.object() {
                Some(object) => drop(objects.insert(object)),
                None => unreadable.push(entry.id.clone()),
            }
        }
        (objects, unreadable)
    }
}

impl SourceRef {
    /// True if both name the same object, as seen from this namespace.
    pub fn is(&self, other: &Self, namespace: &str) -> bool {
        let place = |source: &Self| or_own(&source.namespace, namespace).to_owned();
        self.kind == other.kind && self.name == other.name && place(self) == place(other)
    }
}

fn or_own<'a>(namespace: &'a str, own: &'a str) -> &'a str {
    if namespace.is_empty() { own } else { namespace }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Kustomization {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_it_names_without_a_namespace_is_in_its_own() {
        let app = read(
            r#"{"metadata":{"name":"web-gate","namespace":"apps"},"spec":{"interval":"1m0s","prune":true,
            "sourceRef":{"kind":"GitRepository","name":"web"},"retryInterval":null,
            "dependsOn":[{"name":"web"},{"name":"db","namespace":"data","readyExpr":"true"}]}}"#,
        );
        assert_eq!(app.source().to_string(), "source.toolkit.fluxcd.io/GitRepository apps/web");
        let dependencies: Vec<_> = app.dependencies().map(|object| object.to_string()).collect();
        assert_eq!(
            dependencies,
            [
                "kustomize.toolkit.fluxcd.io/Kustomization apps/web",
                "kustomize.toolkit.fluxcd.io/Kustomization data/db"
            ]
        );
        assert_eq!(app.application(), "kustomization/apps/web-gate");
        assert_eq!(app.reference().to_string(), "kustomize.toolkit.fluxcd.io/Kustomization apps/web-gate");
    }

    #[test]
    fn the_inventory_is_what_was_applied_and_entries_that_name_nothing_are_told() {
        let app = read(
            r#"{"status":{"observedGeneration":-1,"conditions":[{"type":"Ready","status":"Unknown"}],
            "inventory":{"entries":[{"id":"shop_web_apps_Deployment","v":"v1"},{"id":"nothing","v":"v1"}]},
            "history":[{"digest":"sha256:0","lastReconciledStatus":"HealthCheckFailed","lastReconciled":null,
              "metadata":{"revision":"main@sha1:0"}}]}}"#,
        );
        let (objects, unreadable) = app.objects();
        let names: Vec<_> = objects.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["apps/Deployment shop/web"]);
        assert_eq!(unreadable, ["nothing"]);
        assert_eq!(app.condition("Ready").unwrap().status, "Unknown");
        assert!(app.condition("Healthy").is_none());
        assert_eq!(app.status.history[0].metadata.get("revision").map(String::as_str), Some("main@sha1:0"));
        assert!(read(r#"{"status":null,"spec":null}"#).objects().0.is_empty());
    }

    #[test]
    fn two_references_are_the_same_if_their_places_are() {
        let source = |namespace: &str| SourceRef {
            kind: "GitRepository".into(),
            name: "web".into(),
            namespace: namespace.into(),
        };
        assert!(source("").is(&source("apps"), "apps"));
        assert!(!source("").is(&source("flux-system"), "apps"));
    }
}
