//! The objects, and the changes that led to them.
//!
//! Owns versions: every change gets the next `resourceVersion` and is remembered for a while, so that watches can start
//! in the past and continued lists see one consistent state. It does not know kinds, selectors or HTTP.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::kinds::ResourceId;
use super::object::{Key, Object};

/// How many changes are remembered; older versions are answered with 410.
const REMEMBERED: usize = 4096;

/// The objects of one resource.
pub(super) type Objects = BTreeMap<Key, Arc<Object>>;

/// One change of one object.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The version that the change made.
    pub(super) version: u64,
    pub(super) resource: ResourceId,
    pub(super) before: Option<Arc<Object>>,
    pub(super) after: Option<Arc<Object>>,
}

/// The version asked for is no longer remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooOld {
    /// The oldest version that is still remembered.
    pub(super) oldest: u64,
}

/// All objects at the newest version.
#[derive(Debug)]
pub(super) struct Store {
    objects: BTreeMap<ResourceId, Objects>,
    history: VecDeque<Change>,
    version: u64,
    oldest: u64,
    departed: BTreeMap<(ResourceId, Key), u32>,
}

impl Default for Store {
    /// No objects, at version 1: version 0 means "any" in requests.
    fn default() -> Self {
        let (objects, departed) = (BTreeMap::new(), BTreeMap::new());
        Self { objects, history: VecDeque::new(), version: 1, oldest: 1, departed }
    }
}

impl Store {
    /// The newest version.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The version that the next change will make.
    pub(super) fn next_version(&self) -> u64 {
        self.version + 1
    }

    pub(super) fn get(&self, resource: &ResourceId, key: &Key) -> Option<&Arc<Object>> {
        self.objects.get(resource)?.get(key)
    }

    /// The objects of a resource at the newest version.
    pub(super) fn objects(&self, resource: &ResourceId) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.get(resource).into_iter().flat_map(BTreeMap::values)
    }

    /// A uid that depends on the object's place alone, and on how often an object has left that place.
    pub(super) fn uid(&self, resource: &ResourceId, key: &Key) -> String {
        let lives = self.departed.get(&(resource.clone(), key.clone())).copied().unwrap_or_default();
        let place = format!("{}/{}/{}/{}/{lives}", resource.group, resource.plural, key.namespace, key.name);
        let digest = Sha256::digest(place.as_bytes());
        let number = digest.iter().take(16).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
        let hex = format!("{number:032x}");
        [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default()).join("-")
    }

    /// Places an object that was there before anybody looked: no event, and older versions are forgotten.
    pub(super) fn place(&mut self, resource: &ResourceId, object: Object) {
        self.version = self.next_version().max(object.version);
        self.forget();
        self.objects.entry(resource.clone()).or_default().insert(object.key.clone(), Arc::new(object));
    }

    /// Stores an object at [`Store::next_version`] and remembers the change.
    pub(super) fn put(&mut self, resource: &ResourceId, object: Object) -> Arc<Object> {
        let object = Arc::new(object);
        let objects = self.objects.entry(resource.clone()).or_default();
        let before = objects.insert(object.key.clone(), Arc::clone(&object));
        self.remember(resource, before, Some(Arc::clone(&object)));
        object
    }

    /// Removes an object and remembers the change.
    pub(super) fn remove(&mut self, resource: &ResourceId, key: &Key) {
        let Some(before) = self.objects.get_mut(resource).and_then(|objects| objects.remove(key)) else {
            return;
        };
        *self.departed.entry((resource.clone(), key.clone())).or_default() += 1;
        self.remember(resource, Some(before), None);
    }

    /// Removes all objects of a resource that is no longer served.
    pub(super) fn drop_resource(&mut self, resource: &ResourceId) {
        self.objects.remove(resource);
    }

    /// Moves all objects of a resource to another name of it.
    pub(super) fn rename_resource(&mut self, from: &ResourceId, to: &ResourceId) {
        if let Some(objects) = self.objects.remove(from) {
            self.objects.entry(to.clone()).or_default().extend(objects);
        }
    }

    /// Forgets all earlier versions, as etcd's compaction does.
    pub(super) fn forget(&mut self) {
        self.history.clear();
        self.oldest = self.version;
    }

    fn remember(&mut self, resource: &ResourceId, before: Option<Arc<Object>>, after: Option<Arc<Object>>) {
        self.version += 1;
        self.history.push_back(Change { version: self.version, resource: resource.clone(), before, after });
        if self.history.len() > REMEMBERED
            && let Some(forgotten) = self.history.pop_front()
        {
            self.oldest = forgotten.version;
        }
    }

    /// The changes after a version, oldest first.
    pub(super) fn since(&self, version: u64) -> Result<impl DoubleEndedIterator<Item = &Change>, TooOld> {
        if version < self.oldest {
            return Err(TooOld { oldest: self.oldest });
        }
        let start = self.history.partition_point(|change| change.version <= version);
        Ok(self.history.range(start..))
    }

    /// What differed in a resource at an earlier version: the object at that time, or that there was none.
    pub(super) fn differences(
        &self,
        resource: &ResourceId,
        version: u64,
    ) -> Result<BTreeMap<Key, Option<Arc<Object>>>, TooOld> {
        let mut differences = BTreeMap::new();
        for change in self.since(version)?.rev().filter(|change| change.resource == *resource) {
            if let Some(object) = change.before.as_ref().or(change.after.as_ref()) {
                differences.insert(object.key.clone(), change.before.clone());
            }
        }
        Ok(differences)
    }

    /// The objects of a resource from a key on (exclusive), in one namespace or in all, with `differences` laid over.
    pub(super) fn range<'a>(
        &'a self,
        resource: &ResourceId,
        namespace: Option<&'a str>,
        after: Option<&Key>,
        differences: &'a BTreeMap<Key, Option<Arc<Object>>>,
    ) -> impl Iterator<Item = &'a Arc<Object>> + use<'a> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = match (after, namespace) {
            (Some(key), _) => Excluded(key.clone()),
            (None, Some(namespace)) => Included(Key::new(namespace, "")),
            (None, None) => Unbounded,
        };
        let now = self.objects.get(resource).map(|objects| objects.range((start.clone(), Unbounded)));
        let now = now.into_iter().flatten().map(|(key, object)| (key, Some(object)));
        let then = differences.range((start, Unbounded)).map(|(key, object)| (key, object.as_ref()));
        merge(now, then)
            .take_while(move |(key, _)| namespace.is_none_or(|namespace| &*key.namespace == namespace))
            .filter_map(|(_, object)| object)
    }
}

