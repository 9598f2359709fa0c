//! Paths of the node that a Pod's containers mount, and which of the rules about them speaks.
//!
//! A path that is itself a control socket, or lies in a folder of such sockets, is not judged as a file as well. Of two
//! judgements about a folder the worse one speaks, both on a tie. What neither judges is any other path.

use crate::finding::{Part, Severity};
use crate::model::container::{Container, VolumeMount};
use crate::model::host_path;
use crate::model::world::{PodView, World};
use crate::rules::shared::control_socket::{self, Reach, Socket};
use crate::rules::shared::node_file::{self, Access, Files};
use crate::rules::shared::{field, platform};

/// How a container mounts a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `ro`.
    ReadOnly,
    /// `rw`.
    ReadWrite,
}

impl Mode {
    fn of(read_only: bool) -> Self {
        if read_only { Self::ReadOnly } else { Self::ReadWrite }
    }

    /// As in `mount(8)`, for identities.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::ReadOnly => "ro",
            Self::ReadWrite => "rw",
        }
    }
}

/// One path of the node in one container, or a volume that no container mounts.
#[derive(Debug)]
pub(crate) struct HostMount<'a> {
    /// The container; none for a volume that nothing mounts yet.
    pub(crate) container: Option<&'a str>,
    /// Normal form of what it reaches on the node.
    pub(crate) path: String,
    /// How this container mounts it.
    pub(crate) mode: Mode,
    /// How all containers mount the volume.
    pub(crate) access: Access,
    /// Where that stands in the object.
    pub(crate) field: String,
}

/// Which rules speak about a path, and what they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// The control socket that it reaches.
    pub(crate) socket: Option<Socket>,
    /// The sensitive files that it reaches.
    pub(crate) files: Option<Files>,
}

impl Judgement {
    /// True if the path is any other one.
    pub(crate) fn is_other(self) -> bool {
        self.socket.is_none() && self.files.is_none()
    }
}

impl HostMount<'_> {
    /// What it is about, for messages.
    pub(crate) fn what(&self) -> String {
        let path = &self.path;
        let mode = match (self.mode, self.access) {
            (Mode::ReadWrite, _) => "read-write",
            (Mode::ReadOnly, Access::Write) => "read-only beside a mount that may write",
            (Mode::ReadOnly, Access::ReadTop | Access::ReadAll) => "read-only",
        };
        match self.container {
            Some(name) => format!("Container {name} mounts {path} of the node {mode}"),
            None => format!("A volume offers {path} of the node, though no container mounts it yet"),
        }
    }

    /// Path and mode: what identifies the finding where both matter.
    pub(crate) fn value(&self) -> String {
        format!("{} {}", self.path, self.mode.short())
    }

    /// The path in its mode is within every folder above it, and reading is within writing.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let folders = above(&self.path);
        let wider = folders.iter().flat_map(|folder| [format!("{folder} ro"), format!("{folder} rw")]);
        let wider = wider.filter(|wider| self.mode == Mode::ReadOnly || wider.ends_with(" rw"));
        let within = wider.filter(|wider| *wider != self.value()).collect();
        vec![Part { value: self.value(), within }]
    }

    /// The same without the mode.
    pub(crate) fn path_parts(&self) -> Vec<Part> {
        let wider = above(&self.path).into_iter().filter(|folder| *folder != self.path);
        vec![Part { value: self.path.clone(), within: wider.map(str::to_owned).collect() }]
    }

    /// Which rules speak about it.
    pub(crate) fn judge(&self) -> Judgement {
        let (socket, files) = (control_socket::of(&self.path), node_file::of(&self.path, self.access));
        let (socket, files) = match (socket, files) {
            (Some(socket), Some(_)) if socket.reach != Reach::Above => (Some(socket), None),
            (Some(socket), Some(files)) if socket.severity > files.severity => (Some(socket), None),
            (Some(socket), Some(files)) if socket.severity < files.severity => (None, Some(files)),
            both => both,
        };
        if self.container.is_some() {
            return Judgement { socket, files };
        }
        let socket = socket.map(|socket| Socket { severity: Severity::Low, ..socket });
        let files = files.map(|files| Files { severity: files.severity.min(Severity::Low), ..files });
        Judgement { socket, files: files.filter(|_| socket.is_none()) }
    }
}

/// The path and all folders above it, up to `/` or a drive.
fn above(path: &str) -> Vec<&str> {
    let root = path.find('/').map(|end| end + 1);
    let ends = path.match_indices('/').map(|(end, _)| end).filter(|end| Some(*end) >= root);
    let mut folders: Vec<_> = root.into_iter().chain(ends).filter_map(|end| path.get(..end)).collect();
    folders.push(path);
    folders.dedup();
    folders
}

