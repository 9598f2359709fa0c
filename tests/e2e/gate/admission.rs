//! What admission makes of a commit.

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
