//! Whatever the gate says but 20, nothing is rolled back.

use rstest::rstest;
use serde_json::json;

use k8s_openapi::api::batch::v1::Job;
use kube::api::{DeleteParams, ListParams};

use super::world::{CRITICAL, PASS, World, deployment, gate, rolled};
use crate::harness::argocd::{AppOptions, merge};
use crate::harness::runtime::eventually;

/// The controller has seen all of it once it has seen the fix pass.
async fn is_left_alone(world: &World<'_>, bad: &str) {
    assert_eq!(world.app.synced_to(bad).await.phase(), "Failed");
    assert_eq!(world.image().await, "bad");
    let fix = world.commit("fix", PASS);
    world.synced(&fix).await;
    world.remembers(&fix).await;
    assert_eq!(world.rollbacks().await, [""; 0]);
    assert_eq!(world.told().await, [""; 0]);
    let state = world.state().await.unwrap();
    assert_eq!((&state["rejected"], &state["case"]), (&json!([]), &json!(null)));
}

#[rstest]
fn a_gate_that_ends_otherwise_rolls_nothing_back(#[values(1, 2, 3, 10, 12, 13, 14, 143)] exit_code: i32) {
    rolled(&format!("roll-exit-{exit_code}"), AppOptions::default(), async |world| {
        let bad = world.commit("bad", exit_code);
        world.app.refresh().await;
        is_left_alone(world, &bad).await;
    });
}

#[test]
fn a_gate_whose_job_is_deleted_rolls_nothing_back() {
    rolled("roll-deleted", AppOptions::default(), async |world| {
        let mut slow = gate(CRITICAL);
        let annotations = json!({"metadata": {"annotations": {"test.driftgate.dev/after-ms": "60000"}}});
        merge(&mut slow["spec"]["template"], &annotations);
        slow["metadata"]["annotations"]["argocd.argoproj.io/hook"] = json!("PostSync");
        let (app, slow) = (deployment("bad").to_string(), slow.to_string());
        let bad = world.repo.commit(&[("app.yaml", &app), ("gate.yaml", &slow)]);
        world.app.refresh().await;
        let jobs = world.ctx.api::<Job>();
        let job = eventually("the gate runs", async || {
            let list = jobs.list(&ListParams::default()).await.unwrap();
            let mut names = list.items.into_iter().filter_map(|job| job.metadata.name);
            names.find(|name| name.contains(&bad[..7])).ok_or("no Job")
        })
        .await;
        jobs.delete(&job, &DeleteParams::background()).await.unwrap();
        // The finalizer of Argo CD would keep the Job: whoever deletes a running gate takes it away too.
        world.ctx.merge::<Job>(&job, json!({"metadata": {"finalizers": null}})).await;
        is_left_alone(world, &bad).await;
    });
}

/// A Deployment that never becomes ready, so that its sync fails before PostSync.
fn never_ready() -> String {
    let mut bad = deployment("bad");
    bad["spec"]["progressDeadlineSeconds"] = json!(2);
    let annotations = json!({"metadata": {"annotations": {"test.driftgate.dev/phase": "never-ready"}}});
    merge(&mut bad["spec"]["template"], &annotations);
    bad.to_string()
}

#[test]
fn a_sync_that_fails_before_its_gate_is_rolled_back_if_the_sync_fail_gate_says_so() {
    rolled("roll-sync-fail", AppOptions::default(), async |world| {
        let gate = gate(CRITICAL).to_string();
        world.repo.commit(&[("app.yaml", &never_ready()), ("gate.yaml", &gate)]);
        world.app.refresh().await;
        world.stage("held").await;
        assert_eq!(world.image().await, "good");
        world.has_told(&["RollbackDecided", "RolledBack"]).await;
    });
}

#[test]
fn a_hook_of_the_users_that_ends_with_20_rolls_nothing_back() {
    rolled("roll-other-hook", AppOptions::default(), async |world| {
        let mut other = gate(CRITICAL);
        other["metadata"]["generateName"] = json!("notify-");
        other["metadata"]["annotations"]["argocd.argoproj.io/hook"] = json!("SyncFail");
        other["spec"]["template"]["spec"]["containers"][0]["name"] = json!("notify");
        let rules = other["spec"]["podFailurePolicy"]["rules"].as_array_mut().unwrap();
        for rule in rules.iter_mut().filter(|rule| rule["onExitCodes"].is_object()) {
            rule["onExitCodes"]["containerName"] = json!("notify");
        }
        let (app, gate, other) = (never_ready(), gate(10).to_string(), other.to_string());
        let bad = world.repo.commit(&[("app.yaml", &app), ("gate.yaml", &gate), ("notify.yaml", &other)]);
        world.app.refresh().await;
        assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
        world.repo.remove("notify.yaml");
        is_left_alone(world, &bad).await;
    });
}
