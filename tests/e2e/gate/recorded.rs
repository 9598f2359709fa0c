//! A recording of what a real cluster holds, with the rights of the gate and no more.

use std::path::Path;

use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, gated};
use super::outside::{driftgate, kubeconfig, report};
use crate::harness::argocd::ArgoCd;
use crate::harness::platform::ACCOUNT;
use crate::harness::state::state_dir;

/// Stands for what nobody may read.
const SECRET: &str = "s3cret-of-the-recorded-shop";

/// All that was written, in one text.
fn text_of(folder: &Path) -> String {
    let mut all = String::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        all.push_str(&path.display().to_string());
        all.push('\n');
        all.push_str(&if path.is_dir() { text_of(&path) } else { std::fs::read_to_string(&path).unwrap() });
    }
    all
}

/// What was found, whichever command found it; what only the gate knows is not among it.
fn found(report: &Value) -> Value {
    let of = |finding: &Value| {
        let names =
            ["rule", "subject", "container", "value", "severity", "object", "message", "images", "objects"];
        names.iter().map(|name| finding[*name].clone()).collect::<Value>()
    };
    let lists =
        ["drift", "belowThreshold", "excluded", "gaps"].map(|name| report[name].as_array().unwrap().clone());
    let [drift, below, excluded, gaps] = lists;
    assert_eq!((excluded, gaps), (Vec::new(), Vec::new()));
    drift.iter().chain(&below).map(of).collect()
}

#[test]
fn a_recording_ends_like_the_gate_and_holds_no_secret() {
    gated("gate-recorded", async |ctx| {
        let argo = ArgoCd::shared().await;
        let data = json!({"password": SECRET});
        ctx.apply(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": data}),
        )
        .await;
        let settings =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "db"}, "data": data});
        let shop = Shop::clean("web").knowing(SECRET).with(settings);
        let (app, good) = Gated::create(ctx, argo, &ctx.ns, &shop, &job(QUICK)).await;
        assert_eq!(good.phase(), "Succeeded", "{:#?}", good.operation);
        let bad = app.deploy(&shop.privileged()).await;
        assert_eq!(bad.gate("PostSync").await.exit_code, 20);

        let (kubeconfig, folder) = (kubeconfig(ctx).await, state_dir(&format!("{}/recording", ctx.ns)));
        let (name, to) = (format!("{}/{}", app.app.namespace, app.app.name), folder.display().to_string());
        let live = ["--app", &name, "--kubeconfig", &kubeconfig];
        let scanned = driftgate(&[&["scan", "-o", "json"], &live[..]].concat());
        let recorded = driftgate(&[&["record", "--to", &to], &live[..]].concat());
        assert!(recorded.status.success(), "{recorded:?}");
        let rehearsed = report(&driftgate(&["rehearse", &to, "-o", "json"]));
        assert_eq!(rehearsed["exitCode"], 20, "{rehearsed:#}");
        assert_eq!(rehearsed["rollback"]["to"], good.revision, "{rehearsed:#}");
        assert_eq!(found(&rehearsed), found(&report(&scanned)));

        let written = text_of(&folder);
        assert!(!written.contains(SECRET), "{written}");
        assert!(written.contains("name: PASSWORD\n          value: redacted"), "{written}");
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        assert!(!uses.iter().any(|it| it.resource == "secrets"), "{uses:#?}");
    });
}
