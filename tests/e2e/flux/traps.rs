//! A gate that would fail open refuses to run.

use rstest::rstest;
use serde_json::{Value, json};

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::harness::flux::SourceKind;

#[rstest]
#[case::ttl("ttl", json!({"op": "add", "path": "/spec/ttlSecondsAfterFinished", "value": 600}), "spec.ttlSecondsAfterFinished")]
#[case::missing_force("force", json!({"op": "remove", "path": "/metadata/annotations"}), "kustomize.toolkit.fluxcd.io/force")]
#[case::late("late", json!({"op": "replace", "path": "/spec/activeDeadlineSeconds", "value": 900}), "spec.activeDeadlineSeconds")]
fn a_trap_ends_the_gate_with_3_and_the_fix(#[case] name: &str, #[case] patch: Value, #[case] field: &str) {
    gated(&format!("flux-trap-{name}"), async |ctx| {
        let (shop, commit) =
            Gated::create_with(ctx, Layout::Same, SourceKind::Git, &Shop::clean("web"), &[patch]).await;
        shop.gate.failed_at(&commit).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 3, "{run:#?}");
        assert!(run.termination.contains(field), "{run:#?}");
        assert_eq!(shop.record().await, None);
    });
}
