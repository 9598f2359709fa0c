//! Whether a finding is new, and who brought it: what the source did not change, going back cannot cure.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{Cause, Finding};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::record::Record;
use crate::verdict::Inputs;

/// Most objects that a sentence names.
const NAMES: usize = 5;

/// A finding against the record of the last revision that passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Novelty {
    /// There is no record.
    Unrecorded,
    /// The record has it, or something wider.
    Known,
    /// New, and the source changed what it follows from.
    Brought {
        /// The application's own objects that were added, changed or removed.
        by: BTreeSet<ObjectRef>,
    },
    /// New, but the source is not shown to have changed anything that it follows from.
    Outside {
        /// Who or what may have brought it.
        by: String,
    },
}

/// What has changed since the record, worked out once for all findings.
#[derive(Debug)]
pub(super) struct Changes<'a> {
    record: Option<&'a Record>,
    owned: &'a BTreeSet<ObjectRef>,
    /// Own objects that were added or are declared otherwise.
    objects: BTreeSet<&'a ObjectRef>,
    /// The same and those that were removed, by kind and namespace.
    places: BTreeMap<(GroupKind, String), BTreeSet<ObjectRef>>,
    /// Who brings to Pods what the source does not.
    admission: String,
}

impl<'a> Changes<'a> {
    /// Compares with the record.
    pub(super) fn since(inputs: &Inputs<'a>) -> Self {
        let objects: BTreeSet<_> = inputs.owned.iter().filter(|object| inputs.changed(object)).collect();
        let mut places = BTreeMap::<_, BTreeSet<_>>::new();
        for object in objects.iter().copied().cloned().chain(inputs.removed()) {
            let place = (object.group_kind(), object.namespace.clone());
            places.entry(place).or_default().insert(object);
        }
        Self { record: inputs.record, owned: inputs.owned, objects, places, admission: inputs.admission() }
    }

    /// What the changes mean for one finding.
    pub(super) fn novelty(&self, finding: &Finding) -> Novelty {
        let Some(record) = self.record else { return Novelty::Unrecorded };
        if record.has(finding) {
            return Novelty::Known;
        }
        let mut by = BTreeSet::new();
        for cause in &finding.causes {
            match cause {
                Cause::Object(object) => by.extend(self.objects.get(object).copied().cloned()),
                Cause::Kind(kind, namespace) => {
                    by.extend(
                        self.places.get(&(kind.clone(), namespace.clone())).into_iter().flatten().cloned(),
                    );
                }
            }
        }
        if by.is_empty() { Novelty::Outside { by: self.outsider(finding) } } else { Novelty::Brought { by } }
    }

    /// Who may have brought a finding that the source did not.
    fn outsider(&self, finding: &Finding) -> String {
        let foreign = finding.causes.iter().filter_map(|cause| match cause {
            Cause::Object(object) => (!self.owned.contains(object)).then_some(object),
            Cause::Kind(..) => None,
        });
        let foreign: Vec<_> = foreign.collect();
        if foreign.is_empty() {
            let shown_by_a_pod = finding.object.group.is_empty() && finding.object.kind == "Pod";
            return if shown_by_a_pod {
                self.admission.clone()
            } else {
                "an edit outside the source".to_owned()
            };
        }
        format!("{}, which this application's source does not declare", names(&foreign))
    }
}

impl Inputs<'_> {
    /// True if the object was added, or is shown to be declared otherwise, since the record. An object whose
    /// declaration cannot be read is not shown to have changed.
    fn changed(&self, object: &ObjectRef) -> bool {
        let Some(now) = self.declared.get(object) else { return false };
        let before = self.record.map(|record| record.declared(object));
        before.is_some_and(|before| before.is_none_or(|before| now.differs_from(before)))
    }

    /// Objects of the record that are not the application's any more.
    fn removed(&self) -> impl Iterator<Item = ObjectRef> {
        let recorded = self.record.into_iter().flat_map(|record| record.declared.keys());
        let objects = recorded.filter_map(|name| ObjectRef::parse(name));
        objects.filter(|object| !self.owned.contains(object))
    }

    /// Who changes Pods on their way in, those that are new or have changed since the record first.
    fn admission(&self) -> String {
        let is_new = |injector: &ObjectRef, version: &String| {
            let before = self.record.and_then(|record| record.injectors.get(&injector.to_string()));
            before.is_some_and(|before| before != version) || (self.record.is_some() && before.is_none())
        };
        let new: Vec<_> = self
            .injectors
            .iter()
            .filter(|(name, version)| is_new(name, version))
            .map(|(name, _)| name)
            .collect();
        if !new.is_empty() {
            return format!("admission ({}, new or changed since then)", names(&new));
        }
        let all: Vec<_> = self.injectors.keys().collect();
        let admission =
            if all.is_empty() { "admission".to_owned() } else { format!("admission ({})", names(&all)) };
        format!("{admission}, or an edit outside the source")
    }
}

fn names(objects: &[&ObjectRef]) -> String {
    let mut names: Vec<String> = objects.iter().take(NAMES).map(ToString::to_string).collect();
    if objects.len() > NAMES {
        names.push(format!("{} more", objects.len() - NAMES));
    }
    names.join(", ")
}
