//! WL-001: a privileged container is the node.

use crate::finding::Severity;
use crate::model::container::Container;
use crate::model::world::{PodView, World};
use crate::rules::shared::confinement::Confinement;
use crate::rules::shared::{field, platform};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "privileged-container",
    code: "WL-001",
    title: "A container runs privileged",
    severity: Severity::Critical,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Remove privileged and add only the single capability or device that the container needs",
    page: include_str!("privileged_container.md"),
    sources: &["PSS privileged", "CIS 5.2.2", "NSA Pod security", "MITRE T1611", "MITRE T1610"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for (kind, container) in pod.spec.every_container() {
        if !is_privileged(container) || platform::is_windows(pod, world) {
            continue;
        }
        let confinement = Confinement::of(pod, world, settings);
        let path = field::of_container(pod, kind, container, "securityContext.privileged");
        let message = format!("Container {} is privileged{}", container.name, confinement.note());
        let severity = confinement.soften(Severity::Critical);
        sink.finding(Observation::new(severity, "", path, message).in_container(&container.name));
    }
}

fn is_privileged(container: &Container) -> bool {
    container.security_context.privileged == Some(true)
}
