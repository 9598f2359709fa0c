//! Several tenants: Flux applies under their accounts, and refuses what is in others' namespaces.

use serde_json::{Value, json};

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::harness::cluster::Ctx;
use crate::harness::flux::SourceKind;
use crate::harness::flux::kustomization::{condition, ready};

/// A tenant's account, with the right to everything that its application and the gate's Job consist of.
async fn tenant(ctx: &Ctx, with_jobs: bool) {
    let rule =
        |group: &str, resources: Value| json!({"apiGroups": [group], "resources": resources, "verbs": ["*"]});
    let mut rules = vec![
        rule("", json!(["configmaps", "services", "serviceaccounts"])),
        rule("apps", json!(["deployments"])),
        // Without these a health check of a Deployment never ends: Flux counts its Pods.
        rule("apps", json!(["replicasets"])),
        rule("", json!(["pods"])),
        rule("networking.k8s.io", json!(["networkpolicies"])),
    ];
    if with_jobs {
        rules.push(rule("batch", json!(["jobs"])));
    }
    let api_version = "rbac.authorization.k8s.io/v1";
    ctx.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "tenant"}})).await;
    ctx.apply(
        json!({"apiVersion": api_version, "kind": "Role", "metadata": {"name": "tenant"}, "rules": rules}),
    )
    .await;
    ctx.apply(json!({
        "apiVersion": api_version, "kind": "RoleBinding", "metadata": {"name": "tenant"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
        "subjects": [{"kind": "ServiceAccount", "name": "tenant", "namespace": ctx.ns}],
    }))
    .await;
}

#[test]
fn the_gate_runs_where_flux_applies_under_a_tenants_account() {
    gated("flux-tenant", async |ctx| {
        tenant(ctx, false).await;
        let clean = Shop::clean("web");
        let (shop, _first) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        for kustomization in [&shop.app, &shop.gate] {
            kustomization.merge(json!({"spec": {"serviceAccountName": "tenant"}})).await;
        }
        let second = shop.deploy(&clean.clone().labelled("tier", "front")).await;
        shop.app.ready_at(&second).await;
        let refused = |it: &Value| {
            let ready = condition(it, "Ready");
            let message = ready["message"].as_str().unwrap_or_default();
            ready["status"] == "False" && message.contains("forbidden") && message.contains("jobs")
        };
        shop.gate.until("may not apply Jobs", refused).await;
        tenant(ctx, true).await;
        shop.gate.ready_at(&second).await;
        assert_eq!(shop.run().await.exit_code, 0);
        let bad = shop.deploy(&clean.privileged()).await;
        shop.gate.failed_at(&bad).await;
        let run = shop.run().await;
        assert_eq!(run.exit_code, 20, "{run:#?}");
        assert!(ready(&shop.app.now().await, "True"));
    });
}

/// What the controller is started with: see `harness::flux`.
#[test]
fn a_source_of_another_namespace_is_refused_and_nothing_is_judged() {
    gated("flux-foreign", async |ctx| {
        let clean = Shop::clean("web");
        let (shop, _good) = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &clean).await;
        let first = shop.run().await;
        shop.app.merge(json!({"spec": {"sourceRef": {"namespace": "default"}}})).await;
        let denied =
            shop.app.until("is refused", |it| condition(it, "Ready")["reason"] == "AccessDenied").await;
        assert_eq!(condition(&denied, "Stalled")["status"], "True", "{denied:#}");
        let bad = shop.deploy(&clean.privileged()).await;
        let waits = |it: &Value| condition(it, "Ready")["reason"] == "DependencyNotReady";
        let seen = shop.gate.until("waits", waits).await;
        assert!(!seen["status"]["lastAppliedRevision"].as_str().unwrap().ends_with(&bad), "{seen:#}");
        assert_eq!(shop.run().await.uid, first.uid, "nothing was applied, so nothing is judged");
    });
}
