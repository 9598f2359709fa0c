//! What was found of the application that a gate runs for, whichever GitOps tool deployed it.

use crate::finding::Gap;
use crate::model::reference::ObjectRef;
use crate::scope::{HookPhase, Scope};

/// What was found.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The application and its objects.
    pub scope: Scope,
    /// When in the operation the gate runs.
    pub phase: HookPhase,
    /// The revision before the deployed one, as the GitOps tool knows it.
    pub previous: Option<String>,
    /// The PostSync gate of the same operation, if it has spoken already.
    pub sibling: Option<ObjectRef>,
    /// What should be known of how the objects were found; for people.
    pub note: Option<String>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Discovery {
    /// What was picked by hand: there is nothing to find.
    pub fn of_selection(scope: Scope) -> Self {
        let (previous, sibling, note, gaps) = (None, None, None, Vec::new());
        Self { scope, phase: HookPhase::PostSync, previous, sibling, note, gaps }
    }
}
