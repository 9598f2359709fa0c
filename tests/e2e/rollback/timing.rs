//! What happens meanwhile: other commits, other applications, and a rollback that Argo CD cannot carry out.

use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use serde_json::{Value, json};

use super::controller::Controller;
use super::world::{CRITICAL, PASS, World, deployment, gate, rolled, rolled_in};
use crate::harness::argocd::{App, AppOptions, ArgoCd, GitRepo};
use crate::harness::runtime::eventually;

/// Whatever happened before, the fix runs, and auto-sync is as it was.
pub(super) async fn ends_well(world: &World<'_>, fix: &str, automated: Value) {
    world.synced(fix).await;
    world.remembers(fix).await;
    world.free().await;
    assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
    assert!(world.rollbacks().await.len() <= 1, "{:?}", world.rollbacks().await);
}

#[test]
fn a_fix_that_comes_while_the_gate_runs_is_deployed() {
    rolled("roll-meanwhile", AppOptions::default(), async |world| {
        let automated = world.automated().await;
        let bad = world.commit_slow("bad", CRITICAL, 3000);
        world.seen(&bad).await;
        let fix = world.commit("fix", PASS);
        world.app.refresh().await;
        ends_well(world, &fix, automated).await;
    });
}

#[test]
fn a_fix_that_comes_while_an_operation_waits_is_deployed_after_the_rollback() {
    rolled("roll-waiting", AppOptions { retries: 5, ..AppOptions::default() }, async |world| {
        let automated = world.automated().await;
        let bad = world.commit_slow("bad", CRITICAL, 3000);
        world.seen(&bad).await;
        let fix = world.commit("fix", PASS);
        world.app.refresh().await;
        ends_well(world, &fix, automated).await;
        world.has_told(&["RollbackDecided", "RolledBack", "Released"]).await;
    });
}

#[test]
fn a_fix_that_comes_between_verdict_and_rollback_is_deployed() {
    rolled("roll-between", AppOptions { retries: 5, ..AppOptions::default() }, async |world| {
        let automated = world.automated().await;
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        eventually("a case is open", async || {
            let state = world.state().await.unwrap_or_default();
            if state["case"].is_null() { Err(state.to_string()) } else { Ok(()) }
        })
        .await;
        let fix = world.commit("fix", PASS);
        ends_well(world, &fix, automated).await;
        assert_eq!(world.rollbacks().await.len(), 1);
    });
}

#[test]
fn of_two_applications_each_is_rolled_back_for_itself() {
    rolled("roll-two", AppOptions::default(), async |world| {
        let argo = ArgoCd::shared().await;
        let api = |image: &str| {
            let mut api = deployment(image);
            api["metadata"]["name"] = json!("api");
            api["spec"]["selector"]["matchLabels"]["app"] = json!("api");
            api["spec"]["template"]["metadata"]["labels"]["app"] = json!("api");
            api.to_string()
        };
        let repo = GitRepo::new("roll-two-api");
        let marks = json!({"metadata": {
            "labels": {"test": world.ctx.ns}, "annotations": {"driftgate.dev/rollback": "on"},
        }});
        let good = repo.commit(&[("app.yaml", &api("good")), ("gate.yaml", &gate(PASS).to_string())]);
        let options = AppOptions { also: marks, ..AppOptions::default() };
        let app = App::create(world.ctx, argo, "roll-two-api", &repo, &options).await;
        assert_eq!(app.synced_to(&good).await.phase(), "Succeeded");
        world.commit("bad", CRITICAL);
        repo.commit(&[("app.yaml", &api("bad")), ("gate.yaml", &gate(CRITICAL).to_string())]);
        world.app.refresh().await;
        app.refresh().await;
        world.stage("held").await;
        let deployments: Api<Deployment> = world.ctx.api();
        eventually("the other one is back too", async || {
            let api = deployments.get("api").await.unwrap().spec.template.spec.unwrap();
            let image = api.containers[0].image.clone().unwrap();
            if image.ends_with(":good") { Ok(()) } else { Err(image) }
        })
        .await;
        assert_eq!(world.image().await, "good");
    });
}

#[test]
fn a_rollback_that_argo_cd_cannot_carry_out_is_told_and_the_fix_releases() {
    let project = |blacklist: Value, ns: &str| {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": ns, "namespace": "argocd"},
            "spec": {
                "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                "namespaceResourceBlacklist": blacklist,
            },
        })
    };
    rolled_in(
        "roll-fails",
        async |ctx: &_| {
            ArgoCd::shared().await;
            ctx.apply(project(json!([]), &ctx.ns)).await;
            let also = json!({"spec": {"project": ctx.ns}});
            World::start(ctx, AppOptions { also, ..AppOptions::default() }).await
        },
        async |world| {
            let automated = world.automated().await;
            world.controller = None;
            let bad = world.commit("bad", CRITICAL);
            world.app.refresh().await;
            assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
            world.ctx.apply(project(json!([{"group": "apps", "kind": "Deployment"}]), &world.ctx.ns)).await;
            world.controller = Some(Controller::start(world.ctx, "first", &[]).await);
            world.stage("failed").await;
            world.has_told(&["RollbackDecided", "RollbackFailed"]).await;
            let messages = world.messages().await;
            assert!(
                messages[1].contains("not permitted") || messages[1].contains("not valid"),
                "{messages:?}"
            );
            assert_eq!(world.image().await, "bad");

            world.ctx.apply(project(json!([]), &world.ctx.ns)).await;
            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
            world.has_told(&["RollbackDecided", "RollbackFailed", "Released"]).await;
        },
    );
}
