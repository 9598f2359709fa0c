//! WL-009: a Pod in the network of its node.

use crate::finding::Severity;
use crate::model::capability;
use crate::model::world::{PodView, World};
use crate::rules::shared::{field, platform, user};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "host-network",
    code: "WL-009",
    title: "A Pod shares the network of its node",
    severity: Severity::Critical,
    reads: resources::POD_MAKERS,
    consults: resources::PLATFORM,
    help: "Remove hostNetwork and use a Service; for a CNI or ingress agent, write an exclusion",
    page: include_str!("host_network.md"),
    sources: &["PSS hostNamespaces", "CIS 5.2.5", "MITRE T1611", "MITRE T1040"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    if !pod.spec.host_network {
        return;
    }
    let (severity, because) = match aggravation(pod, world) {
        Some(because) => (Severity::Critical, because),
        None => (Severity::High, String::new()),
    };
    let message =
        format!("The Pod shares the network of its node and NetworkPolicies do not hold it{because}");
    sink.finding(Observation::new(severity, "hostNetwork", field::of_pod(pod, "spec.hostNetwork"), message));
}

/// What turns being in the node's network into listening to it or changing it.
fn aggravation(pod: &PodView<'_>, world: &World) -> Option<String> {
    if platform::is_windows(pod, world) {
        return None;
    }
    let runtime = platform::runtime(pod, world);
    let roots = pod.spec.every_container().filter(|(_, container)| user::of(pod, container).is_root());
    roots.into_iter().find_map(|(_, container)| {
        let holds = |name: &&str| capability::holds(container, runtime, name);
        let capability = ["NET_ADMIN", "NET_RAW"].into_iter().find(holds)?;
        Some(format!(", and container {} runs as root with capability {capability}", container.name))
    })
}
