//! Whether a Pod could do harm once somebody is in it, in the words of the rules about workloads.
//!
//! Asks the catalogue for the whole family; knows none of its rules by name.

use crate::finding::{Certainty, Severity};
use crate::model::world::{PodView, World};
use crate::rules::{Check, RULES, Rule, Settings, Sink};

/// The first rule about workloads that is certain of something high or worse in the Pod.
pub(crate) fn of(pod: &PodView<'_>, world: &World, settings: &Settings) -> Option<&'static Rule> {
    let family = RULES.iter().copied().filter(|rule| rule.code.starts_with("WL-"));
    family.into_iter().find(|rule| weighs(rule, pod, world, settings))
}

fn weighs(rule: &'static Rule, pod: &PodView<'_>, world: &World, settings: &Settings) -> bool {
    let (mut findings, mut gaps) = (Vec::new(), Vec::new());
    let mut sink = Sink {
        rule,
        subject: pod.root,
        object: pod.object,
        evidence: pod.evidence,
        pod: Some(pod.spec),
        findings: &mut findings,
        gaps: &mut gaps,
    };
    for check in rule.checks {
        if let Check::Pod(judge) = check {
            judge(pod, world, settings, &mut sink);
        }
    }
    findings
        .iter()
        .any(|finding| finding.severity >= Severity::High && finding.certainty == Certainty::Certain)
}
