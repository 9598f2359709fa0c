//! WL-012: a container that reaches files of its node which are worth more than others.

use crate::finding::Severity;
use crate::model::world::{PodView, World};
use crate::rules::shared::host_mount::{self, HostMount};
use crate::rules::shared::node_file::Files;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "sensitive-host-path",
    code: "WL-012",
    title: "A container mounts a sensitive path of its node",
    severity: Severity::Critical,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Replace the hostPath with an emptyDir, ConfigMap or CSI volume, or mount the single file read-only",
    page: include_str!("sensitive_host_path.md"),
    sources: &[
        "PSS hostPathVolumes",
        "CIS 5.2.11",
        "NSA Pod security",
        "MITRE T1611",
        "MITRE T1552.001",
        "MITRE T1543",
        "MITRE T1053.007",
    ],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    for mount in host_mount::of(pod, world) {
        if let Some(files) = mount.judge().files {
            sink.finding(observe(mount, files));
        }
    }
}

fn observe(mount: HostMount<'_>, files: Files) -> Observation {
    let holds = files.holds.map(|path| format!(", which holds {path}")).unwrap_or_default();
    let message = format!("{}{holds}", mount.what());
    let (value, parts) = (mount.value(), mount.parts());
    let observation = Observation::new(files.severity, value, mount.field, message).made_of(parts);
    match mount.container {
        Some(container) => observation.in_container(container),
        None => observation,
    }
}
