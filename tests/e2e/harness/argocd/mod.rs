//! A real Argo CD: application-controller and repo-server, started by the first test that asks for them.
//!
//! How resources are tracked is a setting of a whole Argo CD, so there are two, each in its namespace, which share
//! the repo-server. `ArgoCd::shared` also serves Applications in namespaces named `team-*`.

mod application;
mod generator;
mod settings;

use std::path::{Path, PathBuf};

use kube::Client;
use tokio::sync::OnceCell;

use super::binaries::{argocd_dir, helm};
use super::process::free_ports;
use super::runtime::eventually;
use super::servers::{ControlPlane, Server};
use super::state::state_dir;

pub(crate) use super::git::GitRepo;
pub(crate) use application::{App, AppOptions, Operation, merge};

/// Namespaces, beside its own, whose Applications the shared Argo CD serves.
pub(crate) const APPLICATION_NAMESPACES: &str = "team-*";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tracking {
    Annotation,
    Label,
}

/// A running Argo CD.
pub(crate) struct ArgoCd {
    pub(crate) namespace: &'static str,
    pub(crate) tracking: Tracking,
}

impl ArgoCd {
    /// The usual one: annotation tracking.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<ArgoCd> = OnceCell::const_new();
        SHARED.get_or_init(|| start("argocd", Tracking::Annotation)).await
    }

    /// One that tracks by the label `app.kubernetes.io/instance`.
    pub(crate) async fn with_label_tracking() -> &'static Self {
        static LABEL: OnceCell<ArgoCd> = OnceCell::const_new();
        LABEL.get_or_init(|| start("argocd-label", Tracking::Label)).await
    }
}

async fn start(namespace: &'static str, tracking: Tracking) -> ArgoCd {
    let plane = ControlPlane::shared().await;
    let client = plane.admin().await;
    let installed = async {
        defined(&client).await;
        settings::install(&client, namespace, tracking).await;
    };
    let (repo_server, redis, ()) = tokio::join!(repo_server(), redis(plane, namespace), installed);
    let kubeconfig = plane.kubeconfig("argocd");
    let args = controller_args(namespace, &kubeconfig, repo_server, &redis);
    let envs = [
        // Else the address of the cluster is taken to be one that only Pods can resolve.
        ("ARGOCD_FAKE_IN_CLUSTER", "true".to_owned()),
        ("KUBECONFIG", kubeconfig.display().to_string()),
        ("HOME", state_dir(namespace).display().to_string()),
        // Pauses that spare big clusters, and that tests would only wait for.
        ("ARGOCD_SYNC_WAVE_DELAY", "0".to_owned()),
        ("ARGOCD_CLUSTER_CACHE_EVENTS_PROCESSING_INTERVAL", "10ms".to_owned()),
    ];
    let program = argocd_dir().join("argocd-application-controller");
    plane.adopt(Server::start(&format!("{namespace}-controller"), &program, &args, &envs));
    ArgoCd { namespace, tracking }
}

/// Argo CD's resources, known to the API server once for both.
async fn defined(client: &Client) {
    static DEFINED: OnceCell<()> = OnceCell::const_new();
    DEFINED.get_or_init(|| settings::define(client)).await;
}

fn controller_args(namespace: &str, kubeconfig: &Path, repo_server: &str, redis: &str) -> Vec<String> {
    let [metrics] = free_ports();
    let kubeconfig = kubeconfig.display().to_string();
    let metrics = metrics.to_string();
    let mut args =
        vec!["--kubeconfig", &kubeconfig, "-n", namespace, "--redis", redis, "--repo-server", repo_server];
    args.extend([
        "--repo-server-plaintext",
        "--metrics-port",
        &metrics,
        "--loglevel",
        "info",
        "--logformat",
        "text",
    ]);
    args.extend(["--app-resync", "20", "--app-resync-jitter", "0", "--self-heal-timeout-seconds", "5"]);
    if namespace == "argocd" {
        args.extend(["--application-namespaces", APPLICATION_NAMESPACES]);
    }
    args.into_iter().map(str::to_owned).collect()
}

async fn redis(plane: &ControlPlane, name: &str) -> String {
    let [port] = free_ports();
    let address = format!("127.0.0.1:{port}");
    let program = argocd_dir().join("redis");
    plane.adopt(Server::start(&format!("{name}-redis"), &program, std::slice::from_ref(&address), &[]));
    listens(&address).await;
    address
}

async fn listens(address: &str) {
    eventually(address, async || tokio::net::TcpStream::connect(address).await).await;
}

/// The address of the repo-server of both.
async fn repo_server() -> &'static str {
    static ADDRESS: OnceCell<String> = OnceCell::const_new();
    ADDRESS.get_or_init(start_repo_server).await
}

async fn start_repo_server() -> String {
    let plane = ControlPlane::shared().await;
    let redis = redis(plane, "argocd-repo-server").await;
    let [port, metrics] = free_ports().map(|port| port.to_string());
    let args = ["--address", "127.0.0.1", "--port", &port, "--metrics-port", &metrics, "--redis", &redis];
    // Without an authority named, even if none, it refuses to start with TLS off.
    let plain = ["--disable-tls", "--client-ca-path", "", "--logformat", "text"];
    let args: Vec<String> = args.into_iter().chain(plain).map(str::to_owned).collect();

    let dir = state_dir("repo-server");
    let path = std::env::var("PATH").unwrap_or_default();
    let helm = helm();
    let helm_dir = helm.parent().expect("a program is in a folder");
    let envs = [
        // It runs git, helm, and, by name, the verifier that stands beside it.
        ("PATH", format!("{}:{}:{path}", argocd_dir().display(), helm_dir.display())),
        ("ARGOCD_GPG_ENABLED", "false".to_owned()),
        ("ARGOCD_ASK_PASS_SOCK", socket(&dir).display().to_string()),
        ("HOME", dir.display().to_string()),
        ("TMPDIR", dir.display().to_string()),
    ];
    let program = argocd_dir().join("argocd-repo-server");
    plane.adopt(Server::start("argocd-repo-server", &program, &args, &envs));
    let address = format!("127.0.0.1:{port}");
    listens(&address).await;
    address
}

/// The kernel takes no longer paths of sockets than 108 bytes, and a checkout may be anywhere.
fn socket(dir: &Path) -> PathBuf {
    let here = dir.join("ask-pass.sock");
    if here.as_os_str().len() < 108 {
        return here;
    }
    std::env::temp_dir().join(format!("driftgate-e2e-{}.sock", std::process::id()))
}
