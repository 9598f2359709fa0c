//! A thousand Applications that nothing happens to.

use std::fs;

use futures::stream::{self, StreamExt as _};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::controller::{ACCOUNT, controlled_in};
use crate::harness::cluster::Ctx;
use crate::harness::runtime::eventually;

/// As large as Applications of fifty objects and ten syncs are: about 30 kB.
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

/// Makes that many in the test's namespace.
async fn seed(ctx: &Ctx, applications: usize) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let apps: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &ctx.ns, &resource);
    let created = stream::iter(0..applications).map(|number| {
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

/// CPU time of a process so far, in seconds.
fn cpu(id: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).unwrap();
    let nanoseconds = tasks.map(|task| {
        let text = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
        text.split_whitespace().next().unwrap().parse::<f64>().unwrap()
    });
    nanoseconds.sum::<f64>() / 1e9
}

/// When the Lease was renewed last.
async fn renewed(ctx: &Ctx) -> String {
    let lease = ctx.api::<Lease>().get("driftgate-controller").await.unwrap();
    format!("{:?}", lease.spec.unwrap().renew_time)
}

/// What a controller costs.
pub(crate) struct Cost {
    /// Seconds from its start until it leads and is ready.
    pub(crate) ready: f64,
    /// Seconds of CPU that it took for that; the rest are the API server's, and waiting.
    pub(crate) cpu: f64,
    /// Most resident memory, in MiB.
    pub(crate) memory: f64,
    /// What it asked for during two renewals of the Lease, besides watches and the Lease: verb and resource.
    pub(crate) asked: Vec<(String, String)>,
}

/// Starts a controller for that many Applications, and lets it be idle for a while.
pub(crate) async fn measure(ctx: &Ctx, applications: usize) -> Cost {
    seed(ctx, applications).await;
    let controller = controlled_in(ctx, &["--application-namespace", &ctx.ns]).await;
    let start = Instant::now();
    eventually("it leads and is ready", async || {
        let metrics = controller.try_get("/metrics").await.map_err(|error| error.to_string())?;
        let leads = metrics.lines().any(|line| line == "driftgate_controller_leading 1");
        let ready = controller.try_get("/readyz").await.map_err(|error| error.to_string())? == "ok\n";
        if leads && ready { Ok(()) } else { Err(metrics) }
    })
    .await;
    let (ready, cpu) = (start.elapsed().as_secs_f64(), cpu(controller.id()));
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
    let asked =
        after.into_iter().filter(|(what, count)| before.get(what) != Some(count)).map(|(what, _)| what);
    let asked = asked.filter(|(verb, resource)| resource != "leases" && verb != "watch").collect();
    Cost { ready, cpu, memory: peak(controller.id()), asked }
}
