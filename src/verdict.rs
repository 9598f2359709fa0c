//! From an evaluation to a verdict: what blocks, what asks for a rollback, and why.
//!
//! Owns the order of precedence and the conditions of a rollback. Pure: the date, the record and whether the
//! application has settled are handed in. Does not know how anything was collected, or how it is shown.

mod gaps;
mod novelty;
mod reasons;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::declared::Digest;
use crate::engine::Evaluation;
use crate::exclusion::{Exclusion, Expired, Ledger, NearMiss};
use crate::finding::{Certainty, Finding, Gap, Presence};
use crate::model::reference::ObjectRef;
use crate::model::world::Evidence;
use crate::plan::Plan;
use crate::policy::{Override, Policy};
use crate::record::Record;
use crate::rules::Rule;
use crate::scope::HookPhase;

use novelty::Changes;
pub use novelty::Novelty;

/// What the gate says; ordered by precedence, the last wins.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No drift at or above `failAt`.
    Pass,
    /// Gaps where a rule at or above `failAt` needed to see.
    Inconclusive,
    /// Not settled before the deadline.
    NotSettled,
    /// Drift at or above `failAt`, where no rollback is wanted.
    Blocked,
    /// Drift at or above `rollbackAt`, proven, new, and brought by the source.
    Critical,
}

impl Verdict {
    /// Lower-case words, as in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::NotSettled => "not settled",
            Self::Blocked => "blocked",
            Self::Critical => "critical",
        }
    }

    /// What follows for the deployment; `good` is the revision on record.
    pub fn plan(self, good: Option<&str>) -> Plan {
        match self {
            Self::Pass => Plan::Nothing,
            Self::Inconclusive | Self::NotSettled | Self::Blocked => Plan::FailSync,
            Self::Critical => Plan::RollBack { to: good.map(String::from) },
        }
    }
}

/// All that a verdict depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What the rules say.
    pub evaluation: &'a Evaluation,
    /// Thresholds and exclusions.
    pub policy: &'a Policy,
    /// The rules that ran.
    pub rules: &'a [&'static Rule],
    /// The last revision that passed.
    pub record: Option<&'a Record>,
    /// What the source declares now.
    pub declared: &'a BTreeMap<ObjectRef, Digest>,
    /// The application's own objects.
    pub owned: &'a BTreeSet<ObjectRef>,
    /// Whatever changes Pods on their way in, each with something that changes when it changes: to name who may have
    /// brought a finding, never to decide.
    pub injectors: &'a BTreeMap<ObjectRef, String>,
    /// When in the operation the gate runs; none outside one, where nothing follows for a deployment.
    pub hook: Option<HookPhase>,
    /// Whether the application has settled; a SyncFail hook does not wait for that.
    pub settled: bool,
    /// The date against which exclusions expire.
    pub today: Date,
}

/// A finding that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// Against the record.
    pub novelty: Novelty,
    /// True if it asks for a rollback.
    pub rolls_back: bool,
    /// The exclusion that comes nearest, for the worst findings.
    pub near: Option<NearMiss>,
}

/// For so many findings the nearest exclusion is looked for: more than anybody reads.
const EXPLAINED: usize = 100;

/// A verdict and all that it rests on. Every finding is in exactly one of the five lists.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, one sentence each, the deciding one first.
    pub reasons: Vec<String>,
    /// Findings that count.
    pub drift: Vec<Drift<'a>>,
    /// Findings covered by an exclusion, with the entry.
    pub excluded: Vec<(&'a Finding, &'a Exclusion)>,
    /// Findings that the baseline permits.
    pub accepted: Vec<&'a Finding>,
    /// True if it is the first run that accepted them: the pass must go on record.
    pub founds_a_baseline: bool,
    /// Findings below `failAt`, or not proven.
    pub below: Vec<&'a Finding>,
    /// Findings about what is missing, or of templates, on an application that has not settled: it may still come.
    pub provisional: Vec<&'a Finding>,
    /// Gaps that keep the verdict from being a pass.
    pub blinding: Vec<&'a Gap>,
    /// Exclusions past their last day.
    pub expired: Vec<Expired<'a>>,
    /// Exclusions that speak of this application and cover nothing.
    pub unused: Vec<&'a Exclusion>,
    /// Exclusions that this application needs or that speak of it, and whose last day is near.
    pub expiring: Vec<&'a Exclusion>,
    /// What the policy changes in the rules.
    pub overrides: Vec<Override>,
    /// What follows.
    pub plan: Plan,
}

