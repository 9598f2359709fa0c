//! What commits lead to.

use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, OWN_GROUP, events, exits, gated};
use crate::harness::argocd::{AppOptions, ArgoCd};
use crate::harness::cluster::Ctx;
use crate::harness::receiver::Receiver;

#[test]
fn a_clean_commit_passes_and_goes_on_record() {
    gated("gate-clean", async |ctx| {
        let argo = ArgoCd::shared().await;
        let (app, sync) = Gated::create(ctx, argo, &ctx.ns, &Shop::clean("web"), &job(QUICK)).await;
        assert_eq!(sync.phase(), "Succeeded", "{:#?}", sync.operation);
        assert_eq!(sync.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        let record = app.record().await.unwrap();
        assert_eq!(record["revision"], sync.revision, "{record:#}");
        let gate = sync.gate("PostSync").await;
        let [event] = events(ctx, "Job", &gate.job).await.try_into().unwrap();
        assert!(event.starts_with("Normal GatePassed: "), "{event}");
        assert_eq!(events(ctx, "Deployment", "web").await, [""; 0]);
    });
}

/// The platform's Secret with the address of the test's receiver.
async fn notified(ctx: &Ctx) -> Receiver {
    let receiver = Receiver::start();
    ctx.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "driftgate-notify"},
        "stringData": {"DRIFTGATE_WEBHOOK_URL": receiver.url},
    }))
    .await;
    receiver
}

#[test]
fn a_commit_that_makes_a_container_privileged_fails_its_sync_and_says_why_everywhere() {
    gated("gate-privileged", async |ctx| {
        let argo = ArgoCd::shared().await;
        let receiver = notified(ctx).await;
        let shop = Shop::clean("web");
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        let bad = app.deploy(&shop.privileged()).await;
        assert_eq!(bad.phase(), "Failed", "{:#?}", bad.operation);
        assert_eq!(bad.ends().await, exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]));

        let gate = bad.gate("PostSync").await;
        assert!(gate.row.contains("failed with exit code 20 matching FailJob rule at index 0"), "{gate:#?}");
        for text in [&gate.termination, &gate.log.stdout] {
            assert!(text.contains("privileged-container"), "{gate:#?}");
            assert!(text.contains("apps/Deployment gate-privileged/web"), "{gate:#?}");
        }
        for (kind, name) in [("Job", gate.job.as_str()), ("Deployment", "web")] {
            let events = events(ctx, kind, name).await;
            let [event] = events.as_slice() else { panic!("{kind}: {events:?}") };
            assert!(event.starts_with("Warning GateCritical: "), "{event}");
            assert!(event.contains("privileged-container"), "{event}");
        }
        notification_names(&receiver.received(), &bad.revision);
        assert!(!gate.log.stderr.contains(&receiver.url), "addresses are secrets: {}", gate.log.stderr);
        let record = app.record().await.unwrap();
        assert_eq!(record["revision"], good.revision, "what failed goes on no record");
    });
}

fn notification_names(received: &[Value], revision: &str) {
    let critical: Vec<&Value> = received.iter().filter(|it| it["exitCode"] == 20).collect();
    let [summary] = critical.as_slice() else { panic!("{received:#?}") };
    assert_eq!(summary["kind"], "GateSummary");
    assert_eq!(summary["application"], json!({"name": "argocd/gate-privileged", "revision": revision}));
    let web = json!({"group": "apps", "kind": "Deployment", "namespace": "gate-privileged", "name": "web"});
    assert_eq!(summary["resources"], json!([web]), "{summary:#}");
    assert_eq!(summary["findings"][0]["rule"], "privileged-container", "{summary:#}");
    assert_eq!(summary["rollback"]["wanted"], true, "{summary:#}");
}

#[test]
fn without_a_record_critical_drift_blocks_and_asks_for_no_rollback() {
    gated("gate-first", async |ctx| {
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web").with_a_cluster_role("gate-first-creep", &ctx.ns);
        let (app, sync) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(sync.phase(), "Failed");
        assert_eq!(sync.ends().await, exits(&[("PostSync", "Failed", 10), ("SyncFail", "Succeeded", 0)]));
        let gate = sync.gate("PostSync").await;
        assert!(gate.row.contains("failed with exit code 10"), "{gate:#?}");
        assert!(gate.log.stdout.contains("no good revision is on record"), "{gate:#?}");
        assert_eq!(app.record().await, None);
        // The verdict has been given: the other hook has nothing to add, and says so.
        let second = sync.gate("SyncFail").await;
        assert!(second.log.stdout.contains(&format!("{}/{}", ctx.ns, gate.job)), "{second:#?}");
    });
}

#[test]
fn a_commit_that_lets_pods_be_created_and_secrets_be_read_fails_its_sync() {
    gated("gate-creep", async |ctx| {
        let argo = ArgoCd::with_label_tracking().await;
        let hook = job(&[QUICK, &["--argocd-namespace=argocd-label"]].concat());
        let shop = Shop::clean("web");
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &hook).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        let bad = app.deploy(&shop.with_a_cluster_role("gate-creep", &ctx.ns)).await;
        assert_eq!(bad.phase(), "Failed");
        assert_eq!(bad.ends().await, exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]));
        let gate = bad.gate("PostSync").await;
        for rule in ["pod-creation", "secret-read"] {
            assert!(gate.termination.contains(rule), "{gate:#?}");
        }
    });
}

#[test]
fn applications_of_other_namespaces_are_judged_too() {
    gated("team-gate", async |ctx| {
        let argo = ArgoCd::shared().await;
        let options = AppOptions { namespace: Some(ctx.ns.clone()), ..AppOptions::default() };
        let shop = Shop::clean("web");
        let (app, good) = Gated::create_in(ctx, argo, "web", options, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        assert_eq!(app.record().await.unwrap()["revision"], good.revision);
        let bad = app.deploy(&shop.privileged()).await;
        assert_eq!(bad.ends().await, exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]));
    });
}

#[test]
fn of_two_applications_in_a_namespace_only_the_bad_one_fails() {
    gated("gate-two", async |ctx| {
        let argo = ArgoCd::shared().await;
        let (web, api) = (Shop::clean("web"), Shop::clean("api"));
        let job = job(QUICK);
        let ((web_app, web_good), (api_app, api_good)) = tokio::join!(
            Gated::create(ctx, argo, "gate-two-web", &web, &job),
            Gated::create(ctx, argo, "gate-two-api", &api, &job),
        );
        assert_eq!((web_good.phase(), api_good.phase()), ("Succeeded", "Succeeded"));
        let (web, api) = (web.privileged(), api.labelled("tier", "back"));
        let (web, api) = tokio::join!(web_app.deploy(&web), api_app.deploy(&api));
        assert_eq!(web.ends().await, exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]));
        assert_eq!(api.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        assert_eq!(api_app.record().await.unwrap()["revision"], api.revision);
    });
}

#[test]
fn custom_resources_that_make_no_pods_are_no_obstacle() {
    gated("gate-custom", async |ctx| {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        ctx.apply(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("certificates.{OWN_GROUP}")},
            "spec": {
                "group": OWN_GROUP, "scope": "Namespaced",
                "names": {"kind": "Certificate", "plural": "certificates"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
            },
        }))
        .await;
        let certificate = json!({
            "apiVersion": format!("{OWN_GROUP}/v1"), "kind": "Certificate", "metadata": {"name": "web"},
            "spec": {"secretName": "web-tls"},
        });
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web").with(certificate);
        let (_app, sync) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(sync.ends().await, exits(&[("PostSync", "Succeeded", 0)]), "{:#?}", sync.operation);
    });
}
