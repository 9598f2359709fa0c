//! Where the gate cannot tell: nothing is taken for a pass, and nothing asks for a rollback.

use rstest::rstest;
use serde_json::json;

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::harness::flux::kustomization::ready;
use crate::harness::flux::{Kustomization, SourceKind};

#[rstest]
#[case::same(Layout::Same)]
#[case::separate(Layout::Separate)]
fn what_is_deployed_to_another_cluster_cannot_be_judged(#[case] layout: Layout) {
    gated(&format!("flux-inconclusive-{layout:?}").to_lowercase(), async |ctx| {
        let clean = Shop::clean("web");
        let (shop, good) = Gated::passed(ctx, layout, SourceKind::Git, &clean).await;
        if layout == Layout::Separate {
            // The nested one never becomes ready, so an application that waits for it would never be judged.
            shop.app.merge(json!({"spec": {"wait": false}})).await;
        }
        let spec = json!({"path": "./far", "suspend": true, "kubeConfig": {"secretRef": {"name": "far"}}});
        let far = Kustomization::object("far", SourceKind::Git, "shop", &spec);
        let elsewhere = shop.deploy(&clean.with(far)).await;
        shop.gate.failed_at(&elsewhere).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 12, "{run:#?}");
        assert!(run.termination.contains("in another cluster"), "{run:#?}");
        assert!(run.condition.contains("exit code 12 matching FailJob rule"), "{run:#?}");
        assert_eq!(ready(&shop.app.now().await, "True"), layout == Layout::Separate);
        let record = shop.record().await.unwrap();
        assert_eq!(record["revision"], format!("main@sha1:{good}"), "{record:#}");
    });
}

#[test]
fn an_application_that_nobody_waits_for_is_not_settled_for_a_gate_of_its_own() {
    gated("flux-unsettled-apart", async |ctx| {
        let clean = Shop::clean("web");
        let (shop, good) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        shop.app.merge(json!({"spec": {"wait": false}})).await;
        let stuck = shop.deploy(&clean.never_ready()).await;
        shop.app.ready_at(&stuck).await;
        shop.gate.failed_at(&stuck).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 13, "{run:#?}");
        assert!(run.termination.contains("web"), "{run:#?}");
        let record = shop.record().await.unwrap();
        assert_eq!(record["revision"], format!("main@sha1:{good}"), "{record:#}");
    });
}

#[test]
fn what_depends_on_the_gate_waits_for_its_pass() {
    gated("flux-behind", async |ctx| {
        let clean = Shop::clean("web");
        let map = |value: &str| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "next", "namespace": ctx.ns},
                "data": {"for": value}})
            .to_string()
        };
        let (shop, _first) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        let good = shop.commit(&[("next/next.yaml", &map("good"))]).await;
        let spec = json!({"path": "./next", "dependsOn": [{"name": "shop-gate"}]});
        let next = Kustomization::create(ctx, "next", SourceKind::Git, "shop", &spec).await;
        next.ready_at(&good).await;
        let privileged = clean.clone().privileged();
        let files = [("next/next.yaml", &*map("bad")), ("app/app.yaml", &privileged.text())];
        let bad = shop.commit(&files).await;
        shop.gate.failed_at(&bad).await;
        assert_eq!(shop.run().await.exit_code, 20);
        let waits = |it: &serde_json::Value| {
            crate::harness::flux::kustomization::condition(it, "Ready")["reason"] == "DependencyNotReady"
        };
        let seen = next.until("waits for the gate", waits).await;
        assert!(seen["status"]["lastAppliedRevision"].as_str().unwrap().ends_with(&good), "{seen:#}");
        let live = ctx.api::<k8s_openapi::api::core::v1::ConfigMap>().get("next").await.unwrap();
        assert_eq!(live.data.unwrap()["for"], "good");
        let fixed = shop.deploy(&clean.labelled("tier", "front")).await;
        shop.gate.ready_at(&fixed).await;
        next.ready_at(&fixed).await;
    });
}
