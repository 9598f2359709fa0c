//! The report for small places: the container's termination message, the note of an Event, a chat message.
//!
//! Owns their size limits: worst first, cut at a character, and the last words say how many findings are left out.

use crate::report::wire::{Finding, Unsettled};
use crate::report::{Printable, Report, cut, words};

/// Most bytes that Kubernetes keeps of a termination message
/// (<https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/>).
pub const TERMINATION_BYTES: usize = 4096;

/// Most bytes of an Event's note
/// (<https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>).
pub const NOTE_BYTES: usize = 1024;

/// Most bytes of one finding, so that a long one does not hide the others.
const ITEM_BYTES: usize = 320;

/// Room that is kept for how many are left out.
const REST_BYTES: usize = 48;

/// At most [`TERMINATION_BYTES`], several lines: people read it in `kubectl describe` and in the GitOps tool.
pub fn termination(report: &Report) -> String {
    pack(report, "\n", TERMINATION_BYTES)
}

/// At most [`NOTE_BYTES`], one line.
pub fn note(report: &Report) -> String {
    pack(report, "; ", NOTE_BYTES)
}

fn pack(report: &Report, separator: &str, limit: usize) -> String {
    let head = format!("{}: {}", words::headline(report), reasons(report));
    let mut parts = vec![cut(&head, limit / 2).into_owned()];
    if let Some(rollback) = &report.rollback {
        parts.push(cut(&words::rollback(rollback), ITEM_BYTES.min(limit / 4)).into_owned());
    }
    let mut used: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
    let items = items(report);
    for (index, item) in items.iter().enumerate() {
        let item = cut(item, ITEM_BYTES);
        let room = if index + 1 == items.len() { 0 } else { REST_BYTES };
        if used + item.len() + room > limit {
            parts.push(format!("and {} more in the report", items.len() - index));
            break;
        }
        used += item.len() + separator.len();
        parts.push(item.into_owned());
    }
    parts.join(separator)
}

fn reasons(report: &Report) -> String {
    let reasons: Vec<&str> = report.reasons.iter().map(Printable::as_str).collect();
    reasons.join("; ")
}

/// One line each: what counts, worst first, then what kept the gate from judging.
fn items(report: &Report) -> Vec<String> {
    let drift = report.drift.iter().map(finding);
    let unsettled = report.unsettled.iter().map(unsettled);
    let gaps = report.gaps.iter().map(|gap| format!("not seen: {gap}"));
    let warnings = report.warnings.iter().map(|warning| format!("warning: {warning}"));
    drift.chain(unsettled).chain(gaps).chain(warnings).collect()
}

fn unsettled(Unsettled { object, why }: &Unsettled) -> String {
    format!("not settled: {object}: {why}")
}

/// `critical privileged-container apps/Deployment shop/web: MESSAGE`, with the container where the message does not
/// name it.
pub fn finding(finding: &Finding) -> String {
    let Finding { severity, rule, subject, container, message, .. } = finding;
    match container {
        Some(container) if !message.as_str().contains(container.as_str()) => {
            format!("{severity} {rule} {subject} container {container}: {message}")
        }
        Some(_) | None => format!("{severity} {rule} {subject}: {message}"),
    }
}
