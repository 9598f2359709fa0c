//! What the platform lets the application's team permit, and what comes of the rest.
//!
//! Does not know what an exclusion covers.

use jiff::civil::Date;

use super::check::Part;
use super::last_day;
use super::problem::Problem;
use crate::exclusion::{Exclusion, Layer, Pattern, Position, Subject};
use crate::finding::Severity;

/// One entry of `delegation`.
#[derive(Clone, Debug)]
pub(super) struct Delegation {
    /// Ids of rules; none for all of them.
    pub(super) rules: Option<Vec<&'static str>>,
    /// The worst findings that may be permitted.
    pub(super) up_to: Severity,
    /// For how many days from today.
    pub(super) days: u16,
    /// Where; none for everywhere.
    pub(super) namespaces: Option<Vec<Pattern>>,
}

/// An exclusion that is not delegated: it covers nothing.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The entry.
    pub exclusion: Exclusion,
    /// Why, in words that follow the entry's.
    pub why: String,
}

/// The exclusions of the application's own files; everything else in them is a problem.
pub(super) fn exclusions(parts: Vec<Part>, problems: &mut Vec<Problem>) -> Vec<Exclusion> {
    let mut all = Vec::new();
    for part in parts {
        only_exclusions(&part, problems);
        let theirs = part.exclusions.into_iter();
        all.extend(theirs.map(|entry| Exclusion { layer: Layer::Application, ..entry }));
    }
    all
}

fn only_exclusions(part: &Part, problems: &mut Vec<Problem>) {
    fn at<T>(set: Option<&(Position, T)>) -> Option<Position> {
        set.map(|(at, _value)| at.clone())
    }
    let settings = [
        ("failAt", at(part.fail_at.as_ref())),
        ("rollbackAt", at(part.rollback_at.as_ref())),
        ("rollbackOn", at(part.rollback_on.as_ref())),
        ("mode", at(part.mode.as_ref())),
        ("baseline", at(part.first_run.as_ref())),
        ("maxExclusionDays", at(part.max_days.as_ref())),
    ];
    let settings = settings.into_iter().filter_map(|(name, at)| Some((name, at?)));
    for (name, at) in settings.chain(part.rollback.places()).chain(part.tuning.places()) {
        let message =
            format!("`{name}` is the platform's to set; the policy of an application holds exclusions only");
        problems.push(Problem { at, message });
    }
}

/// What is delegated today, each with its limit, and what is not.
pub(super) fn divide(
    exclusions: Vec<Exclusion>,
    delegations: &[Delegation],
    limit: Option<u16>,
    today: Date,
) -> (Vec<Exclusion>, Vec<Refused>) {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for exclusion in exclusions {
        match in_time(&exclusion, limit, today).and_then(|()| allowed(&exclusion, delegations, today)) {
            Ok(up_to) => taken.push(Exclusion { up_to, ..exclusion }),
            Err(why) => refused.push(Refused { exclusion, why }),
        }
    }
    (taken, refused)
}

/// Nobody's exclusions hold for longer than the platform lets them.
fn in_time(exclusion: &Exclusion, limit: Option<u16>, today: Date) -> Result<(), String> {
    let Some(last) = limit.map(|days| last_day(today, days)) else { return Ok(()) };
    if exclusion.expires <= last {
        return Ok(());
    }
    let expires = exclusion.expires;
    Err(format!("the platform lets no exclusion hold beyond {last} today, and this holds until {expires}"))
}

/// The worst severity that the entry may cover; why it may cover nothing.
fn allowed(exclusion: &Exclusion, delegations: &[Delegation], today: Date) -> Result<Severity, String> {
    let rule = exclusion.rule;
    let about_it = |delegation: &&Delegation| match &delegation.rules {
        Some(rules) => rules.contains(&rule),
        None => !is_about_policies(rule),
    };
    let about_it: Vec<_> = delegations.iter().filter(about_it).collect();
    if about_it.is_empty() {
        return Err(format!("the platform delegates no exclusions of {rule}"));
    }
    let here: Vec<_> =
        about_it.into_iter().filter(|delegation| delegation.holds(&exclusion.subject)).collect();
    if here.is_empty() {
        return Err(format!("the platform does not delegate exclusions of {rule} for such a subject"));
    }
    let last = |delegation: &Delegation| last_day(today, delegation.days);
    let in_time = here.iter().filter(|delegation| exclusion.expires <= last(delegation));
    in_time.map(|delegation| delegation.up_to).max().ok_or_else(|| {
        let latest = here.iter().map(|delegation| last(delegation)).max().unwrap_or(today);
        let expires = exclusion.expires;
        format!(
            "the platform delegates exclusions of {rule} until {latest} today, and this holds until {expires}"
        )
    })
}

