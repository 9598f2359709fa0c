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

fn check(pod: &PodView<'_>, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for mount in host_mount::of(pod, world) {
        let is_allowed = settings.allowed_host_paths.iter().any(|path| is_within(&mount.path, path));
        if mount.judge().is_other() && !is_allowed {
            sink.finding(observe(&mount));
        }
    }
}

/// True if the path is the folder, or lies in it.
fn is_within(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
