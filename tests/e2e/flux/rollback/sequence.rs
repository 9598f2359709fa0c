//! From the bad commit to the rollback, and from the fix to the release.

use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::{Value, json};

use super::world::{CRITICAL, Layout, PASS, World, rolled};
use crate::harness::flux::SourceKind;
use crate::harness::git::GitRepo;
use crate::harness::runtime::eventually;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// The commit at which the application is.
pub(super) async fn commit_of(world: &World<'_>) -> String {
    let app = world.app.now().await;
    let revision = app["status"]["lastAppliedRevision"].as_str().unwrap().to_owned();
    revision.rsplit(':').next().unwrap().to_owned()
}

/// Commits what the gate rejects, and then a fix.
async fn bad_then_fixed(world: &mut World<'_>) {
    let good = commit_of(world).await;
    world.commit("bad", CRITICAL).await;
    let state = world.held().await;
    assert_eq!(state["case"]["target"][1]["name"].as_str().unwrap().rsplit(':').next(), Some(&*good));
    if world.kind == SourceKind::Git {
        world.is_pinned(&good).await;
    }
    assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 1));
    world.has_told(&TOLD[..2]).await;

    let fix = world.commit("fix", PASS).await;
    world.app.ready_at(&fix).await;
    world.judge().ready_at(&fix).await;
    world.is_as_before().await;
    assert_eq!((world.image().await.as_str(), world.changes().await), ("fix", 2));
    world.has_told(&TOLD).await;
    let over = |state: &Value| state["case"].is_null() && state["untold"].is_null();
    let state = world.kept("all has been told", over).await;
    let [bad, good] = [&state["rejected"][0]["name"], &state["passed"][0]["name"]].map(Value::clone);
    let told =
        [("RollbackDecided", "error", bad), ("RolledBack", "info", good), ("Released", "info", Value::Null)];
    assert_eq!(world.events(), told.map(|(reason, severity, at)| (reason.into(), severity.into(), at)));
}

#[test]
fn a_rejected_commit_is_swapped_for_the_good_one_and_the_fix_is_released() {
    rolled("flux-separate", Layout::Separate, SourceKind::Git, async |world| bad_then_fixed(world).await);
}

#[test]
fn a_gate_among_the_application_does_the_same() {
    rolled("flux-same", Layout::Same, SourceKind::Git, async |world| bad_then_fixed(world).await);
}

#[test]
fn an_oci_repository_is_pinned_by_its_digest() {
    rolled("flux-oci", Layout::Separate, SourceKind::Oci, async |world| bad_then_fixed(world).await);
}

#[test]
fn a_second_rejected_commit_goes_back_to_the_same_good_one() {
    rolled("flux-second", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        world.commit("bad", CRITICAL).await;
        world.held().await;
        let second = world.commit("worse", CRITICAL).await;
        world
            .kept("the second is held", |state| {
                let case = &state["case"];
                case["stage"].get("held").is_some()
                    && case["rejected"]["name"].as_str().is_some_and(|name| name.ends_with(&second))
            })
            .await;
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 3));
    });
}

#[test]
fn a_reverted_commit_releases_too() {
    rolled("flux-revert", Layout::Separate, SourceKind::Git, async |world| {
        world.commit("bad", CRITICAL).await;
        world.held().await;
        let revert = world.commit("good", PASS).await;
        world.judge().ready_at(&revert).await;
        world.free().await;
        world.is_as_before().await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 2));
        world.has_told(&TOLD).await;
    });
}

#[test]
fn a_commit_that_changes_nothing_of_the_application_releases_nothing() {
    rolled("flux-docs", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        world.commit("bad", CRITICAL).await;
        world.held().await;
        let docs = world.commit_with("bad", CRITICAL, &[("README", "words")]).await;
        world.gate.failed_at(&docs).await;
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", 1));
        world.has_told(&TOLD[..2]).await;
    });
}

#[test]
fn what_the_rejected_commit_added_is_pruned() {
    rolled("flux-prune", Layout::Separate, SourceKind::Git, async |world| {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "creep"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": world.ctx.ns}],
        });
        world.commit_with("bad", CRITICAL, &[("app/binding.yaml", &binding.to_string())]).await;
        world.held().await;
        let bindings = world.ctx.api::<RoleBinding>();
        eventually("the binding is gone", async || match bindings.get_opt("creep").await.unwrap() {
            None => Ok(()),
            Some(_) => Err("it is there"),
        })
        .await;
        assert_eq!(world.image().await, "good");
    });
}

#[test]
fn a_parent_that_applies_the_kustomization_again_leaves_it_pinned_and_the_release_reaches_it() {
    rolled("flux-parent", Layout::Separate, SourceKind::Git, async |world| {
        let good = commit_of(world).await;
        let mut child = world.app.now().await;
        child["metadata"] = json!({"name": "web", "annotations": {"driftgate.dev/rollback": "on"}});
        child.as_object_mut().unwrap().remove("status");
        let repo = GitRepo::new("flux-parent-fleet");
        let first = repo.commit(&[("web.yaml", &child.to_string())]);
        world.flux.source(world.ctx, SourceKind::Git, "fleet", &repo).await;
        let spec = json!({"targetNamespace": world.ctx.ns, "interval": "5s"});
        let parent =
            crate::harness::flux::Kustomization::create(world.ctx, "fleet", SourceKind::Git, "fleet", &spec)
                .await;
        parent.ready_at(&first).await;
        let before = world.changes().await;
        world.commit("bad", CRITICAL).await;
        world.held().await;
        let second = repo.commit(&[("README", "the parent applies all again")]);
        world.flux.refresh(world.ctx, SourceKind::Git, "fleet").await;
        parent.ready_at(&second).await;
        world.is_pinned(&good).await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("good", before + 1));
        let fix = world.commit("fix", PASS).await;
        world.app.ready_at(&fix).await;
        world.is_as_before().await;
    });
}
