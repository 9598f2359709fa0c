//! When a rollback is asked for, and what the platform says of how it is made.
//!
//! Does not know how one is made.

use std::time::Duration;

use super::check::Set;
use super::fields::Located;
use super::merge::agree;
use super::problem::{Problem, Problems, did_you_mean};
use super::raw::{OPT_INS, RawRollback, UNPROVEN_TARGETS};
use crate::exclusion::Position;
use crate::rollback::Mode;

/// When a rollback is asked for, and how it is made. What is not set is left to whoever makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RollbackPolicy {
    /// How far the answer to drift goes.
    pub mode: Option<Mode>,
    /// Also where no good revision is on record.
    pub without_baseline: bool,
    /// Of all applications, not only of those that are marked.
    pub all: Option<bool>,
    /// An application that is marked with `off` is left alone.
    pub allow_opt_out: Option<bool>,
    /// Also to a revision that no gate was seen to pass, if its whole sync succeeded.
    pub unproven: Option<bool>,
    /// How long an application may take to become healthy.
    pub health_timeout: Option<Duration>,
}

/// What one document says of it, or all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rollback {
    mode: Set<Mode>,
    without_baseline: Set<bool>,
    all: Set<bool>,
    allow_opt_out: Set<bool>,
    unproven: Set<bool>,
    health_timeout: Set<Duration>,
}

impl Rollback {
    pub(super) fn check(raw: RawRollback, problems: &mut Problems) -> Self {
        let RawRollback { mode, without_baseline, opt_in, allow_opt_out, unproven_target, health_timeout } =
            raw;
        Self {
            mode: mode.and_then(|written| self::mode(written, problems)),
            without_baseline: without_baseline.map(|flag| (problems.position(flag.at), flag.value)),
            all: second("optIn", OPT_INS, opt_in, problems),
            allow_opt_out: allow_opt_out.map(|flag| (problems.position(flag.at), flag.value)),
            unproven: second("unprovenTarget", UNPROVEN_TARGETS, unproven_target, problems),
            health_timeout: health_timeout.and_then(|written| duration(&written, problems)),
        }
    }

    /// Takes in what another document says; both must agree.
    pub(super) fn absorb(&mut self, other: Self, problems: &mut Vec<Problem>) {
        let Self { mode, without_baseline, all, allow_opt_out, unproven, health_timeout } = other;
        agree("rollback.mode", &mut self.mode, mode, problems);
        agree("withoutBaseline", &mut self.without_baseline, without_baseline, problems);
        agree("optIn", &mut self.all, all, problems);
        agree("allowOptOut", &mut self.allow_opt_out, allow_opt_out, problems);
        agree("unprovenTarget", &mut self.unproven, unproven, problems);
        agree("healthTimeout", &mut self.health_timeout, health_timeout, problems);
    }

    /// Where each setting is written, with its field.
    pub(super) fn places(&self) -> impl Iterator<Item = (&'static str, Position)> {
        fn at<T>(name: &'static str, set: Option<&(Position, T)>) -> Option<(&'static str, Position)> {
            set.map(|(at, _value)| (name, at.clone()))
        }
        let places = [
            at("mode", self.mode.as_ref()),
            at("withoutBaseline", self.without_baseline.as_ref()),
            at("optIn", self.all.as_ref()),
            at("allowOptOut", self.allow_opt_out.as_ref()),
            at("unprovenTarget", self.unproven.as_ref()),
            at("healthTimeout", self.health_timeout.as_ref()),
        ];
        places.into_iter().flatten()
    }

    pub(super) fn policy(&self) -> RollbackPolicy {
        fn value<T: Copy>(set: Option<&(Position, T)>) -> Option<T> {
            set.map(|(_at, value)| *value)
        }
        RollbackPolicy {
            mode: value(self.mode.as_ref()),
            without_baseline: value(self.without_baseline.as_ref()).unwrap_or_default(),
            all: value(self.all.as_ref()),
            allow_opt_out: value(self.allow_opt_out.as_ref()),
            unproven: value(self.unproven.as_ref()),
            health_timeout: value(self.health_timeout.as_ref()),
        }
    }
}

fn mode(written: Located<String>, problems: &mut Problems) -> Set<Mode> {
    let Located { at, value } = written;
    let Some(mode) = Mode::ALL.into_iter().find(|mode| mode.as_str() == value) else {
        let hint = did_you_mean(&value, Mode::ALL.map(Mode::as_str));
        let words = "`mode` of `rollback` must be report, fail, freeze or rollback";
        problems.add(at, format!("{words}, and this is `{value}`{hint}"));
        return None;
    };
    Some((problems.position(at), mode))
}

/// Whether it is the second of two words.
fn second(
    name: &str,
    words: [&'static str; 2],
    written: Option<Located<String>>,
    problems: &mut Problems,
) -> Set<bool> {
    let Located { at, value } = written?;
    let Some(index) = words.iter().position(|word| *word == value) else {
        let hint = did_you_mean(&value, words);
        problems.add(at, format!("`{name}` must be {}, and this is `{value}`{hint}", words.join(" or ")));
        return None;
    };
    Some((problems.position(at), index == 1))
}

fn duration(written: &Located<String>, problems: &mut Problems) -> Set<Duration> {
    let Located { at, value } = written;
    match humantime::parse_duration(value) {
        Ok(duration) if Duration::from_secs(1) <= duration => Some((problems.position(*at), duration)),
        Ok(_) | Err(_) => {
            let what = "`healthTimeout` must be a duration of at least a second, for instance 90s or 10m";
            problems.add(*at, format!("{what}, and this is `{value}`"));
            None
        }
    }
}
