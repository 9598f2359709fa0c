//! NS-001: a namespace that refuses no Pod.

use crate::finding::Severity;
use crate::model::namespace::Namespace;
use crate::model::world::World;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "missing-pod-security-enforcement",
    code: "NS-001",
    title: "A namespace does not enforce a Pod Security Standard",
    severity: Severity::Medium,
    reads: &[resources::NAMESPACES, resources::PODS],
    consults: &[],
    help: "Label the namespace pod-security.kubernetes.io/enforce: baseline, and restricted once its Pods comply",
    page: include_str!("missing_pod_security_enforcement.md"),
    sources: &["CIS 5.2.1", "NSA Pod security", "MITRE T1610"],
    checks: &[Check::Namespace(check)],
};

const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Modes that only tell.
const TELLING: [(&str, &str); 2] =
    [("pod-security.kubernetes.io/audit", "audits"), ("pod-security.kubernetes.io/warn", "warns")];

fn check(namespace: &Namespace, _world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    let labels = &namespace.metadata.labels;
    let what = match labels.get(ENFORCE).map(String::as_str) {
        None => "has no label that enforces a Pod Security Standard, so the API server's own default decides",
        Some("privileged") => "enforces the Pod Security Standard privileged, which refuses nothing",
        // A level that does not exist is enforced as restricted.
        Some(_) => return,
    };
    let telling = TELLING.iter().filter(|(label, _)| labels.get(*label).is_some_and(|it| it != "privileged"));
    let telling: Vec<&str> = telling.map(|(_, verb)| *verb).collect();
    let only = if telling.is_empty() {
        String::new()
    } else {
        format!("; it {}, which refuses nothing", telling.join(" and "))
    };
    let severity = if namespace.metadata.name == "kube-system" { Severity::Info } else { Severity::Medium };
    let message = format!("The namespace {what}{only}");
    sink.finding(Observation::new(severity, "", format!("metadata.labels[{ENFORCE}]"), message).absent());
}
