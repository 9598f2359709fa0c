//! `driftgate rollback` and `driftgate release`, as people and Jobs call them.

use serde_json::json;

use super::controller::run;
use super::world::{CRITICAL, PASS, World, rolled};
use crate::harness::argocd::AppOptions;

/// The fix is deployed, and auto-sync is on.
async fn fixed(world: &World<'_>) {
    let fix = world.commit("fix", PASS);
    world.synced(&fix).await;
    assert_eq!(
        (world.image().await.as_str(), world.automated().await["enabled"].clone()),
        ("fix", json!(null))
    );
}

#[test]
fn without_a_controller_a_job_rolls_back_once_the_gate_has_spoken() {
    rolled("hand-job", AppOptions { retries: 5, ..AppOptions::default() }, async |world| {
        world.controller = None;
        let app = format!("argocd/{}", world.app.name);
        world.commit("bad", CRITICAL);
        let args = ["rollback", &app, "--after-gate", "--timeout=60s"];
        let (ended, ()) = tokio::join!(run(world.ctx, &args), world.app.refresh());
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.contains("The gate rejected"), "{ended:?}");
        assert!(ended.stdout.contains("Back on"), "{ended:?}");
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 1));
        world.has_told(&["RollbackDecided", "RolledBack"]).await;
    });
}

#[test]
fn a_person_rolls_back_to_a_number_of_the_history_after_a_look() {
    rolled("hand-person", AppOptions::default(), async |world| {
        let better = world.commit("better", PASS);
        world.synced(&better).await;
        let app = format!("argocd/{}", world.app.name);
        let unknown = run(world.ctx, &["rollback", &app, "--to", "77"]).await;
        assert_eq!(unknown.code, 10);
        assert!(unknown.stderr.contains("its history has no id 77; there are 0, 1"), "{unknown:?}");
        let look = run(world.ctx, &["rollback", &app, "--to", "0", "--dry-run"]).await;
        assert_eq!((look.code, world.rollbacks().await.len()), (0, 0), "{look:?}");
        assert!(look.stdout.contains("(history id 0); auto-sync is switched off"), "{look:?}");
        let ended = run(world.ctx, &["rollback", &app, "--to", "0"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 1));
        fixed(world).await;
    });
}

#[test]
fn a_release_by_hand_restores_auto_sync_at_once() {
    rolled("hand-release", AppOptions::default(), async |world| {
        let automated = world.automated().await;
        let app = format!("argocd/{}", world.app.name);
        let nothing = run(world.ctx, &["release", &app]).await;
        assert!(nothing.code == 0 && nothing.stdout.contains("nothing of Application"), "{nothing:?}");
        let bad = world.commit("bad", CRITICAL);
        world.app.refresh().await;
        world.stage("held").await;
        let released = run(world.ctx, &["release", &app]).await;
        assert_eq!(released.code, 0, "{released:?}");
        assert!(released.stdout.contains("is held any more"), "{released:?}");
        let released = world.messages().await.into_iter().find(|it| it.contains("a person released it"));
        assert!(released.is_some(), "{:?}", world.messages().await);
        assert_eq!(world.automated().await, automated);
        assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("bad", 1));
        fixed(world).await;
    });
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    rolled("hand-unknown", AppOptions::default(), async |world| {
        let missing = run(world.ctx, &["rollback", "argocd/no-such-app"]).await;
        assert_eq!(missing.code, 12, "{missing:?}");
        assert!(missing.stderr.contains("Application argocd/no-such-app is not there"), "{missing:?}");
        let app = format!("argocd/{}", world.app.name);
        let only = run(world.ctx, &["rollback", &app]).await;
        assert_eq!(only.code, 10, "{only:?}");
        assert!(only.stderr.contains("no other revision is in the history"), "{only:?}");
    });
}
