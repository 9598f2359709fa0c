//! The executor on the in-memory API, beside an Argo CD in small, with something going wrong at every request.

pub(in crate::app) mod argo;
mod flux;

use serde_json::json;
use tokio::time::{Duration, timeout};

use super::*;
use crate::gitops::wanted::OptIn;
use crate::memory::{Fault, Matching, What, Where};
use crate::rollback::{Reason as Told, Settings};
use argo::{Argo, reference};

pub(in crate::app) fn options() -> Options {
    Options {
        argocd_namespace: "argocd".into(),
        state_namespace: "driftgate".into(),
        tools: Vec::new(),
        opt_in: OptIn::default(),
        settings: Settings::default(),
        closely: false,
    }
}

fn name() -> Name {
    Name::parse("argocd/shop").unwrap()
}

/// What came of it all.
#[derive(Debug)]
struct Ending {
    argo: Argo,
    kept: Kept,
    told: Vec<Told>,
    failures: usize,
}

/// Works until nothing is left to do, with a new process after every failure.
async fn work(argo: Argo) -> Ending {
    let mut told = Vec::new();
    let mut failures = 0;
    for _ in 0..200 {
        let outcome = timeout(Duration::from_secs(600), process(&argo, &mut told)).await;
        let Ok(Ok(kept)) = outcome else {
            failures += 1;
            assert!(failures < 50, "{outcome:?}");
            argo.tick();
            continue;
        };
        if !argo.tick() {
            return Ending { argo, kept, told, failures };
        }
    }
    panic!("no rest: {:#}", argo.application())
}

/// One process: it knows nothing but what is kept.
async fn process(argo: &Argo, told: &mut Vec<Told>) -> Result<Kept, Failure> {
    let cluster = Cluster::new(argo.api.client());
    let executor = Executor::new(&cluster, options(), Clock::starting_at(argo.api.now())).await?;
    let mut kept = executor.states().get(&name().to_string()).await?;
    let mut wrote = |wrote: &Wrote| {
        if let Wrote::State(state, _) = wrote {
            told.extend(state.untold.iter().map(|notice| notice.reason));
        }
    };
    executor.work(&name(), &mut kept, &mut wrote).await?;
    told.sort_unstable();
    told.dedup();
    Ok(kept)
}

/// A rejected head, and then one that passes.
async fn bad_then_fixed(argo: Argo) -> (Ending, Ending) {
    let held = work(argo).await;
    is_held(&held);
    held.argo.commit("fix");
    let argo = held.argo.clone();
    (held, work(argo).await)
}

fn is_held(ending: &Ending) {
    let app = ending.argo.application();
    assert_eq!(ending.argo.rollbacks(), ["good"], "{app:#}");
    assert_eq!(app["spec"]["syncPolicy"]["automated"], json!({"prune": true, "enabled": false}));
    assert_eq!(ending.kept.state.case.as_ref().map(|case| case.stage.as_str()), Some("Quarantined"));
}

