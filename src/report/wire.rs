//! The shape of the JSON report: what other programs may rely on.
//!
//! Owns names, order and meaning of fields. Core types do not appear here, so that they may change without breaking
//! a reader. Does not know how a verdict is reached or how a report is shown to people.

mod finding;

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

pub use finding::{Evidence, Finding, NearMiss, Novelty, Object, Origin, Source};

use crate::exclusion;
use crate::finding::{Gap as Hidden, GapReason, GapScope, Severity};
use crate::policy;
use crate::report::Printable;
use crate::settling;

/// The application that was judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// `NAMESPACE/NAME` of the GitOps object, or words for a selection made by hand.
    pub name: Printable,
    /// Deployed revision; several, comma-separated, for several sources.
    pub revision: Option<Printable>,
}

/// Which run this is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Tells runs apart, also across clusters; the same id is in every log line.
    pub id: Printable,
    /// Phase of the hook that runs the gate, for instance PostSync; null outside a hook.
    pub hook: Option<Printable>,
}

/// How much was judged and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Live Pods.
    pub pods: u64,
    /// Templates whose Pods do not exist now.
    pub templates: u64,
    /// Other objects.
    pub objects: u64,
    /// Drift by severity.
    pub drift: BySeverity,
    /// Findings covered by an exclusion, by severity.
    pub excluded: BySeverity,
    /// Findings that the baseline permits, by severity.
    pub accepted: BySeverity,
    /// Findings that cannot block, by severity.
    pub below_threshold: BySeverity,
    /// Findings that do not count before the application has settled, by severity.
    pub provisional: BySeverity,
}

/// Numbers of findings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BySeverity {
    /// Takeover from this object alone.
    pub critical: u64,
    /// One step from takeover, or bulk exposure.
    pub high: u64,
    /// Removes a layer of defence.
    pub medium: u64,
    /// Hygiene.
    pub low: u64,
    /// Worth knowing.
    pub info: u64,
}

impl BySeverity {
    /// Counts.
    pub fn of(severities: impl IntoIterator<Item = Severity>) -> Self {
        let mut counts = Self::default();
        for severity in severities {
            *match severity {
                Severity::Critical => &mut counts.critical,
                Severity::High => &mut counts.high,
                Severity::Medium => &mut counts.medium,
                Severity::Low => &mut counts.low,
                Severity::Info => &mut counts.info,
            } += 1;
        }
        counts
    }

    /// The number of one severity.
    pub fn get(self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Info => self.info,
        }
    }

    /// `2 critical, 1 high`; empty without findings.
    pub fn words(self) -> String {
        let worst_first = Severity::WORST_FIRST.into_iter().map(|severity| (self.get(severity), severity));
        let words: Vec<String> = worst_first
            .filter(|(count, _severity)| *count > 0)
            .map(|(count, severity)| format!("{count} {severity}"))
            .collect();
        words.join(", ")
    }
}

/// What a policy changes in the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Override {
    /// Where it is written: `file:line`.
    pub at: Printable,
    /// What it does, in words.
    pub what: Printable,
}

impl From<&policy::Override> for Override {
    fn from(of: &policy::Override) -> Self {
        Self { at: format!("{}:{}", of.at.file, of.at.line).into(), what: Printable::new(&of.what) }
    }
}

/// A finding covered by an exclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Excluded {
    /// The finding.
    pub finding: Finding,
    /// What covers it.
    pub exclusion: Exclusion,
}

/// One entry of an exclusion list.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exclusion {
    /// Where it is written: `file:line`.
    pub at: Printable,
    /// Rule it covers.
    pub rule: Printable,
    /// Why it is allowed.
    pub reason: Printable,
    /// Who answers for it.
    pub owner: Printable,
    /// Where more about it is written; null where the entry does not say.
    pub ticket: Option<Printable>,
    /// Last day it holds: YYYY-MM-DD.
    pub expires: Printable,
}

impl From<&exclusion::Exclusion> for Exclusion {
    fn from(exclusion: &exclusion::Exclusion) -> Self {
        Self {
            at: format!("{}:{}", exclusion.at.file, exclusion.at.line).into(),
            rule: exclusion.rule.into(),
            reason: Printable::new(&exclusion.reason),
            owner: Printable::new(&exclusion.owner),
            ticket: exclusion.ticket.as_ref().map(Printable::new),
            expires: exclusion.expires.to_string().into(),
        }
    }
}

/// Exclusions that cover nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdleExclusions {
    /// Past their last day, those that would still cover something first.
    pub expired: Vec<Expired>,
    /// Nothing they would cover was found.
    pub unused: Vec<Exclusion>,
}

/// An exclusion past its last day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expired {
    /// How many findings of this run it would have covered; they count as drift.
    pub findings: u64,
    /// The entry.
    pub exclusion: Exclusion,
}

impl From<&exclusion::Expired<'_>> for Expired {
    fn from(expired: &exclusion::Expired<'_>) -> Self {
        Self { findings: expired.findings, exclusion: expired.exclusion.into() }
    }
}

/// What could not be seen or judged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// What is hidden; null for the application's own list of objects.
    pub object: Option<Object>,
    /// Rule that could not judge the object; null where the object itself is hidden.
    pub rule: Option<&'static str>,
    /// Why.
    pub reason: GapReason,
    /// The cause's own words.
    pub detail: Printable,
    /// True if a rule that can block needed to see it, so that the verdict is no pass.
    pub blinding: bool,
    #[serde(skip)]
    pub(super) text: Printable,
}

/// All of it as one line.
impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

impl From<&Hidden> for Gap {
    fn from(gap: &Hidden) -> Self {
        let (object, rule) = match &gap.scope {
            GapScope::Kind(kind, namespace) => (Some(Object::all(kind, namespace)), None),
            GapScope::Object(object) => (Some(object.into()), None),
            GapScope::Rule(rule, object) => (Some(object.into()), Some(*rule)),
            GapScope::Application => (None, None),
        };
        let (detail, text) = (Printable::new(&gap.detail), gap.to_string().into());
        Self { object, rule, reason: gap.reason, detail, blinding: false, text }
    }
}

/// An object that has not settled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unsettled {
    /// The object.
    pub object: Object,
    /// What it waits for, or how it failed.
    pub why: Printable,
}

impl From<&settling::Unsettled> for Unsettled {
    fn from(unsettled: &settling::Unsettled) -> Self {
        let object = match &unsettled.object {
            settling::Subject::Object(object) => object.into(),
            settling::Subject::Kind(settling::Watched { kind, namespace }) => Object::all(kind, namespace),
        };
        Self { object, why: Printable::new(&unsettled.why) }
    }
}

/// What follows for the deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollback {
    /// True if the gate asks for a rollback.
    pub wanted: bool,
    /// Revision to go back to, as far as the gate knows it.
    pub to: Option<Printable>,
    /// Why, or why not.
    pub why: Printable,
    /// What the executor would do, where that is known already: in a rehearsal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Printable>,
}

/// How long a phase took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Phase {
    /// `discover`, `settle`, `look`, `decide`; one that starts over appears again.
    pub name: &'static str,
    /// How long, in milliseconds.
    pub milliseconds: u64,
}
