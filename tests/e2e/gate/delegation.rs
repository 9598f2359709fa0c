//! A platform's policy above that of the application, read from the platform's namespace with the shipped rights.

use jiff::{Span, Zoned};
use serde_json::json;

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, gated};
use crate::harness::argocd::ArgoCd;
use crate::harness::platform::RECORDS_NAMESPACE;

#[test]
fn a_team_excludes_what_the_platform_delegates_and_no_more() {
    gated("gate-delegation", async |ctx| {
        let policy = |name: &str, namespace: &str, spec: serde_json::Value| {
            let policy = json!({"apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": spec});
            json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace},
                "data": {"policy.yaml": policy.to_string()},
            })
        };
        let expires = Zoned::now().date().saturating_add(Span::new().days(30)).to_string();
        let entry = json!({
            "rule": "privileged-container", "container": "main", "reason": "r", "owner": "o", "expires": expires,
            "subject": {"kind": "Deployment", "namespace": ctx.ns, "name": "web"},
        });
        ctx.apply(policy("driftgate-policy", &ctx.ns, json!({"exclusions": [entry]}))).await;
        let delegated =
            |rule: &str| json!({"delegation": [{"rules": [rule], "upTo": "critical", "days": 60}]});
        ctx.apply(policy(&ctx.ns, RECORDS_NAMESPACE, delegated("privileged-container"))).await;

        let argo = ArgoCd::shared().await;
        let place = format!("--platform-policy=configmap:{RECORDS_NAMESPACE}/{}", ctx.ns);
        let hook = job(&[QUICK, &[place.as_str()]].concat());
        let shop = Shop::clean("web").privileged();
        let (app, first) = Gated::create(ctx, argo, &ctx.ns, &shop, &hook).await;
        let gate = first.gate("PostSync").await;
        assert_eq!((first.phase(), gate.exit_code), ("Succeeded", 0), "{gate:#?}");

        ctx.apply(policy(&ctx.ns, RECORDS_NAMESPACE, delegated("host-network"))).await;
        let second = app.deploy(&shop.clone().labelled("tier", "front")).await;
        let gate = second.gate("PostSync").await;
        assert_eq!(
            gate.exit_code, 10,
            "the container was there before, and a list is no reason to go back: {gate:#?}"
        );
        assert!(gate.log.stdout.contains("exclusion-not-delegated (EXC-001)"), "{gate:#?}");
    });
}
