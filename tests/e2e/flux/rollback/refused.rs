//! What is not rolled back, and what people are told instead.

use serde_json::json;

use super::world::{CRITICAL, Layout, rolled};
use crate::harness::flux::SourceKind;

const REFUSED: [&str; 2] = ["RollbackDecided", "NotRolledBack"];

#[test]
fn a_kustomization_that_applies_itself_is_refused() {
    rolled("flux-itself", Layout::Separate, SourceKind::Git, async |world| {
        let labels = json!({
            "kustomize.toolkit.fluxcd.io/name": "web", "kustomize.toolkit.fluxcd.io/namespace": world.ctx.ns,
        });
        world.app.merge(json!({"metadata": {"labels": labels}})).await;
        world.commit("bad", CRITICAL).await;
        let said = world.has_told(&REFUSED[1..]).await;
        assert!(said.contains("applies itself"), "{said}");
        assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 0));
    });
}

#[test]
fn a_suspended_kustomization_is_left_alone() {
    rolled("flux-halted", Layout::Separate, SourceKind::Git, async |world| {
        let bad = world.commit_slowly("bad", CRITICAL).await;
        world.app.ready_at(&bad).await;
        world.app.merge(json!({"spec": {"suspend": true}})).await;
        let said = world.has_told(&REFUSED[1..]).await;
        assert!(said.contains("it is suspended"), "{said}");
        assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 1));
        assert!(world.copies().await.is_empty());
    });
}

#[test]
fn where_the_old_revision_no_longer_verifies_nothing_is_swapped() {
    rolled("flux-verify", Layout::Separate, SourceKind::Git, async |world| {
        let good = super::sequence::commit_of(world).await;
        world.flux.refuse(&good);
        world.verify().await;
        world.commit("bad", CRITICAL).await;
        let said = world.has_told(&REFUSED).await;
        assert!(said.contains("VerificationError") && said.contains(&good[..7]), "{said}");
        world.free().await;
        assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 0));
        world.is_as_before().await;
    });
}

#[test]
fn a_kind_that_the_rejected_commit_defines_is_not_deleted() {
    rolled("flux-definition", Layout::Separate, SourceKind::Git, async |world| {
        let definition = json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "things.flux-definition.test"},
            "spec": {
                "group": "flux-definition.test", "scope": "Namespaced",
                "names": {"kind": "Thing", "plural": "things"},
                "versions": [{"name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object"}}}],
            },
        });
        world.commit_with("bad", CRITICAL, &[("app/things.yaml", &definition.to_string())]).await;
        let said = world.has_told(&REFUSED[1..]).await;
        assert!(said.contains("things.flux-definition.test"), "{said}");
        assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 0));
    });
}
