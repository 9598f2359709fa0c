//! From the gate's verdict to the moment when the rollback may be written.

use crate::rollback::case::{Case, Hold, Stage, Window};
use crate::rollback::held::{FORGOTTEN, newer, overtaken};
use crate::rollback::mode::Mode;
use crate::rollback::notice::{Notice, Reason};
use crate::rollback::observed::{AutoSync, Gate, Keeper, Observed, Operation, Phase, Revision};
use crate::rollback::state::State;
use crate::rollback::step::{Settings, Step, keep};
use crate::rollback::target::{Unproven, choose, keeps_definitions};

/// No case is open: does the last operation ask for one?
pub(super) fn open(seen: &Observed, state: &State, settings: &Settings) -> Option<Step> {
    let operation = seen.operation.as_ref()?;
    let revision = operation.revision.as_ref()?;
    let judged = (operation.started.clone(), revision.clone());
    let critical = operation.gate == Gate::Critical && operation.id.is_none();
    if !critical || operation.phase == Phase::Succeeded || state.settled.as_ref() == Some(&judged) {
        return None;
    }
    if !seen.wanted {
        return None;
    }
    if state.rejected.contains(revision) {
        if seen.head.as_ref().is_some_and(|head| head != revision) {
            return None; // the next revision is on its way
        }
        let why = match settings.mode {
            Mode::Freeze => "it was frozen once already; nothing is frozen twice",
            Mode::Report | Mode::Fail | Mode::Rollback => {
                "it was rolled back once already; nothing is rolled back twice"
            }
        };
        return Some(keep(refuse(state, judged, why)));
    }
    if let Keeper::Forbids(why) = &seen.keeper {
        return Some(keep(refuse(state, judged, why)));
    }
    let target = match settings.mode {
        Mode::Report | Mode::Fail => {
            let why = format!("the platform's policy has `rollback.mode: {}`", settings.mode.as_str());
            return Some(keep(refuse(state, judged, &why)));
        }
        Mode::Freeze => return Some(keep(freeze(seen, state, judged))),
        Mode::Rollback => choose(seen, state, revision, settings.unproven),
    };
    let target = match target {
        Ok(entry) => (entry.id, entry.revision.clone()),
        Err(none) => return Some(keep(refuse(state, judged, &none.to_string()))),
    };
    let text = format!("The gate rejected {}: going back to {}", judged.1.short(), target.1.short());
    Some(keep(decided(seen, state.clone(), judged, target, false, text)))
}

/// The application is to be left as it is, where the tool can be told so. People hear of it once it is.
fn freeze(seen: &Observed, state: &State, judged: (String, Revision)) -> State {
    let AutoSync::Follows(was) = &seen.auto_sync else {
        let why = "`rollback.mode` is freeze, and only Flux can be told to leave an application as it is: for Argo \
                   CD set rollback, or fail";
        return refuse(state, judged, why);
    };
    let (operation, rejected) = judged;
    let target = (0, rejected.clone());
    // It has no content: what its gate says of other content cannot be heard while it is left as it is.
    state.with(Case::new(operation, rejected, target, Hold::Suspension { was: was.clone() }))
}

/// The state with a case of its own, and with what people are told of it.
fn decided(
    seen: &Observed,
    mut state: State,
    (operation, rejected): (String, Revision),
    target: (i64, Revision),
    by_hand: bool,
    text: String,
) -> State {
    let revision = Some(rejected.name.clone());
    let case = Case::new(operation, rejected, target, hold(seen));
    let id = format!("{}-decided", case.id);
    state.tell(Notice { id, reason: Reason::RollbackDecided, text, revision });
    state.case = Some(Case { by_hand, content: seen.content.clone(), ..case });
    state
}

/// The same state, but revisions of the history with these names count as passed: the gate has them on record.
pub fn trusting(seen: &Observed, state: &State, passed: &[String]) -> State {
    let mut next = state.of(&seen.uid);
    for entry in seen.history.iter().filter(|entry| passed.contains(&entry.revision.name)) {
        if !state.has_passed(&entry.revision) && !state.is_barred(&entry.revision) {
            next.pass(&entry.revision);
        }
    }
    next
}

/// A person asks for a rollback, to a number of the history or to the last other revision.
///
/// # Errors
/// There is nothing to go back from or to, in words.
pub fn by_hand(seen: &Observed, state: &State, to: Option<i64>) -> Result<State, String> {
    let operation = seen.operation.as_ref().ok_or("it was never synced")?;
    let rejected = operation.revision.clone().ok_or("what it deploys is not known yet")?;
    if !matches!(operation.phase, Phase::Succeeded | Phase::Failed | Phase::Waiting) {
        return Err(format!("{} deploys {}: wait until that has ended", operation.by, rejected.short()));
    }
    if let Some(case) = &state.case {
        return Err(format!("a rollback from {} is under way already", case.rejected.short()));
    }
    if let Keeper::Forbids(why) = &seen.keeper {
        return Err(why.clone());
    }
    let entry = match to {
        Some(id) => seen.history.iter().find(|entry| entry.id == id).ok_or_else(|| {
            let ids: Vec<String> = seen.history.iter().map(|entry| entry.id.to_string()).collect();
            format!("its history has no id {id}; there are {}", ids.join(", "))
        })?,
        None => choose(seen, state, &rejected, Unproven::LastSuccess).map_err(|none| none.to_string())?,
    };
    if entry.revision == rejected {
        return Err(format!("{} is what it deploys already", rejected.short()));
    }
    keeps_definitions(seen, state, entry).map_err(|none| none.to_string())?;
    let target = (entry.id, entry.revision.clone());
    let text = format!("A person goes back from {} to {}", rejected.short(), target.1.short());
    let judged = (operation.started.clone(), rejected);
    Ok(decided(seen, state.of(&seen.uid), judged, target, true, text))
}

