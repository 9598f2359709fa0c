//! One Kustomization with its controller, and what has become of both.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use crate::harness::argocd::merge;
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::flux::event::fits;
use crate::harness::flux::{Flux, Kustomization, SourceKind};
use crate::harness::git::GitRepo;
use crate::harness::receiver::Receiver;
use crate::harness::runtime::eventually;
pub(super) use crate::rollback::controller::run;
use crate::rollback::controller::{ACCOUNT, Controller, install};
pub(super) use crate::rollback::world::{CRITICAL, PASS};
use crate::rollback::world::{deployment, gate};

/// Where the gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In a Kustomization of its own that depends on the application.
    Separate,
    /// Among the application.
    Same,
}

/// An application of Flux.
pub(super) struct World<'a> {
    pub(super) ctx: &'a Ctx,
    pub(super) flux: &'static Flux,
    pub(super) repo: GitRepo,
    pub(super) kind: SourceKind,
    pub(super) layout: Layout,
    pub(super) app: Kustomization,
    pub(super) gate: Kustomization,
    pub(super) controller: Option<Controller>,
    /// In the place of notification-controller.
    events: Receiver,
    /// More arguments of its controllers.
    more: &'static [&'static str],
}

/// The shipped Job as a Kustomization applies it: made anew exactly when what it judges has other content.
pub(super) fn job(exit_code: i32, content: &str) -> Value {
    let mut job = gate(exit_code);
    job["metadata"] = json!({
        "name": "driftgate", "labels": {"app.kubernetes.io/name": "driftgate"},
        "annotations": {"kustomize.toolkit.fluxcd.io/force": "enabled"},
    });
    job["spec"].as_object_mut().unwrap().remove("ttlSecondsAfterFinished");
    merge(&mut job["spec"]["template"], &json!({"metadata": {"annotations": {"content": content}}}));
    job
}

