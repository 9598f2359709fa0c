//! The shipped gate, the real controller of rollbacks and the real Flux together: from a rejected commit to the fix.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use kube::api::DeleteParams;
use serde_json::json;

use super::gated::{Gated, Layout};
use super::rollback::world::installed;
use crate::gate::files::Shop;
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::flux::kustomization::ready;
use crate::harness::flux::{Flux, SourceKind};
use crate::harness::platform;
use crate::rollback::controller::{Controller, run};
use crate::rollback::world::remembers;

async fn is_privileged(ctx: &Ctx) -> bool {
    let web = ctx.api::<Deployment>().get("web").await.unwrap();
    let pod = web.spec.template.spec.unwrap();
    pod.containers[0].security_context.as_ref().unwrap().privileged == Some(true)
}

/// An application whose first commit has passed the shipped gate, and its second has not.
async fn rejected(ctx: &Ctx, controlled: bool) -> (Gated<'_>, String, String) {
    platform::installed_for_flux(ctx).await;
    let clean = Shop::clean("web");
    let (shop, good) = Gated::create(ctx, Layout::Separate, SourceKind::Git, &clean).await;
    shop.app.merge(json!({"metadata": {"annotations": {"driftgate.dev/rollback": "on"}}})).await;
    shop.gate.ready_at(&good).await;
    if controlled {
        remembers(ctx, &format!("sha1:{good}")).await;
    }
    let bad = shop.deploy(&clean.privileged()).await;
    shop.gate.failed_at(&bad).await;
    let critical = shop.run().await;
    assert_eq!(critical.exit_code, 20, "{critical:#?}");
    (shop, good, bad)
}

#[test]
fn a_gate_that_meets_a_held_application_says_so_and_judges_the_fix_once_it_is_released() {
    with_namespace("flux-held", async |ctx| {
        let args = ["--tool=flux", "--application-namespace", &ctx.ns];
        Flux::shared().await;
        installed(ctx).await;
        let _controller = Controller::launch(ctx, "first", &args).await;
        let (shop, good, bad) = rejected(ctx, true).await;
        let held = shop
            .app
            .until("is held", |it| {
                it["spec"]["sourceRef"]["name"].as_str().is_some_and(|name| name.contains("-driftgate-"))
            })
            .await;
        assert_eq!(held["metadata"]["annotations"]["driftgate.dev/rejected-revision"], format!("sha1:{bad}"));
        shop.app.ready_at(&good).await;
        ctx.rolled_out("web").await;
        assert!(!is_privileged(ctx).await);

        // Somebody deletes the Job, so the gate runs again on what it has rejected already.
        let old = shop.run().await.uid;
        let jobs = ctx.api::<Job>();
        jobs.delete("driftgate", &DeleteParams::background()).await.unwrap();
        let again = |job: &Job| job.metadata.uid.as_ref().is_some_and(|uid| *uid != old);
        ctx.until("driftgate", "is made again", again).await;
        let again = shop.run().await;
        assert_eq!(again.exit_code, 10, "{again:#?}");
        let said = "was rejected and is still what the source offers";
        assert!(again.termination.contains(said), "{again:#?}");
        assert!(!ready(&shop.gate.now().await, "True"));

        let fixed = shop.deploy(&Shop::clean("web").labelled("tier", "front")).await;
        shop.gate.ready_at(&fixed).await;
        let passed = shop.run().await;
        assert_eq!(passed.exit_code, 0, "{passed:#?}");
        let released = shop.app.ready_at(&fixed).await;
        assert_eq!(released["spec"]["sourceRef"]["name"], "shop");
        assert_eq!(released["metadata"]["annotations"]["driftgate.dev/rejected-revision"], json!(null));
        // To our source and back: nothing else has changed its spec.
        let before = held["metadata"]["generation"].as_i64().unwrap();
        assert_eq!(released["metadata"]["generation"].as_i64(), Some(before + 1));
        let record = shop.record().await.unwrap();
        assert_eq!(record["revision"], format!("main@sha1:{fixed}"), "{record:#}");
    });
}

#[test]
fn a_command_goes_back_to_what_the_gate_has_on_record() {
    with_namespace("flux-held-by-hand", async |ctx| {
        installed(ctx).await;
        let (shop, good, _bad) = rejected(ctx, false).await;
        // As the gate's record has it, and as `--rollback-via=job` hands it on.
        let (app, passed) = (format!("kustomization/{}/shop", ctx.ns), format!("main@sha1:{good}"));
        let args = ["rollback", &app, "--after-gate", "--timeout=60s", "--passed", &passed];
        let ended = run(ctx, &args).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        shop.app.ready_at(&good).await;
        ctx.rolled_out("web").await;
        assert!(!is_privileged(ctx).await);
        assert!(!ready(&shop.gate.now().await, "True"));
    });
}
