//! One application with its controller, and what has become of both.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::controller::{ACCOUNT, Controller, installed};
use crate::harness::argocd::{App, AppOptions, ArgoCd, GitRepo, Operation, merge};
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::runtime::eventually;

/// An application that follows `main` of a repository, and a controller that serves it alone.
pub(super) struct World<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) repo: GitRepo,
    pub(super) app: App,
    pub(super) controller: Option<Controller>,
}

/// How the gate of a commit ends.
pub(crate) const PASS: i32 = 0;
pub(crate) const CRITICAL: i32 = 20;

/// The files of a commit: a Deployment with this image, and a gate that ends like this.
pub(super) fn files(image: &str, exit_code: i32) -> [(&'static str, String); 2] {
    [("app.yaml", deployment(image).to_string()), ("gate.yaml", gate(exit_code).to_string())]
}

pub(crate) fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": format!("registry.test/web:{image}")}]},
            },
        },
    })
}

/// The shipped Job, but its container is played: it ends at once with this exit code.
pub(crate) fn gate(exit_code: i32) -> Value {
    let shipped = include_str!("../../../manifests/gate/job.yaml");
    let mut job: Value = serde_saphyr::from_str(shipped).unwrap();
    let played =
        json!({"metadata": {"annotations": {"test.driftgate.dev/exit-code": exit_code.to_string()}}});
    merge(&mut job["spec"]["template"], &played);
    job["spec"]["template"]["spec"]["serviceAccountName"] = json!("default");
    job
}

