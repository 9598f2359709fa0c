//! Sockets through which a process on a node controls it: container runtimes, the init system, the kubelet's plugins.
//!
//! A read-only mount does not protect a socket: connecting is not writing.

use crate::finding::Severity;
use crate::model::host_path::{self, Relation};

/// What a path reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// The socket, as a pattern.
    pub(crate) name: &'static str,
    /// How bad it is to reach it.
    pub(crate) severity: Severity,
    /// How the path lies to it.
    pub(crate) reach: Reach,
}

/// How a path lies to a control socket; the nearer, the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// It is a folder somewhere above.
    Above,
    /// It is, or is in, a folder of such sockets.
    Folder,
    /// It is the socket.
    Socket,
}

/// Sockets.
const SOCKETS: &[(&str, Severity)] = &[
    ("/run/containerd/containerd.sock", Severity::Critical),
    ("/run/containerd/containerd.sock.ttrpc", Severity::Critical),
    ("/run/docker.sock", Severity::Critical),
    ("/run/k3s/containerd/containerd.sock", Severity::Critical),
    ("/run/k3s/containerd/containerd.sock.ttrpc", Severity::Critical),
    ("/run/k0s/containerd.sock", Severity::Critical),
    ("/run/k0s/containerd.sock.ttrpc", Severity::Critical),
    ("/run/crio/crio.sock", Severity::Critical),
    ("/run/cri-dockerd.sock", Severity::Critical),
    ("/run/dockershim.sock", Severity::Critical),
    ("/run/podman/podman.sock", Severity::Critical),
    ("/run/user/*/podman/podman.sock", Severity::Critical),
    ("/run/buildkit/buildkitd.sock", Severity::Critical),
    ("/var/snap/microk8s/common/run/containerd.sock", Severity::Critical),
    ("/run/nri/nri.sock", Severity::Critical),
    ("/run/systemd/private", Severity::Critical),
    ("/run/dbus/system_bus_socket", Severity::Critical),
    ("//./pipe/docker_engine", Severity::Critical),
    ("//./pipe/containerd-containerd", Severity::Critical),
];

/// Folders that hold nothing but such sockets.
const FOLDERS: &[(&str, Severity)] = &[
    ("/run/nri", Severity::Critical),
    ("/var/lib/kubelet/device-plugins", Severity::Critical),
    ("/var/lib/kubelet/plugins_registry", Severity::Critical),
    ("/var/lib/kubelet/pod-resources", Severity::Medium),
    ("/var/lib/kubelet/plugins/*", Severity::Medium),
];

/// Not a plugin: the kubelet keeps mounted volumes of all Pods there.
const MOUNTED_VOLUMES: &str = "/var/lib/kubelet/plugins/kubernetes.io";

/// The nearest socket that a normal path reaches; the worst of several.
pub(crate) fn of(path: &str) -> Option<Socket> {
    let sockets = SOCKETS.iter().filter_map(|(name, severity)| {
        let reach = match host_path::relation(path, name)? {
            Relation::Equal => Reach::Socket,
            Relation::Above => Reach::Above,
            Relation::Under => return None,
        };
        Some(Socket { name, severity: *severity, reach })
    });
    let folders = FOLDERS.iter().filter_map(|(name, severity)| {
        let reach = match host_path::relation(path, name)? {
            Relation::Equal | Relation::Under => Reach::Folder,
            Relation::Above => Reach::Above,
        };
        Some(Socket { name, severity: *severity, reach })
    });
    let found = sockets.chain(folders.filter(|_| !holds_volumes(path)));
    found.reduce(|nearest, next| {
        let rank = |socket: &Socket| (socket.reach, socket.severity);
        if rank(&next) > rank(&nearest) { next } else { nearest }
    })
}

fn holds_volumes(path: &str) -> bool {
    matches!(host_path::relation(path, MOUNTED_VOLUMES), Some(Relation::Equal | Relation::Under))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Option<(&str, Severity, Reach)>) {
        let found = of(path).map(|socket| (socket.name, socket.severity, socket.reach));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn the_socket_and_every_folder_above_reach_it() {
        let docker = "/run/docker.sock";
        check(docker, Some((docker, Severity::Critical, Reach::Socket)));
        check("/run/crio", Some(("/run/crio/crio.sock", Severity::Critical, Reach::Above)));
        for path in ["/", "/run", "c:/"] {
            check(path, Some(("/run/containerd/containerd.sock", Severity::Critical, Reach::Above)));
        }
        check("/run/docker", None);
        check("/srv/run/docker.sock", None);
    }

    #[test]
    fn a_folder_of_sockets_counts_with_all_that_is_in_it() {
        let devices = "/var/lib/kubelet/device-plugins";
        let registry = "/var/lib/kubelet/plugins_registry";
        check("/var/lib/kubelet/device-plugins/gpu.sock", Some((devices, Severity::Critical, Reach::Folder)));
        check(registry, Some((registry, Severity::Critical, Reach::Folder)));
    }

    #[test]
    fn plugins_of_the_kubelet_are_medium_but_not_the_volumes_beside_them() {
        let plugins = "/var/lib/kubelet/plugins/*";
        let socket = "/var/lib/kubelet/plugins/csi.example/csi.sock";
        check(socket, Some((plugins, Severity::Medium, Reach::Folder)));
        check("/var/lib/kubelet/plugins", Some((plugins, Severity::Medium, Reach::Above)));
        check("/var/lib/kubelet/plugins/kubernetes.io/csi", None);
    }

    #[test]
    fn named_pipes_are_sockets() {
        let pipe = "//./pipe/docker_engine";
        check(pipe, Some((pipe, Severity::Critical, Reach::Socket)));
        check("//./pipe/other", None);
    }
}
