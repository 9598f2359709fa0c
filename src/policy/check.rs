//! From what is written to what it means: severities, dates, rules and patterns, and which permissions are too broad.
//!
//! Does not know other documents.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::delegation::Delegation;
use super::fields::Located;
use super::helm::{self, Unpassed};
use super::problem::{Problems, did_you_mean};
use super::raw::{FIRST_RUNS, MODES, RawBaseline, RawDelegation, RawExclusion, RawPolicy, RawSubject};
use super::tree::At;
use super::tuning::Tuning;
use super::{FirstRun, Mode};
use crate::exclusion::{Exclusion, Layer, Pattern, Position, Subject};
use crate::finding::Severity;
use crate::model::reference::ObjectRef;
use crate::rules::Rule;

/// A setting and where it is set.
pub(super) type Set<T> = Option<(Position, T)>;

/// What one document says.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) fail_at: Set<Severity>,
    pub(super) rollback_at: Set<Severity>,
    pub(super) without_baseline: Set<bool>,
    pub(super) rollback_on: Set<BTreeSet<Unpassed>>,
    pub(super) mode: Set<Mode>,
    pub(super) first_run: Set<FirstRun>,
    pub(super) tuning: Tuning,
    pub(super) delegation: Vec<Delegation>,
    pub(super) exclusions: Vec<Exclusion>,
}