/// Runs a test with an application whose first commit has passed its gate.
pub(super) fn rolled(namespace: &str, options: AppOptions, test: impl AsyncFnOnce(&mut World<'_>)) {
    rolled_in(namespace, async |ctx| World::start(ctx, options).await, test);
}

/// The same with an application that `start` makes.
pub(super) fn rolled_in(
    namespace: &str,
    start: impl for<'a> AsyncFnOnce(&'a Ctx) -> World<'a>,
    test: impl AsyncFnOnce(&mut World<'_>),
) {
    with_namespace(namespace, async |ctx| {
        let mut world = start(ctx).await;
        let good = world.commit("good", PASS);
        world.synced(&good).await;
        world.remembers(&good).await;
        test(&mut world).await;
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        let refused: Vec<_> = uses.iter().filter(|it| !it.allowed && it.resource != "appprojects").collect();
        assert!(!uses.is_empty() && refused.is_empty(), "refused: {refused:#?}");
    });
}

impl<'a> World<'a> {
    /// An application without a commit yet, in an Argo CD that everybody shares.
    pub(super) async fn start(ctx: &'a Ctx, options: AppOptions) -> Self {
        Self::made(ctx, options, async |application| {
            ctx.apply(application).await;
        })
        .await
    }

    /// The same, but somebody else makes the Application.
    pub(super) async fn made(ctx: &'a Ctx, options: AppOptions, make: impl AsyncFnOnce(Value)) -> Self {
        let argo = ArgoCd::shared().await;
        let repo = GitRepo::new(&ctx.ns);
        repo.commit(&[("README", "")]);
        let marks = json!({"metadata": {
            "labels": {"test": ctx.ns}, "annotations": {"driftgate.dev/rollback": "on"},
        }});
        let mut options = options;
        let mut also = marks;
        merge(&mut also, &options.also);
        options.also = also;
        installed(ctx).await;
        make(App::object(ctx, argo, &ctx.ns, &repo, &options)).await;
        let namespace = options.namespace.as_deref().unwrap_or(argo.namespace);
        let app = App::existing(ctx, namespace, &ctx.ns);
        let controller = Some(Controller::start(ctx, "first", &[]).await);
        Self { ctx, repo, app, controller }
    }

    /// Commits and makes Argo CD look.
    pub(super) fn commit(&self, image: &str, exit_code: i32) -> String {
        let files = files(image, exit_code);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        self.repo.commit(&files)
    }

    /// The same with a gate that takes its time.
    pub(super) fn commit_slow(&self, image: &str, exit_code: i32, milliseconds: u32) -> String {
        let mut slow = gate(exit_code);
        let after = json!({"test.driftgate.dev/after-ms": milliseconds.to_string()});
        merge(&mut slow["spec"]["template"]["metadata"]["annotations"], &after);
        let (app, slow) = (deployment(image).to_string(), slow.to_string());
        self.repo.commit(&[("app.yaml", &app), ("gate.yaml", &slow)])
    }

    /// Waits until Argo CD has seen this revision; whoever writes the Application back may take a wish to look away.
    pub(super) async fn seen(&self, revision: &str) {
        self.app.refresh().await;
        let mut looks = 0;
        eventually(&format!("Argo CD has seen {revision}"), async || {
            looks += 1;
            if looks % 60 == 0 {
                self.app.refresh().await;
            }
            let app = self.app.now().await;
            let head = &app["status"]["sync"]["revision"];
            let deployed = &app["status"]["operationState"]["syncResult"]["revision"];
            if head == revision || deployed == revision { Ok(()) } else { Err(head.to_string()) }
        })
        .await;
    }

    /// Waits until a sync to this revision has succeeded.
    pub(super) async fn synced(&self, revision: &str) {
        self.seen(revision).await;
        let operation = self.app.synced_to(revision).await;
        assert_eq!(operation.phase(), "Succeeded", "{operation:#?}");
    }

    /// Asks for a sync as a person does in the UI.
    pub(super) async fn sync(&self, revision: &str, sync: &Value) {
        let mut operation = json!({"initiatedBy": {"username": "admin"}, "sync": {"revision": revision}});
        merge(&mut operation["sync"], sync);
        self.app.merge(json!({"operation": operation, "status": {"operationState": null}})).await;
    }

    /// Asks for one as a pipeline does, and waits for its end.
    pub(super) async fn sync_by_machine(&self, revision: &str, sync: &Value) -> Operation {
        let mut operation = json!({"initiatedBy": {"automated": true}, "sync": {"revision": revision}});
        merge(&mut operation["sync"], sync);
        self.app.merge(json!({"operation": operation, "status": {"operationState": null}})).await;
        self.app.synced_to(revision).await
    }

    /// The state that the controller keeps.
    pub(super) async fn state(&self) -> Option<Value> {
        state(self.ctx).await
    }

    /// Waits until the controller has seen this revision pass.
    pub(super) async fn remembers(&self, revision: &str) {
        remembers(self.ctx, revision).await;
    }

    /// Waits until a case is at this stage.
    pub(super) async fn stage(&self, stage: &str) -> Value {
        eventually(&format!("the case is at {stage}"), async || {
            let kept = self.state().await.unwrap_or_default();
            let now = &kept["case"]["stage"];
            if now == stage || now.get(stage).is_some() { Ok(kept) } else { Err(kept.to_string()) }
        })
        .await
    }

    /// Waits until no case is open.
    pub(super) async fn free(&self) -> Value {
        eventually("no case is open", async || {
            let state = self.state().await.unwrap_or_default();
            if state["case"].is_null() { Ok(state) } else { Err(state.to_string()) }
        })
        .await
    }

    /// The tag of the image that runs.
    pub(super) async fn image(&self) -> String {
        let web = self.ctx.api::<Deployment>().get("web").await.unwrap();
        let image = web.spec.template.spec.unwrap().containers[0].image.clone().unwrap();
        image.rsplit(':').next().unwrap().to_owned()
    }

    /// The revisions that Argo CD rolled back to because we asked for it, oldest first.
    pub(super) async fn rollbacks(&self) -> Vec<String> {
        let app = self.app.now().await;
        let history = app["status"]["history"].as_array().cloned().unwrap_or_default();
        let ours = history.iter().filter(|it| it["initiatedBy"]["username"] == "driftgate");
        ours.map(|it| it["revision"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What Argo CD tells of the operations that it has ended: revision and `succeeded` or `failed`, oldest first.
    pub(super) async fn operations(&self) -> Vec<(String, String)> {
        let mut events = all_events(self.ctx, &self.app).await;
        events.retain(|it| it.reason.as_deref() == Some("OperationCompleted"));
        // Their names end with when they were made.
        events.sort_by_key(|it| it.metadata.name.clone());
        let ended = events.into_iter().filter_map(|it| {
            let message = it.message?;
            let mut words = message.strip_prefix("Sync operation to ")?.split([' ', ':']);
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        ended.collect()
    }

    /// Why people were told something, oldest first.
    pub(super) async fn told(&self) -> Vec<String> {
        told_of(self.ctx, &self.app).await
    }

    /// What they were told.
    pub(super) async fn messages(&self) -> Vec<String> {
        events_of(self.ctx, &self.app).await.into_iter().map(|it| it.message.unwrap_or_default()).collect()
    }

    /// Waits until exactly these have been told.
    pub(super) async fn has_told(&self, reasons: &[&str]) {
        eventually(&format!("told: {reasons:?}"), async || {
            let told = self.told().await;
            if told == reasons { Ok(()) } else { Err(format!("{told:?}")) }
        })
        .await;
    }

    /// `spec.syncPolicy.automated`.
    pub(super) async fn automated(&self) -> Value {
        self.app.now().await["spec"]["syncPolicy"]["automated"].clone()
    }
}

/// The state that the controller keeps in the test's namespace.
async fn state(ctx: &Ctx) -> Option<Value> {
    let maps: Api<ConfigMap> = ctx.api();
    let maps = maps.list(&ListParams::default().labels("driftgate.dev/rollback-state")).await.unwrap();
    let text = maps.items.into_iter().find_map(|map| map.data?.remove("state.json"))?;
    Some(serde_json::from_str(&text).unwrap())
}

/// Waits until the controller has seen this revision pass.
pub(crate) async fn remembers(ctx: &Ctx, revision: &str) {
    eventually("the controller has seen the pass", async || {
        let state = state(ctx).await.unwrap_or_default();
        let passed = state["passed"].as_array().cloned().unwrap_or_default();
        if passed.iter().any(|it| it["name"] == revision) { Ok(()) } else { Err(state.to_string()) }
    })
    .await;
}

/// Why the controller has told people something of an Application, oldest first.
pub(crate) async fn told_of(ctx: &Ctx, app: &App) -> Vec<String> {
    events_of(ctx, app).await.into_iter().map(|it| it.reason.unwrap_or_default()).collect()
}

/// Of an Application, by the controller.
async fn events_of(ctx: &Ctx, app: &App) -> Vec<Event> {
    let mut events = all_events(ctx, app).await;
    events.retain(|it| it.reporting_component.as_deref() == Some("driftgate.dev/controller"));
    events.sort_by_key(|it| it.event_time.clone().map(|time| time.0));
    events
}

/// Of an Application, by whomever.
async fn all_events(ctx: &Ctx, app: &App) -> Vec<Event> {
    let events: Api<Event> = Api::namespaced(ctx.client.clone(), &app.namespace);
    let about = format!("involvedObject.kind=Application,involvedObject.name={}", app.name);
    events.list(&ListParams::default().fields(&about)).await.unwrap().items
}
