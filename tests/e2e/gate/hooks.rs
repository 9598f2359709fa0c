//! The shapes and phases of the hook, and how it is ended from outside.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::files::{QUICK, Shop, component, job};
use super::gated::{Gated, exit_code, exits, gated};
use crate::harness::argocd::{App, AppOptions, ArgoCd, GitRepo};
use crate::harness::runtime::eventually;

#[test]
fn an_application_that_never_becomes_ready_but_is_clean_is_not_accused() {
    gated("gate-unready", async |ctx| {
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web").never_ready();
        let (app, sync) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(sync.phase(), "Failed", "{:#?}", sync.operation);
        assert_eq!(sync.ends().await, exits(&[("SyncFail", "Succeeded", 0)]));
        assert_eq!(app.record().await, None, "a failed sync is no good revision");
    });
}

fn worker() -> Shop {
    Shop::clean("worker").never_ready().privileged()
}

#[test]
fn a_privileged_container_of_an_application_that_never_becomes_ready_is_critical() {
    gated("gate-degraded", async |ctx| {
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web");
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        let bad = app.deploy(&shop.and(&worker())).await;
        assert_eq!(bad.phase(), "Failed");
        assert_eq!(bad.ends().await, exits(&[("SyncFail", "Failed", 20)]));
        let gate = bad.gate("SyncFail").await;
        assert!(gate.row.contains("failed with exit code 20 matching FailJob rule at index 0"), "{gate:#?}");
        assert!(gate.termination.contains("privileged-container"), "{gate:#?}");
    });
}

#[test]
fn the_component_of_kustomize_does_what_the_plain_job_does() {
    gated("gate-component", async |ctx| {
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web");
        let jobs = component(&ctx.ns, QUICK);
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &jobs).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        assert_eq!(good.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        let bad = app.deploy(&shop.clone().privileged()).await;
        assert_eq!(bad.phase(), "Failed");
        assert_eq!(bad.ends().await, exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]));
        assert_eq!(bad.gate("PostSync").await.job, "driftgate");
        let second = bad.gate("SyncFail").await;
        assert!(second.log.stdout.contains("gate-component/driftgate"), "{second:#?}");
        let degraded = app.deploy(&shop.and(&worker())).await;
        assert_eq!(degraded.ends().await, exits(&[("SyncFail", "Failed", 20)]));
    });
}

#[test]
fn an_operation_that_is_terminated_while_the_gate_waits_wants_no_rollback() {
    gated("gate-terminated", async |ctx| {
        let argo = ArgoCd::shared().await;
        let repo = GitRepo::new(&ctx.ns);
        let patient = job(&["gate", "--settle-quiet=5m", "--settle-timeout=9m"]);
        repo.commit(&[("app.yaml", &Shop::clean("web").privileged().text()), ("gate.yaml", &patient)]);
        let app = App::create(ctx, argo, &ctx.ns, &repo, &AppOptions::default()).await;
        let name = eventually("the gate waits", async || {
            let pods = ctx.pods("app.kubernetes.io/component=gate").await;
            let name = pods.first().and_then(|pod| pod.metadata.name.clone()).ok_or("no Pod")?;
            let uses = ctx.plane.audit.uses_by(&ctx.ns, "driftgate");
            let watches = uses.iter().any(|it| it.verb == "watch" && it.resource == "pods");
            if watches { Ok(name) } else { Err("no watch") }
        })
        .await;
        // As Argo CD's own API does it.
        let terminate = app.merge(json!({"status": {"operationState": {"phase": "Terminating"}}}));
        let ended = ctx.until(&name, "has ended", |pod: &Pod| exit_code(pod).is_some());
        let ((), pod) = tokio::join!(terminate, ended);
        assert_eq!(exit_code(&pod), Some(143));
        let log = ctx.plane.kubelet.log(&ctx.ns, &name);
        assert!(log.stdout.starts_with("TERMINATED argocd/gate-terminated "), "{log:#?}");
        let status = app
            .until("is terminated", |app| {
                let phase = app["status"]["operationState"]["phase"].as_str();
                !matches!(phase, Some("Running" | "Terminating"))
            })
            .await;
        let operation = status["status"]["operationState"].to_string();
        assert!(operation.contains("Operation terminated"), "{operation}");
        assert!(!operation.contains("exit code 20"), "{operation}");
    });
}
