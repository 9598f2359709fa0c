//! Nodes: operating system, container runtime, addresses, user namespace support. RuntimeClasses.

use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: NodeSpec,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: NodeStatus,
}

/// `spec` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// Address ranges of the node's Pods, one of each IP family.
    #[serde(rename = "podCIDRs", deserialize_with = "null_as_default")]
    pub pod_cidrs: Vec<String>,
}

/// `status` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    /// Versions and platform.
    #[serde(deserialize_with = "null_as_default")]
    pub node_info: NodeInfo,
    /// Addresses of all types.
    #[serde(deserialize_with = "null_as_default")]
    pub addresses: Vec<NodeAddress>,
    /// Runtime handlers and what they can do.
    #[serde(deserialize_with = "null_as_default")]
    pub runtime_handlers: Vec<RuntimeHandler>,
}

/// `status.nodeInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeInfo {
    /// `linux` or `windows`.
    #[serde(deserialize_with = "null_as_default")]
    pub operating_system: String,
    /// `containerd://2.1.4`, `cri-o://1.34.0`.
    #[serde(deserialize_with = "null_as_default")]
    pub container_runtime_version: String,
}

/// One entry of `status.addresses`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// IP address or host name.
    #[serde(deserialize_with = "null_as_default")]
    pub address: String,
}

/// One entry of `status.runtimeHandlers`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct RuntimeHandler {
    /// Name; empty for the default handler.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Supported features.
    #[serde(deserialize_with = "null_as_default")]
    pub features: HandlerFeatures,
}

/// `features` of a runtime handler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HandlerFeatures {
    /// Honours `hostUsers: false`.
    #[serde(deserialize_with = "null_as_default")]
    pub user_namespaces: bool,
}

/// A RuntimeClass of `node.k8s.io`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct RuntimeClass {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Name that the node's runtime gives to the configuration it runs such Pods with.
    #[serde(deserialize_with = "null_as_default")]
    pub handler: String,
}
