//! Words that more than one form of the report uses.
//!
//! Owns how a verdict, a finding's qualities, counts and durations read. Does not know where they are shown.

use crate::exit::Exit;
use crate::finding::Certainty;
use crate::report::wire::{
    Counts, Evidence, Exclusion, Expired, Finding, NearMiss, Novelty, Phase, Rollback,
};
use crate::report::{Printable, Report, short};

/// `CRITICAL argocd/shop at 4f2c91e (exit 20, PostSync)`.
pub(crate) fn headline(report: &Report) -> String {
    format!("{} {}", word(report), place(report))
}

/// `rollback wanted to 81bd0aa: WHY` or `no rollback: WHY`.
pub(crate) fn rollback(rollback: &Rollback) -> String {
    match (rollback.wanted, &rollback.to) {
        (true, Some(to)) => format!("rollback wanted to {}: {}", short(to.as_str()), rollback.why),
        (true, None) => format!("rollback wanted: {}", rollback.why),
        (false, _) => format!("no rollback: {}", rollback.why),
    }
}

pub(crate) fn word(report: &Report) -> &'static str {
    match report.exit {
        Exit::Pass if report.verdict.is_none() => "NOT JUDGED",
        Exit::Pass => "PASS",
        Exit::Bug => "BUG",
        Exit::Usage => "WRONG USE",
        Exit::Invalid => "INVALID INPUT",
        Exit::Blocked => "BLOCKED",
        Exit::Inconclusive => "INCONCLUSIVE",
        Exit::NotSettled => "NOT SETTLED",
        Exit::Unavailable => "UNAVAILABLE",
        Exit::Critical => "CRITICAL",
        Exit::Terminated => "TERMINATED",
    }
}

pub(crate) fn place(report: &Report) -> String {
    let code = report.exit.code();
    match &report.run.hook {
        Some(hook) => format!("{} (exit {code}, {hook})", report.whereabouts()),
        None => format!("{} (exit {code})", report.whereabouts()),
    }
}

/// `new, brought by WHO`; none where nothing is known of it.
pub(crate) fn origin(finding: &Finding) -> Option<String> {
    let novelty = match finding.novelty {
        Some(Novelty::New) => Some("new"),
        Some(Novelty::Known) => Some("known: the last good revision has it too"),
        Some(Novelty::Unrecorded) | None => None,
    };
    let possible = (finding.certainty == Certainty::Possible).then_some("not proven");
    let brought_by = finding.brought_by.as_ref().map(|origin| format!("brought by {}", origin.text));
    let origin: Vec<&str> = [novelty, possible, brought_by.as_deref()].into_iter().flatten().collect();
    (!origin.is_empty()).then(|| origin.join(", "))
}

/// `Pod shop/web-x and 2 more, spec.containers[name=web].image`.
pub(crate) fn evidence(finding: &Finding) -> String {
    let more = match finding.objects {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let template = match finding.evidence {
        Evidence::Live => "",
        Evidence::Template => " (template)",
    };
    let path = if finding.path.is_empty() { String::new() } else { format!(", {}", finding.path) };
    format!("{}{template}{more}{path}", finding.object)
}

/// `not covered by policy.yaml:12: image is registry.example/mesh-evil:1, wanted registry.example/mesh`.
pub(crate) fn near_miss(near: &NearMiss) -> String {
    format!("not covered by {}: {}", near.at, near.why)
}

fn plural(count: u64, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {word}{s}")
}

/// `policy.yaml:14: host-network, OWNER until 2027-01-31: REASON`.
pub(crate) fn exclusion(exclusion: &Exclusion) -> String {
    let Exclusion { at, rule, reason, owner, ticket, expires } = exclusion;
    format!("{at}: {rule}, {owner} until {expires}: {reason}{}", self::ticket(ticket.as_ref()))
}

/// `policy.yaml:14: host-network no longer covers 1 finding, OWNER until 2026-11-01: REASON`.
pub(crate) fn expired(expired: &Expired) -> String {
    let Expired { findings, exclusion: Exclusion { at, rule, reason, owner, ticket, expires } } = expired;
    let effect = match findings {
        0 => "would cover nothing".to_owned(),
        count => format!("no longer covers {}", plural(*count, "finding")),
    };
    format!("{at}: {rule} {effect}, {owner} until {expires}: {reason}{}", self::ticket(ticket.as_ref()))
}

/// ` (ticket SEC-17)`; nothing without one.
pub(crate) fn ticket(ticket: Option<&Printable>) -> String {
    ticket.map_or_else(String::new, |ticket| format!(" (ticket {ticket})"))
}

/// `Judged 12 Pods, 1 template and 41 other objects in 13.8s (settle 12.0s, collect 1.8s)`; none where nothing was.
pub(crate) fn judged(report: &Report) -> Option<String> {
    let Counts { pods, templates, objects, .. } = report.counts;
    if pods + templates + objects == 0 {
        return None;
    }
    let (pods, templates) = (plural(pods, "Pod"), plural(templates, "template"));
    Some(format!(
        "Judged {pods}, {templates} and {}{}",
        plural(objects, "other object"),
        took(&report.phases)
    ))
}

fn took(phases: &[Phase]) -> String {
    if phases.is_empty() {
        return String::new();
    }
    let total = phases.iter().map(|phase| phase.milliseconds).sum();
    let phase = |phase: &Phase| format!("{} {}", phase.name, duration(phase.milliseconds));
    let phases: Vec<String> = phases.iter().map(phase).collect();
    format!(" in {} ({})", duration(total), phases.join(", "))
}

fn duration(milliseconds: u64) -> String {
    if milliseconds < 1000 {
        return format!("{milliseconds}ms");
    }
    format!("{}.{}s", milliseconds / 1000, milliseconds % 1000 / 100)
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
