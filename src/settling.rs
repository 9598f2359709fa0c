//! Whether the application has settled: nothing on its way, and nothing has changed for a while.
//!
//! A state machine over events of watches and the time that passes between them. Settled means, for a whole quiet
//! window: every workload has rolled out; its Pods exist in the wanted number, are made from the newest template, and
//! have a node or cannot get one; their labels, images and debug containers stay the same; the webhooks and policies
//! on their way in, and the labels of their namespaces, stay the same; and the webhooks are served.
//!
//! What neither restarts the window nor is looked at: status fields and times as such, resource versions, annotations,
//! a webhook's CA bundle once there is one. Pure: does not know clocks, watches or the API server. Keeps digests, not
//! objects.

mod admission;
mod facts;
mod family;
mod matching;
mod seen;
mod standing;
mod state;
mod table;

use std::collections::{BTreeMap, BTreeSet};

pub use admission::{Backend, SERVICE_NAME};
pub use seen::{
    BindingSeen, ContainerSeen, Endpoint, EndpointConditions, EndpointSlice, PodSeen, PodSpecSeen,
    PolicySeen, Revision, Seen, WebhooksSeen,
};
pub use state::{Event, Importance, Millis, Note, State, Subject, Unsettled, Watched};
pub use table::Source;

use crate::finding::Gap;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rollout::{Maker, Rollout};
use admission::{Admission, Injection};
use family::Family;
use standing::{Hidden, Standing, judge};
use table::Key;

/// The state machine.
#[derive(Debug)]
pub struct Settling {
    quiet: Millis,
    now: Millis,
    since: Millis,
    last: Option<ObjectRef>,
    sources: BTreeMap<Source, Listing>,
    family: Family,
    admission: Admission,
    standings: BTreeMap<Key, (ObjectRef, Standing)>,
    injection: Injection,
    shapes: BTreeSet<u64>,
}

/// How far a watch is.
#[derive(Clone, Debug)]
struct Listing {
    watched: Watched,
    importance: Importance,
    number: u32,
    complete: bool,
    ever_complete: bool,
    gap: Option<Gap>,
}

impl Settling {
    /// Nothing seen yet; settled means unchanged for this long.
    pub fn new(quiet: Millis) -> Self {
        Self {
            quiet,
            now: 0,
            since: 0,
            last: None,
            sources: BTreeMap::new(),
            family: Family::default(),
            admission: Admission::default(),
            standings: BTreeMap::new(),
            injection: Injection::default(),
            shapes: BTreeSet::new(),
        }
    }

    /// Announces a watch; nothing has settled before it has listed once.
    pub fn open(&mut self, source: Source, watched: Watched, importance: Importance) {
        let (number, complete, ever_complete, gap) = (0, false, false, None);
        self.sources.insert(source, Listing { watched, importance, number, complete, ever_complete, gap });
    }

    /// Takes in what a watch says. Times never decrease; the order of events of the same time does not matter.
    pub fn apply(&mut self, now: Millis, source: Source, event: Event) {
        if self.now < now {
            self.reconsider();
            self.now = now;
        }
        let Some(listing) = self.sources.get_mut(&source) else { return };
        let row = (source, listing.number);
        match event {
            Event::Listing => {
                listing.number += 1;
                listing.complete = false;
            }
            Event::Applied { owned, seen } => {
                self.family.put(row, owned, &seen);
                self.admission.put(row, &seen);
            }
            Event::Deleted(seen) => {
                let key = Key::of(&seen.reference(), seen.meta());
                self.family.remove(key);
                self.admission.remove(key);
            }
            Event::Listed => {
                let first = !listing.ever_complete;
                (listing.complete, listing.ever_complete) = (true, true);
                if first {
                    self.since = self.now;
                }
                self.admission.hide(&listing.watched, false);
                if listing.gap.take().is_some() {
                    self.family.soil_all();
                }
                self.family.sweep(source, row.1);
                self.admission.sweep(source, row.1);
            }
            Event::Hidden(gap) => {
                self.admission.hide(&listing.watched, true);
                if listing.gap.replace(gap).is_none() {
                    self.family.soil_all();
                }
            }
        }
    }

    /// Where the application stands. Now is not before the last event.
    pub fn state(&mut self, now: Millis) -> State {
        self.reconsider();
        let unsettled = self.unsettled();
        if !unsettled.is_empty() {
            return State::Waiting(unsettled);
        }
        if now.saturating_sub(self.since) < self.quiet {
            State::Quiet { since: self.since }
        } else {
            State::Settled
        }
    }

    /// When the last change came, and what changed; no object if only a listing has ended.
    pub fn last_change(&mut self) -> (Millis, Option<&ObjectRef>) {
        self.reconsider();
        (self.since, self.last.as_ref())
    }

    /// What cannot be watched although it bears on settling.
    pub fn gaps(&self) -> BTreeSet<Gap> {
        let bearing = self.sources.values().filter(|listing| self.bears(listing));
        bearing.filter_map(|listing| listing.gap.clone()).collect()
    }

