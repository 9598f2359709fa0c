//! RBAC-008: a subject that may create, change or delete Services.

use crate::finding::Severity;
use crate::model::access::Access;
use crate::model::access::permission::{Names, Target};
use crate::model::world::World;
use crate::rules::shared::power::{self, Case, Power};
use crate::rules::shared::webhook_backend;
use crate::rules::{Check, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "service-write",
    code: "RBAC-008",
    title: "A subject may create, change or delete Services",
    severity: Severity::High,
    reads: resources::ACCESS,
    consults: &[resources::NAMESPACES, resources::MUTATING_WEBHOOKS, resources::VALIDATING_WEBHOOKS],
    help: "Leave Services to Git: drop the verbs, and refuse external IPs by an admission policy",
    page: include_str!("service_write.md"),
    sources: &["CVE-2020-8554", "MITRE T1557", "MITRE T1133", "MITRE T1499"],
    checks: &[Check::Access(check)],
};

const SERVICES: Target<'_> = Target::namespaced("", "services");
const VERBS: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const WHY: &str = "a Service can draw other Pods' traffic to itself, or take it away";
const TAKEOVER: &str = "it can replace the Service of an admission webhook by one of its own";

fn check(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for case in power::cases(access, VERBS, world, settings) {
        let mut powers = case.over(SERVICES, VERBS, Severity::Medium);
        let takes_over = is_backend(&case, world) && replaces(&powers);
        let sensitive = case.namespace().is_some() && case.by_reach(true, false);
        if takes_over || sensitive {
            for power in &mut powers {
                power.severity = Severity::High;
            }
        }
        case.report(&powers, if takes_over { TAKEOVER } else { WHY }, sink);
    }
}

fn is_backend(case: &Case<'_>, world: &World) -> bool {
    let webhooks = world.mutating_webhooks.iter().chain(&world.validating_webhooks);
    case.namespace().is_some_and(|namespace| webhook_backend::is_in(namespace, webhooks))
}

/// True if the powers delete a Service and create one under the same name.
fn replaces(powers: &[Power<'_>]) -> bool {
    let of = |verbs: &'static [&'static str]| powers.iter().filter(|power| verbs.contains(&power.verb));
    of(&["create"]).any(|create| {
        of(&["delete", "deletecollection"]).any(|delete| {
            match (&create.permission.names, &delete.permission.names) {
                (Names::Only(made), Names::Only(gone)) => !made.is_disjoint(gone),
                (Names::All, _) | (_, Names::All) => true,
            }
        })
    })
}
