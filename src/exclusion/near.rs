//! Which entry comes nearest to a finding that it does not cover, and the first thing that keeps it from doing so.

use std::cmp::Reverse;

use jiff::civil::Date;

use super::{Exclusion, Exclusions, Position, Subject, image_is_under, matches_kind};
use crate::finding::{Finding, Provenance};
use crate::model::reference::ObjectRef;

/// An entry that nearly covers a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// Where the entry is written.
    pub at: Position,
    /// The first key that differs: `image is registry.example/mesh-evil:1, wanted registry.example/mesh`.
    pub why: String,
}

/// A key that an entry asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Kind,
    Namespace,
    Name,
    Owner,
    Container,
    Image,
    Value,
    Provenance,
    Severity,
}

/// In the order in which people narrow an entry down.
const KEYS: [Key; 9] = [
    Key::Kind,
    Key::Namespace,
    Key::Name,
    Key::Owner,
    Key::Container,
    Key::Image,
    Key::Value,
    Key::Provenance,
    Key::Severity,
];

impl Exclusions {
    /// The entry of the finding's rule of which the fewest keys differ; none if nothing of any entry matches, or if one
    /// covers the finding.
    pub fn nearest(&self, finding: &Finding, today: Date) -> Option<NearMiss> {
        let mut nearest: Option<((usize, Reverse<usize>), &Exclusion)> = None;
        for entry in self.entries.iter().filter(|entry| entry.rule == finding.identity.rule) {
            let (differing, matching) = entry.compared(finding);
            if differing == 0 && !entry.is_expired(today) {
                return None;
            }
            let distance = (differing, Reverse(matching));
            if matching > 0 && nearest.is_none_or(|(least, _entry)| distance < least) {
                nearest = Some((distance, entry));
            }
        }
        let (_distance, entry) = nearest?;
        let differs = KEYS.into_iter().find(|key| entry.holds(*key, finding) == Some(false));
        let why = match differs {
            Some(key) => entry.differs(key, finding),
            None => format!("it expired on {}", entry.expires),
        };
        Some(NearMiss { at: entry.at.clone(), why })
    }
}

impl Exclusion {
    /// How many of its keys differ, and how many match.
    fn compared(&self, finding: &Finding) -> (usize, usize) {
        let held = KEYS.into_iter().filter_map(|key| self.holds(key, finding));
        held.fold(
            (0, 0),
            |(differing, matching), holds| {
                if holds { (differing, matching + 1) } else { (differing + 1, matching) }
            },
        )
    }

    /// Whether a key matches; none if it is not asked for.
    fn holds(&self, key: Key, finding: &Finding) -> Option<bool> {
        let identity = &finding.identity;
        let object = &identity.subject;
        match (key, &self.subject) {
            (Key::Kind, Subject::Matching { kind, .. }) => {
                kind.as_ref().map(|kind| matches_kind(kind, object))
            }
            (Key::Namespace, Subject::Matching { namespace, .. }) => {
                namespace.as_ref().map(|namespace| namespace.matches(&object.namespace))
            }
            (Key::Name, Subject::Matching { name, .. }) => {
                name.as_ref().map(|name| name.matches(&object.name))
            }
            (Key::Owner, Subject::Owner(owner)) => Some(owner == object),
            (Key::Kind | Key::Namespace | Key::Name, Subject::Any | Subject::Owner(_))
            | (Key::Owner, Subject::Any | Subject::Matching { .. }) => None,
            (Key::Container, _) => {
                let container = identity.container.as_deref();
                self.container.as_ref().map(|pattern| container.is_some_and(|name| pattern.matches(name)))
            }
            (Key::Image, _) => self.image.as_ref().map(|prefix| super::all_images_under(prefix, finding)),
            (Key::Value, _) => self.value.as_ref().map(|value| *value == identity.value),
            (Key::Provenance, _) => self.provenance.map(|provenance| super::all_came_by(provenance, finding)),
            // What is not limited says nothing of the finding.
            (Key::Severity, _) => (finding.severity > self.up_to).then_some(false),
        }
    }

    /// What the finding has at a key that does not match, and what the entry wants there.
    fn differs(&self, key: Key, finding: &Finding) -> String {
        let ObjectRef { namespace, name, .. } = &finding.identity.subject;
        match (key, &self.subject) {
            (Key::Kind, Subject::Matching { kind: Some(kind), .. }) => {
                said("kind", &finding.identity.subject.group_kind().to_string(), kind.as_str())
            }
            (Key::Namespace, Subject::Matching { namespace: Some(wanted), .. }) => {
                said("namespace", namespace, wanted.as_str())
            }
            (Key::Name, Subject::Matching { name: Some(wanted), .. }) => said("name", name, wanted.as_str()),
            (Key::Owner, Subject::Owner(owner)) => {
                said("owner", &finding.identity.subject.to_string(), &owner.to_string())
            }
            (Key::Container, _) => {
                let wanted = self.container.as_ref().map_or("", |pattern| pattern.as_str());
                said("container", finding.identity.container.as_deref().unwrap_or_default(), wanted)
            }
            (Key::Image, _) => {
                let wanted = self.image.as_deref().unwrap_or_default();
                let other = finding.images.iter().find(|image| !image_is_under(wanted, image));
                said("image", other.map_or("", String::as_str), wanted)
            }
            (Key::Value, _) => {
                said("value", &finding.identity.value, self.value.as_deref().unwrap_or_default())
            }
            (Key::Provenance, _) => {
                let wanted = self.provenance.map_or("", Provenance::as_str);
                let other = finding.provenance.iter().find(|provenance| provenance.as_str() != wanted);
                said("provenance", other.map_or("", |provenance| provenance.as_str()), wanted)
            }
            (Key::Severity, _) => {
                format!("severity is {}, delegated up to {}", finding.severity, self.up_to)
            }
            (Key::Kind | Key::Namespace | Key::Name | Key::Owner, _) => String::new(),
        }
    }
}

