//! The whole way: the real gate, the real controller, the real Argo CD.

use jiff::{Span, Zoned};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, exits, gated};
use crate::harness::argocd::{AppOptions, ArgoCd};
use crate::harness::cluster::Ctx;
use crate::harness::runtime::eventually;
use crate::rollback::controller::controlled;
use crate::rollback::world::{remembers, told_of};

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

#[test]
fn what_the_last_good_revision_had_as_well_is_no_reason_to_go_back_to_it() {
    gated("gate-same", async |ctx| {
        let argo = ArgoCd::shared().await;
        let _controller = controlled(ctx).await;
        let policy = |exclusions: Value| {
            let policy = json!({
                "apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": {"exclusions": exclusions},
            });
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "driftgate-policy"},
                "data": {"policy.yaml": policy.to_string()},
            })
        };
        let expires = Zoned::now().date().saturating_add(Span::new().days(30)).to_string();
        ctx.apply(policy(json!([{
            "rule": "privileged-container", "container": "main", "reason": "r", "owner": "o", "expires": expires,
            "subject": {"kind": "Deployment", "namespace": ctx.ns, "name": "web"},
        }])))
        .await;
        let marks = json!({"metadata": {
            "labels": {"test": ctx.ns}, "annotations": {"driftgate.dev/rollback": "on"},
        }});
        let options = AppOptions { also: marks, ..AppOptions::default() };
        let shop = Shop::clean("web").privileged();
        let (app, first) = Gated::create_in(ctx, argo, &ctx.ns, options, &shop, &job(QUICK)).await;
        assert_eq!(first.ends().await, exits(&[("PostSync", "Succeeded", 0)]));

        ctx.apply(policy(json!([]))).await;
        let same = app.deploy(&shop.clone().labelled("tier", "front")).await;
        let gate = same.gate("PostSync").await;
        assert_eq!((same.phase(), gate.exit_code), ("Failed", 10), "{gate:#?}");
        assert!(gate.log.stdout.contains("privileged-container"), "{gate:#?}");
        assert_eq!(app.record().await.unwrap()["revision"], first.revision);

        // The controller has seen all of it once it has seen the fix pass.
        let fixed = app.deploy(&Shop::clean("web")).await;
        assert_eq!(fixed.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        remembers(ctx, &fixed.revision).await;
        let state = app.app.now().await;
        let history = state["status"]["history"].as_array().unwrap();
        let revisions: Vec<_> = history.iter().map(|entry| entry["revision"].as_str().unwrap()).collect();
        assert_eq!(revisions, [first.revision, fixed.revision], "nothing was rolled back");
        assert_eq!(state["spec"]["syncPolicy"]["automated"]["enabled"], json!(null));
        assert_eq!(told_of(ctx, &app.app).await, [""; 0]);
    });
}

/// The shipped rights of a rollback Job in the test's namespace.
async fn may_start_a_rollback(ctx: &Ctx) {
    ArgoCd::shared().await;
    let shared = [
        include_str!("../../../manifests/controller/clusterrole.yaml"),
        include_str!("../../../manifests/controller/role.yaml"),
    ];
    for text in shared {
        for object in serde_saphyr::from_multiple::<Value>(text).unwrap() {
            if matches!(object["kind"].as_str(), Some("ClusterRole" | "Role")) {
                ctx.apply(object).await;
            }
        }
    }
    let own = [
        include_str!("../../../manifests/rollback-job/account.yaml"),
        include_str!("../../../manifests/rollback-job/bindings.yaml"),
    ];
    for text in own {
        ctx.apply_yaml(&text.replace("NAMESPACE", &ctx.ns)).await;
    }
}

#[test]
fn without_a_controller_the_gate_starts_a_job_that_rolls_back() {
    gated("gate-detached", async |ctx| {
        let argo = ArgoCd::shared().await;
        may_start_a_rollback(ctx).await;
        let shop = Shop::clean("web");
        let hook = job(&[QUICK, &["--rollback-via=job"]].concat());
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &hook).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        app.push(&shop.privileged()).await;
        eventually("it is rolled back", async || {
            let state = app.app.now().await["status"]["operationState"].clone();
            let ours = state["operation"]["initiatedBy"]["username"] == "driftgate";
            if ours && state["phase"] == "Succeeded" { Ok(()) } else { Err(state["phase"].to_string()) }
        })
        .await;
        let jobs = ctx.api::<Job>().list(&ListParams::default()).await.unwrap();
        let names = jobs.items.into_iter().filter_map(|job| job.metadata.name);
        let [name] = names.filter(|name| name.ends_with("-rollback")).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(ctx.job_ended(&name).await, Ok(()));
        let web = ctx.api::<Deployment>().get("web").await.unwrap().spec.template.spec.unwrap();
        let context = web.containers[0].security_context.clone().unwrap();
        assert_ne!(context.privileged, Some(true));
        assert_eq!(app.app.now().await["spec"]["syncPolicy"]["automated"]["enabled"], json!(false));
    });
}
