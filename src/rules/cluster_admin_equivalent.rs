//! RBAC-001: a subject that may do everything.

use crate::finding::{Cause, Severity};
use crate::model::access::permission::{Names, Target};
use crate::model::access::{Access, Grant, Origin, RBAC_GROUP};
use crate::model::world::World;
use crate::rules::shared::power;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "cluster-admin-equivalent",
    code: "RBAC-001",
    title: "A subject may do everything",
    severity: Severity::Critical,
    reads: resources::ACCESS,
    consults: &[resources::NAMESPACES],
    help: "List the verbs, groups and resources that the subject needs, and bind it to a Role of its own",
    page: include_str!("cluster_admin_equivalent.md"),
    sources: &["CIS 5.1.1", "CIS 5.1.7", "MITRE T1078.001", "MITRE T1098.006"],
    checks: &[Check::Access(check)],
};

/// Only `*` itself covers it: an enumeration, however long, is no match.
const EVERYTHING: Target<'_> = Target::namespaced("*", "*");
/// Members bypass authorization altogether.
const MASTERS: &str = "system:masters";

fn check(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for case in power::cases(access, &["*"], world, settings) {
        let mut powers = case.over(EVERYTHING, &["*"], case.by_reach(Severity::Critical, Severity::High));
        powers.retain(|power| power.permission.names == Names::All);
        let why = case.by_reach(
            "that is as good as cluster-admin",
            "it owns the namespace and the Namespace object itself",
        );
        case.report(&powers, why, sink);
    }
    if access.subject.group == RBAC_GROUP && access.subject.kind == "Group" && access.subject.name == MASTERS
    {
        masters(access, world, settings, sink);
    }
}

/// The group can do everything already; what an application has to do with it is another question.
fn masters(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    let own: Vec<&Grant> = access.grants.iter().filter(|grant| grant.origin == Origin::Application).collect();
    let Some(first) = own.first() else { return };
    let wide = own.iter().any(|grant| power::is_wide(&grant.way.scope, world, settings));
    let severity = if wide { Severity::Critical } else { Severity::High };
    let message = format!(
        "The application binds a role to Group {MASTERS}, whose members bypass authorization: no rule can limit them"
    );
    let observation = Observation::new(severity, format!("group {MASTERS}"), "", message);
    let causes = first.way.binding.iter().chain([&first.way.role]).cloned().map(Cause::Object);
    sink.finding(causes.fold(observation, Observation::caused_by));
}
