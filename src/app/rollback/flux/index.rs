//! Which Kustomization is gated by which, and what each has said last: as a watch tells.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::app::rollback::Name;
use crate::gitops::flux::kustomization::{CASE, Kustomization, RECONCILE};
use crate::gitops::flux::rollback::gate::{gated, jobs};
use crate::gitops::wanted::OptIn;

/// All Kustomizations, as far as the question goes.
#[derive(Default)]
pub(super) struct Index {
    known: Mutex<BTreeMap<Name, Known>>,
}

struct Known {
    /// Digest of what it has said.
    said: u64,
    /// What it gates.
    gated: BTreeSet<Name>,
}

impl Index {
    /// The applications about which it says something new: itself, and what it gates or has gated.
    pub(super) fn hear(&self, said: &Kustomization, opt_in: OptIn) -> Vec<Name> {
        let name = name(said);
        let digest = digest(said);
        let gated = gates(said);
        let mut known = self.lock();
        let before = known.insert(name.clone(), Known { said: digest, gated: gated.clone() });
        if before.as_ref().is_some_and(|before| before.said == digest) {
            return Vec::new();
        }
        let mut news = gated;
        news.extend(before.into_iter().flat_map(|before| before.gated));
        let pinned = said.metadata.annotations.contains_key(CASE);
        if pinned || opt_in.wants(&said.metadata, None) && !jobs(said).is_empty() {
            news.insert(name);
        }
        news.into_iter().collect()
    }

    /// Notes what one gates, where no watch has told; it is news all the same when a watch does.
    pub(super) fn note(&self, one: &Kustomization) {
        let known = || Known { said: 0, gated: gates(one) };
        self.lock().entry(name(one)).or_insert_with(known);
    }

    pub(super) fn forget(&self, gone: &Kustomization) {
        self.lock().remove(&name(gone));
    }

    /// What gates an application.
    pub(super) fn gates_of(&self, name: &Name) -> Vec<Name> {
        let known = self.lock();
        known.iter().filter(|(_, it)| it.gated.contains(name)).map(|(gate, _)| gate.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gates(one: &Kustomization) -> BTreeSet<Name> {
    gated(one).into_iter().map(|object| Name::flux(object.namespace, object.name)).collect()
}

fn name(of: &Kustomization) -> Name {
    Name::flux(&*of.metadata.namespace, &*of.metadata.name)
}

/// Of all that a decision could follow from: not of how often and how long it was reconciled.
fn digest(said: &Kustomization) -> u64 {
    let mut hasher = DefaultHasher::new();
    let meta = &said.metadata;
    (&meta.uid, meta.generation, meta.is_deleting()).hash(&mut hasher);
    (meta.annotations.get(CASE), meta.annotations.get(RECONCILE)).hash(&mut hasher);
    for marks in [&meta.annotations, &meta.labels] {
        marks.get(crate::gitops::wanted::WANTED).hash(&mut hasher);
    }
    let status = &said.status;
    (status.observed_generation, &status.last_applied_revision, &status.last_attempted_revision)
        .hash(&mut hasher);
    for condition in &status.conditions {
        (&condition.type_, &condition.status, &condition.reason, &condition.message).hash(&mut hasher);
    }
    for entry in status.inventory.iter().flat_map(|inventory| &inventory.entries) {
        entry.id.hash(&mut hasher);
    }
    hasher.finish()
}