/// All paths of the node that the Pod's containers mount, each once per container and mode.
pub(crate) fn of<'a>(pod: &PodView<'a>, world: &World) -> Vec<HostMount<'a>> {
    let mut mounts = Vec::new();
    for volume in &pod.spec.volumes {
        let Some(host_path) = &volume.host_path else { continue };
        let windows = platform::is_windows(pod, world);
        let access = access(pod, &volume.name);
        for (kind, container) in pod.spec.every_container() {
            for used in uses(container, &volume.name) {
                let path = match used.sub_path {
                    "" => host_path::normal(&host_path.path, windows),
                    sub_path => host_path::normal(&format!("{}/{sub_path}", host_path.path), windows),
                };
                let field = field::of_container(pod, kind, container, &used.field);
                let mount =
                    HostMount { container: Some(&container.name), path, mode: used.mode, access, field };
                push_once(&mut mounts, mount);
            }
        }
        if !is_mounted(pod, &volume.name) {
            let path = host_path::normal(&host_path.path, windows);
            let field = field::of_pod(pod, &format!("spec.volumes[name={}].hostPath.path", volume.name));
            push_once(&mut mounts, HostMount { container: None, path, mode: Mode::ReadWrite, access, field });
        }
    }
    mounts
}

fn push_once<'a>(mounts: &mut Vec<HostMount<'a>>, mount: HostMount<'a>) {
    let same = |known: &HostMount<'_>| {
        known.container == mount.container && known.path == mount.path && known.mode == mount.mode
    };
    match mounts.iter_mut().find(|known| same(known)) {
        Some(known) if mount.access == Access::Write => known.access = Access::Write,
        Some(_) => {}
        None => mounts.push(mount),
    }
}

/// One way in which a container uses a volume.
struct Use<'a> {
    sub_path: &'a str,
    mode: Mode,
    field: String,
}

fn uses<'a>(container: &'a Container, volume: &'a str) -> impl Iterator<Item = Use<'a>> {
    let files = container.volume_mounts.iter().filter(move |mount| mount.name == volume);
    let files = files.map(|mount| Use {
        sub_path: sub_path(mount),
        mode: Mode::of(mount.read_only),
        field: format!("volumeMounts[mountPath={}]", mount.mount_path),
    });
    let devices = container.volume_devices.iter().filter(move |device| device.name == volume);
    let devices = devices.map(|device| Use {
        sub_path: "",
        mode: Mode::ReadWrite,
        field: format!("volumeDevices[name={}]", device.name),
    });
    files.chain(devices)
}

/// The path inside the volume; one with variables is unknown, so that the whole volume counts.
fn sub_path(mount: &VolumeMount) -> &str {
    if mount.sub_path_expr.is_empty() { &mount.sub_path } else { "" }
}

fn is_mounted(pod: &PodView<'_>, volume: &str) -> bool {
    pod.spec.every_container().any(|(_, container)| uses(container, volume).next().is_some())
}

