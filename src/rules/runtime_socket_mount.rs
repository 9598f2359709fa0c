//! WL-011: a container that reaches a socket which controls its node.

use crate::finding::Severity;
use crate::model::world::{PodView, World};
use crate::rules::shared::control_socket::{Reach, Socket};
use crate::rules::shared::host_mount::{self, HostMount};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "runtime-socket-mount",
    code: "WL-011",
    title: "A container mounts a socket that controls its node",
    severity: Severity::Critical,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Remove the mount and use an API instead: kubelet metrics, Pod logs, rootless builds, a CSI driver",
    page: include_str!("runtime_socket_mount.md"),
    sources: &[
        "PSS hostPathVolumes",
        "CIS 5.2.11",
        "NSA Pod security",
        "MITRE T1611",
        "MITRE T1609",
        "MITRE T1552.007",
    ],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    for mount in host_mount::of(pod, world) {
        if let Some(socket) = mount.judge().socket {
            sink.finding(observe(mount, socket));
        }
    }
}

fn observe(mount: HostMount<'_>, socket: Socket) -> Observation {
    let (what, name) = (mount.what(), socket.name);
    let message = match socket.reach {
        Reach::Socket => format!("{what}, which is a control socket"),
        Reach::Folder => format!("{what}, within a folder of control sockets"),
        Reach::Above => format!("{what}, which leads to control sockets such as {name}"),
    };
    let parts = mount.path_parts();
    let observation = Observation::new(socket.severity, mount.path, mount.field, message).made_of(parts);
    match mount.container {
        Some(container) => observation.in_container(container),
        None => observation,
    }
}