/// The state with the case that the application's own marks tell of, where none is kept: the state was lost, and without
/// it nobody would ever take away what holds.
pub fn adopted(seen: &Observed, state: &State) -> Option<State> {
    let case = seen.found.as_ref().filter(|_| state.case.is_none())?;
    Some(state.of(&seen.uid).with(case.clone()))
}

fn hold(seen: &Observed) -> Hold {
    match (&seen.auto_sync, &seen.keeper) {
        (AutoSync::Absent | AutoSync::Off | AutoSync::Pinned | AutoSync::Unpinned(_), _) => Hold::Nothing,
        (AutoSync::Follows(was), _) => Hold::Source { was: was.clone(), window: Window::Wanted },
        (AutoSync::On(_), Keeper::Reverts(_)) => {
            Hold::Window { place: seen.place.clone(), window: Window::Wanted }
        }
        (AutoSync::On(was), Keeper::Nobody | Keeper::Forbids(_)) => Hold::AutoSync { was: was.clone() },
    }
}

/// The rollback is due as soon as the failed operation has ended.
pub(super) fn due(seen: &Observed, state: &State, case: &Case, settings: &Settings) -> Option<Step> {
    let Some(operation) = &seen.operation else {
        return Some(overtaken(seen, state, case, FORGOTTEN));
    };
    if operation.phase == Phase::Requested || operation.started != case.operation {
        return Some(overtaken(seen, state, case, &newer(operation)));
    }
    if operation.revision.as_ref().is_some_and(|revision| *revision != case.rejected) {
        return Some(drop_case(seen, state, case, "a later attempt deploys another revision"));
    }
    match operation.phase {
        Phase::Requested | Phase::Running | Phase::Ending => None,
        Phase::Succeeded if case.by_hand => Some(ready(seen, state, case, settings, operation)),
        Phase::Succeeded => Some(drop_case(seen, state, case, "a later attempt succeeded")),
        Phase::Waiting | Phase::Blocked | Phase::Failed => {
            Some(ready(seen, state, case, settings, operation))
        }
    }
}

/// Nothing runs: hold, end what waits, roll back.
fn ready(seen: &Observed, state: &State, case: &Case, settings: &Settings, operation: &Operation) -> Step {
    let target = match choose(seen, state, &case.rejected, settings.unproven) {
        // A source of ours yields one revision for good, and what is left as it is goes nowhere.
        _ if case.by_hand
            || matches!(case.hold, Hold::Suspension { .. })
            || matches!(case.hold, Hold::Source { .. }) && case.hold.has_window() =>
        {
            case.target.clone()
        }
        Ok(entry) => (entry.id, entry.revision.clone()),
        Err(none) => return drop_case(seen, state, case, &none.to_string()),
    };
    let ended = operation.phase.is_over();
    let needed = hold(seen);
    // A person may have switched it on or off since the case was opened. Once the operation has ended, or its end has
    // been asked for, it may have been us who switched it off: the tool may begin the next attempt over our wish to end it.
    let changed = match (&case.hold, &needed) {
        (Hold::Nothing, Hold::AutoSync { .. } | Hold::Window { .. } | Hold::Source { .. }) => true,
        (Hold::AutoSync { .. }, Hold::Nothing) => !ended && !case.ending,
        (Hold::Nothing, Hold::Nothing | Hold::Suspension { .. })
        | (Hold::AutoSync { .. } | Hold::Window { .. } | Hold::Source { .. } | Hold::Suspension { .. }, _) => {
            false
        }
    };
    if changed {
        return keep(state.with(Case { hold: needed, ..case.clone() }));
    }
    match (case.hold.window(), ended) {
        (Some(Window::Wanted), _) => {
            keep(state.with(Case { hold: case.hold.at(Window::Placing), target, ..case.clone() }))
        }
        (Some(Window::Placing), _) => Step::Hold,
        (_, false) if case.ending => Step::End,
        (_, false) => keep(state.with(Case { ending: true, ..case.clone() })),
        (_, true) => {
            let case = Case { target, acted: true, ..case.at(Stage::Acting { blocked: false }) };
            keep(state.with(case))
        }
    }
}

/// No rollback after all. What is in force already is taken away first.
pub(super) fn drop_case(seen: &Observed, state: &State, case: &Case, why: &str) -> Step {
    keep(dropped(seen, state, case, why))
}

fn dropped(seen: &Observed, state: &State, case: &Case, why: &str) -> State {
    let judged = (case.operation.clone(), case.rejected.clone());
    let mut next = refuse(state, judged, why);
    let off = matches!(case.hold, Hold::AutoSync { .. }) && !matches!(seen.auto_sync, AutoSync::On(_));
    if off || case.hold.has_window() {
        let because = format!("there is no rollback: {why}");
        let told = matches!(case.hold, Hold::Source { .. });
        next.case = Some(Case { acted: false, ..case.at(Stage::Lifting { because, told }) });
    }
    next
}

/// What is kept if a write is refused for good: there is no rollback.
pub fn refused(seen: &Observed, state: &State, why: &str) -> State {
    let Some(case) = &state.case else { return state.clone() };
    dropped(seen, state, case, why)
}

fn refuse(state: &State, judged: (String, Revision), why: &str) -> State {
    let mut next = state.clone();
    let id = format!("{}-none", Case::id_of(&judged.0, &judged.1));
    let text = format!("{} is not rolled back: {why}", judged.1.short());
    let revision = Some(judged.1.name.clone());
    next.tell(Notice { id, reason: Reason::NotRolledBack, text, revision });
    next.settled = Some(judged);
    next.case = None;
    next
}
