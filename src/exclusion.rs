//! Written permissions for findings: who said so, why, and until when.
//!
//! Owns what an exclusion is and which findings it covers on a given day. Does not know how the file is read, what
//! rules judge, or what a covered finding means for the verdict. A match deletes nothing: it names its entry.

mod change;
mod covers;
mod index;
mod ledger;
mod near;
mod pattern;

pub use change::{Change, Listed, Lists, changes};
pub use ledger::{Expired, Ledger, SOON_DAYS};
pub use near::NearMiss;
pub use pattern::Pattern;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;

use crate::finding::{Finding, Identity, Provenance, Severity};
use crate::model::reference::ObjectRef;
use index::Index;

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Name of the file, as it was given.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Who wrote an exclusion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// The platform.
    #[default]
    Platform,
    /// The application's team, within what the platform delegates.
    Application,
}

/// One permission. All keys that are present must match.
#[derive(Clone, Debug)]
pub struct Exclusion {
    /// Id of the rule whose findings it covers.
    pub rule: &'static str,
    /// Which subjects.
    pub subject: Subject,
    /// Which containers.
    pub container: Option<Pattern>,
    /// Image of the container, whole or up to a `/`, `:` or `@`: `registry.example/mesh` covers
    /// `registry.example/mesh/proxy:1` and not `registry.example/mesh-evil:1`.
    pub image: Option<String>,
    /// The failing value in the rule's normal form, exactly.
    pub value: Option<String>,
    /// How what is permitted came to be there, in every object that shows it.
    pub provenance: Option<Provenance>,
    /// Why it is permitted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where more about it is written, for people.
    pub ticket: Option<String>,
    /// Last day on which it holds.
    pub expires: Date,
    /// Where it is written.
    pub at: Position,
    /// Who wrote it.
    pub layer: Layer,
    /// It covers nothing worse.
    pub up_to: Severity,
    /// The trusted injector whose container it is about; none for an entry of the list.
    pub injector: Option<Arc<str>>,
}

/// Which subjects an exclusion covers: the outermost owner of what fails, as reports name it.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Any; only sensible together with a container and its image.
    Any,
    /// Exactly this object.
    Owner(ObjectRef),
    /// Objects whose names match.
    Matching {
        /// `Deployment`, or with its group `apps/Deployment`.
        kind: Option<Pattern>,
        /// Namespace.
        namespace: Option<Pattern>,
        /// Name.
        name: Option<Pattern>,
    },
}

/// `kind=Deployment,namespace=shop,name=web-*`, one object as reports write it, or `anything`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Matching { kind, namespace, name } = self else {
            return match self {
                Self::Owner(owner) => owner.fmt(f),
                Self::Any | Self::Matching { .. } => f.write_str("anything"),
            };
        };
        let parts = [("kind", kind), ("namespace", namespace), ("name", name)];
        let parts =
            parts.into_iter().filter_map(|(key, part)| Some(format!("{key}={}", part.as_ref()?.as_str())));
        f.write_str(&parts.collect::<Vec<_>>().join(","))
    }
}

/// Rule, subject and what narrows it, without reason, owner, date and place.
impl fmt::Display for Exclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.rule, self.subject)?;
        let container = self.container.as_ref().map(Pattern::as_str);
        let parts = [
            ("container", container),
            ("image", self.image.as_deref()),
            ("value", self.value.as_deref()),
            ("provenance", self.provenance.map(Provenance::as_str)),
        ];
        for (key, part) in parts {
            if let Some(part) = part {
                write!(f, " {key}={part}")?;
            }
        }
        Ok(())
    }
}

impl Exclusion {
    /// True if it covers the finding, whatever the date.
    pub fn matches(&self, finding: &Finding) -> bool {
        let Identity { rule, subject, container, value } = &finding.identity;
        *rule == self.rule
            && finding.severity <= self.up_to
            && self.value.as_ref().is_none_or(|wanted| wanted == value)
            && self
                .container
                .as_ref()
                .is_none_or(|pattern| container.as_deref().is_some_and(|c| pattern.matches(c)))
            && self.image.as_ref().is_none_or(|prefix| all_images_under(prefix, finding))
            && self.provenance.is_none_or(|provenance| all_came_by(provenance, finding))
            && self.subject.matches(subject)
    }

    /// True from the day after [`Self::expires`].
    pub fn is_expired(&self, today: Date) -> bool {
        today > self.expires
    }

    /// True if it holds today and for no more than so many days.
    pub fn expires_within(&self, days: i64, today: Date) -> bool {
        let left = today.until(self.expires).map_or(i64::MAX, |left| i64::from(left.get_days()));
        (0..=days).contains(&left)
    }
}

/// One Pod with another image is enough to say no; so is not knowing the image.
fn all_images_under(prefix: &str, finding: &Finding) -> bool {
    !finding.images.is_empty() && finding.images.iter().all(|image| image_is_under(prefix, image))
}

/// One object that got it otherwise is enough to say no; so is not knowing.
fn all_came_by(provenance: Provenance, finding: &Finding) -> bool {
    !finding.provenance.is_empty() && finding.provenance.iter().all(|other| *other == provenance)
}

/// True if the image begins with the prefix and goes on with another part.
fn image_is_under(prefix: &str, image: &str) -> bool {
    let ends_a_part = prefix.ends_with(['/', ':', '@']);
    image
        .strip_prefix(prefix)
        .is_some_and(|rest| ends_a_part || rest.is_empty() || rest.starts_with(['/', ':', '@']))
}

impl Subject {
    fn matches(&self, object: &ObjectRef) -> bool {
        match self {
            Self::Any => true,
            Self::Owner(owner) => owner == object,
            Self::Matching { kind, namespace, name } => {
                namespace.as_ref().is_none_or(|pattern| pattern.matches(&object.namespace))
                    && name.as_ref().is_none_or(|pattern| pattern.matches(&object.name))
                    && kind.as_ref().is_none_or(|pattern| matches_kind(pattern, object))
            }
        }
    }
}

fn matches_kind(pattern: &Pattern, object: &ObjectRef) -> bool {
    if pattern.as_str().contains('/') {
        pattern.matches(&object.group_kind().to_string())
    } else {
        pattern.matches(&object.kind)
    }
}

/// All permissions, in the order of the files they are written in.
#[derive(Clone, Debug, Default)]
pub struct Exclusions {
    entries: Vec<Exclusion>,
    by_rule: BTreeMap<&'static str, Index>,
}

impl Exclusions {
    /// The same set whatever the order they are given in.
    pub fn new(mut entries: Vec<Exclusion>) -> Self {
        entries.sort_by(|one, other| one.at.cmp(&other.at));
        let mut by_rule = BTreeMap::<_, Index>::new();
        for (number, entry) in entries.iter().enumerate() {
            by_rule.entry(entry.rule).or_default().add(number, &entry.subject);
        }
        Self { entries, by_rule }
    }

    /// All entries, by file and line.
    pub fn entries(&self) -> &[Exclusion] {
        &self.entries
    }

    /// Numbers of the entries that cover the finding, whatever the date, ascending.
    fn covering(&self, finding: &Finding) -> Vec<usize> {
        let Some(index) = self.by_rule.get(finding.identity.rule) else { return Vec::new() };
        let mut numbers: Vec<usize> = index
            .candidates(&finding.identity.subject)
            .filter(|number| self.entries.get(*number).is_some_and(|entry| entry.matches(finding)))
            .collect();
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
pub(crate) mod tests;
