//! The decision: from what is seen and what is kept to the one thing to do next.

use jiff::Timestamp;

use crate::rollback::acting::{acting, verifying};
use crate::rollback::case::Stage;
use crate::rollback::held::{held, lifting};
use crate::rollback::mode::Mode;
use crate::rollback::observed::{Gate, Observed, Phase};
use crate::rollback::opening::{adopted, due, open};
use crate::rollback::state::State;
use crate::rollback::target::Unproven;

/// What the platform has decided beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether a rollback may end at a revision that the gate was not seen to pass.
    pub unproven: Unproven,
    /// How far the answer goes.
    pub mode: Mode,
    /// How many seconds an application has to become healthy after a rollback.
    pub health_timeout: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { unproven: Unproven::Never, mode: Mode::default(), health_timeout: 600 }
    }
}

/// The one thing to do next. Whoever has done it looks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until something changes, or until this time.
    Rest(Option<Timestamp>),
    /// Keep this.
    Keep(Box<State>),
    /// Put the case's window in force, or make its source.
    Hold,
    /// End the operation that waits or is blocked, and switch auto-sync off in the same write if the case says so.
    End,
    /// Write the case's rollback, and switch auto-sync off in the same write if the case says so.
    RollBack,
    /// Tell the tool to leave the application as it is.
    Freeze,
    /// Take the case's hold away and ask the tool to look at the source; then keep what [`lifted`](super::lifted) says.
    Lift,
}

impl Step {
    /// For logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Rest(_) => "rest",
            Self::Keep(_) => "keep",
            Self::Hold => "hold",
            Self::End => "end",
            Self::RollBack => "roll back",
            Self::Freeze => "freeze",
            Self::Lift => "lift",
        }
    }
}

/// Decides.
pub fn step(seen: &Observed, state: &State, settings: &Settings) -> Step {
    if state.uid.is_empty() {
        return step(seen, &state.of(&seen.uid), settings);
    }
    if state.uid != seen.uid || seen.deleting {
        return gone(seen, state);
    }
    if let Some(adopted) = adopted(seen, state) {
        return keep(adopted);
    }
    // Where drift fails nothing, a gate that ends well has not said that the revision is good.
    if settings.mode != Mode::Report
        && let Some(learnt) = learn(seen, state)
    {
        return keep(learnt);
    }
    let next = match &state.case {
        None => open(seen, state, settings),
        Some(case) => match &case.stage {
            Stage::Due => due(seen, state, case, settings),
            Stage::Acting { blocked } => acting(seen, state, case, *blocked),
            Stage::Verifying { since } => Some(verifying(seen, state, case, *since, settings)),
            Stage::Held { .. } | Stage::Failed | Stage::Overtaken => held(seen, state, case),
            Stage::Lifting { .. } => Some(lifting(seen, state, case)),
        },
    };
    next.unwrap_or(Step::Rest(None))
}

/// The application is being deleted, or another has its name by now: only what is outside it needs us.
fn gone(seen: &Observed, state: &State) -> Step {
    if state.case.as_ref().is_some_and(|case| case.hold.has_window()) {
        return Step::Lift;
    }
    let fresh = State::new(&*state.application, &*seen.uid);
    if seen.deleting || *state == fresh { Step::Rest(None) } else { keep(fresh) }
}

/// What a succeeded operation teaches: this revision passes.
fn learn(seen: &Observed, state: &State) -> Option<State> {
    let operation = seen.operation.as_ref()?;
    let revision = operation.revision.as_ref()?;
    let concerns = seen.wanted || state.case.is_some();
    if !concerns || operation.phase != Phase::Succeeded || operation.gate != Gate::Passed {
        return None;
    }
    let mut next = state.clone();
    next.pass(revision);
    next.define(revision, &seen.definitions);
    if let Some(case) = next.case.as_mut().filter(|case| case.rejected == *revision && !case.by_hand) {
        if !matches!(case.stage, Stage::Lifting { .. }) {
            let because = "a later sync of it passed the gate".to_owned();
            case.stage = Stage::Lifting { because, told: false };
        }
        case.acted = false;
    }
    (next != *state).then_some(next)
}

pub(super) fn keep(state: State) -> Step {
    Step::Keep(Box::new(state))
}
