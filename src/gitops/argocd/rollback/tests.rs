use serde_json::{Value, json};

use crate::gitops::argocd::rollback::generator::Generator;
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::argocd::rollback::observe::{Around, observe};
use crate::gitops::argocd::rollback::probe::Knows;
use crate::gitops::argocd::rollback::write;
use crate::gitops::wanted::{Mark, OptIn};
use crate::rollback::{AutoSync, Automatic, Case, Gate, Health, Hold, Keeper, Observed, Phase};

fn source(path: &str) -> Value {
    json!({"repoURL": "https://git.example/shop", "path": path, "targetRevision": "main"})
}

/// An Application whose sync to `bad` has failed.
fn application() -> Value {
    json!({
        "metadata": {"name": "shop", "namespace": "argocd", "uid": "1", "resourceVersion": "77",
            "annotations": {"driftgate.dev/rollback": "on"}},
        "spec": {"project": "default", "source": source("."), "syncPolicy": {
            "automated": {"prune": true, "enabled": true}, "syncOptions": ["ServerSideApply=true"]}},
        "status": {
            "operationState": {
                "phase": "Failed", "message": "it failed", "startedAt": "2026-11-24T10:00:00Z",
                "finishedAt": "2026-11-24T10:01:00Z",
                "operation": {"initiatedBy": {"automated": true}, "sync": {}},
                "syncResult": {"revision": "bad", "source": source("."), "resources": [{
                    "group": "batch", "kind": "Job", "name": "driftgate-bad-postsync-1", "hookType": "PostSync",
                    "hookPhase": "Failed", "message": "Container driftgate for pod shop/driftgate-x failed with \
                     exit code 20 matching FailJob rule at index 0"}]}},
            "sync": {"status": "OutOfSync", "revision": "bad", "comparedTo": {"source": source(".")}},
            "health": {"status": "Healthy"}, "reconciledAt": "2026-11-24T10:01:01Z",
            "history": [{"id": 4, "revision": "good", "source": source(".")}],
        },
    })
}

fn live(application: &Value) -> Live {
    serde_json::from_value(application.clone()).unwrap()
}

fn seen_with(application: &Value, opt_in: OptIn, generator: Generator, switch: bool) -> Observed {
    let now = "2026-11-24T10:02:00Z".parse().unwrap();
    observe(
        &live(application),
        &Around { opt_in, project: None, knows: Knows { switch, lacks: None }, generator, now },
    )
}

fn seen(application: &Value) -> Observed {
    seen_with(application, OptIn::default(), Generator::Unknown, true)
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut application = application();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    application.pointer_mut(parent).unwrap()[key] = value;
    application
}

#[test]
fn a_failed_sync_with_a_critical_gate_is_seen_whole() {
    let seen = seen(&application());
    let operation = seen.operation.unwrap();
    assert_eq!((operation.phase, operation.gate, operation.id), (Phase::Failed, Gate::Critical, None));
    assert_eq!((operation.started.as_str(), operation.by.as_str()), ("2026-11-24T10:00:00Z", "auto-sync"));
    assert_eq!(operation.revision, seen.head, "the same revision wherever it stands");
    assert_ne!(Some(&seen.history[0].revision), seen.head.as_ref());
    assert_eq!(seen.history[0].revision.source, seen.head.unwrap().source);
    assert!(seen.wanted && !seen.deleting && seen.history[0].fits);
    assert_eq!((seen.health, seen.keeper, seen.place.as_str()), (Health::Good, Keeper::Nobody, "default"));
    assert!(matches!(seen.auto_sync, AutoSync::On(_)));
}

#[test]
fn what_an_operation_leaves_otherwise_is_named_and_hooks_are_not() {
    let row =
        |name: &str, status: &str| json!({"kind": "Role", "name": name, "status": status, "message": "why"});
    let mut rows = vec![
        row("same", "Synced"),
        row("gone", "Pruned"),
        row("kept", "PruneSkipped"),
        row("refused", "SyncFailed"),
    ];
    rows.push(json!({"kind": "Job", "name": "migrate", "hookType": "PostSync", "hookPhase": "Failed"}));
    rows.push(json!({"kind": "Pod", "name": "new"}));
    let seen = seen(&changed("/status/operationState/syncResult/resources", json!(rows)));
    assert_eq!(
        seen.operation.unwrap().unlike,
        ["Role kept is PruneSkipped: why", "Role refused is SyncFailed: why", "Pod new is of unknown status"]
    );
}

