//! Whether one object has done what its newest generation asks for, judged from the object alone.
//!
//! Owns the rules per kind. Does not know time, other objects, or how the object was read: `settling` sets it
//! against the Pods that exist. The rules are those of kstatus
//! (<https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>), stricter where a security
//! gate must not be early: the generation counts for every kind, Pods that are still terminating count as running.

mod generic;
mod pod;
mod workload;

pub use generic::{CustomCondition, CustomResource, CustomStatus};
pub use pod::{Placement, trouble};

use crate::model::meta::Meta;
use crate::model::reference::GroupKind;

/// How far an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// It runs what it declares; the note says what is unusual about it.
    Done(Option<String>),
    /// On its way.
    Waiting(String),
    /// Not on its way: without help, or a change of the surroundings, it stays like this.
    Failed(String),
}

impl Rollout {
    /// Done, nothing unusual.
    pub const DONE: Self = Self::Done(None);

    /// True if there is nothing to wait for.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    fn noted(note: impl Into<String>) -> Self {
        Self::Done(Some(note.into()))
    }

    fn waiting(why: impl Into<String>) -> Self {
        Self::Waiting(why.into())
    }
}

/// The built-in kinds that make Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Maker {
    /// `apps/Deployment`.
    Deployment,
    /// `apps/ReplicaSet`.
    ReplicaSet,
    /// `ReplicationController`.
    ReplicationController,
    /// `apps/StatefulSet`.
    StatefulSet,
    /// `apps/DaemonSet`.
    DaemonSet,
    /// `batch/Job`.
    Job,
    /// `batch/CronJob`.
    CronJob,
}

impl Maker {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Deployment,
        Self::ReplicaSet,
        Self::ReplicationController,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::Job,
        Self::CronJob,
    ];

    /// The kind that objects of this sort have.
    pub fn group_kind(self) -> GroupKind {
        match self {
            Self::Deployment => GroupKind::new("apps", "Deployment"),
            Self::ReplicaSet => GroupKind::new("apps", "ReplicaSet"),
            Self::ReplicationController => GroupKind::new("", "ReplicationController"),
            Self::StatefulSet => GroupKind::new("apps", "StatefulSet"),
            Self::DaemonSet => GroupKind::new("apps", "DaemonSet"),
            Self::Job => GroupKind::new("batch", "Job"),
            Self::CronJob => GroupKind::new("batch", "CronJob"),
        }
    }
}

/// What holds for every kind: an object that goes away, or whose controller has not seen its newest generation,
/// is not done whatever its counters say.
fn unseen(meta: &Meta, observed: Option<i64>) -> Option<Rollout> {
    if meta.is_deleting() {
        return Some(Rollout::waiting("is being deleted"));
    }
    match (meta.generation, observed) {
        (Some(generation), Some(observed)) if generation != observed => Some(Rollout::waiting(format!(
            "its controller has acted on generation {observed}, the newest is {generation}"
        ))),
        (Some(_), Some(_) | None) | (None, _) => None,
    }
}

/// A message of the cluster on one line of bounded length.
fn quote(message: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for (index, letter) in message.trim().chars().enumerate() {
        if index == LONGEST {
            line.push('…');
            break;
        }
        line.push(if letter.is_control() { ' ' } else { letter });
    }
    line
}

/// `REASON: message`, or whichever of the two there is.
fn explained(reason: &str, message: &str) -> String {
    match (reason.is_empty(), message.trim().is_empty()) {
        (false, false) => format!("{reason}: {}", quote(message)),
        (true, false) => quote(message),
        (false, true) => reason.to_owned(),
        (true, true) => "no reason given".to_owned(),
    }
}
