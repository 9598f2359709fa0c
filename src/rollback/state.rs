//! What is kept of an application between two looks. It is the controller's memory: whatever is not in here and not in
//! the application does not exist.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::rollback::case::{Case, Stage};
use crate::rollback::notice::Notice;
use crate::rollback::observed::Revision;

/// `apiVersion` of a state.
const API_VERSION: &str = "driftgate.dev/v1alpha1";
/// `kind` of a state.
const KIND: &str = "RollbackState";
/// Most revisions remembered of each sort; a history has ten entries by default.
const MOST_REVISIONS: usize = 30;
/// Most notices that wait for delivery; older ones are dropped first.
const MOST_NOTICES: usize = 20;

/// What is kept of one application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    api_version: String,
    kind: String,
    /// `NAMESPACE/NAME`.
    pub application: String,
    /// Of the application it was seen of.
    pub uid: String,
    /// Revisions that passed the gate, the newest last.
    pub passed: Vec<Revision>,
    /// Revisions from which we went back: never again, and never to them.
    pub rejected: Vec<Revision>,
    /// Revisions that a person has forbidden: never to them, but from them again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forbidden: Vec<Revision>,
    /// Kinds that revisions define which passed: going back to one must not delete those that came since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<(Revision, BTreeSet<String>)>,
    /// The operation and revision that were judged to need no rollback, or to allow none.
    pub settled: Option<(String, Revision)>,
    /// What is being done about a rejected revision.
    pub case: Option<Case>,
    /// What people have not been told yet, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub untold: Vec<Notice>,
}

/// Why a text is no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON, or another shape.
    #[error("{0}")]
    Malformed(String),
    /// Of another kind or version.
    #[error("apiVersion {0} and kind {1}, expected {API_VERSION} and {KIND}")]
    OtherKind(String, String),
}

impl State {
    /// Nothing is known yet.
    pub fn new(application: impl Into<String>, uid: impl Into<String>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            application: application.into(),
            uid: uid.into(),
            passed: Vec::new(),
            rejected: Vec::new(),
            forbidden: Vec::new(),
            definitions: Vec::new(),
            settled: None,
            case: None,
            untold: Vec::new(),
        }
    }

    /// The same, of this application.
    pub(super) fn of(&self, uid: &str) -> Self {
        Self { uid: uid.to_owned(), ..self.clone() }
    }

    /// From its JSON.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let state: Self = serde_json::from_str(text).map_err(|error| Error::Malformed(error.to_string()))?;
        if state.api_version != API_VERSION || state.kind != KIND {
            return Err(Error::OtherKind(state.api_version, state.kind));
        }
        Ok(state)
    }

    /// As JSON.
    pub fn to_json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(|error| Error::Malformed(error.to_string()))
    }

    /// True if nothing would be lost without it.
    pub fn is_empty(&self) -> bool {
        *self == Self::new(&*self.application, &*self.uid)
    }

    /// True if the gate has passed this revision.
    pub fn has_passed(&self, revision: &Revision) -> bool {
        self.passed.contains(revision)
    }

    /// True if a rollback must never end at this revision.
    pub fn is_barred(&self, revision: &Revision) -> bool {
        self.rejected.contains(revision)
            || self.forbidden.contains(revision)
            || self.case.as_ref().is_some_and(|case| case.rejected == *revision)
    }

    /// Remembers a revision that passed, as the newest; it is no longer rejected.
    pub(super) fn pass(&mut self, revision: &Revision) {
        self.rejected.retain(|known| known != revision);
        remember(&mut self.passed, revision);
    }

    /// Remembers which kinds a revision defines.
    pub(super) fn define(&mut self, revision: &Revision, kinds: &BTreeSet<String>) {
        self.definitions.retain(|(known, _)| known != revision);
        if !kinds.is_empty() {
            self.definitions.push((revision.clone(), kinds.clone()));
        }
        let surplus = self.definitions.len().saturating_sub(MOST_REVISIONS);
        self.definitions.drain(..surplus);
    }

    /// Remembers a revision from which we went back.
    pub(super) fn reject(&mut self, revision: &Revision) {
        self.forbidden.retain(|known| known != revision);
        remember(&mut self.rejected, revision);
    }

    /// A person releases the rejected revision: it may be deployed again, and we do not go back from it once more;
    /// `forbid` keeps it rejected for good, so that we would.
    pub fn release(&mut self, forbid: bool, by: &str) {
        let Some(case) = &mut self.case else { return };
        let revision = case.rejected.clone();
        case.stage = Stage::Lifting { because: format!("{by} released it"), told: false };
        if forbid {
            case.acted = false;
            self.rejected.retain(|known| *known != revision);
            remember(&mut self.forbidden, &revision);
        } else {
            case.acted = true;
        }
    }

    /// The same with another case.
    pub(super) fn with(&self, case: Case) -> Self {
        Self { case: Some(case), ..self.clone() }
    }

    /// Adds what people should be told.
    pub(super) fn tell(&mut self, notice: Notice) {
        self.untold.push(notice);
        let surplus = self.untold.len().saturating_sub(MOST_NOTICES);
        self.untold.drain(..surplus);
    }

    /// Takes away what people have been told.
    pub fn told(&mut self, ids: &[String]) {
        self.untold.retain(|notice| !ids.contains(&notice.id));
    }
}

fn remember(list: &mut Vec<Revision>, revision: &Revision) {
    list.retain(|known| known != revision);
    list.push(revision.clone());
    let surplus = list.len().saturating_sub(MOST_REVISIONS);
    list.drain(..surplus);
}
