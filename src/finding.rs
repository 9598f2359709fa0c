//! What a rule says: findings, and gaps where it could not see.
//!
//! Owns severity, certainty and identity. Does not know rules' logic, exclusions or verdicts.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world::Evidence;

/// How bad a finding is; ordered.
///
/// Critical: node or cluster takeover from this object alone. High: takeover with one commonly available extra step,
/// bulk exposure of Secrets, or an isolation boundary silently lost. Medium: removes a layer of defence. Low: hygiene.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Hygiene.
    Low,
    /// Removes a layer of defence.
    Medium,
    /// One step from takeover, or bulk exposure.
    High,
    /// Takeover from this object alone.
    Critical,
}

impl Severity {
    /// All, worst first.
    pub const WORST_FIRST: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Info];

    /// One step less bad, never below [`Severity::Info`].
    #[must_use]
    pub fn lower(self) -> Self {
        match self {
            Self::Critical => Self::High,
            Self::High => Self::Medium,
            Self::Medium => Self::Low,
            Self::Low | Self::Info => Self::Info,
        }
    }

    /// Lower-case word, as in policy files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether the finding is proven.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// The object does not say; for instance an image's user. Never blocks.
    Possible,
    /// The object proves it.
    Certain,
}

/// Whether something bad is there, or something good is missing. What is missing may still come, so it counts only
/// on a settled application.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Something bad is there.
    Present,
    /// Something good is missing.
    Absent,
}

/// How what is bad came to be in an object.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// The object itself says it, or the template that a Pod was made from.
    Declared,
    /// The Pod says it and the template that it was made from does not: something changed it on its way in.
    Admission,
    /// Only the observed state of a Pod shows it.
    Runtime,
}

impl Provenance {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Declared, Self::Admission, Self::Runtime];

    /// Lower-case word, as in policy files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Admission => "admission",
            Self::Runtime => "runtime",
        }
    }
}

/// What a finding follows from: if the source did not change it, going back cannot cure the finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// One object.
    Object(ObjectRef),
    /// Any object of a kind in a namespace: the cause of a finding about something missing.
    Kind(GroupKind, String),
}

/// What makes two findings the same across runs: never an array index, a Pod name or a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Rule id, for instance `privileged-container`.
    pub rule: &'static str,
    /// Outermost owner of the failing object.
    pub subject: ObjectRef,
    /// Container, for rules about containers.
    pub container: Option<String>,
    /// The failing value in normal form: a capability, a path, a grant.
    pub value: String,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rule, self.subject)?;
        if let Some(container) = &self.container {
            write!(f, " {container}")?;
        }
        if self.value.is_empty() { Ok(()) } else { write!(f, " {}", self.value) }
    }
}

/// One of the things that together make up a finding, for instance one verb on one resource.
///
/// Less of the same is another finding, though not a new danger: `list secrets` where it was `get,list secrets`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part, in the form of [`Identity::value`].
    pub value: String,
    /// Wider things that would include it, in the same form.
    pub within: Vec<String>,
}

/// A rule's proof of something bad.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub identity: Identity,
    /// Catalogue number of the rule, for instance `WL-001`.
    pub code: &'static str,
    /// How bad, in this place.
    pub severity: Severity,
    /// Proven or possible.
    pub certainty: Certainty,
    /// Live or template.
    pub evidence: Evidence,
    /// Something bad, or something missing.
    pub presence: Presence,
    /// The object that shows it, for instance one of the Pods.
    pub object: ObjectRef,
    /// Field in that object, names instead of indexes: `spec.containers[name=web].securityContext.privileged`.
    pub path: String,
    /// What is wrong, one sentence without a full stop.
    pub message: String,
    /// What to do, one sentence without a full stop.
    pub help: &'static str,
    /// What it follows from: sorted, each once. Few, where a `BTreeSet` would take a kilobyte.
    pub causes: Vec<Cause>,
    /// What makes it up, where that can become less; empty where the finding is one thing.
    pub parts: Vec<Part>,
    /// How many objects show it.
    pub count: u64,
    /// Images of the container in all objects that show it, as the Pods write them; empty for findings that are not
    /// about a container.
    pub images: BTreeSet<String>,
    /// How it came to be in all objects that show it; empty where one of them does not tell.
    pub provenance: BTreeSet<Provenance>,
}

