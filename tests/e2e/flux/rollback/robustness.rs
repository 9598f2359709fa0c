//! Controllers that die, several of them, and Git that moves meanwhile.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::sequence::commit_of;
use super::world::{CRITICAL, Layout, PASS, World, rolled};
use crate::harness::flux::SourceKind;
use crate::harness::runtime::eventually;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// Kills the controller each time it has kept something, and starts it again, until it is done.
async fn killed_at_every_write(world: &mut World<'_>, done: impl Fn(&Value) -> bool) -> usize {
    let mut kills = 0;
    let mut last = world.state().await;
    while !done(&last) {
        let seen = last.clone();
        last = world.kept("the next thing is kept", |state| *state != seen).await;
        world.restart().await;
        kills += 1;
    }
    kills
}

#[test]
fn a_controller_that_is_killed_at_every_write_goes_on_where_it_was() {
    rolled("flux-killed", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        world.commit("bad", CRITICAL).await;
        let kills = killed_at_every_write(world, |it| it["case"]["stage"].get("held").is_some()).await;
        assert!(kills >= 3, "{kills}");
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 1));
        let fix = world.commit("fix", PASS).await;
        killed_at_every_write(world, |it| it["case"].is_null()).await;
        world.app.ready_at(&fix).await;
        world.is_as_before().await;
        assert_eq!(world.changes().await, 2);
        world.has_told(&TOLD).await;
    });
}

#[test]
fn of_two_controllers_the_other_one_goes_on() {
    rolled("flux-two", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        let other = world.another("second").await;
        world.commit("bad", CRITICAL).await;
        world.kept("a case is open", |state| !state["case"].is_null()).await;
        world.controller = None;
        world.held().await;
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 1));
        world.has_told(&TOLD[..2]).await;
        let metrics = other.get("/metrics").await;
        assert!(metrics.contains("driftgate_quarantined_applications 1"), "{metrics}");
    });
}

#[test]
fn a_state_that_is_deleted_while_something_is_held_is_found_again_by_its_marks() {
    rolled("flux-lost", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        let bad = world.commit("bad", CRITICAL).await;
        let before = world.held().await;
        let maps: Api<ConfigMap> = world.ctx.api();
        let states = ListParams::default().labels("driftgate.dev/rollback-state");
        maps.delete_collection(&DeleteParams::default(), &states).await.unwrap();
        let after = world.kept("it is held, and nothing else is known", |state| {
            state["case"]["stage"].get("held").is_some() && state["passed"] == json!([])
        });
        let after = after.await;
        for field in ["id", "rejected", "operation", "content", "hold"] {
            assert_eq!(before["case"][field], after["case"][field], "{field}");
        }
        assert_eq!(after["case"]["rejected"]["name"], format!("sha1:{bad}"));
        world.is_pinned(&good).await;
        let fix = world.commit("fix", PASS).await;
        world.judge().ready_at(&fix).await;
        world.free().await;
        world.is_as_before().await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("fix", 2));
        world.has_told(&TOLD).await;
    });
}

#[test]
fn a_commit_between_copy_and_swap_is_not_gone_back_over() {
    rolled("flux-between", Layout::Separate, SourceKind::Git, async |world| {
        world.commit("bad", CRITICAL).await;
        world.kept("a case is open", |state| !state["case"].is_null()).await;
        world.controller = None;
        let fix = world.commit("fix", PASS).await;
        world.app.ready_at(&fix).await;
        world.restart().await;
        world.gate.ready_at(&fix).await;
        world.free().await;
        world.is_as_before().await;
        assert_eq!(world.image().await, "fix");
    });
}

#[test]
fn a_good_commit_that_is_gone_from_git_is_told() {
    rolled("flux-forced", Layout::Separate, SourceKind::Git, async |world| {
        world.repo.rewrite();
        world.commit("bad", CRITICAL).await;
        let said = world.has_told(&["RollbackDecided", "NotRolledBack"]).await;
        assert!(said.contains("does not yield"), "{said}");
        assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 0));
        eventually("no copy is left", async || {
            let copies = world.copies().await;
            if copies.is_empty() { Ok(()) } else { Err(format!("{copies:?}")) }
        })
        .await;
    });
}
