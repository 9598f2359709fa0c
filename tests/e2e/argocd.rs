//! What the gate relies on in a real Argo CD: when hooks run, under which names, and what a sync keeps of their end.

use serde_json::{Value, json};

use crate::harness::argocd::{App, AppOptions, ArgoCd, GitRepo};
use crate::harness::cluster::{Ctx, with_namespace};

fn deployment(pod_annotations: &Value) -> String {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "progressDeadlineSeconds": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": pod_annotations},
                "spec": {"containers": [{"name": "main", "image": "registry.test/app:1"}]},
            },
        },
    })
    .to_string()
}

/// A hook Job as the gate's; annotations say how its container ends.
fn hook(pod_annotations: &Value) -> String {
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": "gate-",
            "annotations": {
                "argocd.argoproj.io/hook": "PostSync,SyncFail",
                "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
            },
        },
        "spec": {
            "backoffLimit": 0,
            "podFailurePolicy": {
                "rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [20]}}],
            },
            "template": {
                "metadata": {"annotations": pod_annotations},
                "spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "stand-in", "image": "registry.test/gate:1"}],
                },
            },
        },
    })
    .to_string()
}

async fn deployed(ctx: &Ctx, argo: &ArgoCd, app: &str, hook: &str) -> (App, String) {
    let repo = GitRepo::new(&ctx.ns);
    let revision = repo.commit(&[("app.yaml", app), ("hook.yaml", hook)]);
    (App::create(ctx, argo, &ctx.ns, &repo, &AppOptions::default()).await, revision)
}

#[test]
fn a_clean_commit_syncs_with_its_hook() {
    with_namespace("argo-clean", async |ctx| {
        let argo = ArgoCd::shared().await;
        let hook = hook(&json!({}));
        let (app, revision) = deployed(ctx, argo, &deployment(&json!({})), &hook).await;
        let operation = app.synced_to(&revision).await;
        let hooks = operation.hooks("PostSync");
        assert_eq!((operation.phase(), hooks.len()), ("Succeeded", 1), "{operation:#?}");
        let name = hooks[0]["name"].as_str().unwrap();
        assert!(name.starts_with(&format!("gate-{}-postsync-", &revision[..7])), "{name}");
    });
}

#[test]
fn the_exit_code_of_a_hook_reaches_the_sync_result() {
    with_namespace("argo-exit-code", async |ctx| {
        let argo = ArgoCd::shared().await;
        let hook = hook(&json!({"test.driftgate.dev/exit-code": "20"}));
        let (app, revision) = deployed(ctx, argo, &deployment(&json!({})), &hook).await;
        let operation = app.synced_to(&revision).await;
        assert_eq!(operation.phase(), "Failed", "{operation:#?}");
        let row = operation.hooks("PostSync")[0];
        assert_eq!(row["hookPhase"], "Failed");
        let message = row["message"].as_str().unwrap();
        assert!(message.contains("failed with exit code 20 matching FailJob rule at index 0"), "{message}");
    });
}

#[test]
fn a_sync_that_never_gets_healthy_runs_the_hook_as_sync_fail() {
    with_namespace("argo-sync-fail", async |ctx| {
        let argo = ArgoCd::shared().await;
        let never_ready = deployment(&json!({"test.driftgate.dev/phase": "never-ready"}));
        let (app, revision) = deployed(ctx, argo, &never_ready, &hook(&json!({}))).await;
        let operation = app.synced_to(&revision).await;
        assert_eq!((operation.phase(), operation.hooks("PostSync").len()), ("Failed", 0), "{operation:#?}");
        let name = operation.hooks("SyncFail")[0]["name"].as_str().unwrap();
        assert!(name.starts_with(&format!("gate-{}-syncfail-", &revision[..7])), "{name}");
    });
}

#[test]
fn labels_mark_the_resources_of_an_argo_cd_with_label_tracking() {
    with_namespace("argo-label", async |ctx| {
        let argo = ArgoCd::with_label_tracking().await;
        let hook = hook(&json!({}));
        let (app, revision) = deployed(ctx, argo, &deployment(&json!({})), &hook).await;
        assert_eq!(app.synced_to(&revision).await.phase(), "Succeeded");
        let web = ctx.rolled_out("web").await;
        let instance = web.metadata.labels.unwrap().remove("app.kubernetes.io/instance");
        assert_eq!(instance.as_deref(), Some("argo-label"));
    });
}

#[test]
fn an_application_outside_argo_cds_namespace_has_its_namespace_in_its_mark() {
    with_namespace("team-a", async |ctx| {
        let argo = ArgoCd::shared().await;
        let repo = GitRepo::new(&ctx.ns);
        let revision = repo.commit(&[("app.yaml", &deployment(&json!({})))]);
        let options = AppOptions { namespace: Some(ctx.ns.clone()), ..AppOptions::default() };
        let app = App::create(ctx, argo, "web", &repo, &options).await;
        assert_eq!(app.synced_to(&revision).await.phase(), "Succeeded");
        let web = ctx.rolled_out("web").await;
        let mark = web.metadata.annotations.unwrap().remove("argocd.argoproj.io/tracking-id");
        assert_eq!(mark.as_deref(), Some("team-a_web:apps/Deployment:team-a/web"));
    });
}

#[test]
fn the_next_commit_syncs_when_told_to_look() {
    with_namespace("argo-next", async |ctx| {
        let argo = ArgoCd::shared().await;
        let repo = GitRepo::new(&ctx.ns);
        let first = repo.commit(&[("app.yaml", &deployment(&json!({})))]);
        let app = App::create(ctx, argo, &ctx.ns, &repo, &AppOptions::default()).await;
        assert_eq!(app.synced_to(&first).await.phase(), "Succeeded");
        let second = repo.commit(&[("app.yaml", &deployment(&json!({"revision": "2"})))]);
        app.refresh().await;
        assert_eq!(app.synced_to(&second).await.phase(), "Succeeded");
        assert_eq!(ctx.rolled_out("web").await.metadata.generation, Some(2));
    });
}
