//! What commits lead to, in both layouts.

use k8s_openapi::api::core::v1::Event;
use kube::api::ListParams;
use rstest::rstest;
use serde_json::json;

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::harness::cluster::Ctx;
use crate::harness::flux::kustomization::{condition, ready};
use crate::harness::flux::{Kustomization, SourceKind};

fn name(layout: Layout, what: &str) -> String {
    format!("flux-{what}-{layout:?}").to_lowercase()
}

#[rstest]
#[case::same(Layout::Same)]
#[case::separate(Layout::Separate)]
fn a_clean_revision_passes_and_goes_on_record(#[case] layout: Layout) {
    gated(&name(layout, "pass"), async |ctx| {
        let (shop, commit) = Gated::passed(ctx, layout, SourceKind::Git, &Shop::clean("web")).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 0, "{run:#?}");
        let record = shop.record().await.unwrap();
        assert_eq!(record["revision"], format!("main@sha1:{commit}"), "{record:#}");
    });
}

#[rstest]
#[case::same(Layout::Same, SourceKind::Git)]
#[case::separate(Layout::Separate, SourceKind::Git)]
#[case::oci(Layout::Separate, SourceKind::Oci)]
fn critical_drift_fails_the_health_check_and_a_fixing_commit_mends_it(
    #[case] layout: Layout,
    #[case] kind: SourceKind,
) {
    gated(&format!("{}-{kind:?}", name(layout, "critical")).to_lowercase(), async |ctx| {
        let clean = Shop::clean("web");
        let (shop, good) = Gated::passed(ctx, layout, kind, &clean).await;
        let first = shop.run().await;
        let bad = shop.deploy(&clean.clone().privileged()).await;
        let failed = shop.gate.failed_at(&bad).await;
        let message = condition(&failed, "Ready")["message"].as_str().unwrap().to_owned();
        assert!(message.contains("stalled resources"), "{message}");
        let run = shop.run().await;
        assert_eq!(run.exit_code, 20, "{run:#?}");
        assert!(run.condition.contains("exit code 20 matching FailJob rule"), "{run:#?}");
        assert!(run.termination.contains("privileged-container"), "{run:#?}");
        assert!(run.log.stdout.contains(&format!("kustomization/{}/shop", ctx.ns)), "{run:#?}");
        assert_ne!(run.uid, first.uid);
        let about = "involvedObject.kind=Kustomization,involvedObject.name=shop,reason=GateCritical";
        let events = ctx.api::<Event>().list(&ListParams::default().fields(about)).await.unwrap();
        assert_eq!(events.items.len(), 1, "{events:#?}");
        // The separate Kustomization of the application stays green at the bad revision.
        assert_eq!(ready(&shop.app.now().await, "True"), layout == Layout::Separate);
        let fixed = shop.deploy(&clean.labelled("tier", "front")).await;
        shop.gate.ready_at(&fixed).await;
        assert_eq!(shop.run().await.exit_code, 0);
        let revision = |commit: &str| kind.revision(commit);
        let told =
            [("GatePassed", "info", &good), ("GateCritical", "error", &bad), ("GatePassed", "info", &fixed)];
        assert_eq!(
            shop.events(),
            told.map(|(reason, severity, at)| [reason.into(), severity.into(), revision(at)])
        );
    });
}

#[rstest]
#[case::same(Layout::Same)]
#[case::separate(Layout::Separate)]
fn drift_that_is_not_shown_to_be_new_blocks(#[case] layout: Layout) {
    gated(&name(layout, "blocked"), async |ctx| {
        let (shop, commit) =
            Gated::create(ctx, layout, SourceKind::Git, &Shop::clean("web").privileged()).await;
        shop.gate.failed_at(&commit).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 10, "{run:#?}");
        assert_eq!(shop.record().await, None);
    });
}

/// The policy of the test's namespace.
async fn policy(ctx: &Ctx, mode: &str) {
    let text = format!(
        "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  rollback: {{mode: {mode}}}\n"
    );
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "driftgate-policy"},
        "data": {"policy.yaml": text}});
    ctx.apply(object).await;
}

#[test]
fn where_the_policy_only_reports_drift_fails_nothing_and_is_told_and_kept_as_not_passed() {
    gated("flux-mode-report", async |ctx| {
        let clean = Shop::clean("web");
        let (shop, good) = Gated::passed(ctx, Layout::Same, SourceKind::Git, &clean).await;
        policy(ctx, "report").await;
        let bad = shop.deploy(&clean.clone().privileged()).await;
        shop.gate.ready_at(&bad).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 0, "{run:#?}");
        assert!(run.termination.contains("privileged-container"), "{run:#?}");
        assert!(run.log.stdout.contains("`rollback.mode` is report"), "{run:#?}");
        let revision = format!("main@sha1:{good}");
        assert_eq!(shop.record().await.unwrap()["revision"], revision, "what is bad goes on no record");
        let told = [("GatePassed", "info", &good), ("GateBlocked", "error", &bad)];
        let told = told
            .map(|(reason, severity, at)| [reason, severity, &format!("main@sha1:{at}")].map(str::to_owned));
        assert_eq!(shop.events(), told);
        let verdict = shop.verdict().await.unwrap();
        assert_eq!(
            (&verdict["exitCode"], &verdict["revision"]),
            (&json!(10), &json!(format!("main@sha1:{bad}")))
        );
    });
}

