//! A run in bounded size: what a notification carries.
//!
//! Owns which parts are worth sending and how much of them. Does not know who receives it or how.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::finding::Severity;
use crate::report::wire::{Application, Counts, Finding, Novelty, Object, Rollback, Run, Unsettled};
use crate::report::{API_VERSION, Printable, Report, words};
use crate::verdict::Verdict;

/// `kind` of a summary.
pub const KIND: &str = "GateSummary";

/// No summary is longer than this as JSON.
pub const SUMMARY_BYTES: usize = 64 * 1024;

/// Most findings.
const FINDINGS: usize = 10;
/// Most failed resources.
const RESOURCES: usize = 20;
/// Most reasons, objects that have not settled, and gaps.
const FEW: usize = 5;
/// Most bytes of a text.
const TEXT_BYTES: usize = 512;
/// Most bytes of a name; Kubernetes' own limit is 253.
const NAME_BYTES: usize = 256;

/// One run of the gate, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "GateSummary")]
pub struct Summary {
    #[schemars(extend("const" = API_VERSION))]
    api_version: &'static str,
    #[schemars(extend("const" = KIND))]
    kind: &'static str,
    /// Verdict, application, revision and exit code as one line.
    pub title: Printable,
    /// What was judged.
    pub application: Application,
    /// Which run this is.
    pub run: Run,
    /// What the gate says; null where the run ended before it could say anything.
    pub verdict: Option<Verdict>,
    /// Exit code of the process.
    pub exit_code: u8,
    /// Why, one sentence each, the deciding one first.
    pub reasons: Vec<Printable>,
    /// What follows for the deployment; null where that was not asked.
    pub rollback: Option<Rollback>,
    /// Where to read more.
    pub link: Option<Printable>,
    /// How much was judged and what came of it.
    pub counts: Counts,
    /// Failed resources, those with the worst findings first.
    pub resources: Vec<Object>,
    /// The worst findings.
    pub findings: Vec<Worst>,
    /// Objects that have not settled.
    pub unsettled: Vec<Unsettled>,
    /// What could not be seen or judged, one line each.
    pub gaps: Vec<Printable>,
    /// What there was no room for.
    pub left_out: LeftOut,
}

/// One of the worst findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Worst {
    /// Rule, for instance `privileged-container`.
    pub rule: &'static str,
    /// Catalogue number of the rule.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What to repair.
    pub subject: Object,
    /// Container, for rules about containers.
    pub container: Option<Printable>,
    /// What is wrong.
    pub message: Printable,
    /// What to do.
    pub help: &'static str,
    /// Against the record of the last revision that passed.
    pub novelty: Option<Novelty>,
    /// Who or what brought it.
    pub brought_by: Option<Printable>,
}

/// How much there was no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Findings that count.
    pub findings: usize,
    /// Failed resources.
    pub resources: usize,
    /// Objects that have not settled.
    pub unsettled: usize,
    /// What could not be seen or judged.
    pub gaps: usize,
}

impl Summary {
    /// The short form of a report; `link` is where to read more.
    pub fn of(report: &Report, link: Option<&str>) -> Self {
        let Application { name, revision } = &report.application;
        let Run { id, hook } = &report.run;
        let (resources, all_resources) = resources(report);
        Self {
            api_version: API_VERSION,
            kind: KIND,
            title: text(&words::headline(report).into()),
            application: Application { name: text(name), revision: revision.as_ref().map(text) },
            run: Run { id: self::name(id), hook: hook.as_ref().map(self::name) },
            verdict: report.verdict,
            exit_code: report.exit_code,
            reasons: report.reasons.iter().take(FEW).map(text).collect(),
            rollback: report.rollback.as_ref().map(rollback),
            link: link.map(|link| text(&link.into())),
            counts: report.counts,
            left_out: LeftOut {
                findings: report.drift.len().saturating_sub(FINDINGS),
                resources: all_resources - resources.len(),
                unsettled: report.unsettled.len().saturating_sub(FEW),
                gaps: report.gaps.len().saturating_sub(FEW),
            },
            resources,
            findings: report.drift.iter().take(FINDINGS).map(Worst::from).collect(),
            unsettled: report.unsettled.iter().take(FEW).map(unsettled).collect(),
            gaps: report.gaps.iter().take(FEW).map(|gap| text(&gap.to_string().into())).collect(),
        }
    }
}

impl From<&Finding> for Worst {
    fn from(finding: &Finding) -> Self {
        Self {
            rule: finding.rule,
            code: finding.code,
            severity: finding.severity,
            subject: object(&finding.subject),
            container: finding.container.as_ref().map(name),
            message: text(&finding.message),
            help: finding.help,
            novelty: finding.novelty,
            brought_by: finding.brought_by.as_ref().map(|origin| text(&origin.text)),
        }
    }
}

/// Subjects of what counts and what has not settled, each once, and how many there are in all.
fn resources(report: &Report) -> (Vec<Object>, usize) {
    let failing = report.drift.iter().map(|finding| &finding.subject);
    let unsettled = report.unsettled.iter().map(|unsettled| &unsettled.object);
    let mut seen = BTreeSet::new();
    let once: Vec<&Object> = failing.chain(unsettled).filter(|object| seen.insert(*object)).collect();
    (once.iter().take(RESOURCES).copied().map(object).collect(), once.len())
}

fn object(object: &Object) -> Object {
    let Object { group, kind, namespace, name: of } = object;
    Object { group: name(group), kind: name(kind), namespace: name(namespace), name: name(of) }
}

fn unsettled(unsettled: &Unsettled) -> Unsettled {
    Unsettled { object: object(&unsettled.object), why: text(&unsettled.why) }
}

fn rollback(rollback: &Rollback) -> Rollback {
    let Rollback { wanted, to, why, plan } = rollback;
    Rollback { wanted: *wanted, to: to.as_ref().map(name), why: text(why), plan: plan.as_ref().map(text) }
}

fn text(text: &Printable) -> Printable {
    text.shortened(TEXT_BYTES)
}

fn name(name: &Printable) -> Printable {
    name.shortened(NAME_BYTES)
}
