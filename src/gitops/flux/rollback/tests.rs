//! What a Kustomization shows, in tables; how the writes look.

use serde_json::{Value, json};

use super::clone::{Was, Yield, copy, yields};
use super::gate::gated;
use super::live::Live;
use super::observe::{Around, observe};
use super::write;
use crate::gitops::flux::job::GateJob;
use crate::gitops::flux::kustomization::CASE;
use crate::gitops::flux::source::Source;
use crate::gitops::wanted::OptIn;
use crate::rollback::{
    AutoSync, Case, Gate, Health, Hold, Keeper, Observed, Phase, Revision, Stage, State, Window,
};

fn merged(mut object: Value, more: &Value) -> Value {
    json_patch::merge(&mut object, more);
    object
}

/// A Kustomization that is at revision `b`, after `a`.
fn app(ready: &str, reason: &str, more: &Value) -> Value {
    let object = json!({
        "metadata": {"name": "web", "namespace": "apps", "uid": "1", "resourceVersion": "7", "generation": 1,
            "annotations": {"driftgate.dev/rollback": "on"}},
        "spec": {"sourceRef": {"kind": "GitRepository", "name": "web"}, "prune": true, "path": "./"},
        "status": {
            "observedGeneration": 1, "lastAttemptedRevision": "main@sha1:b", "lastAppliedRevision": "main@sha1:a",
            "conditions": [{"type": "Ready", "status": ready, "reason": reason, "message": "m"}],
            "inventory": {"entries": [{"id": "apps_driftgate_batch_Job", "v": "v1"}]},
            "history": [
                {"lastReconciledStatus": "HealthCheckFailed", "metadata": {"revision": "main@sha1:b"}},
                {"lastReconciledStatus": "ReconciliationSucceeded", "metadata": {"revision": "main@sha1:a"}},
            ],
        },
    });
    merged(object, more)
}

fn job(condition: &str, message: &str) -> GateJob {
    let conditions = json!([{"type": condition, "status": "True", "message": message}]);
    let pod = json!({"containers": [{"name": "driftgate"}]});
    let job = json!({"metadata": {"uid": "j1"}, "spec": {"template": {"spec": pod}},
        "status": {"conditions": conditions}});
    serde_json::from_value(job).unwrap()
}

fn ended_with(code: u8) -> GateJob {
    let text = "Container driftgate for pod apps/driftgate-x failed with exit code";
    job("Failed", &format!("{text} {code} matching FailJob rule at index 0"))
}

fn source(revision: &str) -> Source {
    let artifact =
        json!({"revision": format!("main@sha1:{revision}"), "digest": format!("sha256:{revision}")});
    let source = json!({"metadata": {"name": "web", "namespace": "apps", "generation": 1},
        "spec": {"url": "https://git.example", "ref": {"branch": "main", "tag": "v1"}, "secretRef": {"name": "s"}},
        "status": {"artifact": artifact, "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True"}]}});
    serde_json::from_value(source).unwrap()
}

fn live(app: &Value, job: Option<GateJob>, head: &str) -> Live {
    Live { job, source: Some(source(head)), ..Live::read(app).unwrap() }
}

fn seen(live: &Live, state: &State) -> Observed {
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    observe(live, &Around { opt_in: OptIn::default(), state, now })
}

fn fresh() -> State {
    State::new("kustomization/apps/web", "1")
}

fn revision(live: &Live, name: &str) -> Revision {
    Revision { name: format!("sha1:{name}"), source: live.rendered.clone() }
}

/// A case that leaves `b` where it is.
fn freezing(live: &Live, stage: Stage) -> Case {
    let hold = Hold::Suspension { was: write::was(&live.app) };
    Case { hold, target: (0, revision(live, "b")), ..case(live, stage) }
}

