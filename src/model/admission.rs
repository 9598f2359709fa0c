//! What changes objects on their way in: webhook configurations and mutating admission policies.

use serde::Deserialize;

use crate::model::lenient::{Opaque, null_as_default};
use crate::model::meta::Meta;
use crate::model::selector::LabelSelector;

/// A MutatingWebhookConfiguration or ValidatingWebhookConfiguration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct WebhookConfiguration {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Its webhooks.
    #[serde(deserialize_with = "null_as_default")]
    pub webhooks: Vec<Webhook>,
}

/// One entry of `webhooks`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Webhook {
    /// Name, unique in the configuration.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Where it is served.
    #[serde(deserialize_with = "null_as_default")]
    pub client_config: ClientConfig,
    /// Requests it wants.
    #[serde(deserialize_with = "null_as_default")]
    pub rules: Vec<RuleWithOperations>,
    /// `Fail` (default) or `Ignore`.
    #[serde(deserialize_with = "null_as_default")]
    pub failure_policy: String,
    /// Namespaces whose objects it wants.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace_selector: LabelSelector,
    /// Objects it wants, by their labels before or after the change.
    #[serde(deserialize_with = "null_as_default")]
    pub object_selector: LabelSelector,
    /// CEL conditions; we do not evaluate them.
    #[serde(deserialize_with = "null_as_default")]
    pub match_conditions: Vec<Opaque>,
}

/// `clientConfig` of a webhook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClientConfig {
    /// Anywhere.
    #[serde(deserialize_with = "null_as_default")]
    pub url: String,
    /// In the cluster.
    pub service: Option<ServiceReference>,
    /// Base64 of the CA's PEM; empty right after an installation that patches it later.
    #[serde(deserialize_with = "null_as_default")]
    pub ca_bundle: String,
}

/// `clientConfig.service`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct ServiceReference {
    /// Namespace.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Port; absent means 443.
    pub port: Option<i64>,
}

/// One entry of `rules` of a webhook, or of `resourceRules` of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuleWithOperations {
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`, `*`.
    #[serde(deserialize_with = "null_as_default")]
    pub operations: Vec<String>,
    /// Groups; `*` is any.
    #[serde(deserialize_with = "null_as_default")]
    pub api_groups: Vec<String>,
    /// Versions; `*` is any.
    #[serde(deserialize_with = "null_as_default")]
    pub api_versions: Vec<String>,
    /// `pods`, `pods/*`, `*/scale`, `*/*`, `*` (no subresources).
    #[serde(deserialize_with = "null_as_default")]
    pub resources: Vec<String>,
    /// Only objects of these names, in a policy; empty means all.
    #[serde(deserialize_with = "null_as_default")]
    pub resource_names: Vec<String>,
    /// `Cluster`, `Namespaced`, `*` (default).
    #[serde(deserialize_with = "null_as_default")]
    pub scope: String,
}

/// A MutatingAdmissionPolicy of `admissionregistration.k8s.io`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct AdmissionPolicy {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: AdmissionPolicySpec,
}

/// `spec` of a MutatingAdmissionPolicy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AdmissionPolicySpec {
    /// Requests it applies to.
    #[serde(deserialize_with = "null_as_default")]
    pub match_constraints: MatchResources,
    /// CEL conditions; we do not evaluate them.
    #[serde(deserialize_with = "null_as_default")]
    pub match_conditions: Vec<Opaque>,
}

/// `matchConstraints` of a policy, or `matchResources` of its binding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MatchResources {
    /// Requests.
    #[serde(deserialize_with = "null_as_default")]
    pub resource_rules: Vec<RuleWithOperations>,
    /// Requests that are left out again.
    #[serde(deserialize_with = "null_as_default")]
    pub exclude_resource_rules: Vec<RuleWithOperations>,
    /// Namespaces.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace_selector: LabelSelector,
    /// Objects.
    #[serde(deserialize_with = "null_as_default")]
    pub object_selector: LabelSelector,
}

/// A MutatingAdmissionPolicyBinding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct AdmissionPolicyBinding {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: AdmissionPolicyBindingSpec,
}

/// `spec` of a MutatingAdmissionPolicyBinding.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AdmissionPolicyBindingSpec {
    /// The policy it puts in force.
    #[serde(deserialize_with = "null_as_default")]
    pub policy_name: String,
    /// Narrows the policy.
    #[serde(deserialize_with = "null_as_default")]
    pub match_resources: MatchResources,
}
