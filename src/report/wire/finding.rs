//! Findings and the objects they are about, as other programs see them.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::exclusion;
use crate::finding::{self, Certainty, Presence, Provenance, Severity};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::world;
use crate::record::Mark;
use crate::report::Printable;
use crate::verdict;

/// One object of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// API group; empty for the core group.
    pub group: Printable,
    /// Kind in CamelCase.
    pub kind: Printable,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: Printable,
    /// Name; empty for all objects of the kind.
    pub name: Printable,
}

impl From<&ObjectRef> for Object {
    fn from(object: &ObjectRef) -> Self {
        let ObjectRef { group, kind, namespace, name } = object;
        Self {
            group: Printable::new(group),
            kind: Printable::new(kind),
            namespace: Printable::new(namespace),
            name: Printable::new(name),
        }
    }
}

/// `apps/Deployment shop/web`; `all apps/Deployment objects in namespace shop` without a name.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, kind, namespace, name } = self;
        let slash = if group.is_empty() { "" } else { "/" };
        let kind = format!("{group}{slash}{kind}");
        match (namespace.is_empty(), name.is_empty()) {
            (true, true) => write!(f, "all {kind} objects"),
            (true, false) => write!(f, "{kind} {name}"),
            (false, true) => write!(f, "all {kind} objects in namespace {namespace}"),
            (false, false) => write!(f, "{kind} {namespace}/{name}"),
        }
    }
}

impl Object {
    pub(super) fn all(kind: &GroupKind, namespace: &str) -> Self {
        Self::from(&ObjectRef::new(kind, namespace, ""))
    }
}

/// A rule's proof of something bad.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it is about, as 16 hexadecimal digits: stays the same from run to run. `driftgate explain` takes it.
    pub id: Printable,
    /// Rule, for instance `privileged-container`; for ever.
    pub rule: &'static str,
    /// Catalogue number of the rule, for instance WL-001.
    pub code: &'static str,
    /// How bad, in this place.
    pub severity: Severity,
    /// Proven or possible.
    pub certainty: Certainty,
    /// What shows it.
    pub evidence: Evidence,
    /// Something bad is there, or something good is missing.
    pub presence: Presence,
    /// Outermost owner of the object that shows it: what to repair.
    pub subject: Object,
    /// The object that shows it, for instance one of the Pods.
    pub object: Object,
    /// How many objects show it.
    pub objects: u64,
    /// Container, for rules about containers.
    pub container: Option<Printable>,
    /// Images of that container in all objects that show it.
    pub images: BTreeSet<Printable>,
    /// How it came to be in all objects that show it; empty where one of them does not tell.
    pub provenance: BTreeSet<Provenance>,
    /// The failing value in normal form; may be empty.
    pub value: Printable,
    /// Field in `object`, with names instead of indexes.
    pub path: Printable,
    /// What is wrong.
    pub message: Printable,
    /// What to do.
    pub help: &'static str,
    /// Objects it follows from; one without a name stands for any object of its kind in its namespace.
    pub causes: BTreeSet<Object>,
    /// Against the record of the last revision that passed; null where that was not asked.
    pub novelty: Option<Novelty>,
    /// Who or what brought it, as far as that is known.
    pub brought_by: Option<Origin>,
    /// True if it asks for a rollback.
    pub rolls_back: bool,
    /// The exclusion that comes nearest to covering it, and why it does not: for the worst findings that count, where
    /// there is one.
    pub near_miss: Option<NearMiss>,
}

/// An exclusion that nearly covers a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NearMiss {
    /// Where it is written: `file:line`.
    pub at: Printable,
    /// The first key that differs.
    pub why: Printable,
}

impl From<&exclusion::NearMiss> for NearMiss {
    fn from(near: &exclusion::NearMiss) -> Self {
        Self { at: format!("{}:{}", near.at.file, near.at.line).into(), why: Printable::new(&near.why) }
    }
}

impl From<&finding::Finding> for Finding {
    fn from(finding: &finding::Finding) -> Self {
        Self {
            id: Mark::of(&finding.identity).as_str().into(),
            rule: finding.identity.rule,
            code: finding.code,
            severity: finding.severity,
            certainty: finding.certainty,
            evidence: finding.evidence.into(),
            presence: finding.presence,
            subject: (&finding.identity.subject).into(),
            object: (&finding.object).into(),
            objects: finding.count,
            container: finding.identity.container.as_ref().map(Printable::new),
            images: finding.images.iter().map(Printable::new).collect(),
            provenance: finding.provenance.clone(),
            value: Printable::new(&finding.identity.value),
            path: Printable::new(&finding.path),
            message: Printable::new(&finding.message),
            help: finding.help,
            causes: finding.causes.iter().map(Object::from).collect(),
            novelty: None,
            brought_by: None,
            rolls_back: false,
            near_miss: None,
        }
    }
}

impl From<&finding::Cause> for Object {
    fn from(cause: &finding::Cause) -> Self {
        match cause {
            finding::Cause::Object(object) => object.into(),
            finding::Cause::Kind(kind, namespace) => Self::all(kind, namespace),
        }
    }
}

/// What shows a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// A pod template: what would be made, before admission.
    Template,
    /// The live object itself.
    Live,
}

impl From<world::Evidence> for Evidence {
    fn from(evidence: world::Evidence) -> Self {
        match evidence {
            world::Evidence::Template => Self::Template,
            world::Evidence::Live => Self::Live,
        }
    }
}

/// A finding against the record of the last revision that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Novelty {
    /// Not in the record.
    New,
    /// In the record: the last good revision has it too.
    Known,
    /// There is no record to compare with.
    Unrecorded,
}

/// Who or what brought a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Whether going back can cure it.
    pub source: Source,
    /// The application's own objects that the revision added, changed or removed; empty for what came from outside.
    pub objects: BTreeSet<Object>,
    /// Who or what, in words.
    pub text: Printable,
}

/// Where a finding came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The revision: it changed what the finding follows from.
    Revision,
    /// Anything else: admission, another application, an edit by hand. Going back cannot cure it.
    Outside,
}

impl From<&verdict::Drift<'_>> for Finding {
    fn from(drift: &verdict::Drift<'_>) -> Self {
        let verdict::Drift { finding, novelty, rolls_back, near } = drift;
        let (novelty, brought_by) = match novelty {
            verdict::Novelty::Unrecorded => (Novelty::Unrecorded, None),
            verdict::Novelty::Known => (Novelty::Known, None),
            verdict::Novelty::Brought { by } => (Novelty::New, Some(Origin::revision(by))),
            verdict::Novelty::Outside { by } => (Novelty::New, Some(Origin::outside(by))),
        };
        let near_miss = near.as_ref().map(NearMiss::from);
        Self {
            novelty: Some(novelty),
            brought_by,
            rolls_back: *rolls_back,
            near_miss,
            ..Self::from(*finding)
        }
    }
}

impl Origin {
    fn revision(by: &BTreeSet<ObjectRef>) -> Self {
        let names: Vec<String> = by.iter().take(NAMED).map(ToString::to_string).collect();
        let more = match by.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Self {
            source: Source::Revision,
            objects: by.iter().map(Object::from).collect(),
            text: format!("this revision, which changed {}{more}", names.join(", ")).into(),
        }
    }

    fn outside(by: &str) -> Self {
        Self { source: Source::Outside, objects: BTreeSet::new(), text: by.into() }
    }
}

/// Most objects that an origin names in words.
const NAMED: usize = 3;
