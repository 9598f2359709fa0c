//! People who take over, and people who ask.

use serde_json::{Value, json};

use super::sequence::commit_of;
use super::world::{CRITICAL, Layout, PASS, World, rolled, run};
use crate::harness::flux::SourceKind;

/// A rejected commit that is held.
async fn held(world: &World<'_>) {
    world.commit("bad", CRITICAL).await;
    world.held().await;
    world.has_told(&["RollbackDecided", "RolledBack"]).await;
}

#[test]
fn a_person_who_edits_the_source_wins() {
    rolled("flux-edits", Layout::Separate, SourceKind::Git, async |world| {
        held(world).await;
        world.app.merge(json!({"spec": {"sourceRef": {"name": "web"}}})).await;
        let said = world.has_told(&["RollbackDecided", "RolledBack", "SteppedBack"]).await;
        assert!(said.contains("its source has been changed to GitRepository web"), "{said}");
        world.free().await;
        world.is_as_before().await;
        assert_eq!(world.changes().await, 2, "nothing is swapped again");
    });
}

#[test]
fn a_person_who_takes_the_annotation_away_wins() {
    rolled("flux-unmarks", Layout::Separate, SourceKind::Git, async |world| {
        held(world).await;
        let none = json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": null}}});
        world.app.merge(none).await;
        let said = world.has_told(&["RollbackDecided", "RolledBack", "SteppedBack"]).await;
        assert!(said.contains("has been taken away"), "{said}");
        world.free().await;
        world.is_as_before().await;
    });
}

#[test]
fn where_our_source_is_deleted_the_own_one_is_put_back_and_that_is_said() {
    rolled("flux-deleted", Layout::Separate, SourceKind::Git, async |world| {
        held(world).await;
        let [copy] = world.copies().await.try_into().unwrap();
        world.delete_source(&copy).await;
        let said = world.has_told(&["RollbackDecided", "RolledBack", "SteppedBack"]).await;
        assert!(said.contains("has been deleted; its own source is put back"), "{said}");
        world.free().await;
        world.is_as_before().await;
        assert_eq!(world.changes().await, 2);
    });
}

#[test]
fn a_release_by_hand_puts_the_source_back_and_the_revision_is_left_alone() {
    rolled("flux-release", Layout::Separate, SourceKind::Git, async |world| {
        held(world).await;
        let app = format!("kustomization/{}/web", world.ctx.ns);
        let released = run(world.ctx, &["release", &app]).await;
        assert_eq!(released.code, 0, "{released:?}");
        assert!(released.stdout.contains("nothing of Kustomization"), "{released:?}");
        world.is_as_before().await;
        let said = world.has_told(&["RollbackDecided", "RolledBack", "Released"]).await;
        assert!(said.contains("a person released it"), "{said}");
        world.kept("the rejected one is remembered", |state| !state["rejected"][0].is_null()).await;
        assert_eq!(world.changes().await, 2);
    });
}

#[test]
fn a_person_rolls_back_to_a_revision_after_a_look_and_without_a_controller() {
    rolled("flux-by-hand", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        let better = world.commit("better", PASS).await;
        world.gate.ready_at(&better).await;
        world.kept("both have passed", |state| state["passed"][1].is_object()).await;
        world.controller = None;
        let app = format!("kustomization/{}/web", world.ctx.ns);
        let unknown = run(world.ctx, &["rollback", &app, "--to", "77"]).await;
        assert_eq!(unknown.code, 10, "{unknown:?}");
        let look = run(world.ctx, &["rollback", &app, "--to", &good[..7], "--dry-run"]).await;
        assert!(look.code == 0 && look.stdout.contains("a copy of web pinned to that"), "{look:?}");
        assert_eq!(world.changes().await, 0);
        let ended = run(world.ctx, &["rollback", &app, "--to", &good[..7]]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 1));
    });
}

#[test]
fn a_job_after_the_gate_rolls_back_without_a_controller() {
    rolled("flux-job", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        world.controller = None;
        let app = format!("kustomization/{}/web", world.ctx.ns);
        let args = ["rollback", &app, "--after-gate", "--opt-in=all", "--timeout=60s"];
        let (ended, _) = tokio::join!(run(world.ctx, &args), world.commit("bad", CRITICAL));
        assert_eq!(ended.code, 0, "{ended:?}");
        assert!(ended.stdout.contains("The gate rejected"), "{ended:?}");
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 1));
        world.has_told(&["RollbackDecided", "RolledBack"]).await;
    });
}

#[test]
fn what_cannot_be_done_is_said_in_a_sentence() {
    rolled("flux-unknown", Layout::Same, SourceKind::Git, async |world| {
        let missing = run(world.ctx, &["rollback", &format!("kustomization/{}/none", world.ctx.ns)]).await;
        assert_eq!(missing.code, 12, "{missing:?}");
        assert!(missing.stderr.contains("/none is not there"), "{missing:?}");
        assert_eq!(world.state().await["case"], Value::Null);
    });
}