#[test]
fn a_kustomization_is_suspended_for_a_case_and_resumed_as_it_was() {
    let before = live(&app("False", "HealthCheckFailed", &json!({})), Some(ended_with(20)), "b");
    let acting = freezing(&before, Stage::Acting { blocked: false });
    let patch = write::freeze(&before.app, &acting);
    assert_eq!(patch["spec"], json!({"suspend": true}));
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    assert_eq!(patch["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"], "disabled");

    let frozen = merged(app("False", "HealthCheckFailed", &json!({})), &patch);
    let state = |stage| {
        let mut state = fresh();
        state.case = Some(freezing(&before, stage));
        state
    };
    let held = state(Stage::Held { healthy: true });
    let after = live(&frozen, Some(ended_with(20)), "b");
    assert!(after.app.held().is_none(), "it is not kept from its source");
    for kept in [&held, &state(Stage::Acting { blocked: false })] {
        let seen = seen(&after, kept);
        assert_eq!(seen.auto_sync, AutoSync::Pinned);
        let operation = seen.operation.unwrap();
        assert_eq!(
            (operation.phase, operation.id.as_deref()),
            (Phase::Succeeded, Some("driftgate-1-sha1:b"))
        );
    }
    let was = Was::of(&acting).unwrap();
    let now = "2026-11-24T10:00:00Z".parse().unwrap();
    let lifted = write::lift(&after.app, &acting, &was, now).unwrap();
    assert_eq!(lifted["spec"], json!({"suspend": null}));
    assert_eq!(lifted["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"], Value::Null);

    for (edit, why) in [
        (json!({"spec": {"suspend": false}}), "it has been resumed"),
        (json!({"metadata": {"annotations": {CASE: null}}}), "has been taken away"),
    ] {
        let edited = live(&merged(frozen.clone(), &edit), Some(ended_with(20)), "b");
        let AutoSync::Unpinned(said) = seen(&edited, &held).auto_sync else { panic!("{edit}") };
        assert!(said.contains(why), "{said}");
    }
    let resumed = live(&merged(frozen.clone(), &json!({"spec": {"suspend": false}})), None, "b");
    let lifted = write::lift(&resumed.app, &acting, &was, now).unwrap();
    assert_eq!(lifted.get("spec"), None, "whoever resumed it wins");
    let unmarked = live(&merged(frozen, &json!({"metadata": {"annotations": {CASE: null}}})), None, "b");
    assert_eq!(write::lift(&unmarked.app, &acting, &was, now), None, "it stays suspended");
}

/// A case that goes back from `b` to `a`.
fn case(live: &Live, stage: Stage) -> Case {
    let hold = Hold::Source { was: write::was(&live.app), window: Window::Placed };
    let case = Case::new("j1".into(), revision(live, "b"), (0, revision(live, "a")), hold);
    Case { id: "driftgate-1-sha1:b".into(), stage, acted: true, ..case }
}

#[test]
fn a_failed_health_check_is_an_operation_that_its_gate_has_judged() {
    let failed = ("False", "HealthCheckFailed");
    let silent = || job("Suspended", "");
    for (ready, job, head, phase, gate) in [
        (failed, ended_with(20), "b", Phase::Failed, Gate::Critical),
        (failed, ended_with(10), "b", Phase::Failed, Gate::Failed),
        (failed, silent(), "b", Phase::Running, Gate::Silent),
        (("Unknown", "Progressing"), ended_with(20), "b", Phase::Running, Gate::Silent),
        (("False", "BuildFailed"), ended_with(20), "b", Phase::Running, Gate::Silent),
        // The next revision is on its way.
        (failed, ended_with(20), "c", Phase::Running, Gate::Silent),
        (("True", "ReconciliationSucceeded"), job("Complete", ""), "b", Phase::Running, Gate::Silent),
    ] {
        let live = live(&app(ready.0, ready.1, &json!({})), Some(job), head);
        let operation = seen(&live, &fresh()).operation.unwrap();
        assert_eq!((operation.phase, operation.gate), (phase, gate), "{ready:?} {head}");
        assert_eq!(operation.revision, Some(revision(&live, "b")));
    }
    let applied = json!({"status": {"lastAppliedRevision": "main@sha1:b"}});
    let live = live(&app("True", "ReconciliationSucceeded", &applied), Some(job("Complete", "")), "b");
    let operation = seen(&live, &fresh()).operation.unwrap();
    assert_eq!((operation.phase, operation.gate), (Phase::Succeeded, Gate::Passed));
}

