//! The verdict in sentences, the deciding one first.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::Severity;
use crate::model::world::Evidence;
use crate::policy::RollbackMode;
use crate::scope::HookPhase;
use crate::verdict::{Decision, Drift, Inputs, Novelty, Verdict};

/// Most outsiders that are named, a sentence each.
const OUTSIDERS: usize = 5;

/// Why the verdict is what it is.
pub(super) fn reasons(inputs: &Inputs<'_>, decision: &Decision<'_>) -> Vec<String> {
    let mut reasons = match decision.verdict {
        Verdict::Critical => critical(inputs, decision),
        Verdict::Blocked => blocked(inputs, decision),
        Verdict::NotSettled => vec!["the application did not settle before the deadline".to_owned()],
        Verdict::Inconclusive => inconclusive(inputs, decision),
        Verdict::Pass => vec![passed(inputs, decision)],
    };
    if decision.verdict > Verdict::NotSettled && inputs.waits() {
        reasons.push(
            "the application did not settle before the deadline, so no rollback is asked for".to_owned(),
        );
    }
    if decision.verdict > Verdict::Inconclusive && !decision.blinding.is_empty() {
        reasons.push(format!("{} could not be seen besides", count(decision.blinding.len(), "thing")));
    }
    if !decision.provisional.is_empty() {
        let findings = count(decision.provisional.len(), "finding");
        reasons.push(format!("{findings} about what may still come or was never admitted did not count"));
    }
    reasons
}

fn critical(inputs: &Inputs<'_>, decision: &Decision<'_>) -> Vec<String> {
    let rolling: Vec<_> = decision.drift.iter().filter(|drift| drift.rolls_back).collect();
    let findings = worst_of(&rolling);
    let mut reasons = vec![match inputs.record {
        Some(record) => format!("{findings}: new since {record}, and brought by this revision"),
        None => format!("{findings}; the policy asks for a rollback without a good revision on record"),
    }];
    if inputs.policy.rollback.mode == Some(RollbackMode::Freeze) {
        reasons.push(
            "`rollback.mode` is freeze: the application is left as it is, and does not go back".to_owned(),
        );
    }
    reasons
}

fn blocked(inputs: &Inputs<'_>, decision: &Decision<'_>) -> Vec<String> {
    let all: Vec<_> = decision.drift.iter().collect();
    let fail_at = inputs.policy.fail_at;
    let mut reasons = vec![format!("{} at or above failAt {fail_at}", worst_of(&all))];
    if inputs.hook.is_none() {
        return reasons;
    }
    let bad_enough = |drift: &&Drift<'_>| drift.finding.severity >= inputs.policy.rollback_at;
    let would: Vec<_> = decision.drift.iter().filter(bad_enough).collect();
    if would.is_empty() {
        reasons.push(format!(
            "nothing is at or above rollbackAt {}, so no rollback is asked for",
            inputs.policy.rollback_at
        ));
        return reasons;
    }
    if would.iter().any(|drift| drift.novelty == Novelty::Unrecorded) {
        reasons.push("no good revision is on record, so going back could not be known to help".to_owned());
    }
    if would.iter().any(|drift| drift.novelty == Novelty::Known) {
        reasons.push("the last revision that passed had it too, so going back would not help".to_owned());
    }
    reasons.extend(outsiders(&would));
    let helps = |drift: &Drift<'_>| matches!(drift.novelty, Novelty::Brought { .. });
    let mode = inputs.policy.rollback.mode.unwrap_or_default();
    if !mode.acts() && would.iter().any(|drift| helps(drift)) {
        reasons.push(format!("`rollback.mode` is {}, so no rollback is asked for", mode.as_str()));
    }
    if would.iter().any(|drift| helps(drift) && drift.finding.evidence == Evidence::Template) {
        reasons.push("what only a template says was never admitted, so no rollback is asked for".to_owned());
    }
    reasons
}

/// One sentence for everything that one outsider brought, for a few outsiders at most.
fn outsiders(would: &[&Drift<'_>]) -> Vec<String> {
    let mut brought: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for drift in would {
        if let Novelty::Outside { by } = &drift.novelty {
            brought.entry(by).or_default().insert(drift.finding.identity.rule);
        }
    }
    let more = brought.len().saturating_sub(OUTSIDERS);
    let sentence = |(by, rules): (&str, BTreeSet<&str>)| {
        let them = if rules.len() == 1 { "it" } else { "them" };
        let rules = rules.into_iter().collect::<Vec<_>>().join(", ");
        format!("{rules}: this revision did not bring {them}, {by} did; going back cannot cure {them}")
    };
    let mut sentences: Vec<_> = brought.into_iter().take(OUTSIDERS).map(sentence).collect();
    if more > 0 {
        sentences.push(format!("{more} others brought more that this revision did not bring"));
    }
    sentences
}

fn inconclusive(inputs: &Inputs<'_>, decision: &Decision<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if !decision.blinding.is_empty() {
        let things = count(decision.blinding.len(), "thing");
        reasons.push(format!("{things} that a blocking rule needs could not be seen, so this is no pass"));
    }
    if inputs.is_empty() {
        reasons.push(
            "nothing to judge: no Pod, template or other object of the application was found; look at the \
             application's name, its tracking and the namespaces"
                .to_owned(),
        );
    }
    reasons
}

fn passed(inputs: &Inputs<'_>, decision: &Decision<'_>) -> String {
    let fail_at = inputs.policy.fail_at;
    let told = |findings: usize, how: &str| match findings {
        0 => String::new(),
        findings => format!(", {} {how}", count(findings, "finding")),
    };
    let baseline = if inputs.record.is_some() { "in the baseline" } else { "accepted into the baseline" };
    let covered = told(decision.excluded.len(), "covered by exclusions");
    let covered = covered + &told(decision.accepted.len(), baseline);
    match inputs.hook {
        Some(HookPhase::PostSync | HookPhase::HealthCheck | HookPhase::HelmTest) | None => {
            format!("no drift at or above {fail_at}{covered}")
        }
        Some(HookPhase::SyncFail) => {
            format!("the sync failed, but nothing live is at or above {fail_at}{covered}")
        }
    }
}

/// `2 critical findings`, or `1 critical and 2 high findings`.
fn worst_of(drift: &[&Drift<'_>]) -> String {
    let of = |severity: Severity| drift.iter().filter(|drift| drift.finding.severity == severity).count();
    let parts: Vec<String> = Severity::WORST_FIRST
        .into_iter()
        .filter(|severity| of(*severity) > 0)
        .map(|severity| format!("{} {severity}", of(severity)))
        .collect();
    let noun = if drift.len() == 1 { "finding" } else { "findings" };
    format!("{} {noun}", parts.join(" and "))
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
