//! What is odd about a list of exclusions that can be read: entries that permit nothing, more than they look, or what
//! others permit already.
//!
//! Pure: the date is handed in. Does not know which findings there are.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Policy;
use crate::exclusion::{Exclusion, Pattern, Position, Subject};
use crate::finding::Severity;
use crate::rules;

/// Fewer characters of a name say next to nothing.
const SPELLED_OUT: usize = 3;

/// A sort of oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lint {
    /// Past its last day.
    Expired,
    /// Its last day is near.
    ExpiresSoon,
    /// It permits more than anybody can have looked at.
    OverBroad,
    /// Another entry permits the same.
    Duplicate,
    /// Another entry permits all that it permits, and for as long.
    Shadowed,
    /// It covers nothing of the applications that it was held against.
    Unused,
}

impl Lint {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Expired, Self::ExpiresSoon, Self::OverBroad, Self::Duplicate, Self::Shadowed, Self::Unused];

    /// Kebab-case name, for ever.
    pub fn id(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::ExpiresSoon => "expires-soon",
            Self::OverBroad => "over-broad",
            Self::Duplicate => "duplicate",
            Self::Shadowed => "shadowed",
            Self::Unused => "unused",
        }
    }

    /// What it is, in one line.
    pub fn title(self) -> &'static str {
        match self {
            Self::Expired => "An exclusion is past its last day and covers nothing",
            Self::ExpiresSoon => "The last day of an exclusion is near",
            Self::OverBroad => "An exclusion permits more than anybody can have looked at",
            Self::Duplicate => "Another exclusion permits the same",
            Self::Shadowed => "Another exclusion permits all that this one permits",
            Self::Unused => "An exclusion covers nothing of the recorded application",
        }
    }
}

/// An entry that is odd.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning {
    /// Where the entry is written.
    pub at: Position,
    /// Why it is odd.
    pub lint: Lint,
    /// One sentence without a full stop.
    pub message: String,
}

impl Warning {
    fn new(entry: &Exclusion, lint: Lint, message: String) -> Self {
        Self { at: entry.at.clone(), lint, message }
    }

    /// An entry that covers nothing of what it was held against, in words.
    pub fn unused(entry: &Exclusion, against: &str) -> Self {
        Self::new(entry, Lint::Unused, format!("{} covers nothing of {against}", entry.rule))
    }
}

/// Everything that is odd on a day, by file and line. An entry expires soon if that is within so many days.
pub fn lint(policy: &Policy, today: Date, soon: i64) -> Vec<Warning> {
    let mut by_rule = BTreeMap::<&str, Vec<&Exclusion>>::new();
    let mut found = Vec::new();
    for entry in policy.exclusions.entries() {
        found.extend(dated(entry, today, soon));
        found.extend(over_broad(entry));
        if !entry.is_expired(today) {
            by_rule.entry(entry.rule).or_default().push(entry);
        }
    }
    for entries in by_rule.values() {
        found.extend((0..entries.len()).filter_map(|number| redundant(entries, number)));
    }
    found.sort();
    found
}

fn dated(entry: &Exclusion, today: Date, soon: i64) -> Option<Warning> {
    let Exclusion { expires, owner, .. } = entry;
    let days = i64::from(today.until(*expires).ok()?.get_days());
    if entry.is_expired(today) {
        let message = format!("{} expired on {expires} and covers nothing", entry.rule);
        return Some(Warning::new(entry, Lint::Expired, message));
    }
    let left = match days {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days => format!("in {days} days"),
    };
    let message = format!("{} expires {left}, on {expires}; {owner} answers for it", entry.rule);
    entry.expires_within(soon, today).then(|| Warning::new(entry, Lint::ExpiresSoon, message))
}

fn over_broad(entry: &Exclusion) -> Option<Warning> {
    let message = wide_subject(entry).or_else(|| wide_image(entry)).or_else(|| anybodys(entry))?;
    Some(Warning::new(entry, Lint::OverBroad, format!("{} {message}", entry.rule)))
}

/// A subject that is anybody's, without anything else that says what is meant.
fn wide_subject(entry: &Exclusion) -> Option<String> {
    let Subject::Matching { namespace, name, .. } = &entry.subject else { return None };
    let narrowed = entry.value.is_some() || (entry.container.is_some() && entry.image.is_some());
    let short = |pattern: &Pattern| pattern.literal().is_none() && pattern.spelled_out() < SPELLED_OUT;
    if let Some(pattern) = name.iter().chain(namespace).find(|pattern| short(pattern)).filter(|_| !narrowed) {
        return Some(format!("is permitted for `{}`, which is next to everything", pattern.as_str()));
    }
    let (Some(namespace), None, false) = (namespace, name, narrowed) else { return None };
    let severe = rules::find(entry.rule).is_some_and(|rule| rule.severity >= Severity::High);
    match namespace.literal() {
        None => Some(format!(
            "is permitted in every namespace like `{}`, also in those to come; name what is meant",
            namespace.as_str()
        )),
        Some(namespace) if severe && entry.container.is_none() && entry.image.is_none() => {
            Some(format!("is permitted for all there is in namespace {namespace}; name what is meant"))
        }
        Some(_) => None,
    }
}

