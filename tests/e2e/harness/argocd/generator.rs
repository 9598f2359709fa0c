//! The ApplicationSet controller of the shared Argo CD, started by the first test that asks for it.

use tokio::sync::OnceCell;

use super::{ArgoCd, repo_server};
use crate::harness::binaries::argocd_dir;
use crate::harness::process::free_ports;
use crate::harness::servers::{ControlPlane, Server};
use crate::harness::state::state_dir;

impl ArgoCd {
    /// Generates Applications from ApplicationSets in its namespace from now on.
    pub(crate) async fn generates(&self) {
        static STARTED: OnceCell<()> = OnceCell::const_new();
        STARTED.get_or_init(|| start(self.namespace)).await;
    }
}

async fn start(namespace: &str) {
    let plane = ControlPlane::shared().await;
    let kubeconfig = plane.kubeconfig("argocd").display().to_string();
    let repo_server = repo_server().await;
    let [metrics, probe, webhook] = free_ports().map(|port| format!("127.0.0.1:{port}"));
    let args = [
        ["--kubeconfig", &kubeconfig],
        ["--namespace", namespace],
        ["--argocd-repo-server", repo_server],
        ["--metrics-addr", &metrics],
        ["--probe-addr", &probe],
        ["--webhook-addr", &webhook],
        ["--logformat", "text"],
    ];
    let args: Vec<String> =
        args.concat().into_iter().chain(["--repo-server-plaintext"]).map(str::to_owned).collect();
    let envs = [("KUBECONFIG", kubeconfig.clone()), ("HOME", state_dir("generator").display().to_string())];
    let program = argocd_dir().join("argocd-applicationset-controller");
    plane.adopt(Server::start("argocd-applicationset-controller", &program, &args, &envs));
}
