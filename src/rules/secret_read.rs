//! RBAC-004: a subject that may read Secrets.

use crate::finding::Severity;
use crate::model::access::Access;
use crate::model::access::permission::{Names, Target};
use crate::model::world::World;
use crate::rules::shared::power;
use crate::rules::{Check, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "secret-read",
    code: "RBAC-004",
    title: "A subject may read Secrets",
    severity: Severity::Critical,
    reads: resources::ACCESS,
    consults: &[resources::NAMESPACES],
    help: "Mount the Secrets that are needed, or limit get with resourceNames",
    page: include_str!("secret_read.md"),
    sources: &["CIS 5.1.2", "RBAC Good Practices: listing secrets", "MITRE T1552.007"],
    checks: &[Check::Access(check)],
};

const SECRETS: Target<'_> = Target::namespaced("", "secrets");
/// The answer holds every Secret; that of deletecollection too, and a dry run deletes none.
const IN_BULK: &[&str] = &["list", "watch", "deletecollection"];
/// The answer is the Secret as it is stored; its name has to be known or guessed.
const BY_NAME: &[&str] = &["get", "patch"];
const VERBS: &[&str] = &["get", "list", "watch", "patch", "deletecollection"];
const WHY: &str = "the answer holds the values of the Secrets";

fn check(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for case in power::cases(access, VERBS, world, settings) {
        let in_bulk = case.over(SECRETS, IN_BULK, case.by_reach(Severity::Critical, Severity::High));
        let by_name = case.over(SECRETS, BY_NAME, Severity::High);
        let mut powers = [in_bulk, by_name].concat();
        for power in &mut powers {
            power.severity = match power.permission.names {
                Names::All => power.severity,
                Names::Only(_) => Severity::Medium,
            };
        }
        case.report(&powers, WHY, sink);
    }
}
