//! The baseline for people: what is new against it, what has left it, and exclusions that could take its place.
//!
//! Does not know how a baseline is kept or when it is written; see [`Record`].

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::finding::{Certainty, Finding, Identity, Severity};
use crate::record::{Mark, Record};
use crate::verdict::Decision;

/// What an application has now, against its baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference<'a> {
    /// What the baseline does not have, worst first.
    pub new: Vec<&'a Finding>,
    /// How much of what it has is there still.
    pub kept: usize,
    /// What it has and the application has no more, with its severity then.
    pub gone: Vec<(Severity, String)>,
}

impl<'a> Difference<'a> {
    /// Compares what no exclusion covers; without a record everything is new.
    pub fn between(record: Option<&Record>, decision: &Decision<'a>) -> Self {
        let (kept, mut new): (Vec<_>, Vec<_>) =
            uncovered(decision).partition(|finding| record.is_some_and(|record| record.accepts(finding)));
        new.sort_by_key(|finding| (std::cmp::Reverse(finding.severity), &finding.identity));
        let present: BTreeSet<Mark> =
            uncovered(decision).map(|finding| Mark::of(&finding.identity)).collect();
        let gone = record.into_iter().flat_map(Record::accepted_findings);
        let gone = gone.filter(|(_severity, mark, _words)| !present.contains(mark));
        let gone = gone.map(|(severity, _mark, words)| (severity, words.to_owned())).collect();
        Self { new, kept: kept.len(), gone }
    }
}

/// What a baseline could hold: proven, more than worth knowing, and not covered by an exclusion.
fn uncovered<'a>(decision: &Decision<'a>) -> impl Iterator<Item = &'a Finding> {
    let drift = decision.drift.iter().map(|drift| drift.finding);
    let others = decision.accepted.iter().chain(&decision.below).copied();
    let all: Vec<&Finding> = drift.chain(others).collect();
    let proven = |finding: &&Finding| finding.certainty == Certainty::Certain;
    all.into_iter().filter(proven).filter(|finding| finding.severity > Severity::Info)
}

/// A policy file that covers what blocks now and what the baseline permits, each entry with a reason and an owner to
/// fill in: as long as they say TODO, the file is refused.
pub fn exclusions(decision: &Decision<'_>, expires: Date) -> String {
    let drift = decision.drift.iter().map(|drift| drift.finding);
    let findings: Vec<_> = drift.chain(decision.accepted.iter().copied()).collect();
    let mut text = String::from("apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n");
    if findings.is_empty() {
        text.push_str("  exclusions: []\n");
        return text;
    }
    text.push_str("  exclusions:\n");
    for finding in findings {
        text.push_str(&entry(finding, expires));
    }
    text
}

fn entry(finding: &Finding, expires: Date) -> String {
    let Identity { rule, subject, container, value } = &finding.identity;
    // A JSON string is a YAML string, whatever is in it.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let container = container.as_deref().map(|name| format!("    container: {}\n", quoted(name)));
    let value = Some(value).filter(|value| !value.is_empty());
    let value = value.map(|value| format!("    value: {}\n", quoted(value)));
    [
        format!("  # {}: {}\n", finding.severity, one_line(&finding.message)),
        format!("  - rule: {rule}\n    subject: {{owner: {}}}\n", quoted(&subject.to_string())),
        container.unwrap_or_default(),
        value.unwrap_or_default(),
        format!("    reason: TODO\n    owner: TODO\n    expires: {expires}\n"),
    ]
    .concat()
}

/// Without what would end a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