fn access(pod: &PodView<'_>, volume: &str) -> Access {
    let containers = || pod.spec.every_container().map(|(_, container)| container);
    let mut mounts = containers()
        .flat_map(|container| &container.volume_mounts)
        .filter(|mount| mount.name == volume)
        .peekable();
    let mapped = containers().flat_map(|container| &container.volume_devices).any(|it| it.name == volume);
    if mapped || mounts.peek().is_none() {
        return Access::Write;
    }
    mounts.fold(Access::ReadAll, |access, mount| match (access, mount.read_only) {
        (Access::Write, _) | (_, false) => Access::Write,
        (Access::ReadAll, true) if mount.recursive_read_only == "Enabled" => Access::ReadAll,
        (Access::ReadAll | Access::ReadTop, true) => Access::ReadTop,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::shared::testing::{View, view};

    #[test]
    fn a_mount_is_within_the_folders_above_it() {
        let mount = |path: &str, mode| HostMount {
            container: None,
            path: path.to_owned(),
            mode,
            access: Access::Write,
            field: String::new(),
        };
        let within = |path: &str, mode| mount(path, mode).parts().remove(0).within.join(", ");
        assert_eq!(within("/etc/cni", Mode::ReadWrite), "/ rw, /etc rw");
        assert_eq!(within("/etc", Mode::ReadOnly), "/ ro, / rw, /etc rw");
        assert_eq!(within("/", Mode::ReadWrite), "");
        assert_eq!(within("c:/var", Mode::ReadWrite), "c:/ rw");
        assert_eq!(mount("/run/x.sock", Mode::ReadWrite).path_parts()[0].within, ["/", "/run"]);
    }

    #[track_caller]
    fn check(spec: &str, expected: &[(Option<&str>, &str, Access)]) {
        view(&View { spec, ..View::default() }, |pod| {
            let mounts = of(pod, &World::default());
            let found: Vec<_> =
                mounts.iter().map(|mount| (mount.container, mount.value(), mount.access)).collect();
            let expected: Vec<_> =
                expected.iter().map(|(name, value, access)| (*name, (*value).to_owned(), *access)).collect();
            assert_eq!(found, expected);
        });
    }

    #[track_caller]
    fn judged(path: &str, container: Option<&str>, expected: (Option<Severity>, Option<Severity>)) {
        let mount = HostMount {
            container,
            path: path.into(),
            mode: Mode::ReadWrite,
            access: Access::Write,
            field: String::new(),
        };
        let judgement = mount.judge();
        let found = (judgement.socket.map(|it| it.severity), judgement.files.map(|it| it.severity));
        assert_eq!(found, expected, "{path}");
    }

    #[test]
    fn one_container_that_may_write_is_enough() {
        let spec = r#"{
            "volumes": [{"name": "v", "hostPath": {"path": "/var/log/"}}],
            "containers": [{"name": "a", "volumeMounts": [{"name": "v", "readOnly": true}]}],
            "ephemeralContainers": [{"name": "b", "volumeMounts": [{"name": "v"}, {"name": "v"}]}]
        }"#;
        let (a, b) = ((Some("a"), "/var/log ro"), (Some("b"), "/var/log rw"));
        check(spec, &[(a.0, a.1, Access::Write), (b.0, b.1, Access::Write)]);
    }

    #[test]
    fn read_only_all_the_way_down_must_be_said_by_every_mount() {
        let spec = |other: &str| {
            let sure = r#"{"name":"v","readOnly":true,"recursiveReadOnly":"Enabled"}"#;
            format!(
                r#"{{"volumes":[{{"name":"v","hostPath":{{"path":"/x"}}}}],
                "containers":[{{"name":"a","volumeMounts":[{sure},{other}]}}]}}"#
            )
        };
        let sure = r#"{"name":"v","readOnly":true,"recursiveReadOnly":"Enabled"}"#;
        check(&spec(sure), &[(Some("a"), "/x ro", Access::ReadAll)]);
        let perhaps = r#"{"name":"v","readOnly":true,"recursiveReadOnly":"IfPossible"}"#;
        check(&spec(perhaps), &[(Some("a"), "/x ro", Access::ReadTop)]);
    }

    #[test]
    fn sub_paths_narrow_unless_they_hold_variables() {
        let spec = r#"{
            "volumes": [{"name": "v", "hostPath": {"path": "/var"}}],
            "containers": [{"name": "a", "volumeMounts": [
                {"name": "v", "subPath": "run/docker.sock"},
                {"name": "v", "subPathExpr": "$(POD_NAME)"}
            ]}]
        }"#;
        let expected = [(Some("a"), "/run/docker.sock rw"), (Some("a"), "/var rw")];
        check(spec, &expected.map(|(name, value)| (name, value, Access::Write)));
    }

    #[test]
    fn block_devices_and_unmounted_volumes_count() {
        let spec = r#"{
            "volumes": [{"name": "v", "hostPath": {"path": "/dev/sda"}}, {"name": "w", "hostPath": {"path": "/w"}}],
            "containers": [{"name": "a", "volumeDevices": [{"name": "v"}]}]
        }"#;
        let expected = [(Some("a"), "/dev/sda rw"), (None, "/w rw")];
        check(spec, &expected.map(|(name, value)| (name, value, Access::Write)));
    }

    #[test]
    fn the_worse_judgement_speaks() {
        let (critical, high, medium) =
            (Some(Severity::Critical), Some(Severity::High), Some(Severity::Medium));
        judged("/run/containerd/containerd.sock", Some("a"), (critical, None));
        judged("/var/lib/kubelet/pod-resources", Some("a"), (medium, None));
        judged("/run/crio", Some("a"), (critical, None));
        judged("/var/lib/kubelet/plugins", Some("a"), (None, critical));
        judged("/", Some("a"), (critical, critical));
        judged("/srv/data", Some("a"), (None, high));
        judged("/data", Some("a"), (None, None));
    }

    #[test]
    fn a_volume_that_nothing_mounts_is_low_and_said_once() {
        judged("/", None, (Some(Severity::Low), None));
        judged("/etc", None, (None, Some(Severity::Low)));
    }
}
