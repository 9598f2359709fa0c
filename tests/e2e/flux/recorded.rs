//! A recording of what Flux has deployed, with the rights of the gate and no more.

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::gate::outside::{driftgate, kubeconfig, report};
use crate::harness::flux::SourceKind;
use crate::harness::state::state_dir;

#[test]
fn a_recorded_kustomization_is_judged_as_it_was_live() {
    gated("flux-recorded", async |ctx| {
        let clean = Shop::clean("web");
        let (shop, good) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        let bad = shop.deploy(&clean.privileged()).await;
        shop.gate.failed_at(&bad).await;
        assert_eq!(shop.run().await.exit_code, 20);

        let (kubeconfig, folder) = (kubeconfig(ctx).await, state_dir(&format!("{}/recording", ctx.ns)));
        let (name, to) = (format!("kustomization/{}/shop", ctx.ns), folder.display().to_string());
        let live = ["--app", &name, "--kubeconfig", &kubeconfig];
        let scanned = report(&driftgate(&[&["scan", "-o", "json"], &live[..]].concat()));
        let recorded = driftgate(&[&["record", "--to", &to], &live[..]].concat());
        assert!(recorded.status.success(), "{recorded:?}");
        let rehearsed = report(&driftgate(&["rehearse", &to, "-o", "json"]));
        assert_eq!(rehearsed["exitCode"], 20, "{rehearsed:#}");
        assert_eq!(rehearsed["application"]["name"], *name);
        assert_eq!(rehearsed["application"]["revision"], format!("main@sha1:{bad}"));
        assert_eq!(rehearsed["rollback"]["to"], format!("main@sha1:{good}"), "{rehearsed:#}");
        let findings = |report: &serde_json::Value| {
            let all =
                ["drift", "belowThreshold"].map(|list| report[list].as_array().unwrap().clone()).concat();
            all.iter()
                .map(|it| it["id"].as_str().unwrap().to_owned())
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(findings(&rehearsed), findings(&scanned));
    });
}
