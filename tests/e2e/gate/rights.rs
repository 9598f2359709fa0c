//! Shipped = used: the gate uses every right that its roles grant, and needs none besides.

use std::collections::BTreeSet;

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, exits, gated};
use crate::harness::argocd::ArgoCd;
use crate::harness::cluster::Ctx;
use crate::harness::platform::{ACCOUNT, Tree};

/// Verb, group, resource.
pub(crate) type Right = (String, String, String);

/// What the shipped roles grant.
fn shipped() -> BTreeSet<Right> {
    let objects = Tree::copy("rights").render("kustomize/base");
    let rules = objects.iter().flat_map(|object| object["rules"].as_array().into_iter().flatten());
    rules.flat_map(rights).collect()
}

/// What one rule of a role grants.
pub(crate) fn rights(rule: &Value) -> Vec<Right> {
    let list = |field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
    let (verbs, groups, resources) = (list("verbs"), list("apiGroups"), list("resources"));
    let of_verb = |verb: &String| {
        let resources = resources.clone();
        let of_group = |group: &String| {
            resources
                .iter()
                .map(|resource| (verb.clone(), group.clone(), resource.clone()))
                .collect::<Vec<_>>()
        };
        groups.iter().flat_map(of_group).collect::<Vec<_>>()
    };
    verbs.iter().flat_map(of_verb).collect()
}

/// Kinds that are fetched only when an Event is about an object of theirs; here it is about a Deployment.
const OF_OTHER_WORKLOADS: [(&str, &str); 6] = [
    ("", "pods"),
    ("", "replicationcontrollers"),
    ("apps", "daemonsets"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "cronjobs"),
];

/// A webhook with a Service, so that its endpoints matter; the condition keeps the API server from calling it.
async fn webhook_with_a_service(ctx: &Ctx) {
    let name = format!("{}-backend", ctx.ns);
    let ca = ByteString(ctx.plane.endpoint.ca_pem.clone().into_bytes());
    ctx.apply(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "hook"},
        "spec": {"ports": [{"port": 443}]},
    }))
    .await;
    ctx.apply(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "hook", "labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4", "ports": [{"port": 443}],
        "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": true}}],
    }))
    .await;
    ctx.apply(json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": "hook.test.driftgate.dev",
            "clientConfig": {"service": {"namespace": ctx.ns, "name": "hook"}, "caBundle": ca},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ctx.ns}},
            "matchConditions": [{"name": "never", "expression": "false"}],
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
        }],
    }))
    .await;
}

#[test]
fn every_right_that_is_shipped_is_used_and_no_other_is() {
    gated("gate-rights", async |ctx| {
        let argo = ArgoCd::shared().await;
        webhook_with_a_service(ctx).await;
        let shop = Shop::clean("web");
        let (app, first) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(first.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        // A second pass replaces the record of the first.
        let shop = shop.labelled("tier", "front");
        assert_eq!(app.deploy(&shop).await.ends().await, exits(&[("PostSync", "Succeeded", 0)]));
        let bad = app.deploy(&shop.privileged()).await;
        assert_eq!(bad.ends().await, exits(&[("PostSync", "Failed", 20), ("SyncFail", "Succeeded", 0)]));

        let requests = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT).into_iter();
        let used: BTreeSet<Right> = requests
            .map(|it| {
                let subresource = if it.subresource.is_empty() { "" } else { "/" };
                (it.verb, it.group, format!("{}{subresource}{}", it.resource, it.subresource))
            })
            .collect();
        let fetched =
            |(group, resource): (&str, &str)| ("get".to_owned(), group.to_owned(), resource.to_owned());
        let mut shipped = shipped();
        for right in OF_OTHER_WORKLOADS.map(fetched) {
            assert!(shipped.remove(&right), "not shipped: {right:?}");
        }
        let (missing, idle): (Vec<_>, Vec<_>) =
            (used.difference(&shipped).collect(), shipped.difference(&used).collect());
        assert!(missing.is_empty() && idle.is_empty(), "not shipped: {missing:#?}, not used: {idle:#?}");
    });
}
