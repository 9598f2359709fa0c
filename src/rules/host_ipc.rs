//! WL-008: a Pod that shares memory with its node.

use crate::finding::Severity;
use crate::model::world::{PodView, World};
use crate::rules::shared::{field, platform, user};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "host-ipc",
    code: "WL-008",
    title: "A Pod shares the inter-process communication of its node",
    severity: Severity::High,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Remove hostIPC and use an emptyDir volume with medium Memory",
    page: include_str!("host_ipc.md"),
    sources: &["PSS hostNamespaces", "CIS 5.2.4"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    if !pod.spec.host_ipc || platform::is_windows(pod, world) {
        return;
    }
    let (severity, because) = if user::any_root(pod) {
        (Severity::High, ", and a container runs as root")
    } else {
        (Severity::Medium, "")
    };
    let message = format!("The Pod shares the inter-process communication of its node{because}");
    sink.finding(Observation::new(severity, "", field::of_pod(pod, "spec.hostIPC"), message));
}
