//! What commits lead to.

use std::collections::BTreeSet;

use jiff::{Span, Zoned};
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
        let receiver = notified(ctx).await;
        let (app, sync) = Gated::create(ctx, argo, &ctx.ns, &Shop::clean("web"), &job(QUICK)).await;
        assert_eq!(sync.phase(), "Succeeded", "{:#?}", sync.operation);
        assert_eq!(receiver.received(), [json!(null); 0], "nobody is told of a pass");
        assert_eq!(sync.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        let record = app.record().await.unwrap();
        assert_eq!(record["revision"], sync.revision, "{record:#}");
        let gate = sync.gate("PostSync").await;
        let [event] = events(ctx, "Job", &gate.job).await.try_into().unwrap();
        assert!(event.starts_with("Normal GatePassed: "), "{event}");
        assert_eq!(events(ctx, "Deployment", "web").await, [""; 0]);
    });
}

/// The platform's Secret with the address of the test's receiver, and one that is none.
async fn notified(ctx: &Ctx) -> Receiver {
    let receiver = Receiver::start();
    ctx.apply(json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "driftgate-notify"},
        "stringData": {"DRIFTGATE_WEBHOOK_URL": receiver.url, "DRIFTGATE_SLACK_URL": "nowhere"},
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
        assert!(gate.log.stdout.contains("notifying Slack: not an http or https URL"), "{gate:#?}");
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

#[test]
fn where_the_application_cannot_be_read_marks_tell_what_belongs_to_it() {
    gated("gate-marks", async |ctx| {
        // As in a cluster that an Argo CD elsewhere deploys to: there is no Application of that name here.
        let hook = job(&[QUICK, &["--argocd-namespace=elsewhere"]].concat());
        let (web, api) = (Shop::clean("web"), Shop::clean("api"));
        let (annotating, labelling) = (ArgoCd::shared().await, ArgoCd::with_label_tracking().await);
        let ((web_app, web_good), (api_app, api_good)) = tokio::join!(
            Gated::create(ctx, annotating, "gate-marks-web", &web, &hook),
            Gated::create(ctx, labelling, "gate-marks-api", &api, &hook),
        );
        assert_eq!((web_good.phase(), api_good.phase()), ("Succeeded", "Succeeded"));
        let (bad_web, better_api) = (web.clone().privileged(), api.clone().labelled("tier", "back"));
        let (web_bad, api_better) = tokio::join!(web_app.deploy(&bad_web), api_app.deploy(&better_api));
        let critical = exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]);
        assert_eq!(web_bad.ends().await, critical);
        assert_eq!(api_better.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        let (web, api) = (web.labelled("tier", "front"), api.privileged());
        let (web_fixed, api_bad) = tokio::join!(web_app.deploy(&web), api_app.deploy(&api));
        assert_eq!(web_fixed.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        assert_eq!(api_bad.ends().await, critical);
    });
}

#[test]
fn a_policy_beside_the_application_is_mounted_and_obeyed() {
    gated("gate-policy", async |ctx| {
        let expires = Zoned::now().date().saturating_add(Span::new().days(30));
        let policy = json!({
            "apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy",
            "spec": {"exclusions": [{
                "rule": "privileged-container",
                "subject": {"kind": "Deployment", "namespace": ctx.ns, "name": "web"},
                "container": "main",
                "reason": "It loads a kernel module until the node image has it",
                "owner": "storage-team@shop.example",
                "expires": expires.to_string(),
            }]},
        });
        ctx.apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "driftgate-policy"},
            "data": {"policy.yaml": policy.to_string()},
        }))
        .await;
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web").privileged();
        let (_app, sync) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        let gate = sync.gate("PostSync").await;
        assert_eq!((sync.phase(), gate.exit_code), ("Succeeded", 0), "{gate:#?}");
        assert!(gate.log.stdout.contains("storage-team@shop.example"), "{gate:#?}");
    });
}

#[test]
fn workloads_of_every_kind_settle_and_are_judged() {
    gated("gate-kinds", async |ctx| {
        let argo = ArgoCd::shared().await;
        let hook = job(&[QUICK, &["--output=json"]].concat());
        let shop = Shop::clean("web").privileged().with_every_kind_of_workload();
        let (_app, sync) = Gated::create(ctx, argo, &ctx.ns, &shop, &hook).await;
        let gate = sync.gate("PostSync").await;
        assert_eq!(gate.exit_code, 10, "{gate:#?}");
        let report: Value = serde_json::from_str(&gate.log.stdout).unwrap();
        // Two Pods of the StatefulSet and one each of the others; none now of Job and CronJob.
        let (pods, templates) = (&report["counts"]["pods"], &report["counts"]["templates"]);
        assert_eq!((pods, templates), (&json!(6), &json!(2)), "{report:#}");
        let critical =
            report["drift"].as_array().unwrap().iter().filter(|it| it["rule"] == "privileged-container");
        let kinds: BTreeSet<&str> = critical.map(|it| it["subject"]["kind"].as_str().unwrap()).collect();
        let expected = BTreeSet::from([
            "CronJob",
            "DaemonSet",
            "Deployment",
            "Job",
            "ReplicaSet",
            "ReplicationController",
            "StatefulSet",
        ]);
        assert_eq!(kinds, expected, "{report:#}");
    });
}
