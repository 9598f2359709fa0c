//! What a case is going to do, in words, before anything of it is done.

use crate::gitops::flux::rollback::clone::Was;
use crate::rollback::{Hold, State};

/// From where to where, and what holds.
pub(in crate::app) fn foretold(state: &State) -> String {
    let Some(case) = &state.case else { return "no rollback is under way".to_owned() };
    let (id, target) = &case.target;
    let from = case.rejected.short();
    let held = match (&case.hold, Was::of(case)) {
        (Hold::Suspension { .. }, _) => {
            return format!("{from} is frozen as it is until its source moves on");
        }
        (Hold::Nothing, _) => "it is synced by hand, so nothing is held".to_owned(),
        (Hold::AutoSync { .. }, _) => "auto-sync is switched off until the source moves on".to_owned(),
        (Hold::Window { .. }, _) => {
            "a deny window in its project holds it until the source moves on".to_owned()
        }
        (Hold::Source { .. }, Some(was)) => {
            let (source, clone) = (was.source(), was.clone_of(case));
            format!(
                "{} {}/{}, a copy of {} pinned to that, takes the place of {} until it moves on",
                clone.kind, clone.namespace, clone.name, source.name, source.name
            )
        }
        (Hold::Source { .. }, None) => {
            "a copy of its source, pinned to that, takes its place until the source moves on".to_owned()
        }
    };
    format!("from {from} back to {} (history id {id}); {held}", target.short())
}