    /// What is unusual about what has rolled out, and what was not waited for because it cannot be watched; sorted.
    pub fn notes(&self) -> Vec<Note> {
        let unusual = self.standings.keys().filter_map(|key| {
            let member = self.family.get(*key).filter(|_| self.family.belongs(*key))?;
            match member.facts.rollout()? {
                Rollout::Done(note) => {
                    Some(Note { object: Subject::Object(member.object.clone()), text: note.clone()? })
                }
                Rollout::Waiting(_) | Rollout::Failed(_) => None,
            }
        });
        let unwatched = self.sources.values().filter(|listing| !self.bears(listing)).filter_map(|listing| {
            let gap = listing.gap.as_ref()?;
            let text = format!("not waited for: {}: {}", gap.reason.as_str(), gap.detail);
            Some(Note { object: Subject::Kind(listing.watched.clone()), text })
        });
        let mut notes: Vec<_> = unusual.chain(unwatched).collect();
        notes.sort();
        notes
    }

    /// Services that webhooks on the way of the application's Pods are served by: they have to be watched too.
    pub fn backends(&mut self) -> &BTreeSet<Backend> {
        self.reconsider();
        &self.injection.backends
    }

    /// Kinds, by namespace, that objects name as their owners: without them it is not known whose the objects are.
    pub fn owner_kinds(&self) -> &BTreeSet<(GroupKind, String)> {
        &self.family.owner_kinds
    }

    fn unsettled(&self) -> Vec<Unsettled> {
        let listing = self.sources.values().filter(|listing| !listing.complete && listing.gap.is_none());
        let listing = listing.map(|listing| Unsettled {
            object: Subject::Kind(listing.watched.clone()),
            why: "the list is not complete yet".to_owned(),
        });
        let of = |object: &ObjectRef, why: &String| Unsettled {
            object: Subject::Object(object.clone()),
            why: why.clone(),
        };
        let objects = self
            .standings
            .values()
            .flat_map(|(object, standing)| standing.why.iter().map(move |why| of(object, why)));
        let webhooks =
            self.injection.why.iter().flat_map(|(object, whys)| whys.iter().map(move |why| of(object, why)));
        let mut unsettled: Vec<Unsettled> = listing.chain(objects).chain(webhooks).collect();
        unsettled.sort();
        unsettled
    }

    /// Judges again what has changed, as of the time of the last event.
    fn reconsider(&mut self) {
        let hidden = self.hidden();
        let mut reshaped = false;
        for key in std::mem::take(&mut self.family.dirty) {
            let standing = judge(&self.family, hidden, key);
            reshaped |= self.stand(key, standing);
        }
        if reshaped {
            self.reshape();
        }
        if std::mem::take(&mut self.admission.dirty) {
            self.inject();
        }
    }

    /// Takes in a judgement; true if it brings other labels to admit Pods by.
    fn stand(&mut self, key: Key, standing: Standing) -> bool {
        let before = self.standings.remove(&key);
        let object = self.family.get(key).map(|member| member.object.clone());
        let Some(object) = object.or_else(|| before.as_ref().map(|(object, _)| object.clone())) else {
            return false;
        };
        let before = before.map(|(_, standing)| standing).unwrap_or_default();
        if before.digest != standing.digest || before.why.is_empty() != standing.why.is_empty() {
            (self.since, self.last) = (self.now, Some(object.clone()));
        }
        let reshaped = before.shapes != standing.shapes;
        if standing != Standing::default() {
            self.standings.insert(key, (object, standing));
        }
        reshaped
    }

    fn reshape(&mut self) {
        let shapes = self.standings.values().flat_map(|(_, standing)| &standing.shapes).copied().collect();
        if self.shapes != shapes {
            self.shapes = shapes;
            self.admission.dirty = true;
        }
    }

    fn inject(&mut self) {
        let shapes: Vec<_> = self.shapes.iter().filter_map(|shape| self.family.shape(*shape)).collect();
        let injection = self.admission.judge(&shapes);
        let before = std::mem::replace(&mut self.injection, injection);
        let ready = |injection: &Injection| injection.why.keys().cloned().collect::<BTreeSet<_>>();
        if before.parts == self.injection.parts && ready(&before) == ready(&self.injection) {
            return;
        }
        self.since = self.now;
        let differs = |(object, digest): &(&ObjectRef, &u64)| before.parts.get(*object) != Some(*digest);
        let changed = self.injection.parts.iter().find(differs).map(|(object, _)| object);
        let gone = before.parts.keys().find(|object| !self.injection.parts.contains_key(object));
        let served = before.why.keys().chain(self.injection.why.keys()).next();
        self.last = changed.or(gone).or(served).cloned();
    }

    fn bears(&self, listing: &Listing) -> bool {
        let names = |(kind, _): &(GroupKind, String)| *kind == listing.watched.kind;
        listing.importance == Importance::Bears || self.family.owner_kinds.iter().any(names)
    }

    fn hidden(&self) -> Hidden {
        let hides = |kind: &GroupKind| {
            self.sources.values().any(|listing| listing.watched.kind == *kind && listing.gap.is_some())
        };
        Hidden {
            pods: hides(&GroupKind::new("", "Pod")),
            replica_sets: hides(&Maker::ReplicaSet.group_kind()),
            revisions: hides(&GroupKind::new("apps", "ControllerRevision")),
        }
    }
}

#[cfg(test)]
mod tests;