type Placed<'a> = (&'a Key, Option<&'a Arc<Object>>);

/// Merges two sequences in key order; where both have a key, the second wins.
fn merge<'a>(
    first: impl Iterator<Item = Placed<'a>>,
    second: impl Iterator<Item = Placed<'a>>,
) -> impl Iterator<Item = Placed<'a>> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || {
        let (Some((left, _)), Some((right, _))) = (first.peek(), second.peek()) else {
            return first.next().or_else(|| second.next());
        };
        match left.cmp(right) {
            std::cmp::Ordering::Less => first.next(),
            std::cmp::Ordering::Greater => second.next(),
            std::cmp::Ordering::Equal => {
                first.next();
                second.next()
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::object::{Parts, Stamp};

    fn pods() -> ResourceId {
        ResourceId { group: "".into(), plural: "pods".into() }
    }

    fn put(store: &mut Store, namespace: &str, name: &str) {
        let key = Key::new(namespace, name);
        let stamp = Stamp {
            uid: &store.uid(&pods(), &key),
            version: store.next_version(),
            created: "",
            key,
            name_is_a_label: false,
        };
        let object = Object::new(&Parts::parse(b"{}").unwrap(), stamp);
        store.put(&pods(), object);
    }

    fn names(store: &Store, namespace: Option<&str>, after: Option<&Key>, version: u64) -> Vec<String> {
        let differences = store.differences(&pods(), version).unwrap();
        let range = store.range(&pods(), namespace, after, &differences);
        range
            .map(|object| format!("{}/{}@{}", object.key.namespace, object.key.name, object.version))
            .collect()
    }

    #[test]
    fn an_earlier_version_is_seen_as_it_was() {
        let mut store = Store::default();
        put(&mut store, "a", "1");
        put(&mut store, "b", "2");
        put(&mut store, "a", "1");
        store.remove(&pods(), &Key::new("b", "2"));
        put(&mut store, "c", "3");
        assert_eq!(names(&store, None, None, 3), ["a/1@2", "b/2@3"]);
        assert_eq!(names(&store, None, Some(&Key::new("a", "1")), 3), ["b/2@3"]);
        assert_eq!(names(&store, None, None, store.version()), ["a/1@4", "c/3@6"]);
        assert_eq!(names(&store, Some("a"), None, 6), ["a/1@4"]);
    }

    #[test]
    fn forgotten_versions_are_too_old() {
        let mut store = Store::default();
        put(&mut store, "a", "1");
        put(&mut store, "a", "2");
        assert_eq!(store.since(2).unwrap().count(), 1);
        store.forget();
        assert_eq!(store.since(2).err(), Some(TooOld { oldest: 3 }));
        assert_eq!(store.since(3).unwrap().count(), 0);
    }

    #[test]
    fn memory_of_changes_is_bounded() {
        let mut store = Store::default();
        for _ in 0..REMEMBERED + 10 {
            put(&mut store, "a", "1");
        }
        assert_eq!(store.history.len(), REMEMBERED);
        assert_eq!(store.since(10).err(), Some(TooOld { oldest: 11 }));
    }

    #[test]
    fn uids_follow_from_the_place_and_its_past() {
        let mut store = Store::default();
        let key = Key::new("a", "1");
        let uid = store.uid(&pods(), &key);
        assert_eq!((uid.len(), uid.matches('-').count()), (36, 4));
        put(&mut store, "a", "1");
        store.remove(&pods(), &key);
        assert_ne!(store.uid(&pods(), &key), uid);
    }
}
