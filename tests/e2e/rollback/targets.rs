//! Where it goes back to, and when there is no such place.

use rstest::rstest;
use serde_json::{Value, json};

use super::controller::Controller;
use super::world::{CRITICAL, PASS, World, deployment, rolled};
use crate::harness::argocd::AppOptions;
use crate::harness::cluster::with_namespace;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

fn ended(revision: &str, how: &str) -> (String, String) {
    (revision.to_owned(), how.to_owned())
}

/// The sync strategy that runs no hooks.
fn without_hooks() -> Value {
    json!({"syncStrategy": {"apply": {}}})
}

/// Deployed once without its gate, so that Argo CD has it in its history, and then with it.
async fn rejected_after_it_was_deployed(world: &World<'_>) -> String {
    let bad = world.commit("bad", CRITICAL);
    world.app.refresh().await;
    assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
    assert_eq!(world.sync_by_machine(&bad, &without_hooks()).await.phase(), "Succeeded");
    assert_eq!(world.sync_by_machine(&bad, &json!({})).await.phase(), "Failed");
    let history = world.app.now().await["status"]["history"].clone();
    assert_eq!(history.as_array().unwrap().last().unwrap()["revision"], bad, "{history:#}");
    bad
}

#[test]
fn a_history_that_ends_in_the_rejected_revision_is_gone_further_back_in() {
    rolled("roll-history", AppOptions::default(), async |world| {
        let automated = world.automated().await;
        let good = world.operations().await[0].0.clone();
        world.controller = None;
        let bad = rejected_after_it_was_deployed(world).await;
        world.controller = Some(Controller::start(world.ctx, "first", &[]).await);
        let state = world.stage("held").await;
        assert_eq!((&state["case"]["rejected"]["name"], world.image().await.as_str()), (&json!(bad), "good"));
        assert_eq!(world.rollbacks().await, [good.as_str()]);
        assert_eq!(world.automated().await["enabled"], false);
        world.has_told(&TOLD[..2]).await;
        let fix = world.commit("fix", PASS);
        world.synced(&fix).await;
        world.free().await;
        world.has_told(&TOLD).await;
        assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
        let all = [(&good, "succeeded"), (&bad, "failed"), (&bad, "succeeded"), (&bad, "failed")];
        let all = all.into_iter().chain([(&good, "succeeded"), (&fix, "succeeded")]);
        assert_eq!(world.operations().await, all.map(|(it, how)| ended(it, how)).collect::<Vec<_>>());
    });
}

#[test]
fn where_all_that_is_left_of_the_history_is_rejected_nothing_is_rolled_back() {
    let also = json!({"spec": {"revisionHistoryLimit": 1}});
    rolled("roll-all-bad", AppOptions { also, ..AppOptions::default() }, async |world| {
        let automated = world.automated().await;
        let bad = world.commit("bad", CRITICAL);
        world.app.refresh().await;
        world.stage("held").await;
        assert_eq!(world.image().await, "good");
        // What is rejected is all that Argo CD remembers from now on.
        assert_eq!(world.sync_by_machine(&bad, &without_hooks()).await.phase(), "Succeeded");
        world.stage("overtaken").await;
        let worse = world.commit("worse", CRITICAL);
        world.seen(&worse).await;
        assert_eq!(world.app.synced_to(&worse).await.phase(), "Failed");
        world.has_told(&["RollbackDecided", "RolledBack", "SteppedBack", "Released", "NotRolledBack"]).await;
        let messages = world.messages().await;
        assert!(messages[4].contains("every revision in the history has been rejected"), "{messages:?}");
        assert_eq!((world.image().await.as_str(), world.automated().await), ("worse", automated));
        let fix = world.commit("fix", PASS);
        world.synced(&fix).await;
        assert_eq!(world.image().await, "fix");
        assert_eq!(world.told().await.iter().filter(|it| *it == "RolledBack").count(), 1);
    });
}

#[rstest]
#[case::never("never", &["NotRolledBack"], "bad")]
#[case::last_success("last-success", &TOLD[..2], "good")]
fn a_revision_that_no_gate_was_seen_to_pass_is_a_target_only_if_it_may_be(
    #[case] unproven: &str,
    #[case] told: &[&str],
    #[case] image: &str,
) {
    with_namespace(&format!("roll-unproven-{unproven}"), async |ctx| {
        let mut world = World::start(ctx, AppOptions::default()).await;
        world.controller = None;
        let argument = format!("--unproven-target={unproven}");
        world.controller = Some(Controller::start(ctx, "first", &[&argument]).await);
        let good = world.repo.commit(&[("app.yaml", &deployment("good").to_string())]);
        world.synced(&good).await;
        let bad = world.commit("bad", CRITICAL);
        world.seen(&bad).await;
        world.has_told(told).await;
        if unproven == "never" {
            let message = world.messages().await[0].clone();
            assert!(message.contains("no gate was seen to pass it"), "{message}");
            assert_eq!(world.rollbacks().await, [""; 0]);
        } else {
            world.stage("held").await;
            assert_eq!(world.rollbacks().await, [good]);
            assert_eq!(world.automated().await["enabled"], false);
        }
        assert_eq!(world.image().await, image);
    });
}