fn is_released(ending: &Ending) {
    let app = ending.argo.application();
    assert_eq!(ending.argo.rollbacks(), ["good"], "{app:#}");
    assert_eq!(app["spec"]["syncPolicy"]["automated"], json!({"prune": true}), "{app:#}");
    assert_eq!(app["status"]["operationState"]["syncResult"]["revision"], "fix", "{app:#}");
    assert_eq!(ending.kept.state.case, None);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_head_is_rolled_back_and_released() {
    for waits in [false, true] {
        let (held, released) = bad_then_fixed(Argo::with_a_rejected_head(waits)).await;
        is_released(&released);
        assert_eq!((held.failures, released.failures), (0, 0));
        let app = released.argo.application();
        assert_eq!(app["metadata"]["annotations"]["notice.argocd.argoproj.io/content"], json!(null));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_whatever_goes_wrong_with_one_request() {
    let clean = Argo::with_a_rejected_head(true);
    let requests = bad_then_fixed(clean.clone()).await.1.argo.api.requests().len();
    assert!(requests > 30, "{requests}");
    let whats = [What::Status(409), What::Status(500), What::Hang, What::TruncatedBody];
    for nth in 0..requests {
        for what in &whats {
            let argo = Argo::with_a_rejected_head(true);
            argo.api.add_fault(Fault { at: Where::Nth(nth), what: what.clone() });
            let (_held, released) = bad_then_fixed(argo).await;
            is_released(&released);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_away_for_a_while_delays_everything_and_loses_nothing() {
    for resource in ["applications", "configmaps"] {
        for verb in ["get", "create", "update", "patch"] {
            for what in [What::Status(503), What::Status(409), What::TruncatedBody] {
                let argo = Argo::with_a_rejected_head(true);
                let matching = Matching {
                    verb: Some(verb.into()),
                    resource: Some(resource.into()),
                    first: Some(4),
                    ..Matching::default()
                };
                argo.api.add_fault(Fault { at: Where::Every(matching), what });
                is_released(&bad_then_fixed(argo).await.1);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_may_not_be_patched_is_left_alone_and_people_are_told() {
    for waits in [false, true] {
        let argo = Argo::with_a_rejected_head(waits);
        argo.api.forbid(&["patch"], "argoproj.io", "applications", None);
        let ending = work(argo).await;
        assert_eq!(ending.argo.rollbacks(), [""; 0]);
        assert_eq!(ending.told, [Told::RollbackDecided, Told::NotRolledBack]);
        assert_eq!(ending.kept.state.case, None);
        let why = &ending.kept.state.untold.last().unwrap().text;
        for words in [
            "bad is not rolled back: patching applications.argoproj.io shop in namespace argocd",
            "grant the verb patch on applications.argoproj.io in namespace argocd",
            "no way around it through Argo CD's own API server",
        ] {
            assert!(why.contains(words), "{why}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_where_no_state_can_be_kept() {
    let argo = Argo::with_a_rejected_head(true);
    argo.api.forbid(&["create", "update"], "", "configmaps", None);
    let before = argo.application();
    let mut told = Vec::new();
    let failure = process(&argo, &mut told).await.unwrap_err();
    assert!(failure.to_string().contains("grant the verb"), "{failure}");
    assert_eq!(argo.application(), before);
}

#[tokio::test(start_paused = true)]
async fn without_a_gitops_tool_there_is_a_sentence_about_it() {
    let cluster = Cluster::new(crate::memory::Api::default().client());
    let clock = Clock::starting_at(jiff::Timestamp::UNIX_EPOCH);
    let failure = Executor::new(&cluster, options(), clock).await.err().unwrap();
    assert!(failure.to_string().contains("install Argo CD or Flux"), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn without_a_history_there_is_a_sentence_about_it() {
    let argo = Argo::with_a_rejected_head(false);
    let none = json!({"status": {"history": null}});
    argo.api.patch(&reference("Application", "shop"), &none).unwrap();
    let ending = work(argo).await;
    let text = &ending.kept.state.untold.last().unwrap().text;
    assert_eq!(text, "bad is not rolled back: no other revision is in the history");
    assert_eq!(ending.told, [Told::NotRolledBack]);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_status_is_named_with_its_application_and_nothing_is_written() {
    let argo = Argo::with_a_rejected_head(false);
    let wrong = json!({"status": {"history": "none"}});
    argo.api.patch(&reference("Application", "shop"), &wrong).unwrap();
    let before = argo.application();
    let failure = process(&argo, &mut Vec::new()).await.unwrap_err();
    let text = failure.to_string();
    assert!(
        text.contains("applications.argoproj.io shop in namespace argocd")
            && text.contains("invalid type: string"),
        "{text}"
    );
    assert_eq!(argo.application(), before);
}

#[tokio::test(start_paused = true)]
async fn an_application_of_a_marked_project_is_rolled_back() {
    for (mark, rollbacks) in [(None, 0), (Some("on"), 1)] {
        let argo = Argo::with_a_rejected_head(false);
        let marks = json!({"metadata": {"annotations": {"driftgate.dev/rollback": null}}});
        argo.api.patch(&reference("Application", "shop"), &marks).unwrap();
        let marks = json!({"metadata": {"labels": {"driftgate.dev/rollback": mark}}});
        argo.api.patch(&reference("AppProject", "default"), &marks).unwrap();
        assert_eq!(work(argo).await.argo.rollbacks().len(), rollbacks, "{mark:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_application_leaves_neither_state_nor_window_behind() {
    let argo = Argo::with_a_rejected_head(true);
    argo.api
        .patch(
            &reference("Application", "shop"),
            &json!({"metadata": {"ownerReferences": [
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "shops", "uid": "9"}]}}),
        )
        .unwrap();
    let held = work(argo).await;
    let windows = || held.argo.project()["spec"]["syncWindows"].as_array().map_or(0, Vec::len);
    assert_eq!((held.argo.rollbacks().len(), windows()), (1, 1));
    held.argo.api.delete(&reference("Application", "shop")).unwrap();
    let mut told = Vec::new();
    let kept = process(&held.argo, &mut told).await.unwrap();
    assert_eq!((windows(), kept.version), (0, None));
}
