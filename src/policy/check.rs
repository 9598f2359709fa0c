//! From what is written to what it means: severities, dates, rules and patterns, and which permissions are too broad.
//!
//! Does not know other documents.

pub(super) mod exclusion;

use std::collections::BTreeSet;

use super::delegation::Delegation;
use super::fields::Located;
use super::helm::{self, Unpassed};
use super::problem::{Problems, did_you_mean};
use super::raw::{FIRST_RUNS, MODES, RawBaseline, RawDelegation, RawPolicy};
use super::rollback::Rollback;
use super::tree::At;
use super::tuning::Tuning;
use super::{FirstRun, Mode};
use crate::exclusion::{Exclusion, Pattern, Position};
use crate::finding::Severity;
use crate::rules::Rule;

/// A setting and where it is set.
pub(super) type Set<T> = Option<(Position, T)>;

/// What one document says.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) fail_at: Set<Severity>,
    pub(super) rollback_at: Set<Severity>,
    pub(super) rollback: Rollback,
    pub(super) rollback_on: Set<BTreeSet<Unpassed>>,
    pub(super) mode: Set<Mode>,
    pub(super) first_run: Set<FirstRun>,
    pub(super) max_days: Set<u16>,
    pub(super) tuning: Tuning,
    pub(super) delegation: Vec<Delegation>,
    pub(super) exclusions: Vec<Exclusion>,
}

