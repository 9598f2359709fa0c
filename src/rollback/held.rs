//! While a rejected revision is kept from coming back, and how that ends.

use crate::rollback::case::{Case, Hold, Stage, Window};
use crate::rollback::notice::{Notice, Reason};
use crate::rollback::observed::{AutoSync, Keeper, Observed, Operation, Revision};
use crate::rollback::opening::drop_case;
use crate::rollback::state::State;
use crate::rollback::step::{Step, keep};

/// Without an operation nothing tells what is deployed.
pub(super) const FORGOTTEN: &str = "somebody has removed what is known of the last operation";

/// The hold stands until Git moves on or somebody else takes over.
pub(super) fn held(seen: &Observed, state: &State, case: &Case) -> Option<Step> {
    if let Some(step) = intruder(seen, state, case) {
        return Some(step);
    }
    if seen.operation.as_ref().is_some_and(|operation| !operation.phase.is_over()) {
        return None;
    }
    let head = seen.head.as_ref().filter(|_| moved_on(seen, case))?;
    let because = format!("the source has moved on to {}", head.short());
    Some(keep(state.with(case.at(Stage::Lifting { because, told: false }))))
}

/// True if the source resolves to something else by now.
pub(super) fn moved_on(seen: &Observed, case: &Case) -> bool {
    let other = case.content.is_none() || (seen.content.is_some() && seen.content != case.content);
    other && seen.head.as_ref().is_some_and(|head| *head != case.rejected)
}

/// Somebody who has switched auto-sync on again, or who deploys something himself.
pub(super) fn intruder(seen: &Observed, state: &State, case: &Case) -> Option<Step> {
    if matches!((&case.hold, &seen.auto_sync), (Hold::AutoSync { .. }, AutoSync::On(_))) {
        let who = match &seen.keeper {
            Keeper::Reverts(who) => format!("{who} has switched auto-sync on again"),
            Keeper::Nobody | Keeper::Forbids(_) => "auto-sync has been switched on again".to_owned(),
        };
        return Some(step_back(state, case, &who));
    }
    if let Some(why) = undone(seen, case) {
        return Some(step_back(state, case, why));
    }
    let operation = seen.operation.as_ref()?;
    let known = operation.id.as_ref() == Some(&case.id) || operation.started == case.operation;
    if known || case.stage == Stage::Overtaken {
        return None;
    }
    Some(overtaken(seen, state, case, &newer(operation)))
}

/// Why what holds was in force and is not any more, where the application shows it: somebody has undone it.
pub(super) fn undone<'a>(seen: &'a Observed, case: &Case) -> Option<&'a str> {
    match &seen.auto_sync {
        AutoSync::Unpinned(why) if case.hold.shows() => Some(why),
        AutoSync::Unpinned(_)
        | AutoSync::Absent
        | AutoSync::Off
        | AutoSync::On(_)
        | AutoSync::Follows(_)
        | AutoSync::Pinned => None,
    }
}

/// Another operation than the ones we know, in words.
pub(super) fn newer(operation: &Operation) -> String {
    let revision = operation.revision.as_ref();
    let revision = revision.map_or_else(|| "a revision".to_owned(), Revision::short);
    format!("{} deploys {revision}", operation.by)
}

/// Somebody else has the application in hand: it is newer, so nothing of ours is written over it.
pub(super) fn overtaken(seen: &Observed, state: &State, case: &Case, why: &str) -> Step {
    let in_force = match &case.hold {
        Hold::Nothing => false,
        Hold::AutoSync { .. } => !matches!(seen.auto_sync, AutoSync::On(_)),
        Hold::Window { .. } => case.hold.has_window(),
        Hold::Source { .. } | Hold::Suspension { .. } => seen.auto_sync == AutoSync::Pinned,
    };
    let acted = case.acted && !case.hold.shows();
    if !acted && !in_force {
        return drop_case(seen, state, case, why);
    }
    let mut next = state.with(case.at(Stage::Overtaken));
    let text = format!(
        "{why} while {} is kept from being deployed by itself; that ends when the source moves on",
        case.rejected.short()
    );
    // The hold may end by a person too, and that is told besides.
    let id = format!("{}-overtaken", case.id);
    next.tell(Notice { id, reason: Reason::SteppedBack, text, revision: None });
    keep(next)
}

pub(super) fn lifting(seen: &Observed, state: &State, case: &Case) -> Step {
    match (&case.hold, &seen.auto_sync) {
        // It was taken away altogether: there is nothing to switch on.
        (Hold::AutoSync { was }, AutoSync::Absent) if !was.by_removal => keep(lifted(state)),
        (
            Hold::AutoSync { .. },
            AutoSync::Off
            | AutoSync::Absent
            | AutoSync::Follows(_)
            | AutoSync::Pinned
            | AutoSync::Unpinned(_),
        )
        | (Hold::Suspension { .. }, AutoSync::Pinned | AutoSync::Unpinned(_)) => Step::Lift,
        (Hold::AutoSync { .. }, AutoSync::On(_)) | (Hold::Nothing | Hold::Suspension { .. }, _) => {
            keep(lifted(state))
        }
        (hold @ (Hold::Window { .. } | Hold::Source { .. }), _) => {
            if hold.has_window() {
                Step::Lift
            } else {
                keep(lifted(state))
            }
        }
    }
}

/// What is kept once the window is in force, or the source is there.
pub fn placed(state: &State) -> State {
    let mut next = state.clone();
    if let Some(case) = &mut next.case {
        case.hold = case.hold.at(Window::Placed);
    }
    next
}

/// What is kept once the hold has been taken away.
pub fn lifted(state: &State) -> State {
    let mut next = state.clone();
    if let Some(case) = &state.case
        && let Stage::Lifting { because, told: false } = &case.stage
    {
        let end = match &case.hold {
            Hold::Nothing => "is no longer quarantined",
            Hold::AutoSync { .. } => "is released, and auto-sync is as it was",
            Hold::Window { .. } => "is released, and the window that denied auto-sync is gone",
            Hold::Source { .. } => "is released, and the application follows its own source again",
            Hold::Suspension { .. } => "is released, and the application is no longer frozen",
        };
        let text = format!("{} {end}: {because}", case.rejected.short());
        next.tell(case.notice(Reason::Released, text));
    }
    close(&mut next);
    next
}

/// Somebody else has ended the hold: ours ends too, and the revision is not rolled back once more.
pub(super) fn step_back(state: &State, case: &Case, why: &str) -> Step {
    let mut next = state.clone();
    let text = format!("{why}: {} is no longer kept from being deployed", case.rejected.short());
    next.tell(case.notice(Reason::SteppedBack, text));
    let remains = match &case.hold {
        Hold::Source { .. } => case.hold.has_window(),
        Hold::Suspension { .. } => true,
        Hold::Nothing | Hold::AutoSync { .. } | Hold::Window { .. } => false,
    };
    if remains {
        next.case = Some(case.at(Stage::Lifting { because: why.to_owned(), told: true }));
    } else {
        close(&mut next);
    }
    keep(next)
}

fn close(state: &mut State) {
    let Some(case) = state.case.take() else { return };
    if case.acted {
        state.reject(&case.rejected);
    }
    state.settled = Some((case.operation, case.rejected));
}
