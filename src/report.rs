//! Everything a reader needs of one run, and how it is written for people, for machines and into small places.
//!
//! Owns the wire types and the texts. Pure: facts in, strings out. Does not know how a verdict is reached, where a
//! report goes, or whether anybody reads it.

pub mod brief;
mod decided;
pub mod json;
mod palette;
mod printable;
pub mod summary;
pub mod text;
pub mod wire;
pub(crate) mod words;

use schemars::JsonSchema;
use serde::Serialize;

pub use palette::Colour;
pub use printable::{Printable, cut, printable};

use crate::engine;
use crate::exit::Exit;
use crate::verdict::Verdict;
use wire::{
    BySeverity, Counts, Excluded, Finding, Gap, IdleExclusions, Override, Phase, Rollback, Run, Unsettled,
};

/// `apiVersion` of the JSON report.
pub const API_VERSION: &str = "driftgate.dev/v1alpha1";

/// `kind` of the JSON report.
pub const KIND: &str = "GateReport";

/// One run of the gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "GateReport")]
pub struct Report {
    #[schemars(extend("const" = API_VERSION))]
    api_version: &'static str,
    #[schemars(extend("const" = KIND))]
    kind: &'static str,
    /// What was judged.
    pub application: wire::Application,
    /// Which run this is.
    pub run: Run,
    /// What the gate says; null where the run ended before it could say anything.
    pub verdict: Option<Verdict>,
    /// Exit code of the process: the gate's protocol towards the GitOps tool.
    exit_code: u8,
    #[serde(skip)]
    exit: Exit,
    /// Why, one sentence each, the deciding one first.
    pub reasons: Vec<Printable>,
    /// What follows for the deployment; null where that was not asked.
    pub rollback: Option<Rollback>,
    /// What the policy changes in the rules: parameters, severities, rules that are off.
    pub(crate) overrides: Vec<Override>,
    /// How much was judged and what came of it.
    counts: Counts,
    /// Findings that count, worst first: drift at or above the policy's `failAt`.
    pub(crate) drift: Vec<Finding>,
    /// Objects that have not settled.
    pub(crate) unsettled: Vec<Unsettled>,
    /// What could not be seen or judged; what a rule that can block needed to see comes first.
    gaps: Vec<Gap>,
    /// Findings covered by an exclusion, worst first.
    excluded: Vec<Excluded>,
    /// Findings that the baseline permits, worst first.
    accepted: Vec<Finding>,
    /// Findings that cannot block, worst first: below `failAt`, or not proven.
    below_threshold: Vec<Finding>,
    /// Findings about what is missing, or of templates, worst first: before the application has settled it may still
    /// come, or never be admitted.
    provisional: Vec<Finding>,
    /// Exclusions that cover nothing.
    idle_exclusions: IdleExclusions,
    /// Exclusions whose last day is near, the nearest first.
    expiring_exclusions: Vec<wire::Exclusion>,
    /// What went wrong beside the verdict, for instance a notification that could not be sent.
    pub warnings: Vec<Printable>,
    /// How long each phase took, in order.
    pub phases: Vec<Phase>,
}

