//! What admission makes of a commit.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, gated};
use crate::harness::argocd::ArgoCd;
use crate::harness::webhook::{Answer, Registration, Webhook};

fn label<'a>(request: &'a Value, key: &str) -> Option<&'a str> {
    request["object"]["metadata"]["labels"][key].as_str()
}

#[test]
fn a_label_in_git_that_has_a_privileged_sidecar_injected_fails_its_sync() {
    gated("gate-injected", async |ctx| {
        let argo = ArgoCd::shared().await;
        Webhook::register(ctx, "injector", &Registration::default(), |request| {
            let sidecar = json!({
                "name": "agent", "image": "registry.test/agent:1", "securityContext": {"privileged": true},
            });
            match label(request, "agent") {
                Some("on") => {
                    Answer::Patch(vec![json!({"op": "add", "path": "/spec/containers/-", "value": sidecar})])
                }
                _ => Answer::Patch(Vec::new()),
            }
        })
        .await;
        let shop = Shop::clean("web");
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        let bad = app.deploy(&shop.labelled("agent", "on")).await;
        let gate = bad.gate("PostSync").await;
        assert_eq!((bad.phase(), gate.exit_code), ("Failed", 20), "{gate:#?}");
        for text in [&gate.termination, &gate.log.stdout] {
            assert!(text.contains("privileged-container") && text.contains("agent"), "{gate:#?}");
        }
    });
}

fn unrelated() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "red"}})
}

#[test]
fn a_webhook_that_takes_pods_out_of_their_network_policy_blocks_the_next_sync_without_a_rollback() {
    gated("gate-relabelled", async |ctx| {
        let argo = ArgoCd::shared().await;
        let shop = Shop::clean("web").labelled("tier", "front").isolated_by("tier", "front");
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        Webhook::register(ctx, "relabeller", &Registration::default(), |request| {
            match label(request, "tier") {
                Some("front") => {
                    let operation =
                        json!({"op": "replace", "path": "/metadata/labels/tier", "value": "none"});
                    Answer::Patch(vec![operation])
                }
                _ => Answer::Patch(Vec::new()),
            }
        })
        .await;
        // As on any day: Pods are made anew, and the next commit changes nothing about them.
        let web = ListParams::default().labels("app=web");
        ctx.api::<Pod>().delete_collection(&DeleteParams::default(), &web).await.unwrap();
        let bad = app.deploy(&shop.with(unrelated())).await;
        let gate = bad.gate("PostSync").await;
        assert_eq!((bad.phase(), gate.exit_code), ("Failed", 10), "{gate:#?}");
        for text in
            ["apps/Deployment gate-relabelled/web", "missing-ingress-policy", "policy-coverage-changed"]
        {
            assert!(gate.termination.contains(text), "{text}: {gate:#?}");
        }
        assert!(gate.log.stdout.contains("gate-relabelled-relabeller"), "the webhook is named: {gate:#?}");
    });
}
