//! What goes in, what comes out, and the words for people.

use std::fmt;

use crate::finding::{Gap, GapScope};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::settling::seen::Seen;

/// Milliseconds since some start; only differences matter.
pub type Millis = u64;

/// What a watch says.
#[derive(Clone, Debug)]
pub enum Event {
    /// It lists from the start, for the first time or again.
    Listing,
    /// An object is there, or has changed.
    Applied {
        /// One of the application's own objects, apart from what owns it.
        owned: bool,
        /// The object.
        seen: Box<Seen>,
    },
    /// An object has gone.
    Deleted(Box<Seen>),
    /// The list is complete: what it did not bring has gone.
    Listed,
    /// It cannot be watched.
    Hidden(Gap),
}

/// What is being watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watched {
    /// Kind.
    pub kind: GroupKind,
    /// Namespace; empty for all namespaces or a cluster-scoped kind.
    pub namespace: String,
}

/// How much a watch matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Importance {
    /// Without it nobody can say that the application has settled.
    Bears,
    /// Objects of a kind that may or may not make Pods; it bears on settling as soon as an object names one of them as
    /// its owner.
    May,
}

/// What has not settled, or is unusual: an object, or a kind of which nothing is known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An object.
    Object(ObjectRef),
    /// All objects of a kind.
    Kind(Watched),
}

/// Something that has not settled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unsettled {
    /// What.
    pub object: Subject,
    /// Why, one sentence without a full stop.
    pub why: String,
}

/// Something unusual about what has settled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Note {
    /// About what.
    pub object: Subject,
    /// One sentence without a full stop.
    pub text: String,
}

/// Where the application stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Something is on its way; sorted.
    Waiting(Vec<Unsettled>),
    /// Nothing is on its way since then.
    Quiet {
        /// When the last change came.
        since: Millis,
    },
    /// Nothing has been on its way for the quiet window.
    Settled,
}

impl Watched {
    /// What is missing if this cannot be watched.
    pub fn gap_scope(&self) -> GapScope {
        GapScope::Kind(self.kind.clone(), self.namespace.clone())
    }
}

/// `apps/Deployment objects in namespace shop`, `all Pod objects`.
impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "all {} objects", self.kind)
        } else {
            write!(f, "{} objects in namespace {}", self.kind, self.namespace)
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Kind(watched) => watched.fmt(f),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.text)
    }
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.why)
    }
}
