//! WL-004: a capability that leads out of the container.

use std::collections::BTreeSet;

use crate::finding::Severity;
use crate::model::capability::{self, ALL, Runtime};
use crate::model::container::Container;
use crate::model::world::{PodView, World};
use crate::rules::shared::confinement::Confinement;
use crate::rules::shared::user::{self, User};
use crate::rules::shared::{field, platform};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "dangerous-capability",
    code: "WL-004",
    title: "A container adds a Linux capability that leads out of it",
    severity: Severity::Critical,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Drop ALL and add only the named capability that is required, or leave the task to the CNI plugin or a node agent",
    page: include_str!("dangerous_capability.md"),
    sources: &["PSS capabilities_baseline", "CIS 5.2.9", "NSA Pod security", "MITRE T1611"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for (kind, container) in pod.spec.every_container() {
        let context = &container.security_context;
        let covered = context.privileged == Some(true);
        if context.capabilities.add.is_empty() || covered || platform::is_windows(pod, world) {
            continue;
        }
        let confinement = Confinement::of(pod, world, settings);
        let unreachable = is_unreachable(pod, container);
        let is_allowed =
            |name: &str| settings.allowed_capabilities.iter().any(|it| capability::normal(it) == name);
        let added = added(pod, container, platform::runtime(pod, world)).into_iter();
        for (name, severity) in added.filter(|(name, _severity)| !is_allowed(name)) {
            let severity = if unreachable { severity.lower() } else { severity };
            let message =
                format!("Container {} adds capability {name}{}", container.name, confinement.note());
            let path = field::of_container(pod, kind, container, "securityContext.capabilities.add");
            let observation = Observation::new(confinement.soften(severity), name, path, message);
            sink.finding(observation.in_container(&container.name));
        }
    }
}

/// Added capabilities that the container really holds and that are worth a finding.
fn added(pod: &PodView<'_>, container: &Container, runtime: Runtime) -> Vec<(String, Severity)> {
    let lists = &container.security_context.capabilities;
    let drops_all = capability::names(&lists.drop, ALL);
    if capability::names(&lists.add, ALL) && !drops_all {
        return vec![(ALL.to_owned(), Severity::Critical)];
    }
    let names: BTreeSet<_> = lists.add.iter().map(|name| capability::normal(name)).collect();
    let held = names
        .into_iter()
        .filter(|name| !name.is_empty() && name != ALL && capability::holds(container, runtime, name));
    held.filter_map(|name| {
        let by_default = !drops_all && runtime.grants(&name);
        let severity = tier(&name, pod)?;
        (!by_default || name == "NET_RAW").then_some((name, severity))
    })
    .collect()
}

/// How bad a capability is; none for the one that everybody may have.
fn tier(name: &str, pod: &PodView<'_>) -> Option<Severity> {
    Some(match name {
        "NET_BIND_SERVICE" => return None,
        "SYS_ADMIN" | "SYS_MODULE" | "SYS_RAWIO" | "DAC_READ_SEARCH" | "SYS_BOOT" => Severity::Critical,
        "SYS_PTRACE" if pod.spec.host_pid => Severity::Critical,
        "NET_ADMIN" if pod.spec.host_network => Severity::Critical,
        "SYS_PTRACE" | "NET_ADMIN" | "BPF" | "PERFMON" | "MAC_ADMIN" | "MAC_OVERRIDE" | "SYSLOG"
        | "SYS_TIME" | "AUDIT_CONTROL" | "CHECKPOINT_RESTORE" | "LINUX_IMMUTABLE" => Severity::High,
        "IPC_LOCK" => Severity::Low,
        "NET_RAW" => Severity::Medium,
        name if capability::DEFAULT.contains(&name) => Severity::Low,
        _ => Severity::Medium,
    })
}

/// A process that is not root and cannot gain privileges never gets at the capabilities of its bounding set.
fn is_unreachable(pod: &PodView<'_>, container: &Container) -> bool {
    container.security_context.allow_privilege_escalation == Some(false)
        && user::of(pod, container) == User::NonRoot
}
