//! Files of a node that are worth more than others, and how bad it is to mount them.
//!
//! For a path the longest matching entry tells. A folder above entries is at least as bad as the worst of them: mounted
//! as a whole it holds them too, and read-only it may still hold file systems that are writable.

use crate::finding::Severity::{self, Critical, High, Low, Medium};
use crate::model::host_path::{self, Relation};

/// What a volume's mounts, taken together, allow. One container that may write is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// At least one mount may write.
    Write,
    /// All mounts are read-only; file systems mounted beneath may still be writable.
    ReadTop,
    /// All mounts are read-only all the way down.
    ReadAll,
}

/// What a path reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Files {
    /// How bad it is to mount it like this.
    pub(crate) severity: Severity,
    /// The worse entry that it holds; none if the path itself is listed.
    pub(crate) holds: Option<&'static str>,
}

/// Pattern, severity read-write, severity read-only. Where reading is the attack, both are the same; else read-only is
/// one step less.
type Entry = (&'static str, Severity, Severity);

/// Entries that mean the folder itself and say all there is to say about it.
const WHOLE: &[Entry] = &[
    ("/", Critical, Critical),
    ("/etc", Critical, Critical),
    ("/dev", Critical, Critical),
    ("/sys", Critical, High),
];

/// Entries that mean the path and all below.
const TREES: &[Entry] = &[
    // Control plane, kubelet and runtimes.
    ("/etc/kubernetes", Critical, Critical),
    ("/var/lib/kubelet", Critical, Critical),
    ("/var/lib/etcd", Critical, Critical),
    ("/var/lib/rancher", Critical, Critical),
    ("/etc/cni/net.d", Critical, High),
    ("/opt/cni/bin", Critical, High),
    ("/etc/cdi", Critical, High),
    ("/run/cdi", Critical, High),
    ("/etc/containerd", Critical, High),
    ("/etc/crio", Critical, High),
    ("/run/containerd", Critical, High),
    ("/var/lib/containerd", Critical, High),
    ("/var/lib/docker", Critical, High),
    ("/var/lib/docker/containers", Critical, Medium),
    ("/var/lib/containers", Critical, High),
    // Accounts and credentials.
    ("/root", Critical, Critical),
    ("/home", Critical, Critical),
    ("/users", Critical, Critical),
    ("/etc/shadow*", Critical, Critical),
    ("/etc/ssh", Critical, Critical),
    ("/var/lib/cloud", Critical, Critical),
    ("/etc/sudoers*", Critical, High),
    // What the node starts or loads.
    ("/etc/cron*", Critical, High),
    ("/etc/systemd", Critical, High),
    ("/etc/ld.so.preload", Critical, High),
    ("/boot", Critical, High),
    ("/usr", Critical, High),
    ("/bin", Critical, High),
    ("/sbin", Critical, High),
    ("/lib*", Critical, High),
    ("/opt/bin", Critical, High),
    ("/windows", Critical, High),
    ("/programdata", Critical, High),
    ("/program files*", Critical, High),
    ("/lib/modules", High, Low),
    ("/usr/lib/modules", High, Low),
    // Memory, disks and other devices: a read-only mount does not make a device read-only.
    ("/dev/mem", Critical, Critical),
    ("/dev/kmem", Critical, Critical),
    ("/dev/kmsg", Critical, Critical),
    ("/dev/sd*", Critical, Critical),
    ("/dev/nvme*", Critical, Critical),
    ("/dev/vd*", Critical, Critical),
    ("/dev/xvd*", Critical, Critical),
    ("/dev/dm-*", Critical, Critical),
    ("/dev/mapper", Critical, Critical),
    ("/dev/disk", Critical, Critical),
    ("/dev/block", Critical, Critical),
    ("/dev/mmcblk*", Critical, Critical),
    ("/dev/md*", Critical, Critical),
    ("/dev/kvm", High, High),
    ("/dev/vhost-*", High, High),
    ("/dev/net/tun", High, High),
    ("/dev/fuse", High, High),
    ("/dev/vfio", High, High),
    ("/dev/shm", Low, Low),
    // The kernel's own file systems.
    ("/proc", Critical, Critical),
    ("/sys/fs/cgroup", Critical, High),
    ("/sys/fs/bpf", Critical, High),
    ("/sys/kernel", Critical, High),
    ("/sys", High, High),
    ("/sys/class", High, Low),
    // State, logs, scratch space.
    ("/var", High, Medium),
    ("/var/log", High, Medium),
    ("/var/log/pods", High, Medium),
    ("/var/log/containers", High, Medium),
    ("/run", High, Medium),
    ("/run/log/journal", High, Low),
    ("/run/xtables.lock", Low, Low),
    ("/opt", High, Medium),
    ("/srv", High, Medium),
    ("/mnt", High, Medium),
    ("/tmp", High, Medium),
    // Configuration; some of it tells nothing.
    ("/etc", High, Medium),
    ("/etc/localtime", High, Low),
    ("/etc/timezone", High, Low),
    ("/etc/machine-id", High, Low),
    ("/etc/os-release", High, Low),
    ("/etc/hosts", High, Low),
    ("/etc/resolv.conf", High, Low),
    ("/etc/ssl/certs", High, Low),
    ("/etc/pki/ca-trust", High, Low),
    ("/etc/ca-certificates", High, Low),
    ("/usr/share/zoneinfo", Critical, Low),
];

/// Folders of credentials, wherever they are.
const CREDENTIALS: [&str; 3] = [".kube", ".ssh", ".aws"];

/// How bad it is to mount a normal path; none for a path that is worth no more than others.
pub(crate) fn of(path: &str, access: Access) -> Option<Files> {
    let whole = WHOLE.iter().find(|(pattern, ..)| relation(path, pattern) == Some(Relation::Equal));
    if let Some(entry) = whole {
        return Some(Files { severity: own(entry, access), holds: None });
    }
    if host_path::components(path).any(|part| CREDENTIALS.contains(&part)) {
        return Some(Files { severity: Critical, holds: None });
    }
    let itself = covering(path).map(|entry| Files { severity: own(entry, access), holds: None });
    let beneath = worst_beneath(path, access);
    match (itself, beneath) {
        (Some(itself), Some(beneath)) if beneath.severity <= itself.severity => Some(itself),
        (itself, beneath) => beneath.or(itself),
    }
}

fn relation(path: &str, pattern: &str) -> Option<Relation> {
    host_path::relation(path, pattern)
}

/// The longest entry that the path equals or lies under.
fn covering(path: &str) -> Option<&'static Entry> {
    let covers = |pattern: &str| matches!(relation(path, pattern), Some(Relation::Equal | Relation::Under));
    TREES
        .iter()
        .filter(|(pattern, ..)| covers(pattern))
        .max_by_key(|(pattern, ..)| (host_path::components(pattern).count(), pattern.len()))
}