/// Rules that watch the lists themselves are the platform's.
fn is_about_policies(rule: &str) -> bool {
    rule.starts_with("exclusion-")
}

impl Delegation {
    /// True if all that the subject can be lies in the delegated namespaces.
    fn holds(&self, subject: &Subject) -> bool {
        let Some(namespaces) = &self.namespaces else { return true };
        let within = |name: &str| namespaces.iter().any(|pattern| pattern.matches(name));
        match subject {
            Subject::Any => false,
            Subject::Owner(owner) => within(&owner.namespace),
            Subject::Matching { namespace, .. } => {
                namespace.as_ref().is_some_and(|pattern| match pattern.literal() {
                    Some(name) => within(name),
                    None => namespaces.iter().any(|own| own.as_str() == pattern.as_str()),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;

    use crate::exclusion::{Layer, Lists};
    use crate::finding::Severity;
    use crate::policy::{Policy, PolicyErrors, parse_layers};

    const PLATFORM: &str = "apiVersion: driftgate.dev/v1alpha1
kind: GatePolicy
spec:
  failAt: medium
  delegation:
  - {rules: [node-port, secret-read], upTo: high, days: 30, namespaces: [shop, team-*]}
  - {rules: [node-port], upTo: low, days: 90}
";

    fn own(spec: &str) -> String {
        format!("apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n{spec}")
    }

    fn layers(platform: &str, own: &str) -> Result<Policy, PolicyErrors> {
        parse_layers(&[("platform.yaml", platform)], &[("app/own.yaml", own)], date(2026, 11, 24))
    }

    /// One exclusion of the application's team.
    fn entry(rule: &str, subject: &str, expires: &str) -> String {
        own(&format!(
            "  exclusions:\n  - {{rule: {rule}, subject: {{{subject}}}, value: x, reason: r, owner: o, expires: {expires}}}\n"
        ))
    }

    #[track_caller]
    fn refuses(rule: &str, subject: &str, expires: &str, why: &str) {
        let policy = layers(PLATFORM, &entry(rule, subject, expires)).unwrap();
        assert!(policy.exclusions.entries().is_empty());
        let [refused] = policy.refused.as_slice() else { panic!("{:?}", policy.refused) };
        assert_eq!(refused.why, why);
    }

    #[track_caller]
    fn takes(rule: &str, subject: &str, expires: &str, up_to: Severity) {
        let policy = layers(PLATFORM, &entry(rule, subject, expires)).unwrap();
        let [taken] = policy.exclusions.entries() else { panic!("{:?}", policy.refused) };
        assert_eq!((taken.layer, taken.up_to), (Layer::Application, up_to));
    }

    #[test]
    fn what_is_delegated_is_taken_up_to_its_severity() {
        takes("node-port", "namespace: shop, name: web", "2026-12-24", Severity::High);
        takes("node-port", "namespace: team-a, name: web", "2026-12-24", Severity::High);
        takes("node-port", "namespace: team-*, name: web", "2026-12-24", Severity::High);
        takes("node-port", "namespace: shop, name: web", "2027-02-22", Severity::Low);
        takes("node-port", "namespace: other, name: web", "2026-12-24", Severity::Low);
        takes("secret-read", "owner: ServiceAccount shop/web", "2026-12-24", Severity::High);
    }

    #[test]
    fn what_is_not_delegated_covers_nothing_and_says_why() {
        let shop = "namespace: shop, name: web";
        refuses("host-pid", shop, "2026-12-24", "the platform delegates no exclusions of host-pid");
        let subject = "the platform does not delegate exclusions of secret-read for such a subject";
        refuses("secret-read", "namespace: other, name: web", "2026-12-24", subject);
        refuses("secret-read", "namespace: s*, name: web", "2026-12-24", subject);
        refuses("secret-read", "name: web", "2026-12-24", subject);
        refuses("secret-read", "owner: Node n1", "2026-12-24", subject);
        let long = "the platform delegates exclusions of secret-read until 2026-12-24 today, and this holds until 2026-12-25";
        refuses("secret-read", shop, "2026-12-25", long);
    }

    #[test]
    fn no_exclusion_holds_for_longer_than_the_platform_lets_it() {
        let limited = PLATFORM.replace("  failAt", "  maxExclusionDays: 20\n  failAt");
        let shop = "namespace: shop, name: web";
        let policy = layers(&limited, &entry("node-port", shop, "2026-12-14")).unwrap();
        assert_eq!(policy.exclusions.entries().len(), 1);
        let policy = layers(&limited, &entry("node-port", shop, "2026-12-15")).unwrap();
        let why =
            "the platform lets no exclusion hold beyond 2026-12-14 today, and this holds until 2026-12-15";
        assert_eq!(policy.refused[0].why, why);
        let own = entry("node-port", shop, "2026-12-15");
        let errors = layers(&format!("{limited}---\n{own}"), &self::own("  exclusions: []\n")).unwrap_err();
        let expected = "platform.yaml:14:5: the exclusion of node-port holds until 2026-12-15, and `maxExclusionDays` is 20: until 2026-12-14 at most, today";
        assert!(errors.to_string().contains(expected), "{errors}");
        let errors = layers(PLATFORM, &self::own("  maxExclusionDays: 9\n")).unwrap_err().to_string();
        assert!(errors.contains("`maxExclusionDays` is the platform's to set"), "{errors}");
    }

    #[test]
    fn lists_are_watched_by_the_platform_alone() {
        let all = PLATFORM.replace("[node-port, secret-read]", "['*']");
        let policy =
            layers(&all, &entry("exclusion-not-delegated", "name: own.yaml, namespace: shop", "2026-12-01"));
        assert_eq!(policy.unwrap().refused.len(), 1);
    }

    #[test]
    fn a_refused_entry_is_a_finding_as_bad_as_its_rule() {
        let policy =
            layers(PLATFORM, &entry("host-pid", "namespace: shop, name: web", "2026-12-24")).unwrap();
        let findings = policy.findings(&Lists::default(), &BTreeSet::new(), date(2026, 11, 24));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.code, finding.severity), ("EXC-001", Severity::Critical));
        assert_eq!(finding.identity.subject.to_string(), "driftgate.dev/GatePolicy own.yaml");
        assert_eq!(finding.identity.value, "host-pid on namespace=shop,name=web value=x");
        assert!(finding.is_about_a_policy());
    }

    #[test]
    fn an_application_sets_nothing_but_exclusions() {
        let errors = layers(PLATFORM, &own("  failAt: critical\n  mode: both\n  rollback: {optIn: all}\n"))
            .unwrap_err()
            .to_string();
        assert!(errors.contains("app/own.yaml:4:11: `failAt` is the platform's to set"), "{errors}");
        assert!(errors.contains("app/own.yaml:6:21: `optIn` is the platform's to set"), "{errors}");
        assert!(errors.contains("app/own.yaml:5:9: `mode` is the platform's to set"), "{errors}");
    }

    #[test]
    fn a_delegation_says_all_it_needs() {
        let wrong = "  delegation:\n  - {rules: [no-such-rule], upTo: hihg, days: 0}\n  - {}\n";
        let errors = layers(&own(wrong), &own("  exclusions: []\n")).unwrap_err().to_string();
        for problem in [
            "platform.yaml:5:14: no rule is called `no-such-rule`",
            "platform.yaml:5:35: `upTo` must be critical",
            "platform.yaml:5:47: `days` must be a number of days, at least 1",
            "platform.yaml:6:5: an entry of `delegation` needs `rules`",
        ] {
            assert!(errors.contains(problem), "{errors}");
        }
    }
}
