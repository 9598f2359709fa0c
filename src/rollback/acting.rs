//! Our own operation: written, followed, verified.

use jiff::{SignedDuration, Timestamp};

use crate::rollback::case::{Case, Hold, Stage};
use crate::rollback::held::{FORGOTTEN, held, intruder, moved_on, newer, overtaken, step_back, undone};
use crate::rollback::notice::Reason;
use crate::rollback::observed::{Health, Observed, Operation, Phase, Revision};
use crate::rollback::state::State;
use crate::rollback::step::{Settings, Step, keep};

/// An operation that has been blocked for this long stays so.
const BLOCKED_SECONDS: i64 = 15;
/// Objects that a notice names.
const MOST_NAMED: usize = 3;

/// The rollback may have been written; from here on it is never written over anything newer.
pub(super) fn acting(seen: &Observed, state: &State, case: &Case, blocked: bool) -> Option<Step> {
    let Some(operation) = &seen.operation else {
        return Some(overtaken(seen, state, case, FORGOTTEN));
    };
    // Put in place of its own source, and undone by somebody before we saw what became of it.
    if let Some(why) = undone(seen, case) {
        return Some(step_back(state, case, why));
    }
    if operation.id.as_ref() == Some(&case.id) {
        return follow(seen, state, case, operation, blocked);
    }
    if operation.started == case.operation && operation.phase.is_over() {
        let frozen = matches!(case.hold, Hold::Suspension { .. });
        return Some(if frozen { Step::Freeze } else { Step::RollBack });
    }
    // Where nothing is switched off, the tool tries the revision again and again; what its gate has said stands.
    let again = case.hold.shows() && operation.started == case.operation;
    if again && operation.revision.as_ref() == Some(&case.rejected) {
        return None;
    }
    Some(overtaken(seen, state, case, &newer(operation)))
}

/// Our own operation.
fn follow(seen: &Observed, state: &State, case: &Case, operation: &Operation, blocked: bool) -> Option<Step> {
    let to = |stage| state.with(case.at(stage));
    match operation.phase {
        Phase::Requested | Phase::Running | Phase::Waiting | Phase::Ending => None,
        Phase::Blocked if blocked => Some(Step::End),
        Phase::Blocked => match patience(operation).filter(|end| seen.now < *end) {
            Some(end) => Some(Step::Rest(Some(end))),
            None => Some(keep(to(Stage::Acting { blocked: true }))),
        },
        Phase::Succeeded if matches!(case.hold, Hold::Suspension { .. }) => Some(keep(frozen(state, case))),
        Phase::Succeeded => Some(keep(to(Stage::Verifying { since: seen.now.as_second() }))),
        Phase::Failed => {
            let why = if blocked { "a sync window denies it" } else { operation.message.as_str() };
            let mut next = to(Stage::Failed);
            let text = format!(
                "The rollback from {} to {} failed: {why}; {} is not deployed again by itself",
                case.rejected.short(),
                case.target.1.short(),
                case.rejected.short()
            );
            next.tell(case.notice(Reason::RollbackFailed, text));
            Some(keep(next))
        }
    }
}

/// The application is left as it is.
fn frozen(state: &State, case: &Case) -> State {
    let mut next = state.with(case.at(Stage::Held { healthy: true }));
    let text = format!(
        "The gate rejected {}, and it is live: the application is frozen as it is, until its source moves on",
        case.rejected.short()
    );
    next.tell(case.notice(Reason::Frozen, text));
    next
}

/// Until when a blocked operation may only seem so: Argo CD takes every operation for an automated one at first.
fn patience(operation: &Operation) -> Option<Timestamp> {
    let started: Timestamp = operation.started.parse().ok()?;
    started.checked_add(SignedDuration::from_secs(BLOCKED_SECONDS)).ok()
}

/// The rollback has been applied: is all as the target has it, and the application well?
///
/// Three things prove it. Our own operation, known by its id, is still the last one. It has deployed the target, sources
/// included, and the tool has left no object otherwise than the target has it. And after its end the application was
/// seen healthy. The tool's own comparison does not serve: it compares with what the source resolves to, which is what
/// was rejected.
pub(super) fn verifying(
    seen: &Observed,
    state: &State,
    case: &Case,
    since: i64,
    settings: &Settings,
) -> Step {
    if let Some(step) = intruder(seen, state, case) {
        return step;
    }
    let end = since.saturating_add(settings.health_timeout);
    let (proven, but) = match (unlike(seen, case), seen.health) {
        (Some(unlike), _) => (false, format!(", but {unlike}")),
        (None, Health::Good) => (true, String::new()),
        (None, Health::Bad | Health::Waiting) if end <= seen.now.as_second() => {
            (false, format!(", but the application does not become healthy{}", said(seen, case)))
        }
        (None, Health::Bad | Health::Waiting) if moved_on(seen, case) => {
            (true, "; the source has moved on meanwhile".to_owned())
        }
        (None, Health::Bad | Health::Waiting) => {
            let timer = Timestamp::from_second(end).ok();
            return held(seen, state, case).unwrap_or(Step::Rest(timer));
        }
    };
    let mut next = state.with(case.at(Stage::Held { healthy: proven }));
    let text = format!("Back on {} from {}{but}", case.target.1.short(), case.rejected.short());
    let reason = if proven { Reason::RolledBack } else { Reason::RollbackFailed };
    next.tell(case.notice(reason, text));
    keep(next)
}

/// What Flux says of it; Argo CD's words are of the operation, which went well.
fn said(seen: &Observed, case: &Case) -> String {
    let words = seen.operation.as_ref().map(|operation| operation.message.as_str()).unwrap_or_default();
    match case.hold {
        Hold::Source { .. } if !words.is_empty() => format!(": {words}"),
        Hold::Source { .. }
        | Hold::Nothing
        | Hold::AutoSync { .. }
        | Hold::Window { .. }
        | Hold::Suspension { .. } => String::new(),
    }
}

/// What speaks against the application being as the target has it.
fn unlike(seen: &Observed, case: &Case) -> Option<String> {
    let ours = seen.operation.as_ref().filter(|operation| operation.id.as_ref() == Some(&case.id));
    let Some(operation) = ours else { return Some("the rollback's result is gone".to_owned()) };
    if operation.revision.as_ref() != Some(&case.target.1) {
        let other =
            operation.revision.as_ref().map_or_else(|| "something unknown".to_owned(), Revision::short);
        return Some(format!("what was deployed is {other}, or the target rendered otherwise"));
    }
    match operation.unlike.as_slice() {
        [] => None,
        several => {
            let some = several.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join("; ");
            let rest = several.len().saturating_sub(MOST_NAMED);
            let more = if rest == 0 { String::new() } else { format!("; and {rest} more") };
            Some(format!("not every object is as {} has it: {some}{more}", case.target.1.short()))
        }
    }
}
