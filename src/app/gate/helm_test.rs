//! The gate as a Helm test: which verdicts fail it, and what is kept of those that do not.
//!
//! Flux rolls a `HelmRelease` back on any failed test, whatever its exit code is; so a test fails for a verdict that asks
//! for that, and for nothing else. What the test's end does not tell, Events, notifications and the kept verdict do.

use crate::app::Clock;
use crate::cli::GateArgs;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::policy::{HelmReleasePolicy, Unpassed};
use crate::report::{Printable, Report};
use crate::store::verdicts::{self, LastVerdict};

/// How the process ends. What is no verdict fails no test: nobody goes back on a guess.
pub(super) fn exit(exit: Exit, policy: &HelmReleasePolicy) -> Exit {
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

/// Keeps the verdict for `driftgate verdict`, and says if the test succeeds in spite of it.
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
        let note = format!(
            "not passed, but the Helm test succeeds, so that nothing is rolled back: exit code 0 instead of {}; \
             `helmRelease.rollbackOn` says which verdicts fail it",
            said.code()
        );
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

    #[test]
    fn only_what_is_critical_fails_a_test_by_default() {
        let failing: Vec<_> = Exit::ALL
            .into_iter()
            .filter(|it| exit(*it, &HelmReleasePolicy::default()) != Exit::Pass)
            .collect();
        assert_eq!(failing, [Exit::Critical, Exit::Terminated]);
    }

    #[test]
    fn a_policy_says_what_else_does_and_never_an_accident() {
        let all = HelmReleasePolicy { rollback_on: Unpassed::ALL.into() };
        for it in [Exit::Inconclusive, Exit::NotSettled, Exit::Blocked, Exit::Critical] {
            assert_eq!(exit(it, &all), it);
        }
        for it in [Exit::Bug, Exit::Usage, Exit::Invalid, Exit::Unavailable] {
            assert_eq!(exit(it, &all), Exit::Pass, "{it:?}");
        }
        let none = HelmReleasePolicy { rollback_on: [].into() };
        assert_eq!(exit(Exit::Critical, &none), Exit::Pass);
    }
}