/// Checks one document against a catalogue of rules.
pub(super) fn check(raw: RawPolicy, catalogue: &[&'static Rule], problems: &mut Problems) -> Part {
    let Some(spec) = raw.spec else { return Part::default() };
    let without_baseline = spec.rollback.and_then(|rollback| rollback.without_baseline);
    Part {
        fail_at: severity("failAt", spec.fail_at, problems),
        rollback_at: severity("rollbackAt", spec.rollback_at, problems),
        without_baseline: without_baseline.map(|flag| (problems.position(flag.at), flag.value)),
        rollback_on: spec.helm_release.and_then(|raw| helm::rollback_on(raw, problems)),
        mode: mode(spec.mode, problems),
        first_run: spec.baseline.and_then(|raw| first_run(raw, problems)),
        tuning: spec.rules.map(|raw| Tuning::check(raw, catalogue, problems)).unwrap_or_default(),
        delegation: spec
            .delegation
            .into_iter()
            .filter_map(|raw| delegation(raw, catalogue, problems))
            .collect(),
        exclusions: spec
            .exclusions
            .into_iter()
            .filter_map(|raw| exclusion(raw, catalogue, problems))
            .collect(),
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
    let days = days.and_then(|Located { at, value }| {
        let number = value.parse::<u16>().ok().filter(|days| *days > 0);
        if number.is_none() {
            problems.add(at, format!("`days` must be a number of days, at least 1, and this is `{value}`"));
        }
        number
    });
    let namespaces = namespaces
        .map(|list| list.value.iter().filter_map(|name| pattern("namespaces", name, problems)).collect());
    Some(Delegation { rules: (!every).then_some(rules?), up_to: up_to?, days: days?, namespaces })
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

/// None if anything is wrong with it; everything that is wrong has been reported.
fn exclusion(raw: RawExclusion, catalogue: &[&'static Rule], problems: &mut Problems) -> Option<Exclusion> {
    let RawExclusion { at, rule, subject, container, image, value, reason, owner, expires } = raw;
    let rule = rule.and_then(|written| find_rule(&written, catalogue, problems));
    let narrow = container.is_some() && image.is_some();
    if rule.is_some_and(|rule| rule.severity == Severity::Critical) && container.is_none() && value.is_none()
    {
        let id = rule.map_or("", |rule| rule.id);
        problems.add(at, format!("an exclusion of the critical rule {id} needs `container` or `value`"));
    }
    let subject = match subject {
        Some(written) => check_subject(written, narrow, problems),
        None if narrow => Some(Subject::Any),
        None => {
            problems.add(at, "an exclusion needs `subject`, or `container` together with `image`");
            None
        }
    };
    let container = container.map(|written| pattern("container", &written, problems));
    let image = image.map(|written| literal("image", written, problems));
    let value = value.map(|written| literal("value", written, problems));
    let expires = expires.and_then(|written| date(&written, problems));
    let reason = filled_in("reason", reason, problems);
    let owner = filled_in("owner", owner, problems);
    Some(Exclusion {
        rule: rule?.id,
        subject: subject?,
        container: transpose(container)?,
        image: transpose(image)?,
        value: transpose(value)?,
        reason: reason?,
        owner: owner?,
        expires: expires?,
        at: problems.position(at),
        layer: Layer::Platform,
        up_to: Severity::Critical,
    })
}

/// An export leaves reasons and owners to people.
fn filled_in(name: &str, written: Option<Located<String>>, problems: &mut Problems) -> Option<String> {
    let Located { at, value } = written?;
    if value.trim() == "TODO" {
        problems.add(at, format!("`{name}` still says TODO"));
        return None;
    }
    Some(value.trim().to_owned())
}

/// Present and wrong is none at all; absent is fine.
#[expect(
    clippy::option_option,
    reason = "the outer one is whether it is right, the inner one whether it is there"
)]
fn transpose<T>(written: Option<Option<T>>) -> Option<Option<T>> {
    match written {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
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

fn check_subject(raw: RawSubject, narrow: bool, problems: &mut Problems) -> Option<Subject> {
    let RawSubject { at, kind, namespace, name, owner } = raw;
    let by_names = kind.is_some() || namespace.is_some() || name.is_some();
    if let Some(owner) = owner {
        if by_names {
            problems
                .add(at, "`subject` has `owner`, which is one object, and names beside it; keep one of them");
        }
        return one_object(&owner, problems).map(Subject::Owner);
    }
    if !by_names {
        problems.add(at, "`subject` needs `kind`, `namespace` and `name`, or some of them, or `owner`");
    } else if namespace.is_none() && name.is_none() && !narrow {
        problems.add(at, "`subject` is every object of a kind; add `namespace` or `name`");
    }
    let kind = kind.map(|written| pattern("kind", &written, problems));
    let namespace = namespace.map(|written| pattern("namespace", &written, problems));
    let name = name.map(|written| pattern("name", &written, problems));
    Some(Subject::Matching {
        kind: transpose(kind)?,
        namespace: transpose(namespace)?,
        name: transpose(name)?,
    })
}

fn one_object(written: &Located<String>, problems: &mut Problems) -> Option<ObjectRef> {
    let object = ObjectRef::parse(&written.value).filter(|_object| !written.value.contains(['*', '?']));
    if object.is_none() {
        let message = "`owner` of a subject must be one object as reports write it, for instance apps/Deployment shop/web";
        problems.add(written.at, format!("{message}, and this is `{}`", written.value));
    }
    object
}

pub(super) fn pattern(name: &str, written: &Located<String>, problems: &mut Problems) -> Option<Pattern> {
    Pattern::new(&written.value).map_err(|why| problems.add(written.at, format!("`{name}`: {why}"))).ok()
}

/// Images and values are compared as they are; a star would only look as if it matched.
fn literal(name: &str, written: Located<String>, problems: &mut Problems) -> Option<String> {
    let Located { at, value } = written;
    if value == "*" || (name == "image" && value.contains(['*', '?', ' '])) {
        problems.add(at, format!("`{name}` is compared as it is written, and `{value}` is a pattern"));
        return None;
    }
    Some(value)
}

fn date(written: &Located<String>, problems: &mut Problems) -> Option<Date> {
    let text = written.value.as_str();
    let shaped = text.len() == 10
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let found = shaped.then(|| text.parse().ok()).flatten();
    if found.is_none() {
        problems.add(written.at, format!("`expires` must be a date YYYY-MM-DD, and this is `{text}`"));
    }
    found
}

/// The place of the document itself.
pub(super) const START: At = At { line: 1, column: 1 };
