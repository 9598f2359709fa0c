//! NET-004: a Pod whose labels have changed so that other NetworkPolicies select it.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Cause, Severity};
use crate::model::meta::{LABELS_BY_CONTROLLERS, Map};
use crate::model::network::NetworkPolicy;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::{Evidence, PodView, World};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "policy-coverage-changed",
    code: "NET-004",
    title: "A changed label takes a Pod out of a NetworkPolicy, or into one",
    severity: Severity::High,
    reads: &[
        resources::PODS,
        resources::REPLICATION_CONTROLLERS,
        resources::REPLICA_SETS,
        resources::STATEFUL_SETS,
        resources::DAEMON_SETS,
        resources::JOBS,
        resources::NETWORK_POLICIES,
    ],
    consults: &[],
    help: "Let policies select by labels that no webhook touches, and make the webhook leave the others alone",
    page: include_str!("policy_coverage_changed.md"),
    sources: &["MITRE T1562.007"],
    checks: &[Check::Pod(check)],
};

/// Labels that scheduling gives to Pods besides those of the template, or instead of them.
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>
const LABELS_BY_SCHEDULING: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// What a changed label does to the policies that select the Pod.
#[derive(Default)]
struct Effect<'a> {
    lost: BTreeSet<&'a str>,
    gained: BTreeSet<&'a str>,
    opened: BTreeSet<&'static str>,
}

fn check(pod: &PodView<'_>, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    let Some(template) = pod.template.filter(|_| pod.evidence == Evidence::Live) else { return };
    // Scheduling sets the last labels. Policies do not hold in the node's network.
    if pod.spec.node_name.is_empty() || pod.spec.host_network {
        return;
    }
    let expected = expected(&template.metadata.labels, pod.labels);
    for (key, effect) in effects(&expected, pod, world) {
        sink.finding(observe(key, &effect, &expected, pod));
    }
}

/// The labels of the template, with those that are given to each Pod as they are.
fn expected(template: &Map, live: &Map) -> Map {
    let given = LABELS_BY_CONTROLLERS.iter().chain(&LABELS_BY_SCHEDULING);
    let given = given.filter_map(|key| Some(((*key).to_owned(), live.get(*key)?.clone())));
    template.clone().into_iter().chain(given).collect()
}

/// For each changed label: the policies that select the Pod no longer, or only now, and that ask for the label.
fn effects<'a>(expected: &Map, pod: &PodView<'_>, world: &'a World) -> BTreeMap<&'a str, Effect<'a>> {
    let selects = |policy: &NetworkPolicy, labels: &Map| policy.spec.pod_selector.matches(labels);
    let opened = opened(expected, pod, world);
    let mut effects: BTreeMap<&str, Effect<'_>> = BTreeMap::new();
    for policy in world.policies_in(pod.namespace()) {
        let (before, now) = (selects(policy, expected), selects(policy, pod.labels));
        if before == now {
            continue;
        }
        let keys = policy.spec.pod_selector.keys();
        for key in keys.into_iter().filter(|key| expected.get(*key) != pod.labels.get(*key)) {
            let effect = effects.entry(key).or_default();
            let name = policy.metadata.name.as_str();
            if before {
                effect.lost.insert(name);
                effect.opened.extend(directions(policy).filter(|direction| opened.contains(direction)));
            } else {
                effect.gained.insert(name);
            }
        }
    }
    effects
}

/// Directions that were isolated by the expected labels and are not any more.
fn opened(expected: &Map, pod: &PodView<'_>, world: &World) -> BTreeSet<&'static str> {
    let isolated = |labels: &Map| -> BTreeSet<&'static str> {
        let policies = world.policies_in(pod.namespace());
        policies.filter(|policy| policy.spec.pod_selector.matches(labels)).flat_map(directions).collect()
    };
    isolated(expected).difference(&isolated(pod.labels)).copied().collect()
}

fn directions(policy: &NetworkPolicy) -> impl Iterator<Item = &'static str> {
    let ingress = policy.spec.isolates_ingress().then_some("ingress");
    ingress.into_iter().chain(policy.spec.isolates_egress().then_some("egress"))
}

fn observe(key: &str, effect: &Effect<'_>, expected: &Map, pod: &PodView<'_>) -> Observation {
    let change = match (expected.get(key), pod.labels.get(key)) {
        (Some(before), Some(now)) => format!("Label {key} is {now:?} and {before:?} in the template"),
        (None, Some(now)) => format!("Label {key} is {now:?} and not in the template"),
        (_, None) => format!("Label {key} of the template is not there"),
    };
    let mut consequences = Vec::new();
    for (names, verb) in [(&effect.lost, "no longer selected by"), (&effect.gained, "now selected by")] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().copied().collect();
            consequences.push(format!("{verb} NetworkPolicy {}", names.join(", ")));
        }
    }
    let opened: Vec<&str> = effect.opened.iter().copied().collect();
    let (severity, open) = if opened.is_empty() {
        (Severity::Medium, String::new())
    } else {
        (Severity::High, format!(", and nothing isolates its {}", opened.join(" and ")))
    };
    let message = format!("{change}, so the Pod is {}{open}", consequences.join(" and "));
    let observation = Observation::new(severity, key, format!("metadata.labels[{key}]"), message);
    let kind = GroupKind::new("networking.k8s.io", "NetworkPolicy");
    let policies = effect.lost.union(&effect.gained);
    policies.fold(observation, |observation, name| {
        let policy = ObjectRef::new(&kind, pod.namespace(), *name);
        observation.caused_by(Cause::Object(policy))
    })
}