impl Finding {
    /// True if it is about a list of exclusions, which no rollback of an application can cure.
    pub fn is_about_a_policy(&self) -> bool {
        self.code.starts_with("EXC-")
    }

    /// Takes in another proof of the same identity: the better evidence and the worse severity stay.
    pub(crate) fn absorb(&mut self, other: Self) {
        let count = self.count + other.count;
        let rank = |finding: &Self| (finding.severity, finding.certainty, finding.evidence);
        let mut causes = std::mem::take(&mut self.causes);
        causes.extend(other.causes.iter().cloned());
        causes.sort_unstable();
        causes.dedup();
        let mut images = std::mem::take(&mut self.images);
        images.extend(other.images.iter().cloned());
        let untold = self.provenance.is_empty() || other.provenance.is_empty();
        let mut provenance = std::mem::take(&mut self.provenance);
        provenance.extend(&other.provenance);
        if rank(&other) > rank(self) || (rank(&other) == rank(self) && other.object < self.object) {
            *self = other;
        }
        self.count = count;
        self.causes = causes;
        self.images = images;
        self.provenance = if untold { BTreeSet::new() } else { provenance };
    }
}

/// What could not be seen or judged. Unknown is a result, not a log line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// What is hidden.
    pub scope: GapScope,
    /// Why.
    pub reason: GapReason,
    /// The cause's own words.
    pub detail: String,
}

/// What a gap hides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapScope {
    /// All objects of a kind; the namespace is empty for all namespaces or a cluster-scoped kind.
    Kind(GroupKind, String),
    /// One object.
    Object(ObjectRef),
    /// One rule on one object.
    Rule(&'static str, ObjectRef),
    /// The application's own list of objects, or which application it is.
    Application,
}

/// Why a gap is there.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GapReason {
    /// The API server refused to show it.
    Forbidden,
    /// It went away, or was named but is not there.
    Missing,
    /// The request failed for good.
    Unreadable,
    /// The object could not be decoded.
    Undecodable,
    /// A rule panicked.
    RulePanicked,
    /// It kept changing while we looked.
    Changed,
}

impl GapReason {
    /// Lower-case words for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Undecodable => "undecodable",
            Self::RulePanicked => "rule panicked",
            Self::Changed => "changed while reading",
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            GapScope::Kind(kind, namespace) if namespace.is_empty() => write!(f, "all {kind} objects")?,
            GapScope::Kind(kind, namespace) => write!(f, "{kind} objects in namespace {namespace}")?,
            GapScope::Object(object) => write!(f, "{object}")?,
            GapScope::Rule(rule, object) => write!(f, "rule {rule} on {object}")?,
            GapScope::Application => f.write_str("the application")?,
        }
        write!(f, ": {}", self.reason.as_str())?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(image: &str, severity: Severity) -> Finding {
        Finding {
            identity: Identity {
                rule: "some-rule",
                subject: ObjectRef::default(),
                container: Some("web".into()),
                value: String::new(),
            },
            code: "WL-000",
            severity,
            certainty: Certainty::Certain,
            evidence: Evidence::Live,
            presence: Presence::Present,
            object: ObjectRef::default(),
            path: String::new(),
            message: String::new(),
            help: "",
            causes: Vec::new(),
            parts: Vec::new(),
            count: 1,
            images: BTreeSet::from([image.to_owned()]),
            provenance: [Provenance::Declared].into(),
        }
    }

    #[test]
    fn one_object_that_does_not_tell_is_enough_not_to_know() {
        let of = |provenance: &[Provenance]| Finding {
            provenance: provenance.iter().copied().collect(),
            ..finding("registry.example/a:1", Severity::Low)
        };
        let (told, untold) = (of(&[Provenance::Admission]), of(&[]));
        let mut known = told.clone();
        known.absorb(of(&[Provenance::Declared]));
        assert_eq!(known.provenance.len(), 2);
        for (mut first, second) in [(told.clone(), untold.clone()), (untold, told)] {
            first.absorb(second);
            assert!(first.provenance.is_empty());
        }
    }

    #[test]
    fn another_proof_adds_its_image_whichever_is_worse() {
        for (first, second) in [(Severity::Low, Severity::High), (Severity::High, Severity::Low)] {
            let mut known = finding("registry.example/a:1", first);
            known.absorb(finding("registry.example/b:1", second));
            assert_eq!(known.severity, Severity::High);
            assert_eq!(known.count, 2);
            assert_eq!(known.images.len(), 2);
        }
    }
}
