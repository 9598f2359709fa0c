//! A real kustomize-controller, and a stand-in for source-controller, started by the first test that asks for them.
//!
//! The stand-in serves each `GitRepository` and `OCIRepository` of the cluster from a local repository: see `source`.

mod archive;
pub(crate) mod event;
pub(crate) mod kustomization;
pub(crate) mod source;

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

use futures::future::join_all;
use http::Request;
use kube::Client;
use kube::core::PartialObjectMeta;
use serde_json::json;
use tokio::sync::OnceCell;

use super::binaries::flux_dir;
use super::cluster::Ctx;
use super::credentials::token_of;
use super::git::GitRepo;
use super::process::free_ports;
use super::runtime::{eventually, in_background};
use super::servers::{ControlPlane, Server};
use super::state::state_dir;

pub(crate) use kustomization::Kustomization;
pub(crate) use source::SourceKind;

/// Files with definitions, and where what they define is served; the controller starts with all of them only.
const DEFINITIONS: [(&str, &str); 5] = [
    ("kustomize.toolkit.fluxcd.io_kustomizations.yaml", "kustomize.toolkit.fluxcd.io/v1/kustomizations"),
    ("source.toolkit.fluxcd.io_gitrepositories.yaml", "source.toolkit.fluxcd.io/v1/gitrepositories"),
    ("source.toolkit.fluxcd.io_ocirepositories.yaml", "source.toolkit.fluxcd.io/v1/ocirepositories"),
    ("source.toolkit.fluxcd.io_buckets.yaml", "source.toolkit.fluxcd.io/v1/buckets"),
    ("source.toolkit.fluxcd.io_externalartifacts.yaml", "source.toolkit.fluxcd.io/v1/externalartifacts"),
];

/// A running Flux.
pub(crate) struct Flux {
    refused: Refused,
}

/// Commits whose signature does not verify.
type Refused = Arc<Mutex<BTreeSet<String>>>;

impl Flux {
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<Flux> = OnceCell::const_new();
        SHARED.get_or_init(start).await
    }

    /// From now on the signature of this commit does not verify, for sources that have `spec.verify`.
    pub(crate) fn refuse(&self, commit: &str) {
        self.refused.lock().expect("no panic while noting").insert(commit.to_owned());
    }

    /// A source of the test's namespace that follows `main` of a repository.
    pub(crate) async fn source(&self, ctx: &Ctx, kind: SourceKind, name: &str, repo: &GitRepo) {
        ctx.apply(kind.object(name, repo)).await;
    }

    /// Makes the stand-in look at the repository of a source now, as a webhook receiver would.
    pub(crate) async fn refresh(&self, ctx: &Ctx, kind: SourceKind, name: &str) {
        source::request(&ctx.client, kind, &ctx.ns, name).await;
    }
}

async fn start() -> Flux {
    let plane = ControlPlane::shared().await;
    let client = plane.admin().await;
    define(&client).await;
    let refused = Refused::default();
    let endpoint = plane.endpoint.clone();
    let background = in_background(async move { endpoint.client(&token_of("e2e")).await }).await;
    source::serve(background, refused.clone());
    let [metrics, health] = free_ports();
    let dir = state_dir("kustomize-controller");
    let args = [
        "--watch-all-namespaces".to_owned(),
        "--enable-leader-election=false".to_owned(),
        format!("--metrics-addr=127.0.0.1:{metrics}"),
        format!("--health-addr=127.0.0.1:{health}"),
        "--no-cross-namespace-refs=true".to_owned(),
        "--requeue-dependency=1s".to_owned(),
        "--interval-jitter-percentage=0".to_owned(),
        // Each health check occupies a worker, and tests run side by side.
        "--concurrent=30".to_owned(),
        "--kube-api-qps=300".to_owned(),
        "--kube-api-burst=600".to_owned(),
        "--events-addr=".to_owned(),
    ];
    let envs = [
        ("KUBECONFIG", plane.kubeconfig("kustomize-controller").display().to_string()),
        ("RUNTIME_NAMESPACE", "flux-system".to_owned()),
        ("HOME", dir.display().to_string()),
        ("TMPDIR", dir.display().to_string()),
    ];
    let program = flux_dir().join("kustomize-controller");
    plane.adopt(Server::start("kustomize-controller", &program, &args, &envs));
    Flux { refused }
}

async fn define(client: &Client) {
    join_all(DEFINITIONS.map(|(file, _)| create_definition(client, file))).await;
    join_all(DEFINITIONS.map(|(_, path)| {
        eventually("Flux's resources are served", async move || {
            let request = Request::get(format!("/apis/{path}")).body(Vec::new()).expect("a request");
            client.request_text(request).await
        })
    }))
    .await;
}

async fn create_definition(client: &Client, file: &str) {
    let yaml = fs::read(flux_dir().join("crds").join(file)).expect("the build has the definitions");
    let create = Request::post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .header("content-type", "application/yaml")
        .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        .body(yaml)
        .expect("a request");
    let created = client.request::<PartialObjectMeta>(create).await;
    created.unwrap_or_else(|error| panic!("create {file}: {error}"));
}

/// The real controller, the stand-in and a Job of the set work together.
#[test]
fn a_kustomization_with_a_job_becomes_ready() {
    super::cluster::with_namespace("flux-harness", async |ctx| {
        let flux = Flux::shared().await;
        let repo = GitRepo::new("flux-harness");
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
        let first = repo.commit(&[("a.yaml", &map.to_string()), ("job.yaml", JOB)]);
        for kind in [SourceKind::Git, SourceKind::Oci] {
            let name = kind.as_str().to_lowercase();
            flux.source(ctx, kind, &name, &repo).await;
            let spec = json!({"targetNamespace": ctx.ns, "wait": true, "namePrefix": format!("{name}-")});
            let app = Kustomization::create(ctx, &name, kind, &name, &spec).await;
            let seen = app.ready_at(&first).await;
            assert_eq!(seen["status"]["inventory"]["entries"].as_array().map(Vec::len), Some(2), "{seen:#}");
        }
        let second = repo.commit(&[("b.yaml", &map.to_string().replace("\"a\"", "\"b\""))]);
        flux.refresh(ctx, SourceKind::Git, "gitrepository").await;
        Kustomization::existing(ctx, "gitrepository").ready_at(&second).await;
    });
}

const JOB: &str = "
apiVersion: batch/v1
kind: Job
metadata:
  name: gate
spec:
  backoffLimit: 0
  template:
    metadata:
      annotations: {test.driftgate.dev/exit-code: '0'}
    spec:
      restartPolicy: Never
      containers: [{name: gate, image: registry.test/gate:1}]
";