#[test]
fn what_a_job_has_said_stands_for_the_revision_at_which_it_was_heard() {
    let later = json!({"status": {"lastAttemptedRevision": "main@sha1:c"}});
    let live = live(&app("False", "HealthCheckFailed", &later), Some(ended_with(20)), "c");
    let mut state = fresh();
    state.settled = Some(("j1".into(), revision(&live, "b")));
    assert_eq!(seen(&live, &state).operation.unwrap().revision, Some(revision(&live, "b")));
    state.settled = Some(("j0".into(), revision(&live, "b")));
    assert_eq!(seen(&live, &state).operation.unwrap().revision, Some(revision(&live, "c")));
    // It is tried again: what was heard of this revision stands, but not for a later one, whose Job is not made yet.
    for (revisions, phase) in [(json!("main@sha1:b"), Phase::Failed), (json!("main@sha1:c"), Phase::Running)]
    {
        let more = json!({"status": {"lastAttemptedRevision": revisions}});
        let head = if phase == Phase::Failed { "b" } else { "c" };
        let live = self::live(&app("Unknown", "Progressing", &more), Some(ended_with(20)), head);
        state.settled = Some(("j1".into(), revision(&live, "b")));
        assert_eq!(seen(&live, &state).operation.unwrap().phase, phase);
    }
}

#[test]
fn the_history_is_what_became_ready_and_what_passed() {
    let live = live(&app("False", "HealthCheckFailed", &json!({})), None, "b");
    let mut state = fresh();
    state.passed.push(Revision { name: "sha1:0".into(), source: "another way".into() });
    let history = seen(&live, &state).history;
    let names: Vec<_> = history.iter().map(|it| (it.id, it.revision.name.as_str(), it.fits)).collect();
    assert_eq!(names, [(0, "sha1:a", true), (1, "sha1:0", false)]);
}