/// A whole registry, and not something in it.
fn wide_image(entry: &Exclusion) -> Option<String> {
    let image = entry.image.as_deref()?;
    let whole = !image.trim_end_matches('/').contains('/') && (image.ends_with('/') || image.contains('.'));
    let nothing_else = matches!(entry.subject, Subject::Any) && entry.value.is_none();
    (whole && nothing_else)
        .then(|| format!("is permitted for every image of the registry {image}; add a repository"))
}

/// A sidecar wherever it is, also where somebody wrote one of that name and image into a manifest.
fn anybodys(entry: &Exclusion) -> Option<String> {
    (matches!(entry.subject, Subject::Any) && entry.provenance.is_none()).then(|| {
        "is permitted wherever a container has that name and image; with `provenance: admission` only where it was injected"
            .to_owned()
    })
}

/// An entry that another one makes superfluous. Of two that mean the same, the later is.
fn redundant(entries: &[&Exclusion], number: usize) -> Option<Warning> {
    let entry = *entries.get(number)?;
    let others = entries.iter().enumerate().filter(|(other, _)| *other != number);
    let mut covering = others.filter(|(_, other)| other.covers(entry));
    covering.find_map(|(other_number, other)| {
        let at = &other.at;
        if entry.covers(other) {
            let message = format!("{} is permitted alike by {at}; keep one of them", entry.rule);
            return (other_number < number).then(|| Warning::new(entry, Lint::Duplicate, message));
        }
        let message =
            format!("what it permits of {} is permitted by {at} until {}", entry.rule, other.expires);
        (other.expires >= entry.expires).then(|| Warning::new(entry, Lint::Shadowed, message))
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 24);

    /// Lints of these entries by line, the first one at line 5 and each on a line of its own.
    fn lints(entries: &[&str]) -> Vec<(u64, &'static str)> {
        let mut text =
            "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  exclusions:\n".to_owned();
        for entry in entries {
            text.push_str("  - {reason: r, owner: o, ");
            text.push_str(entry);
            text.push_str("}\n");
        }
        let policy = super::super::parse(&[("p", text)]).unwrap();
        lint(&policy, TODAY, 30).iter().map(|warning| (warning.at.line, warning.lint.id())).collect()
    }

    #[test]
    fn the_last_day_counts_and_so_do_the_days_before_it() {
        let on = |day: &str| {
            lints(&[&format!("rule: service-write, subject: {{namespace: n, name: web}}, expires: {day}")])
        };
        assert_eq!(on("2026-11-23"), [(5, "expired")]);
        assert_eq!(on("2026-11-24"), [(5, "expires-soon")]);
        assert_eq!(on("2026-12-24"), [(5, "expires-soon")]);
        assert_eq!(on("2026-12-25"), []);
    }

    #[test]
    fn what_names_nothing_in_particular_is_over_broad() {
        let over = |entry: &str| !lints(&[&format!("{entry}, expires: 2027-06-01")]).is_empty();
        for (entry, expected) in [
            ("rule: service-write, subject: {namespace: shop}", true),
            ("rule: service-write, subject: {kind: DaemonSet, namespace: shop}", true),
            ("rule: service-write, subject: {namespace: shop, name: web}", false),
            ("rule: service-write, subject: {namespace: shop, name: w*}", true),
            ("rule: service-write, subject: {namespace: s?op, name: web-*}", false),
            ("rule: node-port, subject: {namespace: shop}", false),
            ("rule: root-container, subject: {namespace: shop-*}", true),
            ("rule: dangerous-capability, subject: {namespace: shop}, value: NET_ADMIN", false),
            ("rule: root-container, container: mesh, image: registry.example/", true),
            ("rule: root-container, container: mesh, image: registry.example/mesh", true),
            (
                "rule: root-container, container: mesh, image: registry.example/mesh, provenance: admission",
                false,
            ),
            ("rule: service-write, subject: {owner: apps/DaemonSet shop/agent}", false),
        ] {
            assert_eq!(over(entry), expected, "{entry}");
        }
    }

    #[test]
    fn of_two_that_mean_the_same_the_later_is_named() {
        let by_owner =
            "rule: service-write, subject: {owner: apps/DaemonSet shop/agent}, expires: 2027-06-01";
        let by_names = "rule: RBAC-008, subject: {kind: apps/DaemonSet, namespace: shop, name: agent}, expires: 2028-01-01";
        assert_eq!(lints(&[by_owner, by_names]), [(6, "duplicate")]);
        assert_eq!(lints(&[by_names, by_owner]), [(6, "duplicate")]);
    }

    #[test]
    fn an_entry_is_shadowed_by_a_wider_one_that_holds_as_long() {
        let wide = |day: &str| {
            format!("rule: service-write, subject: {{namespace: shop, name: agent*}}, expires: {day}")
        };
        let narrow = "rule: service-write, subject: {namespace: shop, name: agent-1}, expires: 2027-06-01";
        assert_eq!(lints(&[narrow, &wide("2027-06-01")]), [(5, "shadowed")]);
        assert_eq!(lints(&[narrow, &wide("2027-05-31")]), [], "it holds longer than the wider one");
        assert_eq!(lints(&[narrow, &wide("2026-11-01")]), [(6, "expired")]);
        let other_rule = narrow.replace("service-write", "host-ipc");
        assert_eq!(lints(&[&other_rule, &wide("2027-06-01")]), []);
    }
}
