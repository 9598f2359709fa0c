//! Finds the few entries of a rule that a subject may be covered by, by what they say literally of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Pattern, Subject};
use crate::model::reference::ObjectRef;

/// Entries of one rule by their number, each in exactly one place: by the whole name, by how it begins, by how it
/// ends, by the whole namespace, or with the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    by_name: BTreeMap<String, Vec<usize>>,
    by_beginning: Parts,
    by_ending: Parts,
    by_namespace: BTreeMap<String, Vec<usize>>,
    others: Vec<usize>,
}

/// Entries by a part of the name. The lengths of all parts are known, so that few of them need be tried.
#[derive(Clone, Debug, Default)]
struct Parts {
    entries: BTreeMap<String, Vec<usize>>,
    lengths: BTreeSet<usize>,
}

impl Index {
    pub(super) fn add(&mut self, number: usize, subject: &Subject) {
        let list = match subject {
            Subject::Any => &mut self.others,
            Subject::Owner(owner) => self.by_name.entry(owner.name.clone()).or_default(),
            Subject::Matching { name: Some(name), namespace, .. } => match name.literal() {
                Some(name) => self.by_name.entry(name.to_owned()).or_default(),
                None if !name.beginning().is_empty() => self.by_beginning.list(name.beginning()),
                None if !name.ending().is_empty() => self.by_ending.list(name.ending()),
                None => self.of_namespace(namespace.as_ref()),
            },
            Subject::Matching { name: None, namespace, .. } => self.of_namespace(namespace.as_ref()),
        };
        list.push(number);
    }

    fn of_namespace(&mut self, namespace: Option<&Pattern>) -> &mut Vec<usize> {
        match namespace.and_then(Pattern::literal) {
            Some(namespace) => self.by_namespace.entry(namespace.to_owned()).or_default(),
            None => &mut self.others,
        }
    }

    /// Every entry that may cover the subject, in no order.
    pub(super) fn candidates<'a>(&'a self, subject: &'a ObjectRef) -> impl Iterator<Item = usize> + 'a {
        let name = subject.name.as_str();
        let from_end =
            move |length: &usize| name.len().checked_sub(*length).and_then(|from| name.get(from..));
        let by_name = self.by_name.get(name).into_iter().flatten();
        let by_beginning = self.by_beginning.of(|length| name.get(..*length));
        let by_ending = self.by_ending.of(from_end);
        let by_namespace = self.by_namespace.get(&subject.namespace).into_iter().flatten();
        by_name.chain(by_beginning).chain(by_ending).chain(by_namespace).chain(&self.others).copied()
    }
}

impl Parts {
    fn list(&mut self, part: &str) -> &mut Vec<usize> {
        self.lengths.insert(part.len());
        self.entries.entry(part.to_owned()).or_default()
    }

    fn of<'a>(&'a self, part: impl Fn(&usize) -> Option<&'a str> + 'a) -> impl Iterator<Item = &'a usize> {
        self.lengths.iter().filter_map(part).filter_map(|part| self.entries.get(part)).flatten()
    }
}
