//! Whether a finding is new, and who brought it: what the source did not change, going back cannot cure.

use std::collections::BTreeSet;

use crate::finding::{Cause, Finding};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::record::Record;
use crate::verdict::Inputs;

/// A finding against the record of the last revision that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// There is no record.
    Unrecorded,
    /// The record has it.
    Known,
    /// New, and the source changed what it follows from.
    Brought {
        /// The application's own objects that were added, changed or removed.
        by: BTreeSet<ObjectRef>,
    },
    /// New, but the source changed nothing that it follows from.
    Outside {
        /// Who or what may have brought it.
        by: String,
    },
}

impl Novelty {
    /// Compares with the record.
    pub fn of(finding: &Finding, inputs: &Inputs<'_>) -> Self {
        let Some(record) = inputs.record else { return Self::Unrecorded };
        if record.has(&finding.identity) {
            return Self::Known;
        }
        let changed = |cause: &Cause| match cause {
            Cause::Object(object) => {
                inputs.changed(record, object).then(|| object.clone()).into_iter().collect()
            }
            Cause::Kind(kind, namespace) => inputs.changed_of_kind(record, kind, namespace),
        };
        let by: BTreeSet<ObjectRef> = finding.causes.iter().flat_map(changed).collect();
        if by.is_empty() { Self::Outside { by: inputs.outsider(finding) } } else { Self::Brought { by } }
    }
}

impl Inputs<'_> {
    /// True if the object is the application's own and was added, or is shown to be declared otherwise, since.
    fn changed(&self, record: &Record, object: &ObjectRef) -> bool {
        self.owned.contains(object)
            && match (record.declared(object), self.declared.get(object)) {
                (None, _) => true,
                (Some(before), Some(now)) => now.differs_from(before),
                (Some(_), None) => false,
            }
    }

    /// Own objects of a kind that were added, changed or removed; of removed ones only the name is known.
    fn changed_of_kind(&self, record: &Record, kind: &GroupKind, namespace: &str) -> BTreeSet<ObjectRef> {
        let place = ObjectRef::new(kind, namespace, "").to_string();
        let removed = record.declared.keys().filter_map(|name| name.strip_prefix(&place));
        let removed = removed.map(|name| ObjectRef::new(kind, namespace, name));
        let present = self.owned.iter().filter(|object| {
            object.group == kind.group && object.kind == kind.kind && object.namespace == namespace
        });
        let changed = present.filter(|object| self.changed(record, object)).cloned();
        removed.filter(|object| !self.owned.contains(object)).chain(changed).collect()
    }

    /// Who may have brought a finding that the source did not.
    fn outsider(&self, finding: &Finding) -> String {
        let foreign: Vec<String> = finding
            .causes
            .iter()
            .filter_map(|cause| match cause {
                Cause::Object(object) if !self.owned.contains(object) => Some(object.to_string()),
                Cause::Object(_) | Cause::Kind(..) => None,
            })
            .collect();
        if !foreign.is_empty() {
            return format!("{}, which this application's source does not declare", foreign.join(", "));
        }
        let injectors: Vec<String> = self.injectors.iter().map(ToString::to_string).collect();
        let admission = if injectors.is_empty() {
            "admission".to_owned()
        } else {
            format!("admission ({})", injectors.join(", "))
        };
        format!("{admission}, or an edit outside the source")
    }
}
