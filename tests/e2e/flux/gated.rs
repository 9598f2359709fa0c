//! An application that Flux deploys, with the gate in its Kustomization or in one of its own.

use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::gate::files::{QUICK, Shop};
use crate::harness::cluster::{Ctx, with_namespace};
use crate::harness::flux::event::fits;
use crate::harness::flux::{Flux, Kustomization, SourceKind};
use crate::harness::git::GitRepo;
use crate::harness::kubelet::PodLog;
use crate::harness::platform::{self, ACCOUNT, RECORDS_NAMESPACE};
use crate::harness::receiver::Receiver;

const COMPONENT: [(&str, &str); 2] = [
    (
        "kustomize/components/flux-gate/kustomization.yaml",
        include_str!("../../../kustomize/components/flux-gate/kustomization.yaml"),
    ),
    (
        "kustomize/components/flux-gate/job.yaml",
        include_str!("../../../kustomize/components/flux-gate/job.yaml"),
    ),
];

/// Where the gate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// In the application's Kustomization.
    Same,
    /// In one that depends on the application's.
    Separate,
}

/// Runs a test in a namespace that the platform serves, and fails if the gate was ever refused anything there.
pub(super) fn gated(namespace: &str, test: impl AsyncFnOnce(&Ctx)) {
    with_namespace(namespace, async |ctx| {
        platform::installed_for_flux(ctx).await;
        test(ctx).await;
        let uses = ctx.plane.audit.uses_by(&ctx.ns, ACCOUNT);
        let refused: Vec<_> = uses.iter().filter(|it| !it.allowed).collect();
        assert!(refused.is_empty(), "refused: {refused:#?}");
    });
}

/// One application with its repository.
pub(super) struct Gated<'a> {
    ctx: &'a Ctx,
    flux: &'static Flux,
    kind: SourceKind,
    pub(super) repo: GitRepo,
    /// What applies the application.
    pub(super) app: Kustomization,
    /// What applies the gate's Job and waits for it; the same where the layout says so.
    pub(super) gate: Kustomization,
    /// In the place of notification-controller.
    events: Receiver,
}

impl<'a> Gated<'a> {
    /// Commits an application and the gate, and lets Flux deploy them; also with what was committed.
    pub(super) async fn create(
        ctx: &'a Ctx,
        layout: Layout,
        kind: SourceKind,
        shop: &Shop,
    ) -> (Self, String) {
        Self::create_with(ctx, layout, kind, shop, &[]).await
    }

    /// The same, and waits until it is ready at that.
    pub(super) async fn passed(
        ctx: &'a Ctx,
        layout: Layout,
        kind: SourceKind,
        shop: &Shop,
    ) -> (Self, String) {
        let (shop, commit) = Self::create(ctx, layout, kind, shop).await;
        shop.gate.ready_at(&commit).await;
        (shop, commit)
    }

    /// As `create`, with other operations of a JSON patch on the gate's Job.
    pub(super) async fn create_with(
        ctx: &'a Ctx,
        layout: Layout,
        kind: SourceKind,
        shop: &Shop,
        patch: &[Value],
    ) -> (Self, String) {
        let flux = Flux::shared().await;
        let repo = GitRepo::new(&ctx.ns);
        let events = Receiver::start();
        let address = json!({"op": "replace", "path": "/spec/template/spec/containers/0/env/6/value",
            "value": events.url});
        let patch = [&[address], patch].concat();
        let commit = repo.commit(&files(&ctx.ns, layout, shop, &patch).iter().map(text).collect::<Vec<_>>());
        flux.source(ctx, kind, "shop", &repo).await;
        let spec = json!({"path": "./app", "wait": true, "timeout": "15m"});
        let app = Kustomization::create(ctx, "shop", kind, "shop", &spec).await;
        let gate = match layout {
            Layout::Same => Kustomization::existing(ctx, "shop"),
            Layout::Separate => {
                let spec = json!({"path": "./gate", "wait": true, "timeout": "15m", "dependsOn": [{"name": "shop"}]});
                Kustomization::create(ctx, "shop-gate", kind, "shop", &spec).await
            }
        };
        (Self { ctx, flux, kind, repo, app, gate, events }, commit)
    }

    /// Commits another state of the application and makes Flux look.
    pub(super) async fn deploy(&self, shop: &Shop) -> String {
        self.commit(&[("app/app.yaml", &shop.text())]).await
    }

    /// Commits files and makes Flux look.
    pub(super) async fn commit(&self, files: &[(&str, &str)]) -> String {
        let commit = self.repo.commit(files);
        self.flux.refresh(self.ctx, self.kind, "shop").await;
        commit
    }

