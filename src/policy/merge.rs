//! Several documents become one policy: exclusions add up, settings must agree.

use super::check::{Part, Set};
use super::problem::Problem;
use super::{Policy, RollbackPolicy};
use crate::exclusion::Exclusions;
use crate::rules::Settings;

/// Merges in the order given.
pub(super) fn merge(parts: Vec<Part>, problems: &mut Vec<Problem>) -> Policy {
    let mut sum = Part::default();
    for part in parts {
        let Part {
            fail_at,
            rollback_at,
            without_baseline,
            sensitive_namespaces,
            sandbox_handlers,
            exclusions,
        } = part;
        agree("failAt", &mut sum.fail_at, fail_at, problems);
        agree("rollbackAt", &mut sum.rollback_at, rollback_at, problems);
        agree("withoutBaseline", &mut sum.without_baseline, without_baseline, problems);
        agree("sensitiveNamespaces", &mut sum.sensitive_namespaces, sensitive_namespaces, problems);
        agree("sandboxHandlers", &mut sum.sandbox_handlers, sandbox_handlers, problems);
        sum.exclusions.extend(exclusions);
    }
    ordered(&sum, problems);
    let default = Policy::default();
    let settings = Settings::default();
    Policy {
        fail_at: value(sum.fail_at, default.fail_at),
        rollback_at: value(sum.rollback_at, default.rollback_at),
        rollback: RollbackPolicy {
            without_baseline: value(sum.without_baseline, default.rollback.without_baseline),
        },
        settings: Settings {
            sensitive_namespaces: value(sum.sensitive_namespaces, settings.sensitive_namespaces),
            sandbox_handlers: value(sum.sandbox_handlers, settings.sandbox_handlers),
        },
        exclusions: Exclusions::new(sum.exclusions),
    }
}

fn value<T>(set: Set<T>, default: T) -> T {
    set.map_or(default, |(_at, value)| value)
}

/// Keeps the setting that stands first; the other must say the same.
fn agree<T: PartialEq>(name: &str, kept: &mut Set<T>, other: Set<T>, problems: &mut Vec<Problem>) {
    let (Some((first, kept)), Some((at, other))) = (kept.as_ref(), other.as_ref()) else {
        *kept = kept.take().or(other);
        return;
    };
    if kept != other {
        let message = format!("`{name}` is set to something else at {first}; it can have one value only");
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
