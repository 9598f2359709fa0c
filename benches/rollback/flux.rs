//! How fast a Kustomization goes back and is released.

#[allow(unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/e2e/flux/rollback/world.rs"]
mod world;

use std::sync::{Arc, Mutex};
use std::time::Instant;

use futures::StreamExt as _;
use kube::Api;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::Value;

use crate::harness::cluster::Ctx;
use crate::harness::flux::SourceKind;
use world::{CRITICAL, Layout, PASS, World};

/// Durations of several rollbacks, in seconds.
#[derive(Default)]
pub(crate) struct Pace {
    /// From the failed health check being visible until the source is swapped.
    pub(crate) to_swap: Vec<f64>,
    /// From the source offering the next commit until the Kustomization follows its own source again.
    pub(crate) to_release: Vec<f64>,
}

/// A Kustomization or its source at one moment.
struct Moment {
    at: Instant,
    object: Value,
}

type Moments = Arc<Mutex<Vec<Moment>>>;

/// Rejects so many commits one after the other, then deploys one that passes.
pub(crate) async fn measure(ctx: &Ctx, rollbacks: usize) -> Pace {
    let world = World::start(ctx, Layout::Same, SourceKind::Git, &[]).await;
    let passed = |state: &Value| state["passed"].as_array().is_some_and(|it| !it.is_empty());
    world.kept("the controller has seen the pass", passed).await;
    let moments = Moments::default();
    let watching = [
        watch(ctx, "kustomize.toolkit.fluxcd.io", "Kustomization", &moments),
        watch(ctx, "source.toolkit.fluxcd.io", "GitRepository", &moments),
    ];
    let mut commits = Vec::new();
    for number in 0..rollbacks {
        let bad = world.commit(&format!("bad-{number}"), CRITICAL).await;
        let held = |state: &Value| {
            let case = &state["case"];
            case["stage"].get("held").is_some() && case["rejected"]["name"] == format!("sha1:{bad}")
        };
        world.kept("it is held", held).await;
        commits.push(bad);
    }
    let fix = world.commit("fix", PASS).await;
    world.app.ready_at(&fix).await;
    world.free().await;
    commits.push(fix);
    for watching in watching {
        watching.abort();
    }
    assert_eq!(world.changes().await, 2 * i64::try_from(rollbacks).unwrap());
    let moments = moments.lock().unwrap();
    summed_up(&moments, &commits)
}

/// Notes each state of the object named `web` with the time when it was heard of.
fn watch(ctx: &Ctx, group: &str, kind: &str, moments: &Moments) -> tokio::task::JoinHandle<()> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    let objects: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), &ctx.ns, &resource);
    let (kind, moments) = (kind.to_owned(), moments.clone());
    tokio::spawn(async move {
        let only = watcher::Config::default().fields("metadata.name=web");
        let mut changes = Box::pin(watcher(objects, only).applied_objects());
        while let Some(change) = changes.next().await {
            let mut object = change.unwrap().data;
            object["kind"] = kind.clone().into();
            moments.lock().unwrap().push(Moment { at: Instant::now(), object });
        }
    })
}

fn summed_up(moments: &[Moment], commits: &[String]) -> Pace {
    let mut pace = Pace::default();
    for pair in commits.windows(2) {
        let [bad, next] = pair else { unreachable!("windows of two") };
        let failed = first(moments, 0, |it| is_app(it) && failed_at(it, bad));
        let swapped = first(moments, failed, |it| is_app(it) && !follows_its_own(it));
        let offered = first(moments, swapped, |it| !is_app(it) && offers(it, next));
        let released = first(moments, offered, |it| is_app(it) && follows_its_own(it));
        let between = |from: usize, to: usize| (moments[to].at - moments[from].at).as_secs_f64();
        pace.to_swap.push(between(failed, swapped));
        pace.to_release.push(between(offered, released));
    }
    pace
}

fn first(moments: &[Moment], from: usize, holds: impl Fn(&Value) -> bool) -> usize {
    let found = moments.iter().enumerate().skip(from).find(|(_, moment)| holds(&moment.object));
    found.expect("it has been seen").0
}

fn is_app(object: &Value) -> bool {
    object["kind"] == "Kustomization"
}

fn ends_with(revision: &Value, commit: &str) -> bool {
    revision.as_str().is_some_and(|it| it.ends_with(commit))
}

fn failed_at(app: &Value, commit: &str) -> bool {
    let conditions = app["status"]["conditions"].as_array();
    let failed = conditions
        .into_iter()
        .flatten()
        .any(|it| it["type"] == "Ready" && it["reason"] == "HealthCheckFailed");
    failed && ends_with(&app["status"]["lastAttemptedRevision"], commit)
}

fn offers(source: &Value, commit: &str) -> bool {
    ends_with(&source["status"]["artifact"]["revision"], commit)
}

fn follows_its_own(app: &Value) -> bool {
    app["spec"]["sourceRef"]["name"] == "web"
}
