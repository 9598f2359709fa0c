//! The whole way: the real gate, the real controller, the real Argo CD.

use k8s_openapi::api::apps::v1::Deployment;
use serde_json::json;

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, exits, gated};
use crate::harness::argocd::{AppOptions, ArgoCd};
use crate::harness::runtime::eventually;
use crate::rollback::world::controlled;

#[test]
fn a_commit_that_makes_a_container_privileged_is_rolled_back_and_its_fix_is_deployed() {
    gated("gate-rolled", async |ctx| {
        let argo = ArgoCd::shared().await;
        let _controller = controlled(ctx).await;
        let marks = json!({"metadata": {
            "labels": {"test": ctx.ns}, "annotations": {"driftgate.dev/rollback": "on"},
        }});
        let options = AppOptions { also: marks, ..AppOptions::default() };
        let shop = Shop::clean("web");
        let (app, good) = Gated::create_in(ctx, argo, &ctx.ns, options, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        app.push(&shop.clone().privileged()).await;
        let privileged = async || {
            let web = ctx.api::<Deployment>().get("web").await.unwrap().spec.template.spec.unwrap();
            web.containers[0].security_context.as_ref().and_then(|context| context.privileged) == Some(true)
        };
        eventually("it is rolled back", async || {
            let state = app.app.now().await;
            let ours =
                state["status"]["operationState"]["operation"]["initiatedBy"]["username"] == "driftgate";
            let done = ours && state["status"]["operationState"]["phase"] == "Succeeded";
            if done { Ok(()) } else { Err(state["status"]["operationState"]["phase"].to_string()) }
        })
        .await;
        assert!(!privileged().await);
        let fixed = app.deploy(&shop.labelled("tier", "front")).await;
        assert_eq!(fixed.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        assert_eq!(app.app.now().await["spec"]["syncPolicy"]["automated"]["enabled"], json!(null));
        assert_eq!(app.record().await.unwrap()["revision"], fixed.revision);
    });
}
