//! RBAC-002: a subject that may create Pods.

use crate::finding::Severity;
use crate::model::access::Access;
use crate::model::access::permission::Target;
use crate::model::world::World;
use crate::rules::shared::power;
use crate::rules::{Check, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "pod-creation",
    code: "RBAC-002",
    title: "A subject may create Pods",
    severity: Severity::Critical,
    reads: resources::ACCESS,
    consults: &[resources::NAMESPACES],
    help: "Drop create on pods, or give the subject a namespace of its own with Pod Security enforced",
    page: include_str!("pod_creation.md"),
    sources: &["CIS 5.1.4", "RBAC Good Practices: workload creation", "MITRE T1610"],
    checks: &[Check::Access(check)],
};

const PODS: Target<'_> = Target::namespaced("", "pods");
const WHY: &str = "a Pod can mount any Secret and run as any ServiceAccount of its namespace";

fn check(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for case in power::cases(access, power::WRITE, world, settings) {
        let severity = case.by_reach(Severity::Critical, Severity::High);
        case.report(&case.over(PODS, &["create"], severity), WHY, sink);
    }
}
