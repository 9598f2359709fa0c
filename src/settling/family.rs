//! The application's objects and what they own, down to the Pods.
//!
//! Owns who belongs to whom. Does not know what makes an object settled.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::meta::{Map, Meta};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::settling::facts::{Facts, MakerFacts, PodFacts, custom, revision, shape, template_shape};
use crate::settling::seen::{Seen, digest};
use crate::settling::table::{Key, Source, Table};

/// Longest chain of controllers we follow; real ones have four links, and one that loops has no root.
const DEEPEST: u32 = 16;

/// One object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) object: ObjectRef,
    /// The application's own, apart from what its owners are.
    pub(super) owned: bool,
    /// Its controller, or its only owner.
    pub(super) owner: Option<Key>,
    pub(super) facts: Facts,
    /// Labels that admission selects its Pods by, see [`Family::shapes`].
    pub(super) shape: Option<u64>,
}

/// All objects, those of other applications included: whose they are is known only once their owners are.
#[derive(Debug, Default)]
pub(super) struct Family {
    members: Table<Member>,
    children: BTreeMap<Key, BTreeSet<Key>>,
    shapes: BTreeMap<u64, (String, Map)>,
    /// Kinds of owners that somebody names, by the namespace of who names them.
    pub(super) owner_kinds: BTreeSet<(GroupKind, String)>,
    /// Objects whose facts, or the facts of whose Pods, have changed since they were last judged.
    pub(super) dirty: BTreeSet<Key>,
}

impl Family {
    /// Takes in an object.
    pub(super) fn put(&mut self, row: (Source, u32), owned: bool, seen: &Seen) {
        let (facts, labels) = match seen {
            Seen::Pod(pod) => (Facts::Pod(PodFacts::of(pod)), Some(shape(&pod.metadata.labels))),
            Seen::Maker(maker, workload) => {
                (Facts::Maker(Box::new(MakerFacts::of(*maker, workload))), template_shape(workload))
            }
            Seen::Revision(seen) => (revision(seen), None),
            Seen::Custom(kind, object) => (custom(kind, object), None),
            Seen::Namespace(_)
            | Seen::Webhooks(_)
            | Seen::Policy(_)
            | Seen::Binding(_)
            | Seen::Service(_)
            | Seen::Endpoints(_) => return,
        };
        let (object, meta) = (seen.reference(), seen.meta());
        let shape = labels.map(|labels| self.remember(&object.namespace, labels));
        let parent = meta.controller().map(|owner| Key::of_uid(&owner.uid));
        self.name_owner(meta);
        let key = Key::of(&object, meta);
        self.place(key, row, Member { object, owned, owner: parent, facts, shape });
    }

    fn place(&mut self, key: Key, row: (Source, u32), member: Member) {
        let (owned, parent) = (member.owned, member.owner);
        let before = self.members.put(key, row, member);
        if before.as_ref() == self.members.get(key) {
            return;
        }
        if before.as_ref().is_none_or(|before| before.owned != owned || before.owner != parent) {
            self.unlink(key, before.as_ref());
            if let Some(parent) = parent {
                self.children.entry(parent).or_default().insert(key);
            }
            self.soil_below(key, DEEPEST);
        }
        self.soil_above(key, DEEPEST);
    }

    /// Forgets an object.
    pub(super) fn remove(&mut self, key: Key) {
        self.soil_above(key, DEEPEST);
        let before = self.members.remove(key);
        self.unlink(key, before.as_ref());
        self.soil_below(key, DEEPEST);
    }

    /// Forgets what a listing did not bring again.
    pub(super) fn sweep(&mut self, source: Source, listing: u32) {
        for key in self.members.missed(source, listing) {
            self.remove(key);
        }
    }

    pub(super) fn get(&self, key: Key) -> Option<&Member> {
        self.members.get(key)
    }

    /// Has everything judged again.
    pub(super) fn soil_all(&mut self) {
        self.dirty.extend(self.members.keys());
    }

    pub(super) fn children(&self, key: Key) -> impl Iterator<Item = (Key, &Member)> {
        let keys = self.children.get(&key).into_iter().flatten();
        keys.filter_map(|key| Some((*key, self.members.get(*key)?)))
    }

    /// True if the object is the application's, or an owner of it is.
    pub(super) fn belongs(&self, key: Key) -> bool {
        self.belongs_within(key, DEEPEST)
    }

    fn belongs_within(&self, key: Key, depth: u32) -> bool {
        let Some(member) = self.members.get(key) else { return false };
        let Some(depth) = depth.checked_sub(1) else { return false };
        member.owned || member.owner.is_some_and(|owner| self.belongs_within(owner, depth))
    }

    /// A namespace and labels that Pods are admitted with there, by the digest that members carry.
    pub(super) fn shape(&self, digest: u64) -> Option<&(String, Map)> {
        self.shapes.get(&digest)
    }

    fn remember(&mut self, namespace: &str, labels: Map) -> u64 {
        let shape = (namespace.to_owned(), labels);
        let key = digest(&shape);
        self.shapes.entry(key).or_insert(shape);
        key
    }

    fn name_owner(&mut self, meta: &Meta) {
        let Some(owner) = meta.controller() else { return };
        let kind = owner.group_kind();
        if !self.owner_kinds.iter().any(|(named, at)| *named == kind && *at == meta.namespace) {
            self.owner_kinds.insert((kind, meta.namespace.clone()));
        }
    }

    fn unlink(&mut self, key: Key, member: Option<&Member>) {
        let Some(owner) = member.and_then(|member| member.owner) else { return };
        if let Some(children) = self.children.get_mut(&owner) {
            children.remove(&key);
            if children.is_empty() {
                self.children.remove(&owner);
            }
        }
    }

    fn soil_above(&mut self, key: Key, depth: u32) {
        self.dirty.insert(key);
        let owner = self.members.get(key).and_then(|member| member.owner);
        if let (Some(owner), Some(depth)) = (owner, depth.checked_sub(1)) {
            self.soil_above(owner, depth);
        }
    }

    fn soil_below(&mut self, key: Key, depth: u32) {
        self.dirty.insert(key);
        let Some(depth) = depth.checked_sub(1) else { return };
        let children: Vec<Key> = self.children.get(&key).into_iter().flatten().copied().collect();
        for child in children {
            self.soil_below(child, depth);
        }
    }
}