/// Runs a test with an application whose first commit has passed its gate.
pub(super) fn rolled(
    namespace: &str,
    layout: Layout,
    kind: SourceKind,
    test: impl AsyncFnOnce(&mut World<'_>),
) {
    rolled_with(namespace, layout, kind, &[], test);
}

/// The same with more arguments of the controller.
pub(super) fn rolled_with(
    namespace: &str,
    layout: Layout,
    kind: SourceKind,
    more: &'static [&'static str],
    test: impl AsyncFnOnce(&mut World<'_>),
) {
    with_namespace(namespace, async |ctx| {
        let mut world = World::start(ctx, layout, kind, more).await;
        world.remembers().await;
        test(&mut world).await;
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        let refused: Vec<_> = uses.iter().filter(|it| !it.allowed).collect();
        assert!(!uses.is_empty() && refused.is_empty(), "refused: {refused:#?}");
    });
}

impl<'a> World<'a> {
    /// An application at its first commit, and a controller that serves the test's namespace.
    pub(super) async fn start(
        ctx: &'a Ctx,
        layout: Layout,
        kind: SourceKind,
        more: &'static [&'static str],
    ) -> Self {
        let flux = Flux::shared().await;
        let repo = GitRepo::new(&ctx.ns);
        installed(ctx).await;
        let events = Receiver::start();
        let (app, gate) = (Kustomization::existing(ctx, "web"), Kustomization::existing(ctx, "web-gate"));
        let mut world = Self { ctx, flux, repo, kind, layout, app, gate, controller: None, events, more };
        world.controller = Some(world.another("first").await);
        let good = world.write("good", PASS, &[]);
        flux.source(ctx, kind, "web", &world.repo).await;
        world.make().await;
        world.judge().ready_at(&good).await;
        world
    }

    /// The Kustomizations.
    async fn make(&self) {
        let base = json!({"wait": true, "targetNamespace": self.ctx.ns, "path": "./app"});
        let mut app = Kustomization::object("web", self.kind, "web", &base);
        app["metadata"]["annotations"] = json!({"driftgate.dev/rollback": "on"});
        self.ctx.apply(app).await;
        if self.layout == Layout::Separate {
            let gate = json!({
                "wait": true, "targetNamespace": self.ctx.ns, "path": "./gate",
                "dependsOn": [{"name": "web"}],
            });
            self.ctx.apply(Kustomization::object("web-gate", self.kind, "web", &gate)).await;
        }
    }

    /// Whatever waits for the gate's Job.
    pub(super) fn judge(&self) -> &Kustomization {
        match self.layout {
            Layout::Separate => &self.gate,
            Layout::Same => &self.app,
        }
    }

    fn write(&self, image: &str, exit_code: i32, more: &[(&str, &str)]) -> String {
        let app = deployment(image).to_string();
        let job = job(exit_code, image).to_string();
        let place = if self.layout == Layout::Separate { "gate/job.yaml" } else { "app/job.yaml" };
        let mut files = vec![("app/web.yaml", app.as_str()), (place, job.as_str())];
        files.extend(more);
        self.repo.commit(&files)
    }

    /// Commits, and makes the source look.
    pub(super) async fn commit(&self, image: &str, exit_code: i32) -> String {
        self.commit_with(image, exit_code, &[]).await
    }

    /// The same with more files.
    pub(super) async fn commit_with(&self, image: &str, exit_code: i32, more: &[(&str, &str)]) -> String {
        let commit = self.write(image, exit_code, more);
        self.refresh().await;
        commit
    }

    /// Commits with a gate that takes some seconds.
    pub(super) async fn commit_slowly(&self, image: &str, exit_code: i32) -> String {
        let mut slow = job(exit_code, image);
        let after = json!({"metadata": {"annotations": {"test.driftgate.dev/after-ms": "4000"}}});
        merge(&mut slow["spec"]["template"], &after);
        let app = deployment(image).to_string();
        let commit = self.repo.commit(&[("app/web.yaml", &app), ("gate/job.yaml", &slow.to_string())]);
        self.refresh().await;
        commit
    }

    fn sources(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", self.kind.as_str());
        Api::namespaced_with(self.ctx.client.clone(), &self.ctx.ns, &ApiResource::from_gvk(&kind))
    }

    /// From now on the source's commits have to be signed.
    pub(super) async fn verify(&self) {
        let verify = json!({"spec": {"verify": {"mode": "HEAD", "secretRef": {"name": "keys"}}}});
        self.sources().patch("web", &PatchParams::default(), &Patch::Merge(verify)).await.unwrap();
    }

    /// Deletes a source.
    pub(super) async fn delete_source(&self, name: &str) {
        self.sources().delete(name, &DeleteParams::default()).await.unwrap();
    }

    /// Makes the source look at its repository.
    pub(super) async fn refresh(&self) {
        self.flux.refresh(self.ctx, self.kind, "web").await;
    }

    /// The state that the controller keeps.
    pub(super) async fn state(&self) -> Value {
        let maps: Api<ConfigMap> = self.ctx.api();
        let maps = maps.list(&ListParams::default().labels("driftgate.dev/rollback-state")).await.unwrap();
        let text = maps.items.into_iter().find_map(|map| map.data?.remove("state.json"));
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }

    /// Waits until what is kept is so.
    pub(super) async fn kept(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || {
            let state = self.state().await;
            if so(&state) { Ok(state) } else { Err(state.to_string()) }
        })
        .await
    }

    async fn remembers(&self) {
        let passed = |state: &Value| state["passed"].as_array().is_some_and(|it| !it.is_empty());
        self.kept("the controller has seen the pass", passed).await;
    }

    /// Waits until the application is back, and that is told.
    pub(super) async fn held(&self) -> Value {
        self.kept("it is held", |state| state["case"]["stage"].get("held").is_some()).await
    }

    /// Waits until no case is open.
    pub(super) async fn free(&self) -> Value {
        self.kept("no case is open", |state| state["case"].is_null()).await
    }

    /// The tag of the image that runs.
    pub(super) async fn image(&self) -> String {
        let web = self.ctx.api::<Deployment>().get("web").await.unwrap();
        let image = web.spec.template.spec.unwrap().containers[0].image.clone().unwrap();
        image.rsplit(':').next().unwrap().to_owned()
    }

    /// How often the Kustomization's spec was changed: a swap and its release are two.
    pub(super) async fn changes(&self) -> i64 {
        self.app.now().await["metadata"]["generation"].as_i64().unwrap() - 1
    }

    /// Names of our copies of the source.
    pub(super) async fn copies(&self) -> Vec<String> {
        let ours = ListParams::default().labels("app.kubernetes.io/managed-by=driftgate");
        self.sources()
            .list(&ours)
            .await
            .unwrap()
            .items
            .into_iter()
            .filter_map(|it| it.metadata.name)
            .collect()
    }

    /// The Kustomization follows our copy, is Ready at this commit, and is left alone by its parent.
    pub(super) async fn is_pinned(&self, commit: &str) {
        let app = self.app.ready_at(commit).await;
        let [copy] = self.copies().await.try_into().unwrap();
        assert_eq!(app["spec"]["sourceRef"]["name"], copy, "{app:#}");
        assert_eq!(app["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/reconcile"], "disabled");
    }

    /// The Kustomization follows its own source, and nothing of ours is left.
    pub(super) async fn is_as_before(&self) {
        eventually("nothing of ours is left", async || {
            let app = self.app.now().await;
            let annotations = app["metadata"]["annotations"].to_string();
            let ours = annotations.contains("rollback-case") || annotations.contains("reconcile: disabled");
            let copies = self.copies().await;
            if app["spec"]["sourceRef"]["name"] == "web" && !ours && copies.is_empty() {
                Ok(())
            } else {
                Err(format!("{} {annotations} {copies:?}", app["spec"]["sourceRef"]))
            }
        })
        .await;
    }

    /// What people were told, oldest first: why, and in which words.
    pub(super) async fn told(&self) -> Vec<(String, String)> {
        let about = "involvedObject.kind=Kustomization,involvedObject.name=web";
        let events: Api<Event> = self.ctx.api();
        let mut events = events.list(&ListParams::default().fields(about)).await.unwrap().items;
        events.retain(|it| it.reporting_component.as_deref() == Some("driftgate.dev/controller"));
        events.sort_by_key(|it| it.event_time.clone().map(|time| time.0));
        let words = |it: Event| (it.reason.unwrap_or_default(), it.message.unwrap_or_default());
        events.into_iter().map(words).collect()
    }

    /// What notification-controller was told: why, how bad, and the revision that it concerns.
    pub(super) fn events(&self) -> Vec<(String, String, Value)> {
        let told = |event: &Value| {
            fits(event);
            assert_eq!(event["involvedObject"]["name"], "web", "{event:#}");
            assert_eq!(event["metadata"].get("kustomize.toolkit.fluxcd.io/commit_status"), None, "{event:#}");
            let word = |name: &str| event[name].as_str().unwrap().to_owned();
            let revision = event["metadata"]["kustomize.toolkit.fluxcd.io/revision"].clone();
            (word("reason"), word("severity"), revision)
        };
        self.events.received().iter().map(told).collect()
    }

    /// Waits until exactly these have been told; returns the words of the last.
    pub(super) async fn has_told(&self, reasons: &[&str]) -> String {
        eventually(&format!("told: {reasons:?}"), async || {
            let told = self.told().await;
            let same = told.iter().map(|(reason, _)| reason.as_str()).eq(reasons.iter().copied());
            if same {
                Ok(told.last().map(|it| it.1.clone()).unwrap_or_default())
            } else {
                Err(format!("{told:#?}"))
            }
        })
        .await
    }

    /// Another controller in place of the one that is running, which is killed.
    pub(super) async fn restart(&mut self) {
        self.controller = None;
        self.controller = Some(self.another("first").await);
    }

    pub(super) async fn another(&self, identity: &str) -> Controller {
        let (namespace, events) = (self.ctx.ns.as_str(), self.events.url.as_str());
        let args = ["--tool=flux", "--application-namespace", namespace, "--flux-events-addr", events];
        Controller::launch(self.ctx, identity, &[&args, self.more].concat()).await
    }
}

/// The shipped rights of the controller, in the test's namespace.
pub(in crate::flux) async fn installed(ctx: &Ctx) {
    let manifests = [
        include_str!("../../../../manifests/controller/serviceaccount.yaml"),
        include_str!("../../../../manifests/controller/role.yaml"),
        include_str!("../../../../manifests/controller-flux/clusterrole.yaml"),
    ];
    install(ctx, &manifests).await;
}
