//! What keeps Flux from going back when the gate fails a test of a `HelmRelease`, or makes it go back without one: pure
//! checks of its spec.
//!
//! Sources: `api/v2/helmrelease_types.go` and `internal/reconcile/atomic_release.go` of helm-controller 1.6.

use std::time::Duration;

use crate::gitops::flux::helm_release::{Action, HelmRelease, Remediation};
use crate::gitops::trap::Trap;

/// What cannot be told from a spec.
pub const NOTE: &str = "needs helm-controller 1.6.3 or newer (Flux 2.9): before, a test that could not be started counts as one that succeeded";

/// How long the shipped test may take: its Job's `activeDeadlineSeconds`.
const LONGEST: Duration = Duration::from_secs(600);
/// `spec.timeout`, where none is given.
const TIMEOUT: Duration = Duration::from_secs(300);
/// How the name of the shipped test ends.
const JOB: &str = "driftgate";
const REMEDIATE: &str = "RemediateOnFailure";

/// Everything that is wrong with a `HelmRelease` whose chart holds the gate as a test.
pub fn of_release(release: &HelmRelease) -> Vec<Trap> {
    let object = release.reference();
    let mut traps = Vec::new();
    let mut say = |field: &str, harm: &str, fix: &str| {
        traps.push(Trap::new(&object, &format!("spec.{field}"), harm, fix));
    };
    test(release, &mut say);
    action("install", &release.spec.install, &mut say);
    action("upgrade", &release.spec.upgrade, &mut say);
    going_back(&release.spec.upgrade.remediation, &mut say);
    if release.spec.max_history == Some(1) {
        say("maxHistory", "Helm keeps no release to go back to", "remove it, or set it to 2 at least");
    }
    traps
}

fn test(release: &HelmRelease, say: &mut impl FnMut(&str, &str, &str)) {
    let test = &release.spec.test;
    if !test.enable {
        say("test.enable", "Flux runs no tests, so the gate never runs", "set it to true");
    }
    if test.ignore_failures {
        say("test.ignoreFailures", "nothing follows from a failed gate", "remove it");
    }
    let named = |exclude: bool| {
        test.filters.iter().any(|filter| filter.exclude == exclude && filter.name.ends_with(JOB))
    };
    let chosen = test.filters.iter().any(|filter| !filter.exclude);
    if named(true) || (chosen && !named(false)) {
        say("test.filters", "they leave the gate out, which counts as a success", "let them take the gate");
    }
    let given = test.timeout.as_deref().or(release.spec.timeout.as_deref());
    let timeout = given.map_or(Some(TIMEOUT), |text| humantime::parse_duration(text).ok());
    if let Some(timeout) = timeout.filter(|timeout| *timeout <= LONGEST) {
        let (given, longest) = (timeout.as_secs(), LONGEST.as_secs());
        let harm = format!(
            "Flux gives up after {given} s, the gate's Job may take {longest} s, and a test that is given up has failed"
        );
        say("test.timeout", &harm, "set it to 11m");
    }
}

/// What installs and upgrades have in common.
fn action(name: &str, action: &Action, say: &mut impl FnMut(&str, &str, &str)) {
    let field = |rest: &str| format!("{name}.{rest}");
    let strategy = action.strategy.name.as_str();
    if strategy != REMEDIATE {
        let harm = if strategy.is_empty() {
            "helm-controller may be told to take RetryOnFailure where nothing is set, which never goes back"
        } else {
            "Flux tries the rejected release again and again, and never goes back"
        };
        say(&field("strategy.name"), harm, "set it to RemediateOnFailure");
    }
    if action.remediation.ignore_test_failures {
        say(&field("remediation.ignoreTestFailures"), "nothing follows from a failed gate", "remove it");
    }
    if action.disable_wait {
        say(&field("disableWait"), "the test begins before anything is ready", "remove it");
    }
    if action.disable_hooks {
        say(&field("disableHooks"), "a gate that runs as a hook never runs", "remove it");
    }
}

