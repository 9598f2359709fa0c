//! People always win.

use kube::Api;
use kube::api::{DeleteParams, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;

use super::world::{CRITICAL, PASS, World, rolled};
use crate::harness::argocd::AppOptions;
use crate::harness::runtime::eventually;

async fn held(world: &World<'_>) -> String {
    let bad = world.commit("bad", CRITICAL);
    world.app.refresh().await;
    world.stage("held").await;
    bad
}

#[test]
fn a_person_who_switches_auto_sync_on_again_wins() {
    rolled("roll-switched-on", AppOptions::default(), async |world| {
        let bad = held(world).await;
        world.app.merge(json!({"spec": {"syncPolicy": {"automated": {"enabled": null}}}})).await;
        assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
        world.free().await;
        world.has_told(&["RollbackDecided", "RolledBack", "SteppedBack", "NotRolledBack"]).await;
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("bad", 1));
    });
}

#[test]
fn a_person_who_syncs_by_hand_wins_and_the_fix_still_releases() {
    rolled("roll-synced", AppOptions::default(), async |world| {
        let automated = world.automated().await;
        let bad = held(world).await;
        world.sync(&bad, &json!({})).await;
        world.stage("overtaken").await;
        assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("bad", 1));
        let fix = world.commit("fix", PASS);
        world.synced(&fix).await;
        assert_eq!(world.automated().await, automated);
        world.has_told(&["RollbackDecided", "RolledBack", "SteppedBack", "Released"]).await;
    });
}

#[test]
fn what_a_person_deployed_without_hooks_is_no_target() {
    rolled("roll-barred", AppOptions::default(), async |world| {
        let bad = held(world).await;
        world.sync(&bad, &json!({"syncStrategy": {"apply": {}}})).await;
        world.stage("overtaken").await;
        eventually("the rejected revision is in the history", async || {
            let app = world.app.now().await;
            let last = app["status"]["history"].as_array().unwrap().last().unwrap()["revision"].clone();
            if last == bad { Ok(()) } else { Err(last.to_string()) }
        })
        .await;
        world.commit("worse", CRITICAL);
        world.app.refresh().await;
        world.stage("held").await;
        assert_eq!(world.image().await, "good");
        assert_eq!(world.rollbacks().await.len(), 2);
    });
}

#[test]
fn an_application_that_a_person_deletes_leaves_nothing_behind() {
    rolled("roll-removed", AppOptions::default(), async |world| {
        held(world).await;
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
        let apps: Api<DynamicObject> =
            Api::namespaced_with(world.ctx.client.clone(), &world.app.namespace, &resource);
        apps.delete(&world.app.name, &DeleteParams::default()).await.unwrap();
        eventually("the state is gone", async || match world.state().await {
            None => Ok(()),
            Some(state) => Err(state.to_string()),
        })
        .await;
    });
}

#[test]
fn an_application_that_is_not_marked_is_left_alone() {
    let also = json!({"metadata": {"annotations": {"driftgate.dev/rollback": "off"}}});
    let options = AppOptions { also, ..AppOptions::default() };
    crate::harness::cluster::with_namespace("roll-off", async |ctx| {
        let world = World::start(ctx, options).await;
        let good = world.commit("good", PASS);
        world.synced(&good).await;
        let bad = world.commit("bad", CRITICAL);
        world.app.refresh().await;
        assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
        let fix = world.commit("fix", PASS);
        world.synced(&fix).await;
        assert_eq!((world.rollbacks().await.len(), world.told().await.len()), (0, 0));
        assert_eq!(world.state().await, None);
    });
}
