//! Objects as settling sees them: decoded to what it reads, and dropped as soon as their facts are taken.

use std::hash::{DefaultHasher, Hash, Hasher as _};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::model::admission::{AdmissionPolicyBindingSpec, AdmissionPolicySpec, Webhook};
use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::namespace::Namespace;
use crate::model::network::Service;
use crate::model::pod_status::PodStatus;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::workload::Workload;
use crate::rollout::{CustomResource, Maker};

/// One object.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A Pod.
    Pod(PodSeen),
    /// A built-in kind that makes Pods.
    Maker(Maker, Box<Workload>),
    /// A ControllerRevision.
    Revision(Revision),
    /// An object of any other kind that the application owns, or that owns its Pods.
    Custom(GroupKind, CustomResource),
    /// A Namespace.
    Namespace(Namespace),
    /// A MutatingWebhookConfiguration.
    Webhooks(WebhooksSeen),
    /// A MutatingAdmissionPolicy.
    Policy(PolicySeen),
    /// A MutatingAdmissionPolicyBinding.
    Binding(BindingSeen),
    /// The Service of a webhook.
    Service(Service),
    /// Endpoints of such a Service.
    Endpoints(EndpointSlice),
}

impl Seen {
    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Pod(pod) => &pod.metadata,
            Self::Maker(_, workload) => &workload.metadata,
            Self::Revision(revision) => &revision.metadata,
            Self::Custom(_, object) => &object.metadata,
            Self::Namespace(namespace) => &namespace.metadata,
            Self::Webhooks(configuration) => &configuration.metadata,
            Self::Policy(policy) => &policy.metadata,
            Self::Binding(binding) => &binding.metadata,
            Self::Service(service) => &service.metadata,
            Self::Endpoints(slice) => &slice.metadata,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> GroupKind {
        const ADMISSION: &str = "admissionregistration.k8s.io";
        match self {
            Self::Pod(_) => GroupKind::new("", "Pod"),
            Self::Maker(maker, _) => maker.group_kind(),
            Self::Revision(_) => GroupKind::new("apps", "ControllerRevision"),
            Self::Custom(kind, _) => kind.clone(),
            Self::Namespace(_) => GroupKind::new("", "Namespace"),
            Self::Webhooks(_) => GroupKind::new(ADMISSION, "MutatingWebhookConfiguration"),
            Self::Policy(_) => GroupKind::new(ADMISSION, "MutatingAdmissionPolicy"),
            Self::Binding(_) => GroupKind::new(ADMISSION, "MutatingAdmissionPolicyBinding"),
            Self::Service(_) => GroupKind::new("", "Service"),
            Self::Endpoints(_) => GroupKind::new("discovery.k8s.io", "EndpointSlice"),
        }
    }

    /// Its name.
    pub fn reference(&self) -> ObjectRef {
        self.meta().reference(&self.kind())
    }
}

/// A Pod without what settling does not read, which is most of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PodSeen {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodSpecSeen,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: PodStatus,
}

/// The fields of a Pod's `spec` that may change after its creation and that rules read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpecSeen {
    /// The node; empty before scheduling.
    #[serde(deserialize_with = "null_as_default")]
    pub node_name: String,
    /// Init containers.
    #[serde(deserialize_with = "null_as_default")]
    pub init_containers: Vec<ContainerSeen>,
    /// Containers.
    #[serde(deserialize_with = "null_as_default")]
    pub containers: Vec<ContainerSeen>,
    /// Containers added to a running Pod.
    #[serde(deserialize_with = "null_as_default")]
    pub ephemeral_containers: Vec<ContainerSeen>,
}

/// A container's name and image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct ContainerSeen {
    /// Name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Image.
    #[serde(deserialize_with = "null_as_default")]
    pub image: String,
}

/// A ControllerRevision without the template it keeps.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Revision {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Increases with each revision.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: i64,
}

/// An EndpointSlice.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointSlice {
    /// Metadata; a label names the Service.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Endpoints.
    #[serde(deserialize_with = "null_as_default")]
    pub endpoints: Vec<Endpoint>,
}