    /// What the gate's present Job has left behind.
    pub(super) async fn run(&self) -> Run {
        let job = self.ctx.until("driftgate", "has ended", |job: &Job| ended(job).is_some());
        let job = Box::pin(job).await;
        let uid = job.metadata.uid.clone().unwrap();
        let pods = self.ctx.pods(&format!("batch.kubernetes.io/controller-uid={uid}")).await;
        let [pod] = pods.as_slice() else { panic!("Pods of the gate: {pods:#?}") };
        let state = pod.status.as_ref().unwrap().container_statuses.as_ref().unwrap()[0].state.clone();
        let terminated = state.unwrap().terminated.unwrap();
        Run {
            uid,
            exit_code: terminated.exit_code,
            termination: terminated.message.unwrap_or_default(),
            condition: ended(&job).unwrap(),
            log: self.ctx.plane.kubelet.log(&self.ctx.ns, pod.metadata.name.as_deref().unwrap()),
        }
    }

    /// What notification-controller was told of the application so far: each reason with its severity and revision.
    pub(super) fn events(&self) -> Vec<[String; 3]> {
        let about = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "namespace": self.ctx.ns, "name": self.app.name});
        let told = |event: &Value| {
            fits(event);
            assert_eq!(event["involvedObject"], about, "{event:#}");
            assert_eq!(event["reportingController"], "driftgate.dev/gate");
            assert_eq!(event["metadata"]["kustomize.toolkit.fluxcd.io/commit_status"], "update");
            let revision = &event["metadata"]["kustomize.toolkit.fluxcd.io/revision"];
            [&event["reason"], &event["severity"], revision].map(|it| it.as_str().unwrap().to_owned())
        };
        self.events.received().iter().map(told).collect()
    }

    /// The record of the last pass, if there is one.
    pub(super) async fn record(&self) -> Option<Value> {
        self.kept("driftgate.dev/record").await
    }

    /// The verdict that is kept apart from it, if there is one.
    pub(super) async fn verdict(&self) -> Option<Value> {
        self.kept("driftgate.dev/verdict").await
    }

    async fn kept(&self, label: &str) -> Option<Value> {
        let application = format!("kustomization/{}/{}", self.ctx.ns, self.app.name);
        let maps: Api<ConfigMap> = Api::namespaced(self.ctx.client.clone(), RECORDS_NAMESPACE);
        let maps = maps.list(&ListParams::default().labels(label)).await.unwrap();
        let records = maps.items.into_iter().flat_map(|map| map.data.unwrap_or_default());
        let mut records = records.filter_map(|(_, text)| serde_json::from_str(&text).ok());
        records.find(|it: &Value| it["application"] == application)
    }

    /// Pods of the gate that were ever seen now.
    pub(super) async fn gates(&self) -> Vec<Pod> {
        self.ctx.pods("app.kubernetes.io/component=gate").await
    }
}

/// What one run of the gate has left behind.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) uid: String,
    pub(super) exit_code: i32,
    pub(super) termination: String,
    /// Type and message of the condition with which its Job ended.
    pub(super) condition: String,
    pub(super) log: PodLog,
}

fn ended(job: &Job) -> Option<String> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let ended =
        conditions.iter().find(|it| ["Complete", "Failed"].contains(&&*it.type_) && it.status == "True")?;
    Some(format!("{}: {}", ended.type_, ended.message.as_deref().unwrap_or_default()))
}

fn text(file: &(String, String)) -> (&str, &str) {
    (&file.0, &file.1)
}

fn files(namespace: &str, layout: Layout, shop: &Shop, patch: &[Value]) -> Vec<(String, String)> {
    let args = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/args", "value": QUICK}]);
    let operations: Vec<Value> = args.as_array().unwrap().iter().chain(patch).cloned().collect();
    let kustomization = |gate: bool, resources: &[&str], manifests: &str| {
        let mut it = json!({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
            "namespace": namespace, "resources": resources});
        if gate {
            it["components"] = json!(["../kustomize/components/flux-gate"]);
            it["configMapGenerator"] = json!([{"name": "driftgate-content", "files": [manifests]}]);
            it["patches"] = json!([{"target": {"kind": "Job", "name": "driftgate"},
                "patch": serde_json::to_string(&operations).unwrap()}]);
        }
        it.to_string()
    };
    let same = layout == Layout::Same;
    let mut files = vec![
        ("app/app.yaml".to_owned(), shop.text()),
        ("app/kustomization.yaml".to_owned(), kustomization(same, &["app.yaml"], "app.yaml")),
    ];
    if !same {
        files.push(("gate/kustomization.yaml".to_owned(), kustomization(true, &[], "../app/app.yaml")));
    }
    files.extend(COMPONENT.map(|(path, text)| (path.to_owned(), text.to_owned())));
    files
}
