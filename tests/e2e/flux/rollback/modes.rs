//! `rollback.mode`: the application is frozen as it is, and released.

use serde_json::{Value, json};

use super::world::{CRITICAL, Layout, PASS, World, rolled_with};
use crate::harness::flux::SourceKind;

const FREEZE: &[&str] = &["--mode=freeze"];

/// Commits what the gate rejects, which is frozen as it is.
async fn frozen(world: &World<'_>) {
    let bad = world.commit("bad", CRITICAL).await;
    world.held().await;
    let app = world.app.until("it is suspended", |app| app["spec"]["suspend"] == true).await;
    assert_eq!(app["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"], "disabled");
    assert_eq!(app["spec"]["sourceRef"]["name"], "web");
    let rejected = &app["metadata"]["annotations"]["driftgate.dev/rejected-revision"];
    assert_eq!(rejected, &json!(format!("sha1:{bad}")));
    assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 1));
    assert!(world.copies().await.is_empty());
    assert!(world.has_told(&["Frozen"]).await.contains("frozen as it is"));
}

async fn frozen_and_fixed(world: &World<'_>) {
    frozen(world).await;
    let fix = world.commit("fix", PASS).await;
    let app = world.app.ready_at(&fix).await;
    assert_eq!(app["spec"].get("suspend"), None, "{:#}", app["spec"]);
    world.judge().ready_at(&fix).await;
    world.is_as_before().await;
    assert_eq!((world.image().await.as_str(), world.changes().await), ("fix", 2));
    assert!(world.has_told(&["Frozen", "Released"]).await.contains("no longer frozen"));
    world.free().await;
    let severities: Vec<(String, String)> =
        world.events().into_iter().map(|(reason, severity, _)| (reason, severity)).collect();
    assert_eq!(severities, [("Frozen", "error"), ("Released", "info")].map(|(a, b)| (a.into(), b.into())));
}

#[test]
fn a_rejected_commit_is_frozen_as_it_is_until_the_next_one() {
    let kind = SourceKind::Git;
    rolled_with("flux-freeze", Layout::Separate, kind, FREEZE, async |world| frozen_and_fixed(world).await);
}

#[test]
fn a_gate_among_the_application_freezes_it_too() {
    let kind = SourceKind::Git;
    rolled_with("flux-freeze-same", Layout::Same, kind, FREEZE, async |world| frozen_and_fixed(world).await);
}

#[test]
fn a_person_who_resumes_it_wins() {
    rolled_with("flux-resumed", Layout::Separate, SourceKind::Git, FREEZE, async |world| {
        frozen(world).await;
        world.app.merge(json!({"spec": {"suspend": false}})).await;
        assert!(world.has_told(&["Frozen", "SteppedBack"]).await.contains("it has been resumed"));
        world.free().await;
        let app = world.app.now().await;
        let annotations = &app["metadata"]["annotations"];
        assert_eq!(annotations.get("driftgate.dev/rollback-case"), None, "{annotations:#}");
        assert_eq!(annotations.get("kustomize.toolkit.fluxcd.io/reconcile"), None, "{annotations:#}");
    });
}

#[test]
fn where_the_platform_wants_nothing_done_nothing_is_done_and_that_is_said() {
    rolled_with("flux-mode-fail", Layout::Separate, SourceKind::Git, &["--mode=fail"], async |world| {
        world.commit("bad", CRITICAL).await;
        assert!(world.has_told(&["NotRolledBack"]).await.contains("`rollback.mode: fail`"));
        assert_eq!((world.image().await.as_str(), world.changes().await), ("bad", 0));
        assert_eq!(world.state().await["case"], Value::Null);
    });
}
