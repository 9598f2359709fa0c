//! Rows by the identity of their object, each remembering which watch brought it and in which listing it was last seen.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::model::meta::Meta;
use crate::model::reference::ObjectRef;

/// A watch, as the edge numbers them.
pub type Source = u32;

/// 128 bits that stand for an object's uid: 20,000 uids are kept several times over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(u64, u64);

impl Key {
    /// Of an object's uid.
    pub(super) fn of_uid(uid: &str) -> Self {
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            uid.hash(&mut hasher);
            hasher.finish()
        };
        Self(half(0), half(1))
    }

    /// Of an object; one without a uid is known by its name.
    pub(super) fn of(reference: &ObjectRef, meta: &Meta) -> Self {
        if meta.uid.is_empty() { Self::of_uid(&reference.to_string()) } else { Self::of_uid(&meta.uid) }
    }
}

#[derive(Clone, Debug)]
struct Row<T> {
    source: Source,
    listing: u32,
    value: T,
}

/// Rows of one sort of object.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    rows: BTreeMap<Key, Row<T>>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new() }
    }
}

impl<T> Table<T> {
    /// Puts a row in place, and gives back the one that was there.
    pub(super) fn put(&mut self, key: Key, (source, listing): (Source, u32), value: T) -> Option<T> {
        self.rows.insert(key, Row { source, listing, value }).map(|row| row.value)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<T> {
        self.rows.remove(&key).map(|row| row.value)
    }

    pub(super) fn get(&self, key: Key) -> Option<&T> {
        self.rows.get(&key).map(|row| &row.value)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        self.rows.keys().copied()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.values().map(|row| &row.value)
    }

    /// Rows of a watch that its present listing did not bring again.
    pub(super) fn missed(&self, source: Source, listing: u32) -> Vec<Key> {
        let missed = self.rows.iter().filter(|(_, row)| row.source == source && row.listing != listing);
        missed.map(|(key, _)| *key).collect()
    }
}