/// The worst entry below the path. Entries that are harmless read-only make no folder worse.
fn worst_beneath(path: &str, access: Access) -> Option<Files> {
    let beneath = TREES.iter().filter(|(pattern, _, read_only)| {
        *read_only >= High && relation(path, pattern) == Some(Relation::Above)
    });
    let severities = beneath.map(|entry| {
        let severity = match access {
            Access::Write | Access::ReadTop => entry.1,
            Access::ReadAll => entry.2,
        };
        Files { severity, holds: Some(entry.0) }
    });
    severities.reduce(|worst, next| if next.severity > worst.severity { next } else { worst })
}

fn own(entry: &Entry, access: Access) -> Severity {
    match access {
        Access::Write => entry.1,
        Access::ReadTop | Access::ReadAll => entry.2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, write: Option<Severity>, read_top: Option<Severity>, read_all: Option<Severity>) {
        let of = |access| of(path, access).map(|files| files.severity);
        let found = (of(Access::Write), of(Access::ReadTop), of(Access::ReadAll));
        assert_eq!(found, (write, read_top, read_all), "{path}");
    }

    #[test]
    fn reading_is_the_attack_on_credentials_and_on_the_whole_node() {
        for path in [
            "/",
            "/etc",
            "/proc",
            "/proc/sys/kernel",
            "/dev",
            "/var/lib/kubelet/pki",
            concat!("/root", "/.kube"),
        ] {
            check(path, Some(Critical), Some(Critical), Some(Critical));
        }
        check("/data/team/.aws/credentials", Some(Critical), Some(Critical), Some(Critical));
    }

    #[test]
    fn read_only_is_one_step_less_where_writing_is_the_attack() {
        for path in ["/usr/local/bin", "/opt/cni/bin", "/etc/cron.d", "/lib64", "/sys/fs/cgroup/x"] {
            check(path, Some(Critical), Some(High), Some(High));
        }
        check("/mnt/data", Some(High), Some(Medium), Some(Medium));
        check("/etc/app.conf", Some(High), Some(Medium), Some(Medium));
    }

    #[test]
    fn a_folder_above_is_as_bad_as_what_it_holds() {
        check("/var", Some(Critical), Some(Critical), Some(Critical));
        check("/run", Some(Critical), Some(Critical), Some(High));
        check("/opt", Some(Critical), Some(Critical), Some(High));
        assert_eq!(of("/opt", Access::Write).and_then(|files| files.holds), Some("/opt/cni/bin"));
    }

    #[test]
    fn the_whole_of_sys_is_high_when_read_only() {
        check("/sys", Some(Critical), Some(High), Some(High));
        check("/sys/bus", Some(High), Some(High), Some(High));
        check("/sys/class/net", Some(High), Some(Low), Some(Low));
    }

    #[test]
    fn logs_of_all_tenants_are_medium_when_read_only() {
        for path in ["/var/log", "/var/log/pods", "/var/log/containers"] {
            check(path, Some(High), Some(Medium), Some(Medium));
        }
        check("/var/lib/docker/containers", Some(Critical), Some(Medium), Some(Medium));
    }

    #[test]
    fn harmless_files_are_low_when_read_only() {
        for path in ["/etc/localtime", "/etc/ssl/certs", "/lib/modules", "/run/log/journal"] {
            check(path, Some(High), Some(Low), Some(Low));
        }
        check("/run/xtables.lock", Some(Low), Some(Low), Some(Low));
        check("/usr", Some(Critical), Some(High), Some(High));
    }

    #[test]
    fn any_other_path_is_not_listed() {
        for path in ["/data", "/etcetera", "/dev/snd", "d:/data"] {
            check(path, None, None, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn writing_is_never_better_than_reading(path in "(/[a-z.]{1,8}){0,4}") {
            let severity = |access| of(&path, access).map(|files| files.severity);
            proptest::prop_assert!(severity(Access::Write) >= severity(Access::ReadTop));
            proptest::prop_assert!(severity(Access::ReadTop) >= severity(Access::ReadAll));
        }
    }
}
