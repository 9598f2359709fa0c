//! Paths on a node: one normal form, and how a path lies to a pattern.
//!
//! Lexical only: symbolic links of a node cannot be known, apart from the ones that every distribution has.

/// The normal form of a path on a node: absolute, `/` as separator, no `.`, `..`, double or trailing separators.
///
/// `/var/run` is `/run`, `/var/lock` is `/run/lock`, and `/proc/1/root/x` is `/x`. On Windows the form is lower case
/// and keeps the drive (`c:/var/lib`); named pipes are `//./pipe/NAME`.
pub fn normal(path: &str, windows: bool) -> String {
    if windows || looks_like_windows(path) { normal_windows(path) } else { join("/", &resolve(path)) }
}

fn looks_like_windows(path: &str) -> bool {
    let mut letters = path.chars();
    let (first, second, third) = (letters.next(), letters.next(), letters.next());
    let drive = first.is_some_and(|letter| letter.is_ascii_alphabetic()) && second == Some(':');
    (drive && matches!(third, None | Some('/' | '\\'))) || path.starts_with(r"\\")
}

fn normal_windows(path: &str) -> String {
    let path = path.replace('\\', "/").to_lowercase();
    for device in ["//./", "//?/"] {
        if let Some(pipe) = path.strip_prefix(device) {
            return join("//./", &resolve(pipe));
        }
    }
    match path.split_once(':') {
        Some((drive, rest)) if is_drive(drive) => join(&format!("{drive}:/"), &resolve(rest)),
        Some(_) | None => join("/", &resolve(&path)),
    }
}

fn is_drive(name: &str) -> bool {
    name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn join(root: &str, parts: &[&str]) -> String {
    format!("{root}{}", parts.join("/"))
}

/// Components with `.` and `..` resolved and well-known aliases replaced, from the left.
fn resolve(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => {
                parts.push(part);
                replace_alias(&mut parts);
            }
        }
    }
    parts
}

fn replace_alias(parts: &mut Vec<&str>) {
    match parts.as_slice() {
        ["var", "run"] => *parts = vec!["run"],
        ["var", "lock"] => *parts = vec!["run", "lock"],
        ["proc", process, "root" | "cwd"] | ["proc", process, "task", _, "root" | "cwd"]
            if is_process(process) =>
        {
            parts.clear();
        }
        _ => {}
    }
}

fn is_process(name: &str) -> bool {
    matches!(name, "self" | "thread-self") || name.bytes().all(|byte| byte.is_ascii_digit())
}

/// How a path lies to a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It is the path that the pattern means.
    Equal,
    /// It lies below that path.
    Under,
    /// It lies above, so that whoever mounts it reaches the pattern's path as well.
    Above,
}

/// How a normal path lies to a pattern, component by component; a trailing `*` of a component stands for any ending.
/// Drives do not count.
pub fn relation(path: &str, pattern: &str) -> Option<Relation> {
    let mut wanted = components(pattern);
    let mut present = components(path);
    loop {
        match (present.next(), wanted.next()) {
            (None, None) => return Some(Relation::Equal),
            (Some(_), None) => return Some(Relation::Under),
            (None, Some(_)) => return Some(Relation::Above),
            (Some(present), Some(wanted)) if matches(present, wanted) => {}
            (Some(_), Some(_)) => return None,
        }
    }
}

/// Components of a normal path, without a drive.
pub fn components(path: &str) -> impl Iterator<Item = &str> {
    let drive = usize::from(!path.starts_with('/'));
    path.split('/').filter(|part| !part.is_empty()).skip(drive)
}

fn matches(part: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => part.starts_with(prefix),
        None => part == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_dots_are_resolved() {
        for (path, expected) in [
            ("/", "/"),
            ("", "/"),
            ("etc//kubernetes/./", "/etc/kubernetes"),
            ("/var/log/../lib/kubelet", "/var/lib/kubelet"),
            ("/../../etc", "/etc"),
        ] {
            assert_eq!(normal(path, false), expected);
        }
    }

    #[test]
    fn well_known_aliases_are_replaced() {
        for (path, expected) in [
            ("/var/run/", "/run"),
            ("/var/run/docker.sock", "/run/docker.sock"),
            ("/var/lock/x", "/run/lock/x"),
            ("/var/running", "/var/running"),
            ("/proc/1/root/etc", "/etc"),
            ("/proc/self/root/proc/thread-self/root/var/run", "/run"),
            (concat!("/proc/1/task/1/root", "/../etc"), "/etc"),
            ("/proc/7/cwd", "/"),
            ("/proc/sys/root", "/proc/sys/root"),
            ("/srv/var/run", "/srv/var/run"),
        ] {
            assert_eq!(normal(path, false), expected, "{path}");
        }
    }

    #[test]
    fn windows_paths_are_recognised_even_where_the_system_is_unknown() {
        for path in [r"\\.\pipe\docker_engine", r"\\.\PIPE\Docker_Engine", r"\\?\pipe\docker_engine"] {
            assert_eq!(normal(path, false), "//./pipe/docker_engine");
        }
        assert_eq!(normal(r"C:\Var\Lib\kubelet\", false), "c:/var/lib/kubelet");
        assert_eq!(normal("C:", false), "c:/");
        assert_eq!(normal(r"\Var\Run\x", true), "/run/x");
        assert_eq!(normal("a:b", true), "a:/b");
    }

    #[test]
    fn relations_go_by_component() {
        for (path, pattern, expected) in [
            ("/run/docker.sock", "/run/docker.sock", Some(Relation::Equal)),
            ("/run", "/run/docker.sock", Some(Relation::Above)),
            ("/", "/run/docker.sock", Some(Relation::Above)),
            ("/etc/cron.d/x", "/etc/cron*", Some(Relation::Under)),
            ("/etcetera", "/etc", None),
            ("c:/var/lib", "/var", Some(Relation::Under)),
            ("c:/", "/", Some(Relation::Equal)),
            ("//./pipe/docker_engine", "//./pipe/docker_engine", Some(Relation::Equal)),
            ("/run/user/1000/podman/podman.sock", "/run/user/*/podman/podman.sock", Some(Relation::Equal)),
        ] {
            assert_eq!(relation(path, pattern), expected, "{path} {pattern}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_normal_form_is_stable(path in "[/a-z.\\\\:]{0,12}", windows: bool) {
            // A Windows path is told by its back slashes, which its normal form no longer has.
            let windows = windows || looks_like_windows(&path);
            let once = normal(&path, windows);
            proptest::prop_assert_eq!(normal(&once, windows), once);
        }

        #[test]
        fn any_text_has_a_normal_form(path in ".{0,40}", windows: bool) {
            proptest::prop_assert!(!normal(&path, windows).is_empty());
        }
    }
}
