//! An application with findings of old under a baseline, on a real API server.

use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, gated};
use super::outside::{driftgate, kubeconfig, report};
use crate::harness::argocd::ArgoCd;

#[test]
fn what_was_accepted_passes_and_what_is_new_does_not() {
    gated("gate-baseline", async |ctx| {
        let policy = json!({
            "apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": {"mode": "both"},
        });
        ctx.apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "driftgate-policy"},
            "data": {"policy.yaml": policy.to_string()},
        }))
        .await;
        let argo = ArgoCd::shared().await;
        let old = Shop::clean("web").privileged();
        let (app, first) = Gated::create(ctx, argo, &ctx.ns, &old, &job(QUICK)).await;
        assert_eq!(first.gate("PostSync").await.exit_code, 10, "nothing is accepted by itself");

        let (name, kubeconfig) = (format!("{}/{}", app.app.namespace, app.app.name), kubeconfig(ctx).await);
        let accept = || {
            let live = ["--app", &name, "--kubeconfig", &kubeconfig];
            let quick = ["baseline", "accept", "--settle-quiet", "1s", "-o", "json"];
            report(&driftgate(&[&quick[..], &live].concat()))
        };
        let both: Vec<Value> = std::thread::scope(|scope| {
            let runs = [scope.spawn(accept), scope.spawn(accept)];
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        });
        for run in &both {
            assert_eq!(run["exitCode"], 0, "{run:#}");
        }
        let record = app.record().await.unwrap();
        assert_eq!(
            record["revision"], first.revision,
            "one of two that write at once is there whole: {record:#}"
        );
        assert!(
            record["accepted"]["critical"].as_array().is_some_and(|marks| !marks.is_empty()),
            "{record:#}"
        );

        let same = app.deploy(&old.clone().labelled("tier", "front")).await;
        assert_eq!((same.phase(), same.gate("PostSync").await.exit_code), ("Succeeded", 0));
        let more = app.deploy(&old.and(&Shop::clean("other").privileged())).await;
        let gate = more.gate("PostSync").await;
        assert_eq!(gate.exit_code, 20, "{gate:#?}");
        assert!(gate.log.stdout.contains("other"), "{gate:#?}");
    });
}
