//! Several documents become one policy: exclusions add up, settings must agree.

use super::check::{Part, Set};
use super::problem::Problem;
use super::{HelmReleasePolicy, Mode, Policy};
use crate::exclusion::Exclusions;

/// Merges in the order given.
pub(super) fn merge(parts: Vec<Part>, problems: &mut Vec<Problem>) -> Policy {
    let mut sum = Part::default();
    for part in parts {
        let Part {
            fail_at,
            rollback_at,
            rollback,
            rollback_on,
            mode,
            first_run,
            max_days,
            tuning,
            delegation: _,
            exclusions,
        } = part;
        agree("failAt", &mut sum.fail_at, fail_at, problems);
        agree("rollbackAt", &mut sum.rollback_at, rollback_at, problems);
        sum.rollback.absorb(rollback, problems);
        agree("rollbackOn", &mut sum.rollback_on, rollback_on, problems);
        agree("mode", &mut sum.mode, mode, problems);
        agree("baseline", &mut sum.first_run, first_run, problems);
        agree("maxExclusionDays", &mut sum.max_days, max_days, problems);
        sum.tuning.absorb(tuning, problems);
        sum.exclusions.extend(exclusions);
    }
    ordered(&sum, problems);
    used(&sum, problems);
    sum.tuning.agree(problems);
    let default = Policy::default();
    Policy {
        fail_at: value(sum.fail_at, default.fail_at),
        rollback_at: value(sum.rollback_at, default.rollback_at),
        rollback: sum.rollback.policy(),
        helm_release: HelmReleasePolicy {
            rollback_on: value(sum.rollback_on, default.helm_release.rollback_on),
        },
        mode: value(sum.mode, default.mode),
        first_run: value(sum.first_run, default.first_run),
        settings: sum.tuning.settings(),
        max_days: sum.max_days.map(|(_at, days)| days),
        exclusions: Exclusions::new(sum.exclusions),
        refused: Vec::new(),
        tuning: sum.tuning,
    }
}

fn value<T>(set: Set<T>, default: T) -> T {
    set.map_or(default, |(_at, value)| value)
}

/// Keeps the setting that stands first; the other must say the same.
pub(super) fn agree<T: PartialEq>(name: &str, kept: &mut Set<T>, other: Set<T>, problems: &mut Vec<Problem>) {
    let (Some((first, kept)), Some((at, other))) = (kept.as_ref(), other.as_ref()) else {
        *kept = kept.take().or(other);
        return;
    };
    if kept != other {
        let message = format!("`{name}` is set to something else at {first}; it can have one value only");
        problems.push(Problem { at: at.clone(), message });
    }
}

/// What is written must be used.
fn used(sum: &Part, problems: &mut Vec<Problem>) {
    let mode = sum.mode.as_ref().map_or(Mode::default(), |(_at, mode)| *mode);
    if let (Mode::Baseline, Some(first)) = (mode, sum.exclusions.first()) {
        let message = "`mode` is baseline, which uses no exclusions; `both` uses them too".to_owned();
        problems.push(Problem { at: first.at.clone(), message });
    }
    if let (Mode::Exclusions, Some((at, _))) = (mode, &sum.first_run) {
        let message = "`baseline` is for `mode` baseline or both, and this is exclusions".to_owned();
        problems.push(Problem { at: at.clone(), message });
    }
}

/// A rollback needs a failed sync.
fn ordered(sum: &Part, problems: &mut Vec<Problem>) {
    let Some((at, rollback_at)) = &sum.rollback_at else { return };
    let fail_at = sum.fail_at.as_ref().map_or(Policy::default().fail_at, |(_at, severity)| *severity);
    if *rollback_at < fail_at {
        let message = format!(
            "`rollbackAt` is {rollback_at} and `failAt` is {fail_at}: what does not fail the sync cannot be rolled back"
        );
        problems.push(Problem { at: at.clone(), message });
    }
}
