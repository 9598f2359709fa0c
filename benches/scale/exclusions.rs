//! Findings against a long list of exclusions, written as people write them: half of them about one object, the others
//! by pattern, by namespace, or for a sidecar wherever it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use driftgate::engine::Evaluation;
use driftgate::finding::{Certainty, Finding, Identity, Presence, Provenance, Severity};
use driftgate::model::reference::{GroupKind, ObjectRef};
use driftgate::model::world::Evidence;
use driftgate::policy::{self, Policy};
use driftgate::rules::{RULES, Rule};
use driftgate::verdict::{Inputs, decide};

use crate::run;

/// Decides about findings, of which about a quarter is covered; yields how many.
fn decide_about(policy: &Policy, evaluation: &Evaluation) -> u64 {
    let (declared, owned, injectors) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
    let decision = decide(&Inputs {
        evaluation,
        policy,
        rules: RULES,
        record: None,
        declared: &declared,
        owned: &owned,
        injectors: &injectors,
        hook: None,
        settled: true,
        today: "2026-11-24".parse().unwrap(),
    });
    decision.excluded.len() as u64
}

/// Measures the decision alone; the policy has been read, and the findings are there.
pub(crate) fn decide_measured(entries: usize, findings: usize) {
    let policy = policy::parse(&[("policy.yaml", list(entries))]).unwrap();
    let mut evaluation = Evaluation::default();
    evaluation.add((0..findings).map(finding));
    run::counted(|| decide_about(&policy, &evaluation));
}

/// Rules whose findings have no container are left out.
fn rule(number: usize) -> &'static Rule {
    let about_containers: Vec<_> = RULES.iter().filter(|rule| rule.code.starts_with("WL-")).collect();
    about_containers[number % about_containers.len()]
}

fn owner(number: usize) -> (String, String) {
    (format!("team-{}", number % 40), format!("app-{}", number % 4_000))
}

fn finding(number: usize) -> Finding {
    let (namespace, name) = owner(number);
    let subject = ObjectRef::new(&GroupKind::new("apps", "Deployment"), &namespace, &name);
    let rule = rule(number / 4_000);
    Finding {
        identity: Identity {
            rule: rule.id,
            subject: subject.clone(),
            container: Some("web".to_owned()),
            value: format!("value-{}", number % 7),
        },
        code: rule.code,
        severity: Severity::High,
        certainty: Certainty::Certain,
        evidence: Evidence::Live,
        presence: Presence::Present,
        object: subject,
        path: String::new(),
        message: String::new(),
        help: "",
        causes: Vec::new(),
        parts: Vec::new(),
        count: 1,
        images: [format!("registry.example/team/web:{number}")].into(),
        provenance: [Provenance::Declared].into(),
    }
}

/// A policy with that many entries.
fn list(entries: usize) -> String {
    let mut text = "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  exclusions:".to_owned();
    text.push_str(if entries == 0 { " []\n" } else { "\n" });
    for number in 0..entries {
        let (namespace, name) = owner(number * 7);
        let id = rule(number).id;
        let subject = match number % 8 {
            0..4 => format!("subject: {{owner: apps/Deployment {namespace}/{name}}}, container: web"),
            4 | 5 => format!("subject: {{namespace: {namespace}, name: {name}*}}, container: w*"),
            6 => format!("subject: {{namespace: {namespace}}}, container: web, value: value-{}", number % 7),
            _ => format!("container: mesh-{number}, image: registry.example/mesh/{number}"),
        };
        writeln!(text, "  - {{rule: {id}, {subject}, reason: r, owner: o, expires: 2099-01-01}}").unwrap();
    }
    text
}
