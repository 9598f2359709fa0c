//! Linux capabilities of containers: names in one form, and which of them a container holds.
//!
//! Names: capabilities(7). How runtimes merge `add` and `drop` with their default set: containerd's
//! `WithAddedCapabilities` and `WithDroppedCapabilities`, applied in the order *all*, *none*, added, dropped.

use crate::model::container::Container;

/// What containerd and Docker give to a container that asks for nothing.
pub const DEFAULT: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// What CRI-O leaves out of that set.
const NOT_OF_CRIO: [&str; 5] = ["NET_RAW", "MKNOD", "AUDIT_WRITE", "SETFCAP", "SYS_CHROOT"];

/// All capabilities, as people write it.
pub const ALL: &str = "ALL";

/// Container runtime, as far as it changes what a container holds by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// containerd and Docker; also what is assumed where nothing tells, because it grants more.
    Containerd,
    /// CRI-O.
    Crio,
}

impl Runtime {
    /// True if a container that asks for nothing holds the capability.
    pub fn grants(self, capability: &str) -> bool {
        DEFAULT.contains(&capability) && !(self == Self::Crio && NOT_OF_CRIO.contains(&capability))
    }
}

/// The name in the form that rules compare: upper case, without `CAP_`.
///
/// containerd cannot start a container with `CAP_` in the name and CRI-O can, so both spellings are a risk.
pub fn normal(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    let mut bare = upper.trim();
    while let Some(rest) = bare.strip_prefix("CAP_") {
        bare = rest.trim();
    }
    bare.to_owned()
}

/// True if a list names the capability, in any spelling.
pub fn names(list: &[String], capability: &str) -> bool {
    list.iter().any(|name| {
        let name = name.trim();
        let bare = match name.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("CAP_") => name.get(4..).unwrap_or_default(),
            Some(_) | None => name,
        };
        bare.eq_ignore_ascii_case(capability)
    })
}

/// True if the container holds the capability, at least in its bounding set.
pub fn holds(container: &Container, runtime: Runtime, capability: &str) -> bool {
    let context = &container.security_context;
    let (add, drop) = (&context.capabilities.add, &context.capabilities.drop);
    if context.privileged == Some(true) {
        return true;
    }
    if names(drop, capability) {
        return false;
    }
    if names(add, capability) {
        return true;
    }
    !names(drop, ALL) && (names(add, ALL) || runtime.grants(capability))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(security_context: &str, runtime: Runtime, capability: &str, expected: bool) {
        let json = format!(r#"{{"securityContext":{security_context}}}"#);
        let container: Container = serde_json::from_str(&json).unwrap();
        assert_eq!(holds(&container, runtime, capability), expected, "{security_context} {capability}");
    }

    #[test]
    fn names_have_one_form() {
        for name in ["SYS_ADMIN", "sys_admin", "CAP_SYS_ADMIN", "cap_sys_admin", " Cap_Sys_Admin "] {
            assert_eq!(normal(name), "SYS_ADMIN");
            assert!(names(&[name.to_owned()], "SYS_ADMIN"));
        }
        assert!(!names(&["CAP_".into(), "é".into(), String::new()], "SYS_ADMIN"));
    }

    #[test]
    fn a_container_that_asks_for_nothing_holds_the_default_set_of_its_runtime() {
        check("{}", Runtime::Containerd, "NET_RAW", true);
        check("{}", Runtime::Crio, "NET_RAW", false);
        check("{}", Runtime::Crio, "CHOWN", true);
        check("{}", Runtime::Containerd, "SYS_ADMIN", false);
    }

    #[test]
    fn a_dropped_capability_is_gone_even_if_added() {
        let context = r#"{"capabilities":{"add":["NET_ADMIN"],"drop":["cap_net_admin"]}}"#;
        check(context, Runtime::Containerd, "NET_ADMIN", false);
    }

    #[test]
    fn dropping_all_leaves_what_is_added_by_name() {
        let context = r#"{"capabilities":{"add":["ALL","KILL"],"drop":["all"]}}"#;
        check(context, Runtime::Containerd, "KILL", true);
        check(context, Runtime::Containerd, "SYS_ADMIN", false);
        check(context, Runtime::Containerd, "CHOWN", false);
    }

    #[test]
    fn adding_all_adds_everything_but_what_is_dropped_by_name() {
        let context = r#"{"capabilities":{"add":["ALL"],"drop":["SYS_ADMIN"]}}"#;
        check(context, Runtime::Containerd, "SYS_MODULE", true);
        check(context, Runtime::Containerd, "SYS_ADMIN", false);
    }

    #[test]
    fn a_privileged_container_holds_all() {
        let context = r#"{"privileged":true,"capabilities":{"drop":["ALL"]}}"#;
        check(context, Runtime::Crio, "SYS_ADMIN", true);
    }

    proptest::proptest! {
        #[test]
        fn the_normal_form_is_stable(name in "( |CAP_|cap_|[a-z_é]){0,6}") {
            let once = normal(&name);
            proptest::prop_assert_eq!(normal(&once), once);
        }
    }
}
