//! How fast an Application is rolled back and released, as a watch of it tells.

use std::fmt;
use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use kube::Api;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;
use tokio::time::Instant;

use crate::harness::argocd::AppOptions;
use crate::harness::cluster::Ctx;
use crate::harness::runtime::eventually;
use crate::world::{CRITICAL, PASS, World};

/// Seconds of each rollback.
#[derive(Default)]
pub(crate) struct Pace {
    /// From the gate's row being visible until the rollback's operation is.
    pub(crate) from_row: Vec<f64>,
    /// From the end of the rejected attempt until the rollback's operation is visible.
    pub(crate) from_end: Vec<f64>,
    /// From the next commit being visible as what the source resolves to until auto-sync is on.
    pub(crate) until_on: Vec<f64>,
}

/// What is said of several durations, in seconds.
pub(crate) struct Summary {
    median: f64,
    pub(crate) p95: f64,
    pub(crate) most: f64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50={:.2} p95={:.2} max={:.2}", self.median, self.p95, self.most)
    }
}

/// Sums durations up; there is at least one.
pub(crate) fn of(seconds: &[f64]) -> Summary {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted[((share * sorted.len() as f64).ceil() as usize).max(1) - 1];
    Summary { median: at(0.5), p95: at(0.95), most: at(1.0) }
}

/// An Application at one moment.
struct Moment {
    at: Instant,
    app: Value,
}

/// Rejects so many commits one after the other, then deploys one that passes.
pub(crate) async fn measure(ctx: &Ctx, retries: u32, rollbacks: usize) -> Pace {
    let world = World::start(ctx, AppOptions { retries, ..AppOptions::default() }).await;
    let good = world.commit("good", PASS);
    world.synced(&good).await;
    world.remembers(&good).await;
    let (moments, watching) = watch(ctx, &world);
    let mut revisions = Vec::new();
    for number in 0..rollbacks {
        let bad = world.commit(&format!("bad-{number}"), CRITICAL);
        world.app.refresh().await;
        held(&world, &bad).await;
        revisions.push(bad);
    }
    let fix = world.commit("fix", PASS);
    world.synced(&fix).await;
    world.free().await;
    revisions.push(fix);
    watching.abort();
    assert_eq!(world.rollbacks().await.iter().filter(|it| **it != good).count(), 0);
    let moments = moments.lock().unwrap();
    summed_up(&moments, &revisions)
}

async fn held(world: &World<'_>, bad: &str) {
    eventually("it is held", async || {
        let state = world.state().await.unwrap_or_default();
        let case = &state["case"];
        let held = case["stage"].get("held").is_some() && case["rejected"]["name"] == bad;
        if held { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
}

/// Notes each state of the Application with the time when it was heard of.
fn watch(ctx: &Ctx, world: &World<'_>) -> (Arc<Mutex<Vec<Moment>>>, tokio::task::JoinHandle<()>) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let apps: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &world.app.namespace, &resource);
    let only = watcher::Config::default().fields(&format!("metadata.name={}", world.app.name));
    let moments = Arc::new(Mutex::new(Vec::new()));
    let noted = moments.clone();
    let watching = tokio::spawn(async move {
        let mut changes = Box::pin(watcher(apps, only).applied_objects());
        while let Some(change) = changes.next().await {
            noted.lock().unwrap().push(Moment { at: Instant::now(), app: change.unwrap().data });
        }
    });
    (moments, watching)
}

fn summed_up(moments: &[Moment], revisions: &[String]) -> Pace {
    let mut pace = Pace::default();
    for pair in revisions.windows(2) {
        let [bad, next] = pair else { unreachable!("windows of two") };
        let row = first(moments, 0, |app| rejected(app, bad));
        let ended =
            first(moments, row, |app| ours(app) || !app["status"]["operationState"]["finishedAt"].is_null());
        let written = first(moments, row, ours);
        let seen = first(moments, written, |app| app["status"]["sync"]["revision"] == **next);
        let on = first(moments, seen, |app| app["spec"]["syncPolicy"]["automated"]["enabled"] != false);
        let between = |from: usize, to: usize| (moments[to].at - moments[from].at).as_secs_f64();
        pace.from_row.push(between(row, written));
        pace.from_end.push(between(ended, written));
        pace.until_on.push(between(seen, on));
    }
    pace
}

fn first(moments: &[Moment], from: usize, holds: impl Fn(&Value) -> bool) -> usize {
    let found = moments.iter().enumerate().skip(from).find(|(_, moment)| holds(&moment.app));
    found.expect("it has been seen").0
}

/// The gate's verdict on this revision is visible.
fn rejected(app: &Value, revision: &str) -> bool {
    let result = &app["status"]["operationState"]["syncResult"];
    let mut rows = result["resources"].as_array().into_iter().flatten();
    result["revision"] == revision
        && rows.any(|row| {
            row["hookPhase"] == "Failed"
                && row["message"].as_str().is_some_and(|it| it.contains("exit code 20"))
        })
}

/// The rollback's operation is visible: asked for, or begun.
fn ours(app: &Value) -> bool {
    let by = |operation: &Value| operation["initiatedBy"]["username"] == "driftgate";
    by(&app["operation"]) || by(&app["status"]["operationState"]["operation"])
}
