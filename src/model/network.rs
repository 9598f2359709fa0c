//! NetworkPolicies, Services and the ranges of their addresses.

use serde::Deserialize;

use crate::model::lenient::{Opaque, null_as_default};
use crate::model::meta::{Map, Meta};
use crate::model::selector::LabelSelector;

/// A NetworkPolicy of `networking.k8s.io/v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct NetworkPolicy {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: NetworkPolicySpec,
}

/// `spec` of a NetworkPolicy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NetworkPolicySpec {
    /// Pods of the policy's namespace that it applies to; empty means all.
    #[serde(deserialize_with = "null_as_default")]
    pub pod_selector: LabelSelector,
    /// `Ingress`, `Egress`; always set on live objects, see [`NetworkPolicySpec::isolates_ingress`].
    #[serde(deserialize_with = "null_as_default")]
    pub policy_types: Vec<String>,
    /// Ingress rules; only their number matters here.
    #[serde(deserialize_with = "null_as_default")]
    pub ingress: Vec<Opaque>,
    /// Egress rules; only their number matters here.
    #[serde(deserialize_with = "null_as_default")]
    pub egress: Vec<Opaque>,
}

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: ServiceSpec,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: ServiceStatus,
}

/// `spec` of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`; empty means the first.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub type_: String,
    /// Labels of the Pods behind it.
    #[serde(deserialize_with = "null_as_default")]
    pub selector: Map,
    /// Ports.
    #[serde(deserialize_with = "null_as_default")]
    pub ports: Vec<ServicePort>,
    /// Addresses that nodes accept traffic for.
    #[serde(rename = "externalIPs", deserialize_with = "null_as_default")]
    pub external_ips: Vec<String>,
    /// The Service's own addresses.
    #[serde(rename = "clusterIPs", deserialize_with = "null_as_default")]
    pub cluster_ips: Vec<String>,
    /// Ranges that a load balancer lets in.
    #[serde(deserialize_with = "null_as_default")]
    pub load_balancer_source_ranges: Vec<String>,
    /// `false` keeps a load balancer from opening node ports.
    pub allocate_load_balancer_node_ports: Option<bool>,
    /// Who provides the load balancer; empty means the cluster's default.
    #[serde(deserialize_with = "null_as_default")]
    pub load_balancer_class: String,
    /// Port on which nodes answer a load balancer's health checks; 0 means none.
    #[serde(deserialize_with = "null_as_default")]
    pub health_check_node_port: i64,
}

/// One entry of `spec.ports` of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServicePort {
    /// Port of the Service.
    #[serde(deserialize_with = "null_as_default")]
    pub port: i64,
    /// Port on every node; 0 means none.
    #[serde(deserialize_with = "null_as_default")]
    pub node_port: i64,
    /// `TCP`, `UDP`, `SCTP`; empty means the first.
    #[serde(deserialize_with = "null_as_default")]
    pub protocol: String,
}

/// `status` of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceStatus {
    /// What the load balancer reports.
    #[serde(deserialize_with = "null_as_default")]
    pub load_balancer: LoadBalancerStatus,
}

/// `status.loadBalancer`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// Addresses.
    #[serde(deserialize_with = "null_as_default")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// One entry of `status.loadBalancer.ingress`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct LoadBalancerIngress {
    /// IP address; empty if a host name is given.
    #[serde(deserialize_with = "null_as_default")]
    pub ip: String,
}

/// A ServiceCIDR of `networking.k8s.io`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct ServiceCidr {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: ServiceCidrSpec,
}

/// `spec` of a ServiceCIDR.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct ServiceCidrSpec {
    /// Ranges that the Services' own addresses are taken from.
    #[serde(deserialize_with = "null_as_default")]
    pub cidrs: Vec<String>,
}

impl Service {
    /// True if Pods of its namespace with these labels are behind it.
    pub fn leads_to(&self, labels: &Map) -> bool {
        let selector = &self.spec.selector;
        self.spec.type_ != "ExternalName"
            && !selector.is_empty()
            && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

impl ServicePort {
    /// Port and protocol, unique in a Service: `443/TCP`.
    pub fn label(&self) -> String {
        let protocol = if self.protocol.is_empty() { "TCP" } else { &self.protocol };
        format!("{}/{protocol}", self.port)
    }
}

impl NetworkPolicySpec {
    /// True if Pods that the policy selects are isolated for ingress. Raw manifests may leave `policyTypes` out:
    /// then ingress is always isolated.
    pub fn isolates_ingress(&self) -> bool {
        self.policy_types.is_empty() || self.policy_types.iter().any(|direction| direction == "Ingress")
    }

    /// True if Pods that the policy selects are isolated for egress. Without `policyTypes` that needs an egress rule.
    pub fn isolates_egress(&self) -> bool {
        if self.policy_types.is_empty() {
            return !self.egress.is_empty();
        }
        self.policy_types.iter().any(|direction| direction == "Egress")
    }
}
