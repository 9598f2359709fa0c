//! Our own operation: written, followed, verified.

use jiff::{SignedDuration, Timestamp};

use crate::rollback::case::{Case, Hold, Stage};
use crate::rollback::held::{held, moved_on, overtaken, step_back};
use crate::rollback::notice::Reason;
use crate::rollback::observed::{Health, Observed, Operation, Phase};
use crate::rollback::state::State;
use crate::rollback::step::{Settings, Step, keep};

/// An operation that has been blocked for this long stays so.
const BLOCKED_SECONDS: i64 = 15;

/// The rollback may have been written; from here on it is never written over anything newer.
pub(super) fn acting(seen: &Observed, state: &State, case: &Case, blocked: bool) -> Option<Step> {
    let Some(operation) = &seen.operation else {
        return Some(step_back(state, case, "somebody removed the operation's state"));
    };
    if operation.id.as_ref() == Some(&case.id) {
        return follow(seen, state, case, operation, blocked);
    }
    if operation.started == case.operation && operation.phase.is_over() {
        return Some(Step::RollBack);
    }
    // Where nothing is switched off, the tool tries the revision again and again; what its gate has said stands.
    let again = matches!(case.hold, Hold::Source { .. }) && operation.started == case.operation;
    if again && operation.revision.as_ref() == Some(&case.rejected) {
        return None;
    }
    Some(overtaken(seen, state, case, operation))
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

/// Until when a blocked operation may only seem so: Argo CD takes every operation for an automated one at first.
fn patience(operation: &Operation) -> Option<Timestamp> {
    let started: Timestamp = operation.started.parse().ok()?;
    started.checked_add(SignedDuration::from_secs(BLOCKED_SECONDS)).ok()
}

/// The rollback has been applied: is the application well?
pub(super) fn verifying(
    seen: &Observed,
    state: &State,
    case: &Case,
    since: i64,
    settings: &Settings,
) -> Step {
    let end = since.saturating_add(settings.health_timeout);
    let (healthy, but) = match seen.health {
        Health::Good => (true, ""),
        Health::Bad | Health::Waiting if end <= seen.now.as_second() => {
            (false, ", but the application does not become healthy")
        }
        Health::Bad | Health::Waiting if moved_on(seen, case) => {
            (true, "; the source has moved on meanwhile")
        }
        Health::Bad | Health::Waiting => {
            let timer = Timestamp::from_second(end).ok();
            return held(seen, state, case).unwrap_or(Step::Rest(timer));
        }
    };
    let mut next = state.with(case.at(Stage::Held { healthy }));
    let text = format!("Back on {} from {}{but}", case.target.1.short(), case.rejected.short());
    let reason = if healthy { Reason::RolledBack } else { Reason::RollbackFailed };
    next.tell(case.notice(reason, text));
    keep(next)
}