fn going_back(remediation: &Remediation, say: &mut impl FnMut(&str, &str, &str)) {
    let retries = remediation.retries.unwrap_or_default();
    if retries != 0 {
        let harm = if retries < 0 {
            "the rejected release is deployed again and again".to_owned()
        } else {
            format!("the rejected release is deployed {} times", retries + 1)
        };
        say("upgrade.remediation.retries", &harm, "set it to 0");
    }
    if remediation.remediate_last_failure != Some(true) {
        let harm = "the rejected release stays, and the HelmRelease stalls";
        say("upgrade.remediation.remediateLastFailure", harm, "set it to true");
    }
    if !["", "rollback"].contains(&remediation.strategy.as_str()) {
        let harm = "the release is removed instead of taken back";
        say("upgrade.remediation.strategy", harm, "set it to rollback");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What the component of the test makes of a spec, with a change.
    fn fields(change: &Value) -> Vec<String> {
        let mut release = json!({"metadata": {"name": "web", "namespace": "apps"}, "spec": {
            "test": {"enable": true, "timeout": "11m"},
            "install": {"strategy": {"name": REMEDIATE}},
            "upgrade": {"strategy": {"name": REMEDIATE}, "remediation":
                {"retries": 0, "remediateLastFailure": true, "strategy": "rollback"}}}});
        json_patch::merge(&mut release, &json!({"spec": change}));
        let release: HelmRelease = serde_json::from_value(release).unwrap();
        of_release(&release).into_iter().map(|trap| trap.field).collect()
    }

    #[test]
    fn what_goes_back_has_none() {
        assert_eq!(fields(&json!({})), [""; 0]);
        assert_eq!(
            fields(&json!({"upgrade": {"remediation": {"strategy": null, "retries": null}}})),
            [""; 0]
        );
    }

    #[test]
    fn each_trap_is_named_with_its_field() {
        let filter =
            |name: &str, exclude: bool| json!({"test": {"filters": [{"name": name, "exclude": exclude}]}});
        for (change, field) in [
            (json!({"test": {"enable": null}}), "spec.test.enable"),
            (json!({"test": {"ignoreFailures": true}}), "spec.test.ignoreFailures"),
            (filter("web-driftgate", true), "spec.test.filters"),
            (filter("smoke", false), "spec.test.filters"),
            (json!({"test": {"timeout": "10m0s"}}), "spec.test.timeout"),
            (json!({"test": {"timeout": null}}), "spec.test.timeout"),
            (json!({"test": {"timeout": null}, "timeout": "90s"}), "spec.test.timeout"),
            (json!({"install": {"strategy": null}}), "spec.install.strategy.name"),
            (json!({"upgrade": {"strategy": {"name": "RetryOnFailure"}}}), "spec.upgrade.strategy.name"),
            (json!({"upgrade": {"disableWait": true}}), "spec.upgrade.disableWait"),
            (json!({"install": {"disableHooks": true}}), "spec.install.disableHooks"),
            (json!({"upgrade": {"remediation": {"retries": 3}}}), "spec.upgrade.remediation.retries"),
            (json!({"upgrade": {"remediation": {"retries": -1}}}), "spec.upgrade.remediation.retries"),
            (
                json!({"upgrade": {"remediation": {"remediateLastFailure": null}}}),
                "spec.upgrade.remediation.remediateLastFailure",
            ),
            (
                json!({"upgrade": {"remediation": {"strategy": "uninstall"}}}),
                "spec.upgrade.remediation.strategy",
            ),
            (
                json!({"install": {"remediation": {"ignoreTestFailures": true}}}),
                "spec.install.remediation.ignoreTestFailures",
            ),
            (json!({"maxHistory": 1}), "spec.maxHistory"),
        ] {
            assert_eq!(fields(&change), [field], "{change}");
        }
        for filter in [filter("web-driftgate", false), filter("smoke", true)] {
            assert_eq!(fields(&filter), [""; 0], "{filter}");
        }
    }

    #[test]
    fn a_spec_that_says_nothing_has_all_that_matter() {
        let release: HelmRelease =
            serde_json::from_value(json!({"metadata": {"name": "web", "namespace": "apps"}, "spec": {}}))
                .unwrap();
        let texts: Vec<_> = of_release(&release).iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 5, "{texts:#?}");
        assert_eq!(
            texts[0],
            "helm.toolkit.fluxcd.io/HelmRelease apps/web: spec.test.enable: Flux runs no tests, so the gate never runs; \
             set it to true"
        );
    }
}
