//! WL-007: a Pod that sees every process of its node.

use crate::finding::Severity;
use crate::model::capability;
use crate::model::world::{PodView, World};
use crate::rules::shared::{field, platform, user};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "host-pid",
    code: "WL-007",
    title: "A Pod shares the process ids of its node",
    severity: Severity::Critical,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Remove hostPID",
    page: include_str!("host_pid.md"),
    sources: &["PSS hostNamespaces", "CIS 5.2.3", "MITRE T1611", "MITRE T1057"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    if !pod.spec.host_pid || platform::is_windows(pod, world) {
        return;
    }
    let (severity, because) = match aggravation(pod, world) {
        Some(because) => (Severity::Critical, because),
        None => (Severity::High, String::new()),
    };
    let message = format!("The Pod shares the process ids of its node{because}");
    sink.finding(Observation::new(severity, "hostPID", field::of_pod(pod, "spec.hostPID"), message));
}

/// What turns seeing processes into taking them over.
fn aggravation(pod: &PodView<'_>, world: &World) -> Option<String> {
    let runtime = platform::runtime(pod, world);
    pod.spec.every_container().find_map(|(_, container)| {
        let holds = |name: &&str| capability::holds(container, runtime, name);
        let name = &container.name;
        if user::of(pod, container).is_root() {
            return Some(format!(", and container {name} runs as root"));
        }
        let capability = ["SYS_PTRACE", "SYS_ADMIN"].into_iter().find(holds)?;
        Some(format!(", and container {name} holds capability {capability}"))
    })
}
