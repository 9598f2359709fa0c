//! Where to go back to.

use std::fmt;

use crate::rollback::observed::{Entry, Observed, Revision};
use crate::rollback::state::State;

/// Whether a rollback may end at a revision that the gate was not seen to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unproven {
    /// It may not.
    #[default]
    Never,
    /// It may if the whole sync succeeded.
    LastSuccess,
}

/// Why there is nothing to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoTarget {
    /// Nothing else was ever deployed in whole.
    NoHistory,
    /// All that was deployed is rejected too.
    AllRejected,
    /// The newest that could do was never seen to pass the gate.
    Unproven(Revision),
    /// The newest that could do is of sources of another shape.
    Reshaped(Revision),
    /// Going back to it would delete these definitions of kinds, and all their objects.
    Defines(Revision, String),
}

impl fmt::Display for NoTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHistory => f.write_str("no other revision is in the history"),
            Self::AllRejected => f.write_str("every revision in the history has been rejected"),
            Self::Unproven(revision) => write!(
                f,
                "{} is the revision to go back to, but no gate was seen to pass it",
                revision.short()
            ),
            Self::Reshaped(revision) => write!(
                f,
                "{} is the revision to go back to, but the application was made of its sources in another way then: of \
                 their number, folder, patches or substitutions something has changed since",
                revision.short()
            ),
            Self::Defines(revision, kinds) => write!(
                f,
                "going back to {} would delete the definition of {kinds}, and with it all objects of that kind: delete \
                 it by hand first if that is meant, or keep it out of pruning",
                revision.short()
            ),
        }
    }
}

/// The newest entry of the history that is another revision, is not rejected, and has passed the gate: the gate called
/// its findings new against that one. Where unproven targets are allowed, the newest that is not rejected.
///
/// # Errors
/// There is none.
pub fn choose<'a>(
    seen: &'a Observed,
    state: &State,
    rejected: &Revision,
    unproven: Unproven,
) -> Result<&'a Entry, NoTarget> {
    let others: Vec<_> = seen.history.iter().rev().filter(|entry| entry.revision != *rejected).collect();
    if others.is_empty() {
        return Err(NoTarget::NoHistory);
    }
    let allowed: Vec<_> = others.into_iter().filter(|entry| !state.is_barred(&entry.revision)).collect();
    let newest = allowed.first().ok_or(NoTarget::AllRejected)?;
    let proven = |entry: &&&Entry| unproven == Unproven::LastSuccess || state.has_passed(&entry.revision);
    let target = allowed.iter().find(proven).ok_or_else(|| NoTarget::Unproven(newest.revision.clone()))?;
    if !target.fits {
        return Err(NoTarget::Reshaped(target.revision.clone()));
    }
    keeps_definitions(seen, state, target)?;
    Ok(target)
}

/// Whether the kinds that are defined now are defined there too.
///
/// # Errors
/// Some are not, or nobody knows.
pub(super) fn keeps_definitions(seen: &Observed, state: &State, target: &Entry) -> Result<(), NoTarget> {
    let known = state.definitions.iter().find(|(revision, _)| *revision == target.revision);
    let kept = |kind: &&String| known.is_some_and(|(_, kinds)| kinds.contains(*kind));
    let lost: Vec<&str> = seen.definitions.iter().filter(|kind| !kept(kind)).map(String::as_str).collect();
    if lost.is_empty() { Ok(()) } else { Err(NoTarget::Defines(target.revision.clone(), lost.join(", "))) }
}
