//! What the kubelet reports of a Pod.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::lenient::null_as_default;

/// `status` of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    /// `Pending`, `Running`, `Succeeded`, `Failed`.
    #[serde(deserialize_with = "null_as_default")]
    pub phase: String,
    /// Why the Pod as a whole is in this state.
    #[serde(deserialize_with = "null_as_default")]
    pub reason: String,
    /// The same as text for people.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
    /// Conditions such as `Ready` and `PodScheduled`.
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
    /// States of init containers.
    #[serde(deserialize_with = "null_as_default")]
    pub init_container_statuses: Vec<ContainerStatus>,
    /// States of containers.
    #[serde(deserialize_with = "null_as_default")]
    pub container_statuses: Vec<ContainerStatus>,
    /// States of ephemeral containers.
    #[serde(deserialize_with = "null_as_default")]
    pub ephemeral_container_statuses: Vec<ContainerStatus>,
}

/// A condition as the API conventions define it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// Name.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub type_: String,
    /// `True`, `False`, `Unknown`.
    #[serde(deserialize_with = "null_as_default")]
    pub status: String,
    /// Reason in CamelCase.
    #[serde(deserialize_with = "null_as_default")]
    pub reason: String,
    /// Text for people.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
    /// When the status last changed.
    pub last_transition_time: Option<Timestamp>,
}

/// One entry of the three lists of container statuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerStatus {
    /// Container.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// `containerd://…`, `cri-o://…`: tells the runtime.
    #[serde(rename = "containerID", deserialize_with = "null_as_default")]
    pub container_id: String,
    /// Passed its readiness checks.
    #[serde(deserialize_with = "null_as_default")]
    pub ready: bool,
    /// Present state.
    #[serde(deserialize_with = "null_as_default")]
    pub state: ContainerState,
    /// The first process's identity, where the runtime reports it.
    #[serde(deserialize_with = "null_as_default")]
    pub user: ContainerUser,
}

/// `state` of a container status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct ContainerState {
    /// Not started: why.
    pub waiting: Option<Waiting>,
    /// Ended: how.
    pub terminated: Option<Terminated>,
}

/// `state.waiting`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Waiting {
    /// `ImagePullBackOff`, `CrashLoopBackOff`, …
    #[serde(deserialize_with = "null_as_default")]
    pub reason: String,
    /// Text for people.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
}

/// `state.terminated`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Terminated {
    /// Exit code of the first process.
    #[serde(deserialize_with = "null_as_default")]
    pub exit_code: i32,
}

/// `user` of a container status.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct ContainerUser {
    /// Present on Linux.
    pub linux: Option<LinuxUser>,
}

/// `user.linux`: as seen in the container's own user namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct LinuxUser {
    /// User id of the first process at its start.
    pub uid: Option<i64>,
}

impl PodStatus {
    /// The status of a container of any kind; names are unique across kinds.
    pub fn container(&self, name: &str) -> Option<&ContainerStatus> {
        self.every_container().find(|status| status.name == name)
    }

    /// All container statuses.
    pub fn every_container(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.init_container_statuses
            .iter()
            .chain(&self.container_statuses)
            .chain(&self.ephemeral_container_statuses)
    }

    /// True when all containers have ended for good.
    pub fn is_finished(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }
}