/// Checks one document against a catalogue of rules.
pub(super) fn check(raw: RawPolicy, catalogue: &[&'static Rule], problems: &mut Problems) -> Part {
    let Some(spec) = raw.spec else { return Part::default() };
    let tuning = spec.rules.map(|raw| Tuning::check(raw, catalogue, problems)).unwrap_or_default();
    let listed = spec.exclusions.into_iter().filter_map(|raw| exclusion::check(raw, catalogue, problems));
    let exclusions = listed.chain(tuning.trusted().cloned()).collect();
    Part {
        fail_at: severity("failAt", spec.fail_at, problems),
        rollback_at: severity("rollbackAt", spec.rollback_at, problems),
        rollback: spec.rollback.map(|raw| Rollback::check(raw, problems)).unwrap_or_default(),
        rollback_on: spec.helm_release.and_then(|raw| helm::rollback_on(raw, problems)),
        mode: mode(spec.mode, problems),
        max_days: max_days(spec.max_exclusion_days, problems),
        first_run: spec.baseline.and_then(|raw| first_run(raw, problems)),
        tuning,
        delegation: spec
            .delegation
            .into_iter()
            .filter_map(|raw| delegation(raw, catalogue, problems))
            .collect(),
        exclusions,
    }
}

pub(super) fn severity(
    name: &str,
    written: Option<Located<String>>,
    problems: &mut Problems,
) -> Set<Severity> {
    let Located { at, value } = written?;
    let found = Severity::WORST_FIRST.into_iter().find(|severity| severity.as_str() == value);
    if found.is_none() {
        let hint = did_you_mean(&value, Severity::WORST_FIRST.map(Severity::as_str));
        problems.add(
            at,
            format!("`{name}` must be critical, high, medium, low or info, and this is `{value}`{hint}"),
        );
    }
    Some((problems.position(at), found?))
}

/// None if anything is wrong with it; everything that is wrong has been reported.
fn delegation(
    raw: RawDelegation,
    catalogue: &[&'static Rule],
    problems: &mut Problems,
) -> Option<Delegation> {
    let RawDelegation { rules, up_to, days, namespaces } = raw;
    let every = rules.as_ref().is_some_and(|list| list.value.iter().any(|rule| rule.value == "*"));
    let rules = rules.map(|list| {
        let named = list.value.into_iter().filter(|_rule| !every);
        named.filter_map(|rule| find_rule(&rule, catalogue, problems)).map(|rule| rule.id).collect()
    });
    let (_at, up_to) = severity("upTo", up_to, problems).unzip();
    let days = days.and_then(|written| number_of_days("days", &written, problems));
    let namespaces = namespaces
        .map(|list| list.value.iter().filter_map(|name| pattern("namespaces", name, problems)).collect());
    Some(Delegation { rules: (!every).then_some(rules?), up_to: up_to?, days: days?, namespaces })
}

fn number_of_days(name: &str, written: &Located<String>, problems: &mut Problems) -> Option<u16> {
    let Located { at, value } = written;
    let number = value.parse::<u16>().ok().filter(|days| *days > 0);
    if number.is_none() {
        problems.add(*at, format!("`{name}` must be a number of days, at least 1, and this is `{value}`"));
    }
    number
}

fn max_days(written: Option<Located<String>>, problems: &mut Problems) -> Set<u16> {
    let written = written?;
    let days = number_of_days("maxExclusionDays", &written, problems)?;
    Some((problems.position(written.at), days))
}

fn mode(written: Option<Located<String>>, problems: &mut Problems) -> Set<Mode> {
    let Located { at, value } = written?;
    let mode = match value.as_str() {
        "exclusions" => Mode::Exclusions,
        "baseline" => Mode::Baseline,
        "both" => Mode::Both,
        other => {
            let hint = did_you_mean(other, MODES);
            problems.add(at, format!("`mode` must be {}, and this is `{other}`{hint}", MODES.join(", ")));
            return None;
        }
    };
    Some((problems.position(at), mode))
}

fn first_run(raw: RawBaseline, problems: &mut Problems) -> Set<FirstRun> {
    let RawBaseline { first_run, below } = raw;
    let limit = severity("below", below, problems);
    let Located { at, value } = first_run?;
    let first_run = match (value.as_str(), limit) {
        ("fail", None) => FirstRun::Fail,
        ("accept", None) => FirstRun::Accept,
        ("accept-below", Some((_at, limit))) => FirstRun::AcceptBelow(limit),
        ("accept-below", None) => {
            problems.add(at, "`firstRun: accept-below` needs `below`, a severity");
            return None;
        }
        ("fail" | "accept", Some(_)) => {
            problems.add(at, format!("`below` is for `firstRun: accept-below`, and this is `{value}`"));
            return None;
        }
        (other, _) => {
            let hint = did_you_mean(other, FIRST_RUNS);
            let known = FIRST_RUNS.join(", ");
            problems.add(at, format!("`firstRun` must be {known}, and this is `{other}`{hint}"));
            return None;
        }
    };
    Some((problems.position(at), first_run))
}

pub(super) fn names(
    name: &str,
    written: Option<Located<Vec<Located<String>>>>,
    problems: &mut Problems,
) -> Set<Vec<String>> {
    let Located { at, value: items } = written?;
    for item in items.iter().filter(|item| item.value == "*" || item.value.contains(char::is_whitespace)) {
        problems.add(item.at, format!("an item of `{name}` must be a name, and this is `{}`", item.value));
    }
    Some((problems.position(at), items.into_iter().map(|item| item.value).collect()))
}

pub(super) fn find_rule(
    written: &Located<String>,
    catalogue: &[&'static Rule],
    problems: &mut Problems,
) -> Option<&'static Rule> {
    let name = written.value.as_str();
    let found = catalogue.iter().find(|rule| rule.id == name || rule.code.eq_ignore_ascii_case(name));
    if found.is_none() {
        let hint = did_you_mean(name, catalogue.iter().map(|rule| rule.id));
        problems.add(written.at, format!("no rule is called `{name}`{hint}; `driftgate rules` lists them"));
    }
    found.copied()
}

pub(super) fn pattern(name: &str, written: &Located<String>, problems: &mut Problems) -> Option<Pattern> {
    Pattern::new(&written.value).map_err(|why| problems.add(written.at, format!("`{name}`: {why}"))).ok()
}

/// The place of the document itself.
pub(super) const START: At = At { line: 1, column: 1 };
