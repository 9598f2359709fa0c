//! WL-002: a container that runs as root.

use crate::finding::Severity;
use crate::model::container::{Container, ContainerKind};
use crate::model::world::{PodView, World};
use crate::rules::shared::confinement::{Confinement, UserNamespace};
use crate::rules::shared::user::{self, User};
use crate::rules::shared::{field, platform};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "root-container",
    code: "WL-002",
    title: "A container runs as root, or may do so because only its image decides",
    severity: Severity::High,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Set runAsNonRoot to true and runAsUser to a number of 10000 or more",
    page: include_str!("root_container.md"),
    sources: &["PSS runAsNonRoot", "PSS runAsUser", "CIS 5.2.7", "NSA Non-root containers", "MITRE T1611"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    if platform::is_windows(pod, world) {
        return;
    }
    let confinement = Confinement::of(pod, world, settings);
    for (kind, container) in pod.spec.every_container() {
        if let Some(observation) = judge(pod, kind, container, confinement) {
            sink.finding(observation.in_container(&container.name));
        }
    }
    if let Some(observation) = judge_pod_level(pod) {
        sink.finding(observation);
    }
}

fn judge(
    pod: &PodView<'_>,
    kind: ContainerKind,
    container: &Container,
    confinement: Confinement,
) -> Option<Observation> {
    let name = &container.name;
    let path = |setting: &str| match setting {
        "runAsUser" if container.security_context.run_as_user.is_none() => {
            field::of_pod(pod, "spec.securityContext.runAsUser")
        }
        setting => field::of_container(pod, kind, container, &format!("securityContext.{setting}")),
    };
    let root = |path: String, what: &str| {
        let message = format!("Container {name} {what}{}", confinement.note());
        Observation::new(soften(confinement, Severity::High), "0", path, message)
    };
    match user::of(pod, container) {
        User::NonRoot => None,
        User::ConfirmedRoot => Some(root(
            field::of_status(kind, container, "user.linux.uid"),
            "runs as uid 0, as the kubelet reports",
        )),
        User::DeclaredRoot => Some(root(path("runAsUser"), "is declared to run as uid 0")),
        User::Contradiction => {
            let message = format!("Container {name} asks for uid 0 and for runAsNonRoot, so it cannot start");
            Some(Observation::new(Severity::Low, "0", path("runAsUser"), message))
        }
        User::Image => {
            let message = format!(
                "Container {name} runs as root if its image says so or says nothing{}",
                confinement.note()
            );
            let severity = soften(confinement, Severity::Medium);
            Some(Observation::new(severity, "image", path("runAsNonRoot"), message).possible())
        }
    }
}

/// Root of a user namespace is nobody on the node.
fn soften(confinement: Confinement, severity: Severity) -> Severity {
    match confinement.user_namespace {
        UserNamespace::Host => confinement.soften_for_sandbox(severity),
        UserNamespace::Requested | UserNamespace::Proven => Severity::Info,
    }
}

/// A Pod-level uid 0 that every container overrides: the next injected container inherits it.
fn judge_pod_level(pod: &PodView<'_>) -> Option<Observation> {
    let overridden = |container: &Container| container.security_context.run_as_user.is_some();
    let is_latent = pod.spec.security_context.run_as_user == Some(0)
        && pod.spec.every_container().all(|(_, container)| overridden(container));
    let message = "The Pod declares uid 0, which every container overrides and any further one inherits";
    let path = || field::of_pod(pod, "spec.securityContext.runAsUser");
    is_latent.then(|| Observation::new(Severity::Low, "0", path(), message))
}