impl Report {
    /// A report that says no more than how the run ended and why.
    pub fn new(application: wire::Application, run: Run, exit: Exit, reason: impl Into<Printable>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: KIND,
            application,
            run,
            verdict: None,
            exit_code: exit.code(),
            exit,
            reasons: vec![reason.into()],
            rollback: None,
            overrides: Vec::new(),
            counts: Counts::default(),
            drift: Vec::new(),
            unsettled: Vec::new(),
            gaps: Vec::new(),
            excluded: Vec::new(),
            accepted: Vec::new(),
            below_threshold: Vec::new(),
            provisional: Vec::new(),
            idle_exclusions: IdleExclusions::default(),
            expiring_exclusions: Vec::new(),
            warnings: Vec::new(),
            phases: Vec::new(),
        }
    }

    /// How the run ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// How much was judged.
    #[must_use]
    pub fn judged(mut self, judged: engine::Counts) -> Self {
        let engine::Counts { pods, templates, objects } = judged;
        self.counts = Counts { pods, templates, objects, ..self.counts };
        self
    }

    /// The findings that count, in any order.
    #[must_use]
    pub fn drift(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.drift = worst_first(findings, |finding| finding);
        self.counts.drift = BySeverity::of(self.drift.iter().map(|finding| finding.severity));
        self
    }

    /// The findings that the baseline permits, in any order.
    #[must_use]
    pub fn accepted(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.accepted = worst_first(findings, |finding| finding);
        self.counts.accepted = BySeverity::of(self.accepted.iter().map(|finding| finding.severity));
        self
    }

    /// The findings that cannot block, in any order.
    #[must_use]
    pub fn below_threshold(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.below_threshold = worst_first(findings, |finding| finding);
        self.counts.below_threshold =
            BySeverity::of(self.below_threshold.iter().map(|finding| finding.severity));
        self
    }

    /// The findings that do not count before the application has settled, in any order.
    #[must_use]
    pub fn provisional(mut self, findings: impl IntoIterator<Item = Finding>) -> Self {
        self.provisional = worst_first(findings, |finding| finding);
        self.counts.provisional = BySeverity::of(self.provisional.iter().map(|finding| finding.severity));
        self
    }

    /// The excluded findings, in any order.
    #[must_use]
    pub fn excluded(mut self, excluded: impl IntoIterator<Item = Excluded>) -> Self {
        self.excluded = worst_first(excluded, |excluded| &excluded.finding);
        self.counts.excluded = BySeverity::of(self.excluded.iter().map(|excluded| excluded.finding.severity));
        self
    }

    /// What could not be seen, in any order.
    #[must_use]
    pub fn gaps(mut self, gaps: impl IntoIterator<Item = impl Into<Gap>>) -> Self {
        self.gaps = gaps.into_iter().map(Into::into).collect();
        self.gaps.sort_by(|left, right| right.blinding.cmp(&left.blinding).then_with(|| left.cmp(right)));
        self
    }

    /// The objects that have not settled, in any order.
    #[must_use]
    pub fn unsettled(mut self, unsettled: impl IntoIterator<Item = impl Into<Unsettled>>) -> Self {
        self.unsettled = unsettled.into_iter().map(Into::into).collect();
        self.unsettled.sort();
        self
    }

    /// The exclusions that cover nothing, in any order.
    #[must_use]
    pub fn idle_exclusions(mut self, mut idle: IdleExclusions) -> Self {
        idle.expired.sort_by(|left, right| right.findings.cmp(&left.findings).then(left.cmp(right)));
        idle.unused.sort();
        self.idle_exclusions = idle;
        self
    }

    /// The exclusions whose last day is near, in any order.
    #[must_use]
    pub fn expiring_exclusions(mut self, expiring: impl IntoIterator<Item = wire::Exclusion>) -> Self {
        self.expiring_exclusions = expiring.into_iter().collect();
        self.expiring_exclusions.sort_by(|one, other| (&one.expires, one).cmp(&(&other.expires, other)));
        self
    }

    /// `argocd/shop at 4f2c91e`.
    fn whereabouts(&self) -> String {
        match &self.application.revision {
            Some(revision) => format!("{} at {}", self.application.name, short(revision.as_str())),
            None => self.application.name.to_string(),
        }
    }
}

/// Worst first, among them those that ask for a rollback; equally bad ones by what they are about, so that the order never depends on the caller's.
fn worst_first<T>(items: impl IntoIterator<Item = T>, finding: impl Fn(&T) -> &Finding) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_by(|left, right| order(finding(left)).cmp(&order(finding(right))));
    items
}

fn order(finding: &Finding) -> impl Ord + '_ {
    let Finding { severity, certainty, rolls_back, novelty, subject, rule, container, value, path, .. } =
        finding;
    let worst = std::cmp::Reverse((*severity, *certainty, *rolls_back));
    (worst, *novelty, subject, *rule, container, value, path, finding)
}

/// A revision for people: hashes as short as Git prints them.
fn short(revision: &str) -> String {
    let mut out = String::with_capacity(revision.len());
    for piece in revision.split_inclusive(|char: char| !char.is_ascii_hexdigit()) {
        let hash = piece.trim_end_matches(|char: char| !char.is_ascii_hexdigit());
        let (hash, rest) = piece.split_at(hash.len());
        let shown = if matches!(hash.len(), 40 | 64) { &hash[..7] } else { hash };
        out.push_str(shown);
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
pub mod samples;
#[cfg(test)]
mod tests;
