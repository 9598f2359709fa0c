//! Shipped = used: what the gate reads of Flux.

use std::collections::BTreeSet;
use std::sync::Mutex;

use k8s_openapi::api::batch::v1::Job;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::gated::{Gated, Layout, gated};
use crate::gate::files::Shop;
use crate::gate::rights::{Right, rights};
use crate::harness::cluster::Ctx;
use crate::harness::flux::SourceKind;
use crate::harness::platform::ACCOUNT;
use crate::harness::runtime::eventually;

#[test]
fn the_gate_reads_nothing_of_flux_but_by_name() {
    gated("flux-gate-rights", async |ctx| {
        let _shop = Gated::passed(ctx, Layout::Separate, SourceKind::Git, &Shop::clean("web")).await;
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        let of_flux: BTreeSet<_> = uses
            .iter()
            .filter(|it| it.group.ends_with("toolkit.fluxcd.io"))
            .map(|it| (it.verb.as_str(), it.resource.as_str(), it.name.as_str(), it.allowed))
            .collect();
        let expected = ["shop", "shop-gate"].map(|name| ("get", "kustomizations", name, true));
        assert_eq!(of_flux, BTreeSet::from(expected));
    });
}

/// What the shipped role grants.
fn shipped() -> BTreeSet<Right> {
    let role: Value =
        serde_saphyr::from_str(include_str!("../../../manifests/platform-flux/clusterrole.yaml")).unwrap();
    role["rules"].as_array().unwrap().iter().flat_map(rights).collect()
}

/// HelmReleases, as far as somebody has to serve them; there is no helm-controller here.
async fn with_helm_releases(ctx: &Ctx) {
    let (group, open) = ("helm.toolkit.fluxcd.io", "x-kubernetes-preserve-unknown-fields");
    let schema = json!({"openAPIV3Schema": {"type": "object", open: true}});
    ctx.apply(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("helmreleases.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"kind": "HelmRelease", "plural": "helmreleases"},
            "versions": [{"name": "v2", "served": true, "storage": true, "schema": schema}],
        },
    }))
    .await;
    eventually("HelmReleases are served", async || {
        let request = http::Request::get(format!("/apis/{group}/v2/helmreleases")).body(Vec::new()).unwrap();
        ctx.client.request_text(request).await
    })
    .await;
}

/// Marks the application as held at what is live, and lets the gate run again.
async fn meets_a_hold(ctx: &Ctx, shop: &Gated<'_>) {
    let rejected = shop.app.now().await["status"]["lastAppliedRevision"].clone();
    let marks = json!({"driftgate.dev/rollback-case": "a-case", "driftgate.dev/original-source": "shop",
        "driftgate.dev/rejected-revision": rejected});
    shop.app.merge(json!({"metadata": {"annotations": marks}})).await;
    let old = shop.run().await.uid;
    ctx.api::<Job>().delete("driftgate", &DeleteParams::background()).await.unwrap();
    let asks = json!({"reconcile.fluxcd.io/requestedAt": "now"});
    shop.gate.merge(json!({"metadata": {"annotations": asks}})).await;
    let again = |job: &Job| job.metadata.uid.as_ref().is_some_and(|uid| *uid != old);
    ctx.until("driftgate", "is made again", again).await;
    let run = shop.run().await;
    assert_eq!(run.exit_code, 10, "{run:#?}");
}

#[test]
fn what_is_granted_of_flux_is_what_is_used() {
    let used = Mutex::new(BTreeSet::<Right>::new());
    for kind in [SourceKind::Git, SourceKind::Oci] {
        gated(&format!("flux-granted-{kind:?}").to_lowercase(), async |ctx| {
            let clean = Shop::clean("web");
            let (shop, _good) = Gated::passed(ctx, Layout::Separate, kind, &clean).await;
            if kind == SourceKind::Git {
                with_helm_releases(ctx).await;
                let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
                    "metadata": {"name": "db"}, "spec": {"interval": "1h"}});
                let with_release = shop.deploy(&clean.with(release)).await;
                shop.gate.failed_at(&with_release).await;
                let run = shop.run().await;
                assert_eq!(run.exit_code, 12, "{run:#?}");
                assert!(run.termination.contains("HelmRelease"), "{run:#?}");
            }
            meets_a_hold(ctx, &shop).await;
            let asked = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT).into_iter();
            let of_flux = asked.filter(|it| it.group.ends_with("toolkit.fluxcd.io"));
            used.lock().unwrap().extend(of_flux.map(|it| (it.verb, it.group, it.resource)));
        });
    }
    assert_eq!(used.into_inner().unwrap(), shipped());
}