#[test]
fn phases_are_told_apart() {
    let state = "/status/operationState";
    let running = changed(&format!("{state}/phase"), json!("Running"));
    assert_eq!(seen(&running).operation.unwrap().phase, Phase::Waiting, "finished, but not over");
    let mut attempt = running.clone();
    attempt["status"]["operationState"]["finishedAt"] = Value::Null;
    assert_eq!(seen(&attempt).operation.unwrap().phase, Phase::Running);
    attempt["status"]["operationState"]["message"] = json!("Sync operation blocked by sync window");
    assert_eq!(seen(&attempt).operation.unwrap().phase, Phase::Blocked);
    attempt["status"]["operationState"]["phase"] = json!("Terminating");
    assert_eq!(seen(&attempt).operation.unwrap().phase, Phase::Ending);
    let asked = json!({"info": [{"name": "driftgate.dev/rollback", "value": "x"}], "sync": {}});
    let requested = seen(&changed("/operation", asked)).operation.unwrap();
    assert_eq!((requested.phase, requested.id.as_deref()), (Phase::Requested, Some("x")));
    let nothing = changed(state, Value::Null);
    assert_eq!(seen(&nothing).operation, None);
}

#[test]
fn a_revision_is_its_commit_and_how_it_is_rendered() {
    let tag = changed("/status/sync/comparedTo/source/targetRevision", json!("v1"));
    assert_eq!(seen(&tag).head, seen(&application()).head, "what selects a commit is no part of it");
    let image = changed("/status/sync/comparedTo/source/kustomize", json!({"images": ["web:2"]}));
    assert_ne!(seen(&image).head, seen(&application()).head);
    let empty = changed("/status/sync/comparedTo/source/helm", json!({}));
    assert_eq!(seen(&empty).head, seen(&application()).head);
    for unknown in ["Unknown", ""] {
        assert_eq!(seen(&changed("/status/sync/status", json!(unknown))).head, None);
    }
    assert_eq!(seen(&changed("/status/sync/revision", json!(""))).head, None);
}

