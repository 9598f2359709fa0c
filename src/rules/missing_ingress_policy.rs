//! NET-001: a Pod that everybody in the cluster may reach.

use crate::finding::{Cause, Severity};
use crate::model::reference::GroupKind;
use crate::model::world::{Evidence, PodView, World};
use crate::rules::shared::{danger, field};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "missing-ingress-policy",
    code: "NET-001",
    title: "No NetworkPolicy isolates the ingress of a Pod",
    severity: Severity::High,
    reads: &[
        resources::PODS,
        resources::REPLICATION_CONTROLLERS,
        resources::DEPLOYMENTS,
        resources::REPLICA_SETS,
        resources::STATEFUL_SETS,
        resources::DAEMON_SETS,
        resources::JOBS,
        resources::CRON_JOBS,
        resources::NETWORK_POLICIES,
    ],
    consults: &[resources::SERVICES, resources::NODES, resources::RUNTIME_CLASSES],
    help: "Deny all ingress in the namespace by default, then allow what each workload needs",
    page: include_str!("missing_ingress_policy.md"),
    sources: &["CIS 5.3.2", "NSA Network separation", "MITRE T1046"],
    checks: &[Check::Pod(check)],
};

fn check(pod: &PodView<'_>, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    let policy = GroupKind::new("networking.k8s.io", "NetworkPolicy");
    // Policies do not hold in the node's network: host-network speaks about such Pods. Hidden policies are a gap.
    if pod.spec.host_network || !world.sees(&policy, pod.namespace()) || is_isolated(pod, world) {
        return;
    }
    let (severity, because) = match aggravation(pod, world, settings) {
        Some(because) => (Severity::High, because),
        None => (Severity::Medium, String::new()),
    };
    let message =
        format!("No NetworkPolicy isolates the Pod's ingress, so the whole cluster may reach it{because}");
    let observation = Observation::new(severity, "", field::of_pod(pod, "metadata.labels"), message)
        .absent()
        .caused_by(Cause::Kind(policy, pod.namespace().to_owned()));
    // Scheduling may still add labels that a policy selects on.
    let labels_may_change = pod.evidence == Evidence::Live && pod.spec.node_name.is_empty();
    sink.finding(if labels_may_change { observation.possible() } else { observation });
}

fn is_isolated(pod: &PodView<'_>, world: &World) -> bool {
    world
        .policies_in(pod.namespace())
        .any(|policy| policy.spec.isolates_ingress() && policy.spec.pod_selector.matches(pod.labels))
}

/// What makes it likelier that somebody gets in, or worse if they do.
fn aggravation(pod: &PodView<'_>, world: &World, settings: &Settings) -> Option<String> {
    let services = world.services_in(pod.namespace()).filter(|service| service.leads_to(pod.labels));
    if let Some(service) = services.map(|service| &service.metadata.name).min() {
        return Some(format!(", and Service {service} leads there"));
    }
    let rule = danger::of(pod, world, settings)?;
    Some(format!(", and it could do harm from there, see {} {}", rule.code, rule.id))
}
