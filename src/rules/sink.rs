//! Where a rule puts what it saw.

use std::collections::BTreeSet;

use crate::finding::{
    Cause, Certainty, Finding, Gap, GapReason, GapScope, Identity, Part, Presence, Severity,
};
use crate::model::pod::PodSpec;
use crate::model::reference::ObjectRef;
use crate::model::world::Evidence;
use crate::rules::Rule;

/// What a rule observed about the thing it was shown; the engine adds rule, subject and evidence.
#[derive(Clone, Debug)]
pub struct Observation {
    severity: Severity,
    certainty: Certainty,
    presence: Presence,
    container: Option<String>,
    value: String,
    path: String,
    message: String,
    causes: BTreeSet<Cause>,
    parts: Vec<Part>,
    subject: Option<ObjectRef>,
}

impl Observation {
    /// Something bad at a field. `value` is the normal form that identifies it; it may be empty where the rule can
    /// fire only once for its subject and container.
    pub fn new(
        severity: Severity,
        value: impl Into<String>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            certainty: Certainty::Certain,
            presence: Presence::Present,
            container: None,
            value: value.into(),
            path: path.into(),
            message: message.into(),
            causes: BTreeSet::new(),
            parts: Vec::new(),
            subject: None,
        }
    }

    /// The container it is about.
    #[must_use]
    pub fn in_container(mut self, name: impl Into<String>) -> Self {
        self.container = Some(name.into());
        self
    }

    /// The object does not prove it.
    #[must_use]
    pub fn possible(mut self) -> Self {
        self.certainty = Certainty::Possible;
        self
    }

    /// Something good is missing.
    #[must_use]
    pub fn absent(mut self) -> Self {
        self.presence = Presence::Absent;
        self
    }

    /// What it follows from, besides the subject itself.
    #[must_use]
    pub fn caused_by(mut self, cause: Cause) -> Self {
        self.causes.insert(cause);
        self
    }

    /// What makes it up, where that can become less.
    #[must_use]
    pub fn made_of(mut self, parts: Vec<Part>) -> Self {
        self.parts = parts;
        self
    }

    /// Another subject than the thing the rule was shown.
    #[must_use]
    pub fn about(mut self, subject: ObjectRef) -> Self {
        self.subject = Some(subject);
        self
    }
}

/// Takes a rule's observations about one thing.
#[derive(Debug)]
pub struct Sink<'a> {
    pub(crate) rule: &'static Rule,
    pub(crate) subject: &'a ObjectRef,
    pub(crate) object: &'a ObjectRef,
    pub(crate) evidence: Evidence,
    pub(crate) pod: Option<&'a PodSpec>,
    pub(crate) findings: &'a mut Vec<Finding>,
    pub(crate) gaps: &'a mut Vec<Gap>,
}

impl Sink<'_> {
    /// Reports a finding.
    pub fn finding(&mut self, observation: Observation) {
        let Observation {
            severity,
            certainty,
            presence,
            container,
            value,
            path,
            message,
            mut causes,
            parts,
            subject,
        } = observation;
        let subject = subject.unwrap_or_else(|| self.subject.clone());
        causes.insert(Cause::Object(subject.clone()));
        let images = container.as_deref().and_then(|name| self.image(name)).into_iter().collect();
        self.findings.push(Finding {
            identity: Identity { rule: self.rule.id, subject, container, value },
            code: self.rule.code,
            severity,
            certainty,
            evidence: self.evidence,
            presence,
            object: self.object.clone(),
            path,
            message,
            help: self.rule.help,
            causes: causes.into_iter().collect(),
            parts,
            count: 1,
            images,
            provenance: BTreeSet::new(),
        });
    }

    fn image(&self, container: &str) -> Option<String> {
        let (_, found) = self.pod?.every_container().find(|(_, candidate)| candidate.name == container)?;
        Some(found.image.clone())
    }

    /// Says that the rule cannot judge this thing.
    pub fn gap(&mut self, reason: GapReason, detail: impl Into<String>) {
        let scope = GapScope::Rule(self.rule.id, self.object.clone());
        self.gaps.push(Gap { scope, reason, detail: detail.into() });
    }
}
