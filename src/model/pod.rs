//! Pods and pod templates, trimmed to what rules and settling read.
//!
//! Field semantics: the Kubernetes API reference, Pod v1 core.

use serde::Deserialize;

use crate::model::container::{Container, ContainerKind, WindowsOptions};
use crate::model::lenient::null_as_default;
use crate::model::meta::{Map, Meta};
use crate::model::pod_status::PodStatus;

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state; final from creation on, except for images, ephemeral containers and a few more.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodSpec,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: PodStatus,
}

/// `spec.template` of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodTemplate {
    /// Labels and annotations of the Pods to come.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Their desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodSpec,
}

/// `spec` of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// Run to completion before the others start, except those that restart always (native sidecars).
    #[serde(deserialize_with = "null_as_default")]
    pub init_containers: Vec<Container>,
    /// The application.
    #[serde(deserialize_with = "null_as_default")]
    pub containers: Vec<Container>,
    /// Added to a running Pod through its subresource; never in Git.
    #[serde(deserialize_with = "null_as_default")]
    pub ephemeral_containers: Vec<Container>,
    /// Volumes that containers may mount.
    #[serde(deserialize_with = "null_as_default")]
    pub volumes: Vec<Volume>,
    /// Shares the node's network.
    #[serde(rename = "hostNetwork", deserialize_with = "null_as_default")]
    pub host_network: bool,
    /// Shares the node's process ids.
    #[serde(rename = "hostPID", deserialize_with = "null_as_default")]
    pub host_pid: bool,
    /// Shares the node's IPC.
    #[serde(rename = "hostIPC", deserialize_with = "null_as_default")]
    pub host_ipc: bool,
    /// `false` asks for a user namespace; absent means the node's.
    pub host_users: Option<bool>,
    /// Identity towards the API server; empty means `default`.
    #[serde(deserialize_with = "null_as_default")]
    pub service_account_name: String,
    /// Overrides the ServiceAccount's own setting.
    pub automount_service_account_token: Option<bool>,
    /// The node; empty before scheduling.
    #[serde(deserialize_with = "null_as_default")]
    pub node_name: String,
    /// Labels a node must have.
    #[serde(deserialize_with = "null_as_default")]
    pub node_selector: Map,
    /// Operating system, when declared.
    pub os: Option<Os>,
    /// Pod-level security settings.
    #[serde(deserialize_with = "null_as_default")]
    pub security_context: PodSecurityContext,
    /// Handler that may sandbox the Pod.
    #[serde(deserialize_with = "null_as_default")]
    pub runtime_class_name: String,
}

/// `spec.os`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Os {
    /// `linux` or `windows`.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}

/// `spec.securityContext`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSecurityContext {
    /// User id for containers that set none.
    pub run_as_user: Option<i64>,
    /// The kubelet refuses uid 0 for containers that set nothing else.
    pub run_as_non_root: Option<bool>,
    /// Extra groups of every process.
    #[serde(deserialize_with = "null_as_default")]
    pub supplemental_groups: Vec<i64>,
    /// Windows settings.
    #[serde(deserialize_with = "null_as_default")]
    pub windows_options: WindowsOptions,
}

/// One entry of `volumes`; sources that no rule reads are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Volume {
    /// Name that mounts refer to.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// A path of the node.
    pub host_path: Option<HostPath>,
    /// Tokens, ConfigMaps, Secrets, downward API in one folder.
    pub projected: Option<Projected>,
}

/// `hostPath` of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct HostPath {
    /// Path on the node, as written.
    #[serde(deserialize_with = "null_as_default")]
    pub path: String,
}

/// `projected` of a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Projected {
    /// Sources.
    #[serde(deserialize_with = "null_as_default")]
    pub sources: Vec<ProjectedSource>,
}

/// One source of a projected volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ProjectedSource {
    /// A token of the Pod's ServiceAccount.
    pub service_account_token: Option<TokenProjection>,
}

/// `serviceAccountToken` of a projected volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct TokenProjection {
    /// Empty means the API server.
    #[serde(deserialize_with = "null_as_default")]
    pub audience: String,
}

impl PodSpec {
    /// Every container in the order of the Pod Security checks: init, main, ephemeral.
    pub fn every_container(&self) -> impl Iterator<Item = (ContainerKind, &Container)> {
        let init = self.init_containers.iter().map(|container| {
            let sidecar = container.restart_policy == "Always";
            (if sidecar { ContainerKind::Sidecar } else { ContainerKind::Init }, container)
        });
        let main = self.containers.iter().map(|container| (ContainerKind::Main, container));
        let ephemeral =
            self.ephemeral_containers.iter().map(|container| (ContainerKind::Ephemeral, container));
        init.chain(main).chain(ephemeral)
    }

    /// The ServiceAccount the Pod runs as.
    pub fn service_account(&self) -> &str {
        if self.service_account_name.is_empty() { "default" } else { &self.service_account_name }
    }
}
