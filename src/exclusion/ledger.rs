//! Which exclusion covered what in one run, and which did nothing.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Exclusion, Exclusions, Subject};
use crate::finding::Finding;
use crate::model::reference::ObjectRef;

/// An entry expires soon if that is within so many days.
pub const SOON_DAYS: i64 = 30;

/// The exclusions at work on one day.
#[derive(Debug)]
pub struct Ledger<'a> {
    exclusions: &'a Exclusions,
    today: Date,
    covered: Vec<u64>,
}

/// An exclusion whose last day has passed: it covers nothing.
#[derive(Clone, Copy, Debug)]
pub struct Expired<'a> {
    /// The entry.
    pub exclusion: &'a Exclusion,
    /// How many of this run's findings it would have covered.
    pub findings: u64,
}

impl<'a> Ledger<'a> {
    /// Nothing is covered yet.
    pub fn new(exclusions: &'a Exclusions, today: Date) -> Self {
        Self { exclusions, today, covered: vec![0; exclusions.entries().len()] }
    }

    /// The entry that covers the finding: the first in file order of those that have not expired. Every entry that
    /// matches counts as used.
    pub fn cover(&mut self, finding: &Finding) -> Option<&'a Exclusion> {
        let mut first = None;
        for number in self.exclusions.covering(finding) {
            if let Some(count) = self.covered.get_mut(number) {
                *count += 1;
            }
            let entry = self.exclusions.entries().get(number);
            first = first.or(entry.filter(|entry| !entry.is_expired(self.today)));
        }
        first
    }

    /// Entries past their last day, by file and line.
    pub fn expired(&self) -> Vec<Expired<'a>> {
        self.counted()
            .filter(|(entry, _covered)| entry.is_expired(self.today))
            .map(|(exclusion, findings)| Expired { exclusion, findings })
            .collect()
    }

    /// Entries that hold and cover nothing, though they speak of this application: of a namespace that it has objects
    /// in, or of one of its objects. What is written for other applications is not unused here.
    pub fn unused(&self, owned: &BTreeSet<ObjectRef>) -> Vec<&'a Exclusion> {
        let namespaces = namespaces(owned);
        self.counted()
            .filter(|(entry, covered)| *covered == 0 && !entry.is_expired(self.today))
            .filter(|(entry, _covered)| speaks_of(&entry.subject, owned, &namespaces))
            .map(|(entry, _covered)| entry)
            .collect()
    }

    /// Entries that hold for no longer than [`SOON_DAYS`] and that this application needs or that speak of it.
    pub fn expiring(&self, owned: &BTreeSet<ObjectRef>) -> Vec<&'a Exclusion> {
        let namespaces = namespaces(owned);
        self.counted()
            .filter(|(entry, _covered)| entry.expires_within(SOON_DAYS, self.today))
            .filter(|(entry, covered)| *covered > 0 || speaks_of(&entry.subject, owned, &namespaces))
            .map(|(entry, _covered)| entry)
            .collect()
    }

    /// True if the entry matched something, whether it had expired or not.
    pub fn uses(&self, entry: &Exclusion) -> bool {
        self.counted().any(|(other, covered)| covered > 0 && other.at == entry.at)
    }

    fn counted(&self) -> impl Iterator<Item = (&'a Exclusion, u64)> {
        self.exclusions.entries().iter().zip(self.covered.iter().copied())
    }
}

impl Exclusions {
    /// Entries that speak of an application with these objects.
    pub fn speaking_of(&self, owned: &BTreeSet<ObjectRef>) -> impl Iterator<Item = &Exclusion> {
        let namespaces = namespaces(owned);
        self.entries().iter().filter(move |entry| speaks_of(&entry.subject, owned, &namespaces))
    }
}

fn namespaces(owned: &BTreeSet<ObjectRef>) -> BTreeSet<&str> {
    owned.iter().map(|object| object.namespace.as_str()).collect()
}

fn speaks_of(subject: &Subject, owned: &BTreeSet<ObjectRef>, namespaces: &BTreeSet<&str>) -> bool {
    match subject {
        Subject::Any => false,
        Subject::Owner(object) if object.namespace.is_empty() => owned.contains(object),
        Subject::Owner(object) => namespaces.contains(object.namespace.as_str()),
        Subject::Matching { namespace: Some(namespace), .. } => {
            namespaces.iter().any(|name| namespace.matches(name))
        }
        Subject::Matching { namespace: None, .. } => owned.iter().any(|object| subject.matches(object)),
    }
}
