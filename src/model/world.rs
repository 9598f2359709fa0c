//! What stands around an application's Pods, and one Pod as a rule sees it.
//!
//! Does not hold the Pods themselves: they are judged page by page and dropped.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::admission::{AdmissionPolicy, AdmissionPolicyBinding, WebhookConfiguration};
use crate::model::crd::PodProducer;
use crate::model::meta::Map;
use crate::model::namespace::Namespace;
use crate::model::network::{NetworkPolicy, Service, ServiceCidr};
use crate::model::node::{Node, RuntimeClass};
use crate::model::pod::{PodSpec, PodTemplate};
use crate::model::pod_status::PodStatus;
use crate::model::reference::{GroupKind, ObjectRef};

/// Everything that bears on the application's Pods, apart from the Pods and from RBAC.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The application's own objects: what its source declares.
    pub owned: BTreeSet<ObjectRef>,
    /// Namespaces of the application, by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Nodes by name; empty where they could not be read.
    pub nodes: BTreeMap<String, Node>,
    /// RuntimeClasses by name; empty where they could not be read.
    pub runtime_classes: BTreeMap<String, RuntimeClass>,
    /// Ranges of the Services' own addresses; empty where they could not be read.
    pub service_cidrs: Vec<ServiceCidr>,
    /// NetworkPolicies of those namespaces.
    pub network_policies: Vec<NetworkPolicy>,
    /// Services of those namespaces.
    pub services: Vec<Service>,
    /// All MutatingWebhookConfigurations.
    pub mutating_webhooks: Vec<WebhookConfiguration>,
    /// All ValidatingWebhookConfigurations.
    pub validating_webhooks: Vec<WebhookConfiguration>,
    /// All MutatingAdmissionPolicies.
    pub mutating_policies: Vec<AdmissionPolicy>,
    /// All MutatingAdmissionPolicyBindings.
    pub mutating_policy_bindings: Vec<AdmissionPolicyBinding>,
    /// Kinds that could not be listed, with the namespace, which is empty for all namespaces and for cluster-scoped
    /// kinds. A rule must not say that something of such a kind is missing.
    pub hidden: BTreeSet<(GroupKind, String)>,
    /// Custom resources whose objects become Pods, by group and plural.
    pub pod_producers: BTreeMap<(String, String), PodProducer>,
}

impl World {
    /// True if the object is one of the application's own.
    pub fn owns(&self, object: &ObjectRef) -> bool {
        self.owned.contains(object)
    }

    /// True if objects of the kind could be listed in the namespace.
    pub fn sees(&self, kind: &GroupKind, namespace: &str) -> bool {
        !self.hidden.iter().any(|(hidden, scope)| hidden == kind && (scope.is_empty() || scope == namespace))
    }

    /// NetworkPolicies of a namespace.
    pub fn policies_in(&self, namespace: &str) -> impl Iterator<Item = &NetworkPolicy> {
        self.network_policies.iter().filter(move |policy| policy.metadata.namespace == namespace)
    }

    /// Services of a namespace.
    pub fn services_in(&self, namespace: &str) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(move |service| service.metadata.namespace == namespace)
    }
}

/// How good the evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    /// A pod template: what would be made, before admission.
    Template,
    /// The live object itself.
    Live,
}

/// A Pod, or the template of Pods that do not exist now, as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub struct PodView<'a> {
    /// Live Pod or template.
    pub evidence: Evidence,
    /// The Pod, or the object that carries the template.
    pub object: &'a ObjectRef,
    /// The outermost owner, for instance the Deployment; the object itself if it has none.
    pub root: &'a ObjectRef,
    /// Live labels, or those of the template.
    pub labels: &'a Map,
    /// Live annotations, or those of the template.
    pub annotations: &'a Map,
    /// Desired state as admitted.
    pub spec: &'a PodSpec,
    /// Observed state; none for a template.
    pub status: Option<&'a PodStatus>,
    /// The template that the Pod was made from, where its controller is known.
    pub template: Option<&'a PodTemplate>,
}

impl PodView<'_> {
    /// The Pod's namespace.
    pub fn namespace(&self) -> &str {
        &self.object.namespace
    }
}
