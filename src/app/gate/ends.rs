//! How the gate's process ends where that is not its verdict: as a Helm test, and where the policy only reports. What is
//! kept of the verdict then.
//!
//! Flux rolls a `HelmRelease` back on any failed test, whatever its exit code is; so a test fails for a verdict that asks
//! for that, and for nothing else. What the end does not tell, Events, notifications and the kept verdict do.

use crate::app::Clock;
use crate::cli::{GateArgs, RunAs};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::policy::{HelmReleasePolicy, RollbackMode, RollbackPolicy, Unpassed};
use crate::report::{Printable, Report};
use crate::store::verdicts::{self, LastVerdict};

/// What the policy says of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// When a Helm test fails.
    pub(super) test: HelmReleasePolicy,
    /// What follows from drift.
    pub(super) rollback: RollbackPolicy,
}

/// How the process ends after this verdict.
pub(super) fn exit(said: Exit, run_as: Option<RunAs>, wanted: &Wanted) -> Exit {
    let reports = wanted.rollback.mode == Some(RollbackMode::Report);
    match (run_as, said) {
        (_, Exit::Blocked | Exit::Critical) if reports => Exit::Pass,
        (Some(RunAs::HelmTest), said) => test(said, &wanted.test),
        (None, said) => said,
    }
}

/// How a Helm test ends. What is no verdict fails no test: nobody goes back on a guess.
fn test(exit: Exit, policy: &HelmReleasePolicy) -> Exit {
    let verdict = match exit {
        Exit::Critical => Unpassed::Critical,
        Exit::Blocked => Unpassed::Blocked,
        Exit::NotSettled => Unpassed::NotSettled,
        Exit::Inconclusive => Unpassed::Inconclusive,
        // The Pod is being taken away; whether the Job gets another one, Kubernetes decides.
        Exit::Terminated => return Exit::Terminated,
        Exit::Pass | Exit::Bug | Exit::Usage | Exit::Invalid | Exit::Unavailable => return Exit::Pass,
    };
    if policy.rollback_on.contains(&verdict) { exit } else { Exit::Pass }
}

/// Keeps the verdict for `driftgate verdict`, and says if the process ends well in spite of it.
pub(super) async fn keep(
    args: &GateArgs,
    clock: &Clock,
    cluster: Option<Cluster>,
    report: &mut Report,
    ends: Exit,
) -> Result<(), String> {
    let said = report.exit();
    if said == Exit::Terminated {
        return Ok(());
    }
    if ends != said {
        let why = match args.helm.run_as {
            Some(RunAs::HelmTest) => {
                "the Helm test succeeds, so that nothing is rolled back: exit code 0 instead of CODE; \
                 `helmRelease.rollbackOn` and `rollback.mode` say which verdicts fail it"
            }
            None => "the deployment goes on: exit code 0 instead of CODE, because `rollback.mode` is report",
        };
        let note = format!("not passed, but {}", why.replace("CODE", &said.code().to_string()));
        report.warnings.push(Printable::from(note));
    }
    let Some(cluster) = cluster else { return Err("this verdict is not kept: no cluster".to_owned()) };
    let verdict = LastVerdict::new(
        report.application.name.as_str(),
        report.application.revision.as_ref().map(Printable::as_str),
        clock.now(),
        said.code(),
        report.reasons.first().map_or("", Printable::as_str),
    );
    let kept = verdicts::keep(&cluster, &args.records_namespace, &verdict).await;
    kept.map_err(|error| format!("this verdict is not kept: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(policy: HelmReleasePolicy, mode: Option<RollbackMode>) -> Wanted {
        Wanted { test: policy, rollback: RollbackPolicy { mode, ..RollbackPolicy::default() } }
    }

    fn helm(said: Exit, wanted: &Wanted) -> Exit {
        exit(said, Some(RunAs::HelmTest), wanted)
    }

    #[test]
    fn only_what_is_critical_fails_a_test_by_default() {
        let failing: Vec<_> =
            Exit::ALL.into_iter().filter(|it| helm(*it, &Wanted::default()) != Exit::Pass).collect();
        assert_eq!(failing, [Exit::Critical, Exit::Terminated]);
    }

    #[test]
    fn a_policy_says_what_else_does_and_never_an_accident() {
        let all = of(HelmReleasePolicy { rollback_on: Unpassed::ALL.into() }, None);
        for it in [Exit::Inconclusive, Exit::NotSettled, Exit::Blocked, Exit::Critical] {
            assert_eq!(helm(it, &all), it);
        }
        for it in [Exit::Bug, Exit::Usage, Exit::Invalid, Exit::Unavailable] {
            assert_eq!(helm(it, &all), Exit::Pass, "{it:?}");
        }
        let none = of(HelmReleasePolicy { rollback_on: [].into() }, None);
        assert_eq!(helm(Exit::Critical, &none), Exit::Pass);
    }

    #[test]
    fn where_the_policy_only_reports_drift_ends_well_and_nothing_else_does() {
        let all = of(HelmReleasePolicy { rollback_on: Unpassed::ALL.into() }, Some(RollbackMode::Report));
        for it in Exit::ALL {
            let spared = matches!(it, Exit::Blocked | Exit::Critical | Exit::Pass);
            assert_eq!(exit(it, None, &all) == Exit::Pass, spared, "{it:?}");
        }
        assert_eq!(helm(Exit::Blocked, &all), Exit::Pass);
        for mode in [RollbackMode::Fail, RollbackMode::Freeze, RollbackMode::Rollback] {
            for it in Exit::ALL {
                assert_eq!(exit(it, None, &of(HelmReleasePolicy::default(), Some(mode))), it);
            }
        }
    }
}
