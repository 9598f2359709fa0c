//! RBAC-003: a subject that may write what becomes Pods.

use crate::finding::Severity;
use crate::model::access::Access;
use crate::model::access::permission::{Place, Target};
use crate::model::crd::Embedding;
use crate::model::world::World;
use crate::rules::shared::pod_producers::{Harm, Producer, is_ignored, known, producers};
use crate::rules::shared::power::{self, Case};
use crate::rules::{Check, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "workload-creation",
    code: "RBAC-003",
    title: "A subject may create or change what becomes Pods",
    severity: Severity::Critical,
    reads: &[
        resources::PODS,
        resources::SERVICE_ACCOUNTS,
        resources::ROLES,
        resources::CLUSTER_ROLES,
        resources::ROLE_BINDINGS,
        resources::CLUSTER_ROLE_BINDINGS,
        resources::CUSTOM_RESOURCE_DEFINITIONS,
    ],
    consults: &[resources::NAMESPACES],
    help: "Drop create, update and patch, or limit them to a namespace with Pod Security enforced",
    page: include_str!("workload_creation.md"),
    sources: &["CIS 5.1.4", "RBAC Good Practices: workload creation", "MITRE T1610", "MITRE T1053.007"],
    checks: &[Check::Access(check)],
};

fn check(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for case in power::cases(access, power::WRITE, world, settings) {
        let of = |target, verbs, harm| {
            case.over_any(target, verbs, severity(&case, harm)).into_iter().map(move |power| (harm, power))
        };
        let listed = producers().filter(|listed| case.held.knows(listed.target.group));
        let listed = listed.flat_map(|Producer { target, verbs, harm }| of(target, verbs, harm));
        let found = custom(&case, world, settings).flat_map(|(target, harm)| of(target, power::WRITE, harm));
        let (harms, powers): (Vec<_>, Vec<_>) = listed.chain(found).unzip();
        let worst = harms.into_iter().max().unwrap_or(Harm::None);
        case.report(&powers, why(worst), sink);
    }
}

fn severity(case: &Case<'_>, harm: Harm) -> Severity {
    let full = case.by_reach(Severity::Critical, Severity::High);
    match harm {
        Harm::AnyPod => full,
        Harm::OnceReferenced => full.lower(),
        Harm::Limited => Severity::Medium,
        Harm::RunsAgain => Severity::Low,
        Harm::None => Severity::Info,
    }
}

fn why(worst: Harm) -> &'static str {
    match worst {
        Harm::AnyPod => "whoever writes it chooses the Pods that come of it",
        Harm::OnceReferenced => "whoever writes it chooses the Pods of whatever refers to it",
        Harm::Limited => "Pods may come of it",
        Harm::RunsAgain => "it runs Pods of a template that is there already",
        Harm::None => "a template that nothing runs by itself",
    }
}

/// Custom resources of this cluster that nothing was known about before, of the groups that somebody grants.
fn custom<'a>(
    case: &Case<'_>,
    world: &'a World,
    settings: &'a Settings,
) -> impl Iterator<Item = (Target<'a>, Harm)> {
    let named = || settings.pod_producers.iter().filter_map(|name| name.split_once('.'));
    let unknown = world
        .pod_producers
        .iter()
        .filter(|((group, plural), _)| case.held.knows(group) && !is_ignored(group) && !known(group, plural))
        .filter(move |((group, plural), _)| !named().any(|name| name == (plural, group)));
    let place = |group: &str, plural: &str| {
        let found = world.pod_producers.get(&(group.to_owned(), plural.to_owned()));
        found.map_or(Place::Namespaced, |producer| producer.place)
    };
    let by_name = named().filter(|(plural, group)| case.held.knows(group) && !known(group, plural));
    let by_name = by_name.map(move |(plural, group)| {
        (Target { group, resource: plural, place: place(group, plural) }, Harm::AnyPod)
    });
    by_name.chain(unknown.map(|((group, plural), producer)| {
        let harm = match producer.embedding {
            Embedding::Opaque => Harm::Limited,
            Embedding::Containers | Embedding::Pod | Embedding::Observed => Harm::AnyPod,
        };
        (Target { group, resource: plural, place: producer.place }, harm)
    }))
}
