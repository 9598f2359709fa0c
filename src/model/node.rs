//! Nodes: operating system and user namespace support.

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
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: NodeStatus,
}

/// `status` of a Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    /// Versions and platform.
    #[serde(deserialize_with = "null_as_default")]
    pub node_info: NodeInfo,
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