#[test]
fn several_sources_are_one_revision_and_fit_only_several() {
    let mut several = application();
    let sources = json!([source("."), source("other")]);
    several["spec"]["sources"] = sources.clone();
    several["status"]["sync"] =
        json!({"status": "OutOfSync", "revisions": ["a", "b"], "comparedTo": {"sources": sources}});
    several["status"]["history"] = json!([{"id": 1, "revision": "good", "source": source(".")}, {"id": 2, "revisions": ["a", "b"], "sources": sources}]);
    let seen = seen(&several);
    assert_eq!(seen.head.as_ref().unwrap().name, "a,b");
    assert_eq!(Some(&seen.history[1].revision), seen.head.as_ref());
    assert_eq!(seen.history.iter().map(|entry| entry.fits).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn rollbacks_are_wanted_where_somebody_says_so() {
    let (on, off) = (Some("on"), Some("off"));
    let (marked, all) = (OptIn::default(), OptIn { all: true, opt_out: false });
    let delegated = |opt_in| OptIn { opt_out: true, ..opt_in };
    let (project_on, project_off) = (Some(Mark::On), Some(Mark::Off));
    for (mark, project, opt_in, wanted) in [
        (on, None, marked, true),
        (off, None, marked, false),
        (None, None, marked, false),
        (Some("true"), None, marked, false),
        (None, project_on, marked, true),
        (None, project_off, marked, false),
        (on, project_off, delegated(marked), true),
        (off, project_on, marked, true),
        (off, project_on, delegated(marked), false),
        (None, None, delegated(all), true),
        (off, None, all, true),
        (off, None, delegated(all), false),
        (None, project_off, all, true),
        (None, project_off, delegated(all), false),
    ] {
        for place in ["annotations", "labels"] {
            let mut application = application();
            application["metadata"]["annotations"] = json!({});
            if let Some(mark) = mark {
                application["metadata"][place] = json!({"driftgate.dev/rollback": mark});
            }
            let now = "2026-11-24T10:02:00Z".parse().unwrap();
            let around = Around { opt_in, project, knows: Knows::ALL, generator: Generator::Unknown, now };
            let seen = observe(&live(&application), &around);
            assert_eq!(seen.wanted, wanted, "{mark:?} {project:?} {opt_in:?}");
        }
    }
    let mut both = changed("/metadata/labels", json!({"driftgate.dev/rollback": "on"}));
    both["metadata"]["annotations"]["driftgate.dev/rollback"] = json!("off");
    assert!(!seen(&both).wanted, "the annotation counts");
}

#[test]
fn whoever_declares_the_switch_would_switch_it_back() {
    let owner = json!([{"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "shops", "uid": "2"}]);
    let generated = changed("/metadata/ownerReferences", owner);
    let keeper = |generator| seen_with(&generated, OptIn::default(), generator, true).keeper;
    assert_eq!(keeper(Generator::Ignores), Keeper::Nobody);
    assert_eq!(keeper(Generator::Unknown), Keeper::Reverts("ApplicationSet shops".into()));
    assert!(matches!(keeper(Generator::Steps), Keeper::Forbids(_)));

    let applied = |automated: &str| {
        json!({
            "argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/shop",
            "kubectl.kubernetes.io/last-applied-configuration":
                format!(r#"{{"spec":{{"syncPolicy":{{"automated":{automated}}}}}}}"#),
        })
    };
    let child = |automated: &str, switch| {
        let application = changed("/metadata/annotations", applied(automated));
        seen_with(&application, OptIn::default(), Generator::Unknown, switch).keeper
    };
    assert_eq!(child("{}", true), Keeper::Nobody);
    assert_eq!(child(r#"{"enabled":true}"#, true), Keeper::Reverts("Application root".into()));
    assert_eq!(
        child("{}", false),
        Keeper::Reverts("Application root".into()),
        "without a switch all is declared"
    );

    let mut server_side =
        changed("/metadata/annotations", json!({"argocd.argoproj.io/tracking-id": "root:x"}));
    server_side["metadata"]["managedFields"] = json!([{"manager": "argocd-controller", "operation": "Apply",
        "fieldsV1": {"f:spec": {"f:syncPolicy": {"f:automated": {".": {}, "f:enabled": {}}}}}}]);
    assert_eq!(seen(&server_side).keeper, Keeper::Reverts("Application root".into()));
}

#[test]
fn health_counts_only_when_it_was_seen_after_the_operation() {
    assert_eq!(seen(&changed("/status/reconciledAt", json!("2026-11-24T10:00:59Z"))).health, Health::Waiting);
    for (status, health) in [
        ("Missing", Health::Good),
        ("Degraded", Health::Bad),
        ("Progressing", Health::Waiting),
        ("", Health::Waiting),
    ] {
        assert_eq!(seen(&changed("/status/health/status", json!(status))).health, health, "{status}");
    }
}

#[test]
fn a_malformed_status_is_an_error_and_an_empty_one_is_not() {
    assert!(serde_json::from_value::<Live>(json!({"status": {"history": "none"}})).is_err());
    let empty = seen(&json!({"metadata": {"name": "shop"}, "status": null}));
    assert_eq!((empty.operation, empty.head, empty.history.len()), (None, None, 0));
}

fn case(hold: Hold) -> Case {
    let seen = seen(&application());
    let target = (4, seen.history[0].revision.clone());
    let case = Case::new("2026-11-24T10:00:00Z".into(), seen.head.unwrap(), target, hold);
    Case { id: "driftgate-1-bad".into(), ..case }
}

fn switch(by_removal: bool) -> Hold {
    let setting = r#"{"enabled":true,"prune":true}"#.to_owned();
    Hold::AutoSync { was: Automatic { setting, by_removal } }
}

#[test]
fn the_rollback_is_one_guarded_patch() {
    let patch = write::roll_back(&live(&application()), &case(switch(false))).unwrap();
    insta::assert_json_snapshot!(patch);
}

#[test]
fn an_operation_is_ended_and_auto_sync_goes_off_in_one_patch() {
    assert_eq!(
        write::end(&live(&application()), &case(switch(false))),
        json!({
            "metadata": {"resourceVersion": "77"},
            "spec": {"syncPolicy": {"automated": {"enabled": false}}},
            "status": {"operationState": {"phase": "Terminating"}},
        })
    );
    let end = write::end(&live(&application()), &case(switch(true)));
    assert_eq!(end["spec"], json!({"syncPolicy": {"automated": null}}));
    assert_eq!(write::end(&live(&application()), &case(Hold::Nothing))["spec"], Value::Null);
}

#[test]
fn auto_sync_is_restored_exactly() {
    let lifted = |hold| write::lift(&live(&application()), &case(hold));
    let refresh = json!({"argocd.argoproj.io/refresh": "normal"});
    assert_eq!(
        lifted(switch(false)),
        json!({
            "metadata": {"resourceVersion": "77", "annotations": refresh},
            "spec": {"syncPolicy": {"automated": {"enabled": true}}},
        })
    );
    let restored = lifted(switch(true));
    assert_eq!(restored["spec"]["syncPolicy"]["automated"], json!({"enabled": true, "prune": true}));
    let absent = Hold::AutoSync { was: Automatic { setting: "{}".into(), by_removal: false } };
    assert_eq!(lifted(absent)["spec"]["syncPolicy"]["automated"], json!({"enabled": null}));
    assert_eq!(lifted(Hold::Nothing)["spec"], Value::Null);
}

#[test]
fn without_its_target_there_is_no_rollback() {
    let gone = changed("/status/history", json!([{"id": 4, "revision": "other", "source": source(".")}]));
    assert_eq!(write::roll_back(&live(&gone), &case(Hold::Nothing)), None);
    let renumbered =
        changed("/status/history", json!([{"id": 9, "revision": "good", "source": source(".")}]));
    assert!(write::roll_back(&live(&renumbered), &case(Hold::Nothing)).is_some());
}

#[test]
fn an_argo_cd_that_would_lose_our_mark_forbids_rollbacks() {
    let now = "2026-11-24T10:02:00Z".parse().unwrap();
    let knows = Knows { switch: false, lacks: Some("operation.info") };
    let opt_in = OptIn::default();
    let around = Around { opt_in, project: None, knows, generator: Generator::Unknown, now };
    let Keeper::Forbids(why) = observe(&live(&application()), &around).keeper else { panic!("it forbids") };
    assert!(why.contains("does not keep operation.info") && why.contains("to 2.4 or newer"), "{why}");
}