#[test]
fn where_the_policy_only_fails_critical_drift_is_blocked() {
    gated("flux-mode-fails", async |ctx| {
        let clean = Shop::clean("web");
        let (shop, _good) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        policy(ctx, "fail").await;
        let bad = shop.deploy(&clean.clone().privileged()).await;
        shop.gate.failed_at(&bad).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 10, "{run:#?}");
        assert!(run.log.stdout.contains("`rollback.mode` is fail, so no rollback is asked for"), "{run:#?}");
    });
}

#[test]
fn what_does_not_become_healthy_is_not_settled() {
    gated("flux-unsettled-same", async |ctx| {
        let (shop, commit) =
            Gated::create(ctx, Layout::Same, SourceKind::Git, &Shop::clean("web").never_ready()).await;
        shop.gate.failed_at(&commit).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 13, "{run:#?}");
        assert!(run.termination.contains("web"), "{run:#?}");
    });
}

#[test]
fn a_separate_gate_does_not_run_before_the_application_is_ready() {
    gated("flux-unsettled-separate", async |ctx| {
        let (shop, _commit) =
            Gated::create(ctx, Layout::Separate, SourceKind::Git, &Shop::clean("web").never_ready()).await;
        let waits = |it: &serde_json::Value| condition(it, "Ready")["reason"] == "DependencyNotReady";
        shop.app.until("has failed", |it| condition(it, "Ready")["reason"] == "HealthCheckFailed").await;
        shop.gate.until("waits", waits).await;
        assert_eq!(shop.gates().await.len(), 0);
    });
}

#[rstest]
#[case::same(Layout::Same)]
#[case::separate(Layout::Separate)]
fn a_commit_that_does_not_touch_the_application_keeps_the_verdict(#[case] layout: Layout) {
    gated(&name(layout, "docs"), async |ctx| {
        let (shop, commit) = Gated::passed(ctx, layout, SourceKind::Git, &Shop::clean("web")).await;
        let first = shop.run().await;
        let docs = shop.commit(&[("README.md", "About the shop")]).await;
        shop.gate.ready_at(&docs).await;
        assert_eq!(shop.run().await.uid, first.uid, "the gate ran again");
        let record = shop.record().await.unwrap();
        assert_eq!(record["revision"], format!("main@sha1:{commit}"), "{record:#}");
    });
}

#[test]
fn the_gate_of_a_chain_judges_what_it_depends_on_itself() {
    gated("flux-chain", async |ctx| {
        let (shop, commit) = Gated::create(ctx, Layout::Separate, SourceKind::Git, &Shop::clean("web")).await;
        let base = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "base", "namespace": ctx.ns}});
        shop.gate.ready_at(&commit).await;
        let chained = shop.commit(&[("base/base.yaml", &base.to_string())]).await;
        Kustomization::create(ctx, "base", SourceKind::Git, "shop", &json!({"path": "./base"})).await;
        shop.app.merge(json!({"spec": {"dependsOn": [{"name": "base"}]}})).await;
        shop.gate.ready_at(&chained).await;
        let changed = shop.deploy(&Shop::clean("web").labelled("tier", "front")).await;
        shop.gate.ready_at(&changed).await;
        let record = shop.record().await.unwrap();
        assert_eq!(record["revision"], format!("main@sha1:{changed}"), "{record:#}");
    });
}

#[test]
fn a_suspended_application_is_judged_when_it_is_resumed() {
    gated("flux-suspended", async |ctx| {
        let clean = Shop::clean("web");
        let (shop, _good) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        let first = shop.run().await;
        shop.app.merge(json!({"spec": {"suspend": true}})).await;
        let bad = shop.deploy(&clean.privileged()).await;
        shop.gate.until("waits", |it| condition(it, "Ready")["reason"] == "DependencyNotReady").await;
        assert_eq!(shop.run().await.uid, first.uid, "nothing was applied, so nothing is judged");
        shop.app.merge(json!({"spec": {"suspend": false}})).await;
        shop.gate.failed_at(&bad).await;
        assert_eq!(shop.run().await.exit_code, 20);
    });
}

#[test]
fn what_a_nested_kustomization_applies_is_judged_too() {
    gated("flux-nested", async |ctx| {
        let nested = Kustomization::object(
            "inner",
            SourceKind::Git,
            "shop",
            &json!({"path": "./inner", "wait": true}),
        );
        let outer = Shop::clean("web").with(nested);
        let inner = Shop::clean("db").privileged();
        let kustomization = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "namespace": ctx.ns, "resources": ["inner.yaml"]});
        let (shop, _good) = Gated::passed(ctx, Layout::Same, SourceKind::Git, &Shop::clean("web")).await;
        let bad = shop
            .commit(&[
                ("app/app.yaml", &outer.text()),
                ("inner/inner.yaml", &inner.text()),
                ("inner/kustomization.yaml", &kustomization.to_string()),
            ])
            .await;
        shop.gate.failed_at(&bad).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 20, "{run:#?}");
        assert!(run.termination.contains("flux-nested/db"), "{run:#?}");
    });
}