/// One entry of `endpoints`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Endpoint {
    /// Its state.
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: EndpointConditions,
}

/// `conditions` of an endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct EndpointConditions {
    /// Absent means unknown, which clients take as ready.
    pub ready: Option<bool>,
}

/// A MutatingWebhookConfiguration.
#[derive(Clone, Debug, Default)]
pub struct WebhooksSeen {
    /// Metadata.
    pub metadata: Meta,
    /// Its webhooks, each with a digest of everything it says apart from its CA bundle.
    pub webhooks: Vec<(Webhook, u64)>,
}

/// A MutatingAdmissionPolicy.
#[derive(Clone, Debug, Default)]
pub struct PolicySeen {
    /// Metadata.
    pub metadata: Meta,
    /// Desired state.
    pub spec: AdmissionPolicySpec,
    /// Digest of the whole `spec`.
    pub digest: u64,
}

/// A MutatingAdmissionPolicyBinding.
#[derive(Clone, Debug, Default)]
pub struct BindingSeen {
    /// Metadata.
    pub metadata: Meta,
    /// Desired state.
    pub spec: AdmissionPolicyBindingSpec,
    /// Digest of the whole `spec`.
    pub digest: u64,
}

/// Few, small objects: decoded into a tree first, because every field of theirs counts, known to us or not.
#[derive(Deserialize)]
struct Tree {
    #[serde(default, deserialize_with = "null_as_default")]
    metadata: Meta,
    #[serde(default)]
    spec: Value,
    #[serde(default, deserialize_with = "null_as_default")]
    webhooks: Vec<Value>,
}

impl<'de> Deserialize<'de> for WebhooksSeen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tree = Tree::deserialize(deserializer)?;
        let webhooks = tree.webhooks.into_iter().map(|mut tree| {
            let webhook = Webhook::deserialize(&tree).map_err(serde::de::Error::custom)?;
            if let Some(client) = tree.get_mut("clientConfig").and_then(Value::as_object_mut) {
                client.remove("caBundle");
            }
            Ok((webhook, digest(&tree)))
        });
        Ok(Self { metadata: tree.metadata, webhooks: webhooks.collect::<Result<_, _>>()? })
    }
}

impl<'de> Deserialize<'de> for PolicySeen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tree { metadata, spec, .. } = Tree::deserialize(deserializer)?;
        Ok(Self { metadata, spec: part(&spec)?, digest: digest(&spec) })
    }
}

impl<'de> Deserialize<'de> for BindingSeen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tree { metadata, spec, .. } = Tree::deserialize(deserializer)?;
        Ok(Self { metadata, spec: part(&spec)?, digest: digest(&spec) })
    }
}

fn part<'de, T: Default + Deserialize<'de>, E: serde::de::Error>(tree: &'de Value) -> Result<T, E> {
    Ok(Option::deserialize(tree).map_err(E::custom)?.unwrap_or_default())
}

/// A digest within this process; it is never stored.
pub(super) fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhooks(ca: &str, policy: &str) -> WebhooksSeen {
        let text = format!(
            r#"{{"metadata":{{"name":"m"}},"webhooks":[{{"name":"w","clientConfig":{{
            "service":{{"namespace":"n","name":"s"}},"caBundle":"{ca}"}},"failurePolicy":"{policy}",
            "unknownField":1}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn the_ca_bundle_is_read_but_not_digested() {
        let (without, with) = (webhooks("", "Fail"), webhooks("QQ==", "Fail"));
        assert_eq!(with.webhooks[0].0.client_config.ca_bundle, "QQ==");
        assert_eq!(without.webhooks[0].1, with.webhooks[0].1);
        assert_ne!(webhooks("", "Ignore").webhooks[0].1, without.webhooks[0].1);
    }

    #[test]
    fn a_policy_without_a_spec_decodes() {
        let policy: PolicySeen = serde_json::from_str(r#"{"metadata":{"name":"p"},"spec":null}"#).unwrap();
        assert_eq!(policy.metadata.name, "p");
    }
}
