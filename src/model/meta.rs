//! Object metadata without managedFields, which are about half of an object's bytes.

use jiff::Timestamp;
use litemap::LiteMap;
use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::reference::{GroupKind, ObjectRef};

/// Labels by which controllers tell their Pods apart: they are not the template's, and their values differ within one
/// workload.
///
/// Sources: <https://kubernetes.io/docs/reference/labels-annotations-taints/>,
/// <https://argo-rollouts.readthedocs.io/en/stable/features/bluegreen/>.
pub const LABELS_BY_CONTROLLERS: [&str; 11] = [
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "rollouts-pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

/// Labels or annotations: few, and there are many such maps.
pub type Map = LiteMap<String, String>;

/// `metadata` of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    /// Name; empty in a pod template.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Unique over time; empty in a manifest.
    #[serde(deserialize_with = "null_as_default")]
    pub uid: String,
    /// Opaque version for conflict detection.
    #[serde(deserialize_with = "null_as_default")]
    pub resource_version: String,
    /// Increases with each change of the desired state.
    pub generation: Option<i64>,
    /// Labels.
    #[serde(deserialize_with = "null_as_default")]
    pub labels: Map,
    /// Annotations.
    #[serde(deserialize_with = "null_as_default")]
    pub annotations: Map,
    /// Owners, at most one of them the managing controller.
    #[serde(deserialize_with = "null_as_default")]
    pub owner_references: Vec<OwnerReference>,
    /// When the object was created.
    pub creation_timestamp: Option<Timestamp>,
    /// Set once deletion was asked for.
    pub deletion_timestamp: Option<Timestamp>,
}

impl Meta {
    /// This object's name as a reference of the given kind.
    pub fn reference(&self, kind: &GroupKind) -> ObjectRef {
        ObjectRef::new(kind, self.namespace.clone(), self.name.clone())
    }

    /// The managing controller, or the only owner if none is marked as controller.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller).or_else(|| self.owner_references.first())
    }

    /// True once deletion was asked for.
    pub fn is_deleting(&self) -> bool {
        self.deletion_timestamp.is_some()
    }
}

/// One entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OwnerReference {
    /// `group/version` or `version`.
    pub api_version: String,
    /// Kind in CamelCase.
    pub kind: String,
    /// Name, in the same namespace or cluster-scoped.
    pub name: String,
    /// Unique id of the owner.
    pub uid: String,
    /// True for the one managing controller.
    #[serde(deserialize_with = "null_as_default")]
    pub controller: bool,
}

impl OwnerReference {
    /// The owner's kind without its version.
    pub fn group_kind(&self) -> GroupKind {
        let group = self.api_version.rsplit_once('/').map_or("", |(group, _version)| group);
        GroupKind::new(group, self.kind.clone())
    }
}

/// The metadata of an object of any kind, with the kind it said it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Partial {
    /// `group/version`; empty in items of a typed list.
    #[serde(deserialize_with = "null_as_default")]
    pub api_version: String,
    /// Kind; empty in items of a typed list.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
}