/// Decides.
pub fn decide<'a>(inputs: &Inputs<'a>) -> Decision<'a> {
    let mut ledger = Ledger::new(&inputs.policy.exclusions, inputs.today);
    let changes = Changes::since(inputs);
    let mut decision = Decision {
        verdict: Verdict::Pass,
        reasons: Vec::new(),
        drift: Vec::new(),
        excluded: Vec::new(),
        accepted: Vec::new(),
        founds_a_baseline: false,
        below: Vec::new(),
        provisional: Vec::new(),
        blinding: Vec::new(),
        expired: Vec::new(),
        unused: Vec::new(),
        expiring: Vec::new(),
        overrides: inputs.policy.overrides(),
        plan: Plan::Nothing,
    };
    for finding in inputs.evaluation.findings.values() {
        if let Some(exclusion) = ledger.cover(finding) {
            decision.excluded.push((finding, exclusion));
        } else if finding.severity < inputs.policy.fail_at || finding.certainty == Certainty::Possible {
            decision.below.push(finding);
        } else if inputs.is_provisional(finding) {
            decision.provisional.push(finding);
        } else if inputs.accepts(finding) {
            decision.accepted.push(finding);
        } else {
            let novelty = changes.novelty(finding);
            let rolls_back = inputs.rolls_back(finding, &novelty);
            decision.drift.push(Drift { finding, novelty, rolls_back, near: None });
        }
    }
    decision.founds_a_baseline = inputs.record.is_none() && !decision.accepted.is_empty();
    explain(&mut decision.drift, inputs);
    decision.expired = ledger.expired();
    decision.unused = ledger.unused(inputs.owned);
    decision.expiring = ledger.expiring(inputs.owned);
    decision.blinding = gaps::blinding(inputs);
    decision.verdict = verdict(inputs, &decision);
    decision.reasons = reasons::reasons(inputs, &decision);
    decision.plan = decision.verdict.plan(inputs.record.and_then(|record| record.revision.as_deref()));
    decision
}

/// Says of the worst findings why no exclusion covers them.
fn explain(drift: &mut [Drift<'_>], inputs: &Inputs<'_>) {
    let mut worst: Vec<&mut Drift<'_>> = drift.iter_mut().collect();
    worst.sort_by_key(|drift| std::cmp::Reverse((drift.finding.severity, drift.rolls_back)));
    for drift in worst.into_iter().take(EXPLAINED) {
        drift.near = inputs.policy.exclusions.nearest(drift.finding, inputs.today);
    }
}

fn verdict(inputs: &Inputs<'_>, decision: &Decision<'_>) -> Verdict {
    if decision.drift.iter().any(|drift| drift.rolls_back) {
        Verdict::Critical
    } else if !decision.drift.is_empty() {
        Verdict::Blocked
    } else if inputs.waits() {
        Verdict::NotSettled
    } else if !decision.blinding.is_empty() || inputs.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    }
}

impl Inputs<'_> {
    /// True if the gate had to wait and did not see the application settle.
    fn waits(&self) -> bool {
        self.hook != Some(HookPhase::SyncFail) && !self.settled
    }

    /// True if the baseline permits the finding, or will when it is made.
    fn accepts(&self, finding: &Finding) -> bool {
        self.policy.mode.has_baseline()
            && match self.record {
                Some(record) => record.accepts(finding),
                None => self.policy.first_run.accepts(finding.severity),
            }
    }

    /// True if there was nothing to judge: no Pod, no template, no object of the application's own.
    fn is_empty(&self) -> bool {
        let counts = self.evaluation.counts;
        counts.pods == 0 && counts.templates == 0 && self.owned.is_empty()
    }

    /// What is missing may still come, and what a template says may not be admitted: neither counts before the
    /// application has settled.
    fn is_provisional(&self, finding: &Finding) -> bool {
        let unsettled = self.hook == Some(HookPhase::SyncFail) || !self.settled;
        unsettled && (finding.presence == Presence::Absent || finding.evidence != Evidence::Live)
    }

    /// A rollback is right only for what is bad enough, in the cluster and not in a list, proven on a live object, on an application that has settled
    /// or never will, new, and brought by the source.
    fn rolls_back(&self, finding: &Finding, novelty: &Novelty) -> bool {
        let helps = match novelty {
            Novelty::Brought { .. } => true,
            Novelty::Unrecorded => self.policy.rollback.without_baseline,
            Novelty::Known | Novelty::Outside { .. } => false,
        };
        helps
            && self.policy.rollback.mode.unwrap_or_default().acts()
            && !finding.is_about_a_policy()
            && finding.severity >= self.policy.rollback_at
            && finding.certainty == Certainty::Certain
            && finding.evidence == Evidence::Live
            && !self.waits()
    }
}

#[cfg(test)]
mod tests;
