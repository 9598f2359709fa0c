//! Containers of all kinds: init, sidecar, main and ephemeral.
//!
//! Field semantics: the Kubernetes API reference, Container v1 core.

use serde::Deserialize;

use crate::model::lenient::null_as_default;

/// Which list of the Pod a container stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContainerKind {
    /// Runs before the application and ends.
    Init,
    /// An init container with `restartPolicy: Always`: runs beside the application.
    Sidecar,
    /// The application.
    Main,
    /// Added later, by hand.
    Ephemeral,
}

impl ContainerKind {
    /// The list's field name in the Pod's spec.
    pub fn field(self) -> &'static str {
        match self {
            Self::Init | Self::Sidecar => "initContainers",
            Self::Main => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

/// `securityContext` of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SecurityContext {
    /// All capabilities, all devices, no seccomp, no AppArmor.
    pub privileged: Option<bool>,
    /// Added and dropped capabilities.
    #[serde(deserialize_with = "null_as_default")]
    pub capabilities: Capabilities,
    /// Overrides the Pod's.
    pub run_as_user: Option<i64>,
    /// Overrides the Pod's.
    pub run_as_non_root: Option<bool>,
    /// Absent means true: no_new_privs is not set.
    pub allow_privilege_escalation: Option<bool>,
    /// Windows settings.
    #[serde(deserialize_with = "null_as_default")]
    pub windows_options: WindowsOptions,
}

/// `securityContext.capabilities`, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// Added to the runtime's default set.
    #[serde(deserialize_with = "null_as_default")]
    pub add: Vec<String>,
    /// Removed from it.
    #[serde(deserialize_with = "null_as_default")]
    pub drop: Vec<String>,
}

/// `securityContext.windowsOptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WindowsOptions {
    /// Runs on the host itself.
    pub host_process: Option<bool>,
}

/// A container of any kind; ephemeral containers are flattened in the API too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Unique across all kinds of containers of the Pod.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Image reference.
    #[serde(deserialize_with = "null_as_default")]
    pub image: String,
    /// `Always` on an init container makes it a native sidecar.
    #[serde(deserialize_with = "null_as_default")]
    pub restart_policy: String,
    /// Security settings.
    #[serde(deserialize_with = "null_as_default")]
    pub security_context: SecurityContext,
    /// Mounted file systems.
    #[serde(deserialize_with = "null_as_default")]
    pub volume_mounts: Vec<VolumeMount>,
    /// Mapped block devices.
    #[serde(deserialize_with = "null_as_default")]
    pub volume_devices: Vec<VolumeDevice>,
}

/// One entry of `volumeMounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct VolumeMount {
    /// Volume.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Where in the container.
    #[serde(deserialize_with = "null_as_default")]
    pub mount_path: String,
    /// Path inside the volume.
    #[serde(deserialize_with = "null_as_default")]
    pub sub_path: String,
    /// Path inside the volume with variables: unknown before run time.
    #[serde(deserialize_with = "null_as_default")]
    pub sub_path_expr: String,
    /// Mounted read-only.
    #[serde(deserialize_with = "null_as_default")]
    pub read_only: bool,
    /// `Enabled` makes submounts read-only too.
    #[serde(deserialize_with = "null_as_default")]
    pub recursive_read_only: String,
}

/// One entry of `volumeDevices`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct VolumeDevice {
    /// Volume.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}
