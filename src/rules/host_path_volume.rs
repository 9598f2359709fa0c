//! WL-013: a container that mounts any other path of its node.

use crate::finding::Severity;
use crate::model::world::{PodView, World};
use crate::rules::shared::host_mount::{self, HostMount};
use crate::rules::shared::node_file::Access;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "host-path-volume",
    code: "WL-013",
    title: "A container mounts a path of its node",
    severity: Severity::Medium,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Replace the hostPath with an emptyDir or CSI volume",
    page: include_str!("host_path_volume.md"),
    sources: &["PSS hostPathVolumes", "CIS 5.2.11"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    for mount in host_mount::of(pod, world) {
        if mount.judge().is_other() {
            sink.finding(observe(&mount));
        }
    }
}

fn observe(mount: &HostMount<'_>) -> Observation {
    let severity = match (mount.container, mount.access) {
        (Some(_), Access::Write) => Severity::Medium,
        (Some(_), Access::ReadTop | Access::ReadAll) | (None, _) => Severity::Low,
    };
    let observation =
        Observation::new(severity, mount.value(), mount.field.clone(), mount.what()).made_of(mount.parts());
    match mount.container {
        Some(container) => observation.in_container(container),
        None => observation,
    }
}