fn said(key: &str, has: &str, wanted: &str) -> String {
    if has.is_empty() {
        return format!("there is no {key}, wanted {wanted}");
    }
    format!("{key} is {has}, wanted {wanted}")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::exclusion::Pattern;
    use crate::exclusion::tests::{deployment, exclusion, finding};
    use crate::finding::Severity;

    const TODAY: Date = date(2026, 11, 24);

    fn entry(line: u64, change: impl Fn(&mut Exclusion)) -> Exclusion {
        let pattern = |text: &str| Some(Pattern::new(text).unwrap());
        let subject = Subject::Matching {
            kind: pattern("Deployment"),
            namespace: pattern("shop"),
            name: pattern("web"),
        };
        let mut entry = exclusion("r", subject, line);
        entry.container = pattern("mesh-*");
        entry.image = Some("registry.example/mesh".into());
        entry.value = Some("NET_ADMIN".into());
        entry.provenance = Some(Provenance::Admission);
        change(&mut entry);
        entry
    }

    fn found(change: impl Fn(&mut Finding)) -> Finding {
        let mut found = finding("r", &deployment("shop", "web"), Some("mesh-init"), "NET_ADMIN");
        found.images = ["registry.example/mesh/proxy:1".to_owned()].into();
        found.provenance = [Provenance::Admission].into();
        change(&mut found);
        found
    }

    fn nearest(entries: Vec<Exclusion>, finding: &Finding) -> Option<(u64, String)> {
        let near = Exclusions::new(entries).nearest(finding, TODAY)?;
        Some((near.at.line, near.why))
    }

    #[test]
    fn the_first_key_that_differs_is_named_with_what_was_wanted() {
        type Change = fn(&mut Finding);
        let cases: [(Change, &str); 11] = [
            (|found| found.identity.subject.kind = "Job".into(), "kind is apps/Job, wanted Deployment"),
            (|found| found.identity.subject.namespace = "other".into(), "namespace is other, wanted shop"),
            (|found| found.identity.subject.namespace = String::new(), "there is no namespace, wanted shop"),
            (|found| found.identity.subject.name = "web-2".into(), "name is web-2, wanted web"),
            (|found| found.identity.container = Some("app".into()), "container is app, wanted mesh-*"),
            (|found| found.identity.container = None, "there is no container, wanted mesh-*"),
            (
                |found| found.images.extend(["registry.example/mesh-evil/proxy:1".to_owned()]),
                "image is registry.example/mesh-evil/proxy:1, wanted registry.example/mesh",
            ),
            (|found| found.images.clear(), "there is no image, wanted registry.example/mesh"),
            (|found| found.identity.value = "SYS_ADMIN".into(), "value is SYS_ADMIN, wanted NET_ADMIN"),
            (
                |found| found.provenance.extend([Provenance::Declared]),
                "provenance is declared, wanted admission",
            ),
            (|found| found.provenance.clear(), "there is no provenance, wanted admission"),
        ];
        for (change, expected) in cases {
            let near = nearest(vec![entry(1, |_| ())], &found(change));
            assert_eq!(near, Some((1, expected.to_owned())));
        }
        let limited = entry(1, |entry| entry.up_to = Severity::High);
        let expected = "severity is critical, delegated up to high";
        assert_eq!(nearest(vec![limited], &found(|_| ())), Some((1, expected.into())));
        let expired = entry(1, |entry| entry.expires = date(2026, 11, 1));
        assert_eq!(nearest(vec![expired], &found(|_| ())), Some((1, "it expired on 2026-11-01".into())));
    }

    #[test]
    fn of_several_entries_the_one_with_the_fewest_differences_is_meant() {
        let far = entry(1, |entry| entry.value = Some("SYS_TIME".into()));
        let owner = entry(2, |entry| entry.subject = Subject::Owner(deployment("shop", "web-2")));
        let other = entry(3, |entry| entry.rule = "other");
        let two_off = found(|found| found.identity.subject.name = "web-2".into());
        assert_eq!(
            nearest(vec![far.clone(), owner.clone(), other.clone()], &two_off),
            None,
            "line 2 covers it"
        );
        let near = nearest(vec![far, other, owner], &found(|_| ()));
        assert_eq!(near, Some((1, "value is NET_ADMIN, wanted SYS_TIME".into())), "more of it matches");
        let nothing = exclusion("r", Subject::Owner(deployment("elsewhere", "api")), 4);
        assert_eq!(nearest(vec![nothing], &found(|_| ())), None, "nothing of it matches");
    }
}
