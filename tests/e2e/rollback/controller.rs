//! The shipped controller and the other commands of rollbacks, as processes of their own with the controller's rights.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::argocd::ArgoCd;
use crate::harness::cluster::Ctx;
use crate::harness::credentials::Endpoint;
use crate::harness::door::Door;
use crate::harness::process::{Guarded, Launch, free_ports};
use crate::harness::state::{log_file, state_dir};

/// The shipped account of the controller.
pub(crate) const ACCOUNT: &str = "driftgate-controller";

/// Gives the controller the shipped rights, in the test's namespace instead of the platform's.
pub(super) async fn installed(ctx: &Ctx) {
    let manifests = [
        include_str!("../../../manifests/controller/serviceaccount.yaml"),
        include_str!("../../../manifests/controller/clusterrole.yaml"),
        include_str!("../../../manifests/controller/role.yaml"),
    ];
    install(ctx, &manifests).await;
}

/// Gives it the right to write windows besides.
pub(super) async fn may_write_windows(ctx: &Ctx) {
    ArgoCd::shared().await;
    install(ctx, &[include_str!("../../../kustomize/components/controller-windows/role.yaml")]).await;
}

/// Applies manifests of the controller, in the test's namespace instead of the platform's.
pub(crate) async fn install(ctx: &Ctx, manifests: &[&str]) {
    for text in manifests {
        let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
        for mut object in objects {
            let name = format!("{ACCOUNT}.{}", ctx.ns);
            match object["kind"].as_str().unwrap() {
                "ClusterRole" => object["metadata"]["name"] = json!(name),
                "ClusterRoleBinding" => {
                    (object["metadata"]["name"], object["roleRef"]["name"]) = (json!(name), json!(name));
                }
                "Role" if object["metadata"]["namespace"] == "argocd" => {
                    object["metadata"]["name"] = json!(name);
                }
                "RoleBinding" if object["metadata"]["namespace"] == "argocd" => {
                    (object["metadata"]["name"], object["roleRef"]["name"]) = (json!(name), json!(name));
                }
                _ => object["metadata"]["namespace"] = json!(ctx.ns),
            }
            if object["subjects"].is_array() {
                object["subjects"][0]["namespace"] = json!(ctx.ns);
            }
            ctx.apply(object).await;
        }
    }
}

/// A controller with its account, for Applications that are labelled with the test's namespace.
pub(crate) async fn controlled(ctx: &Ctx) -> Controller {
    ArgoCd::shared().await;
    installed(ctx).await;
    Controller::start(ctx, "first", &[]).await
}

/// A controller with its account and these arguments, for all Applications.
pub(super) async fn controlled_in(ctx: &Ctx, args: &[&str]) -> Controller {
    installed(ctx).await;
    Controller::launch(ctx, "first", &[&["--tool=argocd"], args].concat()).await
}

/// The argument by which a controller serves the Applications of the test alone.
fn selector(ctx: &Ctx) -> String {
    format!("--selector=test={}", ctx.ns)
}

/// A controller of its own process; it is killed when this is dropped.
pub(crate) struct Controller {
    process: Guarded,
    address: String,
}

impl Controller {
    /// Serves the applications of the test, and keeps its state in the test's namespace.
    pub(super) async fn start(ctx: &Ctx, identity: &str, args: &[&str]) -> Self {
        Self::launch(ctx, identity, &[&["--tool=argocd", &*selector(ctx)], args].concat()).await
    }

    /// The same, but it reaches the API server at another address.
    pub(super) async fn start_at(url: &str, ctx: &Ctx) -> Self {
        let endpoint = Endpoint { url: url.to_owned(), ca_pem: ctx.plane.endpoint.ca_pem.clone() };
        let kubeconfig = kubeconfig(&endpoint, ctx).await;
        Self::run(&kubeconfig, ctx, "first", &["--tool=argocd", &selector(ctx)])
    }

    /// The same, but it reaches the API server through a door.
    pub(super) fn start_behind(door: &Door, ctx: &Ctx) -> Self {
        Self::run(&door.kubeconfig, ctx, "first", &["--tool=argocd", &selector(ctx)])
    }

    /// Serves what the arguments say.
    pub(crate) async fn launch(ctx: &Ctx, identity: &str, args: &[&str]) -> Self {
        Self::run(&kubeconfig(&ctx.plane.endpoint, ctx).await, ctx, identity, args)
    }

    fn run(kubeconfig: &str, ctx: &Ctx, identity: &str, args: &[&str]) -> Self {
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let fixed = ["controller", "-v", "--listen", &address];
        let log = log_file(&format!("controller-{}.log", ctx.ns));
        let process = start(kubeconfig, ctx, identity, &[&fixed, args].concat(), [log.clone(), log]);
        Self { process, address }
    }

    /// Of its process.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it answers to a GET.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.try_get(path).await.unwrap()
    }

    /// The same while it may not listen yet.
    pub(super) async fn try_get(&self, path: &str) -> reqwest::Result<String> {
        reqwest::get(format!("http://{}{path}", self.address)).await?.text().await
    }
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command with the rights of the controller to its end.
pub(crate) async fn run(ctx: &Ctx, args: &[&str]) -> Ended {
    let [id] = free_ports();
    let logs = ["out", "err"].map(|stream| log_file(&format!("command-{}-{id}.{stream}", ctx.ns)));
    let kubeconfig = kubeconfig(&ctx.plane.endpoint, ctx).await;
    let mut process = start(&kubeconfig, ctx, "a-person", args, logs.clone());
    let code = process.wait().await.code().expect("it ends by itself");
    let [stdout, stderr] = logs.map(|log| std::fs::read_to_string(log).expect("a log can be read"));
    Ended { code, stdout, stderr }
}

/// Of the controller's account, for the API server at this end.
async fn kubeconfig(endpoint: &Endpoint, ctx: &Ctx) -> String {
    let [id] = free_ports();
    let kubeconfig = state_dir(&format!("kubeconfig-{}-{id}", ctx.ns)).join("kubeconfig");
    endpoint.write_kubeconfig(&kubeconfig, &ctx.token_of(ACCOUNT).await, &ctx.ns);
    kubeconfig.display().to_string()
}

/// Starts the real program, its state in the test's namespace.
fn start(
    kubeconfig: &str,
    ctx: &Ctx,
    identity: &str,
    args: &[&str],
    [stdout, stderr]: [PathBuf; 2],
) -> Guarded {
    let [id] = free_ports();
    let dir = state_dir(&format!("program-{}-{id}", ctx.ns));
    let fixed = ["--kubeconfig", kubeconfig, "--namespace", &ctx.ns];
    Guarded::start(Launch {
        program: Path::new(env!("CARGO_BIN_EXE_driftgate")),
        args: args.iter().chain(&fixed).map(|arg| (*arg).to_owned()).collect(),
        envs: vec![("POD_NAME".into(), identity.to_owned())],
        inherit_env: false,
        dir: &dir,
        stdout,
        stderr,
    })
}
