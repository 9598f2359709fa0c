//! Roles and bindings of `rbac.authorization.k8s.io/v1`, both scopes in one shape.

use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::selector::LabelSelector;

/// A Role, or a ClusterRole (empty namespace).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Role {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// What it permits; purely additive.
    #[serde(deserialize_with = "null_as_default")]
    pub rules: Vec<PolicyRule>,
    /// ClusterRoles whose rules a controller copies into this one.
    pub aggregation_rule: Option<AggregationRule>,
}

/// One entry of `rules`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PolicyRule {
    /// Verbs; `*` is any.
    #[serde(deserialize_with = "null_as_default")]
    pub verbs: Vec<String>,
    /// Groups; empty string is core, `*` is any.
    #[serde(deserialize_with = "null_as_default")]
    pub api_groups: Vec<String>,
    /// `resource`, `resource/subresource`, `*/subresource`, `*`.
    #[serde(deserialize_with = "null_as_default")]
    pub resources: Vec<String>,
    /// Names; empty means all.
    #[serde(deserialize_with = "null_as_default")]
    pub resource_names: Vec<String>,
    /// Paths that are not resources.
    #[serde(rename = "nonResourceURLs", deserialize_with = "null_as_default")]
    pub non_resource_urls: Vec<String>,
}

/// `aggregationRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AggregationRule {
    /// ClusterRoles that any of these selects are aggregated.
    #[serde(deserialize_with = "null_as_default")]
    pub cluster_role_selectors: Vec<LabelSelector>,
}

/// A RoleBinding, or a ClusterRoleBinding (empty namespace).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Binding {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Who gets the role.
    #[serde(deserialize_with = "null_as_default")]
    pub subjects: Vec<Subject>,
    /// The role.
    #[serde(deserialize_with = "null_as_default")]
    pub role_ref: RoleRef,
}

/// One entry of `subjects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// `ServiceAccount`, `User`, `Group`.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Of a ServiceAccount; empty means the binding's.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}

/// `roleRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct RoleRef {
    /// `Role` or `ClusterRole`.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}
