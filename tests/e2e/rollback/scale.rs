//! A thousand Applications: what the controller costs, and that it asks nothing while nothing happens.

use std::fs;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::world::{ACCOUNT, controlled_in};
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::runtime::eventually;

const APPLICATIONS: usize = 1000;

/// As large as Applications of fifty objects and ten syncs are: about 40 kB.
fn application(number: usize) -> Value {
    let source = json!({
        "repoURL": "https://git.example/platform/applications.git", "path": format!("apps/{number}/overlays/production"),
        "targetRevision": "main", "kustomize": {"images": ["registry.example/web:1.2.3", "registry.example/api:4.5.6"]},
    });
    let revision = |entry: usize| format!("{:040x}", number * 100 + entry);
    let rows = |status: &str| -> Vec<Value> {
        let row = |index: usize| {
            json!({
                "group": "apps", "version": "v1", "kind": "Deployment", "namespace": format!("team-{number}"),
                "name": format!("component-{index}"), "status": status, "syncPhase": "Sync", "hookPhase": "Running",
                "message": format!("deployment.apps/component-{index} serverside-applied, and it took a while"),
            })
        };
        (0..50).map(row).collect()
    };
    let entry = |entry: usize| {
        json!({"id": entry, "revision": revision(entry), "source": source, "deployedAt": "2026-11-24T10:00:00Z",
            "deployStartedAt": "2026-11-24T09:59:00Z", "initiatedBy": {"automated": true}})
    };
    let history: Vec<Value> = (0..10).map(entry).collect();
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number:04}"), "annotations": {"driftgate.dev/rollback": "on"}},
        "spec": {"project": "default", "source": source,
            "destination": {"server": "https://kubernetes.default.svc", "namespace": format!("team-{number}")},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}}},
        "status": {
            "sync": {"status": "Synced", "revision": revision(9), "comparedTo": {"source": source,
                "destination": {"server": "https://kubernetes.default.svc", "namespace": format!("team-{number}")}}},
            "health": {"status": "Healthy"}, "reconciledAt": "2026-11-24T10:00:10Z", "history": history,
            "resources": rows("Synced"),
            "operationState": {"phase": "Succeeded", "startedAt": "2026-11-24T09:59:00Z", "finishedAt": "2026-11-24T10:00:00Z",
                "message": "successfully synced (all tasks run)", "operation": {"sync": {"revision": revision(9)}},
                "syncResult": {"revision": revision(9), "source": source, "resources": rows("Synced")}},
        },
    })
}

async fn seed(ctx: &Ctx) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let apps: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &ctx.ns, &resource);
    let created = stream::iter(0..APPLICATIONS).map(|number| {
        let (apps, app) = (apps.clone(), application(number));
        async move {
            apps.create(&PostParams::default(), &serde_json::from_value(app).unwrap()).await.unwrap();
        }
    });
    created.buffer_unordered(16).collect::<Vec<_>>().await;
}

/// Largest resident size of a process so far, in MiB.
fn peak(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kibibytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes / 1024.0
}

/// When the Lease was renewed last.
async fn renewed(ctx: &Ctx) -> String {
    let lease = ctx.api::<Lease>().get("driftgate-controller").await.unwrap();
    format!("{:?}", lease.spec.unwrap().renew_time)
}

#[test]
fn a_thousand_applications_are_watched_in_little_memory_and_nothing_is_asked_while_nothing_happens() {
    with_namespace("roll-scale", async |ctx| {
        crate::harness::argocd::ArgoCd::shared().await;
        seed(ctx).await;
        let start = Instant::now();
        let controller = controlled_in(ctx, &["--application-namespace", &ctx.ns]).await;
        eventually("it leads and is ready", async || {
            let metrics = controller.try_get("/metrics").await.map_err(|error| error.to_string())?;
            let leads = metrics.lines().any(|line| line == "driftgate_controller_leading 1");
            let ready = controller.try_get("/readyz").await.map_err(|error| error.to_string())? == "ok\n";
            if leads && ready { Ok(()) } else { Err(metrics) }
        })
        .await;
        let ready = start.elapsed();

        // Between three renewals of the Lease, many seconds apart, there is nothing but them.
        let before = ctx.plane.audit.count_by(&ctx.ns, ACCOUNT);
        for _ in 0..2 {
            let last = renewed(ctx).await;
            eventually("the Lease is renewed", async || {
                let now = renewed(ctx).await;
                if now == last { Err(now) } else { Ok(()) }
            })
            .await;
        }
        let after = ctx.plane.audit.count_by(&ctx.ns, ACCOUNT);
        let asked: Vec<_> = after
            .iter()
            .filter(|(what, count)| before.get(*what) != Some(count))
            .filter(|((verb, resource), _)| resource != "leases" && verb != "watch")
            .collect();
        let memory = peak(controller.id());
        println!("ready after {ready:?}, {memory:.1} MiB");
        assert_eq!(asked, [] as [(&(String, String), &usize); 0]);
        // Three seconds are what it takes optimised, on a machine that does nothing else.
        assert!(ready < Duration::from_secs(60), "{ready:?}");
        assert!(memory <= 48.0, "{memory} MiB");
    });
}
