//! From the bad commit to the rollback, and from the fix to the release.

use serde_json::json;

use super::world::{CRITICAL, PASS, World, gate, rolled, rolled_in};
use crate::harness::argocd::AppOptions;
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::runtime::eventually;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// Commits what the gate rejects, and then a fix.
async fn bad_then_fixed(world: &World<'_>) {
    let automated = world.automated().await;
    let bad = world.commit("bad", CRITICAL);
    world.app.refresh().await;
    let state = world.stage("held").await;
    assert_eq!(state["case"]["rejected"]["name"], bad);
    assert_eq!(world.image().await, "good");
    world.has_told(&TOLD[..2]).await;

    let fix = world.commit("fix", PASS);
    world.synced(&fix).await;
    assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
    assert_eq!(world.rollbacks().await.len(), 1);
    world.has_told(&TOLD).await;
    assert_eq!(world.free().await["rejected"][0]["name"], bad);
}

#[test]
fn a_rejected_commit_is_rolled_back_held_and_released_by_the_fix() {
    rolled("roll-plain", AppOptions::default(), async |world| bad_then_fixed(world).await);
}

fn retrying(limit: i64) -> AppOptions {
    let retry = json!({"limit": limit, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}});
    AppOptions { also: json!({"spec": {"syncPolicy": {"retry": retry}}}), ..AppOptions::default() }
}

#[test]
fn an_operation_that_waits_for_its_next_attempt_is_ended() {
    rolled("roll-retries", retrying(5), async |world| bad_then_fixed(world).await);
}

async fn without_retry(ctx: &Ctx) -> World<'_> {
    World::made(ctx, AppOptions::default(), async |mut application| {
        let policy = application["spec"]["syncPolicy"].as_object_mut().unwrap();
        policy.remove("retry").unwrap();
        ctx.apply(application).await;
    })
    .await
}

#[test]
fn where_the_application_says_nothing_of_attempts_argo_cds_own_are_ended() {
    rolled_in("roll-default", without_retry, async |world| bad_then_fixed(world).await);
}

#[test]
fn an_operation_that_would_be_tried_for_ever_is_ended() {
    rolled("roll-unlimited", retrying(-1), async |world| bad_then_fixed(world).await);
}

#[test]
fn with_self_heal_the_rollback_stays() {
    let options = AppOptions { self_heal: true, ..AppOptions::default() };
    rolled("roll-self-heal", options, async |world| bad_then_fixed(world).await);
}

#[test]
fn an_application_that_is_synced_by_hand_is_rolled_back_and_stays_manual() {
    rolled("roll-manual", AppOptions::default(), async |world| {
        world.app.merge(json!({"spec": {"syncPolicy": {"automated": null}}})).await;
        let bad = world.commit("bad", CRITICAL);
        world.sync(&bad, &json!({})).await;
        let state = world.stage("held").await;
        assert_eq!(state["case"]["hold"], "nothing");
        assert_eq!((world.image().await.as_str(), world.automated().await), ("good", json!(null)));
        world.commit("fix", PASS);
        world.app.refresh().await;
        world.free().await;
        world.has_told(&TOLD).await;
        assert_eq!((world.image().await.as_str(), world.automated().await), ("good", json!(null)));
    });
}

#[test]
fn a_first_sync_has_nothing_to_go_back_to() {
    with_namespace("roll-first", async |ctx| {
        let world = World::start(ctx, AppOptions::default()).await;
        let bad = world.commit("bad", CRITICAL);
        world.app.refresh().await;
        assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
        world.has_told(&["NotRolledBack"]).await;
        let fix = world.commit("fix", PASS);
        world.synced(&fix).await;
        assert_eq!(world.rollbacks().await, [""; 0]);
    });
}

#[test]
fn a_second_rejected_commit_goes_back_to_the_same_good_one() {
    rolled("roll-second", AppOptions::default(), async |world| {
        let first = world.commit("bad", CRITICAL);
        world.app.refresh().await;
        world.stage("held").await;
        let second = world.commit("worse", CRITICAL);
        world.app.refresh().await;
        eventually("the second is held", async || {
            let state = world.state().await.unwrap_or_default();
            let held =
                state["case"]["stage"].get("held").is_some() && state["case"]["rejected"]["name"] == second;
            if held { Ok(()) } else { Err(state.to_string()) }
        })
        .await;
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 2));
        let state = world.state().await.unwrap();
        assert_eq!(state["rejected"][0]["name"], first);
        let fix = world.commit("fix", PASS);
        world.synced(&fix).await;
        world.free().await;
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("fix", 2));
    });
}

#[test]
fn what_the_rejected_commit_added_is_pruned() {
    rolled("roll-prune", AppOptions::default(), async |world| {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "creep"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": world.ctx.ns}],
        });
        let (binding, gate) = (binding.to_string(), gate(CRITICAL).to_string());
        world.repo.commit(&[("binding.yaml", &binding), ("gate.yaml", &gate)]);
        world.app.refresh().await;
        world.stage("held").await;
        let bindings = world.ctx.api::<k8s_openapi::api::rbac::v1::RoleBinding>();
        eventually("the binding is gone", async || match bindings.get_opt("creep").await.unwrap() {
            None => Ok(()),
            Some(_) => Err("it is there"),
        })
        .await;
        world.has_told(&TOLD[..2]).await;
    });
}

#[test]
fn a_reverted_commit_releases_too() {
    rolled("roll-revert", AppOptions::default(), async |world| {
        let automated = world.automated().await;
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        world.stage("held").await;
        world.commit("good", PASS);
        world.app.refresh().await;
        world.free().await;
        assert_eq!((world.image().await.as_str(), world.automated().await), ("good", automated));
        world.has_told(&TOLD).await;
    });
}

#[test]
fn a_branch_that_is_reset_to_the_good_commit_releases_too() {
    rolled("roll-reset", AppOptions::default(), async |world| {
        let automated = world.automated().await;
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        world.stage("held").await;
        world.repo.reset();
        world.app.refresh().await;
        world.free().await;
        assert_eq!((world.image().await.as_str(), world.automated().await), ("good", automated));
        assert_eq!(world.rollbacks().await.len(), 1);
    });
}