#[test]
fn what_cannot_go_back_says_why() {
    let labels =
        json!({"kustomize.toolkit.fluxcd.io/name": "web", "kustomize.toolkit.fluxcd.io/namespace": "apps"});
    for (more, word) in [
        (json!({"metadata": {"labels": labels}}), "applies itself"),
        (json!({"spec": {"sourceRef": {"kind": "Bucket"}}}), "is a Bucket"),
        (json!({"spec": {"suspend": true}}), "is suspended"),
        (json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}}), "Argo CD"),
    ] {
        let live = live(&app("False", "HealthCheckFailed", &more), Some(ended_with(20)), "b");
        let Keeper::Forbids(why) = seen(&live, &fresh()).keeper else { panic!("{more} is forbidden") };
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn ready_and_current_at_the_target_is_well_whichever_of_its_revisions_is_behind() {
    let plain = live(&app("True", "ReconciliationSucceeded", &json!({})), None, "b");
    let mut state = fresh();
    state.case = Some(case(&plain, Stage::Verifying { since: 0 }));
    let (good, bad) = (json!("main@sha1:a"), json!("main@sha1:b"));
    for (ready, attempted, applied, generation, health) in [
        ("True", &good, &good, 1, Health::Good),
        ("True", &good, &bad, 1, Health::Good),
        ("True", &bad, &bad, 1, Health::Waiting),
        ("True", &good, &bad, 2, Health::Waiting),
        ("Unknown", &good, &bad, 1, Health::Waiting),
        ("False", &good, &bad, 1, Health::Bad),
    ] {
        let status = json!({"metadata": {"generation": generation},
            "status": {"lastAttemptedRevision": attempted, "lastAppliedRevision": applied}});
        let live = live(&app(ready, "ReconciliationSucceeded", &status), None, "b");
        assert_eq!(seen(&live, &state).health, health, "{ready} {status}");
    }
}

#[test]
fn a_swap_shows_and_so_does_every_way_to_undo_it() {
    let plain = live(&app("True", "ReconciliationSucceeded", &json!({})), None, "b");
    let held = case(&plain, Stage::Held { healthy: true });
    let patch = write::swap(&plain.app, &held, &Was::of(&held).unwrap());
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    let swapped = app("True", "ReconciliationSucceeded", &patch);
    let mut state = fresh();
    state.case = Some(held.clone());
    let sees = |more: &Value, clone: bool| {
        let mut live = live(&merged(swapped.clone(), more), None, "b");
        live.clone = clone.then(|| source("a"));
        seen(&live, &state).auto_sync
    };
    assert_eq!(sees(&json!({}), true), AutoSync::Pinned);
    for (more, clone, word) in [
        (json!({"spec": {"sourceRef": {"name": "web"}}}), true, "changed to GitRepository web"),
        (
            json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": null}}}),
            true,
            "taken away",
        ),
        (json!({"metadata": {"annotations": {CASE: null}}}), true, "taken away"),
        (json!({}), false, "has been deleted"),
    ] {
        let AutoSync::Unpinned(why) = sees(&more, clone) else { panic!("{more} undoes it") };
        assert!(why.contains(word), "{why}");
    }
    let live = Live::read(&swapped).unwrap();
    assert_eq!(
        live.app.held(),
        Some((plain.app.source(), "sha1:b".to_owned())),
        "the gate sees what is held"
    );
    let lift = write::lift(&live.app, &held, &Was::of(&held).unwrap(), jiff::Timestamp::UNIX_EPOCH).unwrap();
    let lifted = merged(swapped, &lift);
    assert_eq!(lifted["spec"], app("True", "", &json!({}))["spec"]);
    let annotations = lifted["metadata"]["annotations"].as_object().unwrap();
    let names: Vec<&str> = annotations.keys().map(String::as_str).collect();
    assert_eq!(names, ["driftgate.dev/rollback", "reconcile.fluxcd.io/requestedAt"]);
    let lifted = Live::read(&lifted).unwrap();
    assert_eq!(lifted.app.held(), None);
    let again = write::lift(&lifted.app, &held, &Was::of(&held).unwrap(), jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(again, None, "nothing of ours is left");
}

#[test]
fn a_copy_has_all_of_the_spec_but_yields_one_revision() {
    let live = live(&app("False", "HealthCheckFailed", &json!({})), None, "b");
    let case = case(&live, Stage::Due);
    let clone = Was::of(&case).unwrap().clone_of(&case);
    assert!(clone.name.starts_with("web-driftgate-") && clone.namespace == "apps", "{clone}");
    let copy = copy(live.source.as_ref().unwrap(), &clone, &case, "kustomization/apps/web");
    let spec = json!({"url": "https://git.example", "secretRef": {"name": "s"},
        "ref": {"branch": "main", "commit": "a"}});
    assert_eq!(copy["spec"], spec);
    assert_eq!(copy["metadata"]["annotations"]["driftgate.dev/application"], "kustomization/apps/web");
}

#[test]
fn a_copy_counts_only_if_it_is_ready_at_exactly_the_target() {
    let now = "2026-11-24T10:00:10Z".parse().unwrap();
    let made = |status: &Value| {
        let object = json!({"metadata": {"generation": 1, "creationTimestamp": "2026-11-24T10:00:00Z"},
            "status": merged(json!({"observedGeneration": 1}), status)});
        serde_json::from_value::<Source>(object).unwrap()
    };
    let ready = |revision: &str| json!({"artifact": {"revision": revision}, "conditions": [{"type": "Ready", "status": "True"}]});
    let failed =
        |reason: &str| json!({"conditions": [{"type": "Ready", "status": "False", "reason": reason}]});
    let late = "2026-11-24T10:01:00Z".parse().unwrap();
    assert_eq!(yields(&made(&ready("main@sha1:a")), "sha1:a", now), Yield::Target);
    assert_eq!(yields(&made(&ready("sha1:a")), "sha1:a", now), Yield::Target);
    assert!(matches!(yields(&made(&ready("main@sha1:b")), "sha1:a", now), Yield::Never(_)));
    let old = merged(ready("main@sha1:a"), &json!({"observedGeneration": 0}));
    assert!(matches!(yields(&made(&old), "sha1:a", now), Yield::Waits(_)));
    assert!(matches!(yields(&made(&failed("VerificationError")), "sha1:a", now), Yield::Never(_)));
    assert!(matches!(yields(&made(&failed("GitOperationFailed")), "sha1:a", now), Yield::Waits(_)));
    assert!(matches!(yields(&made(&failed("GitOperationFailed")), "sha1:a", late), Yield::Never(_)));
    assert!(matches!(yields(&made(&json!({})), "sha1:a", late), Yield::Never(_)));
}

#[test]
fn a_kustomization_with_nothing_but_a_gate_gates_what_it_depends_on() {
    let depends = json!({"spec": {"dependsOn": [{"name": "shop"}]}});
    let gate = Live::read(&app("True", "", &depends)).unwrap().app;
    let names: Vec<String> = gated(&gate).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["kustomize.toolkit.fluxcd.io/Kustomization apps/shop"]);
    let with_more = json!({"status": {"inventory": {"entries": [
        {"id": "apps_driftgate_batch_Job", "v": "v1"}, {"id": "apps_web_apps_Deployment", "v": "v1"}]}}});
    let both = Live::read(&app("True", "", &merged(depends, &with_more))).unwrap().app;
    assert!(gated(&both).is_empty());
}
