//! The control plane: etcd, kube-apiserver, kube-controller-manager, and a kubelet of ours.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{Api, Client};
use tokio::sync::OnceCell;

use super::audit::{self, AuditLog};
use super::binaries;
use super::credentials::{self, Endpoint, token_of};
use super::kubelet::Kubelet;
use super::process::{Guarded, Launch, free_ports};
use super::runtime::eventually;
use super::state::{log_file, state_dir};

/// One for all tests of this process, started by the first that asks.
pub(crate) struct ControlPlane {
    pub(crate) endpoint: Endpoint,
    pub(crate) audit: AuditLog,
    pub(crate) kubelet: Kubelet,
    pub(crate) dir: PathBuf,
    etcd_port: u16,
    servers: Mutex<Vec<Server>>,
}

/// A server that is expected to run for as long as this process.
pub(crate) struct Server {
    name: String,
    log: PathBuf,
    process: Guarded,
}

impl Server {
    /// Starts a server with the environment of the tests and `envs`; its log is `logs/<name>.log`.
    pub(crate) fn start(name: &str, program: &Path, args: &[String], envs: &[(&str, String)]) -> Self {
        let log = log_file(&format!("{name}.log"));
        let process = Guarded::start(Launch {
            program,
            args: args.to_vec(),
            envs: envs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            inherit_env: true,
            dir: &state_dir(name),
            stdout: log.clone(),
            stderr: log.clone(),
        });
        Self { name: name.to_owned(), log, process }
    }

    /// The end of its log, if it has ended.
    pub(crate) fn obituary(&mut self) -> Option<String> {
        let status = self.process.exited()?;
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(20)..].join("\n");
        Some(format!("{} ended with {status}:\n{last}", self.name))
    }

    /// Fails at once, instead of at the end of somebody's patience, when the server is gone.
    pub(crate) fn assert_running(&mut self) {
        if let Some(obituary) = self.obituary() {
            panic!("{obituary}");
        }
    }
}

impl ControlPlane {
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        SHARED.get_or_init(start).await
    }

    /// A client with every right, for the runtime of the caller.
    pub(crate) async fn admin(&self) -> Client {
        self.endpoint.client(&token_of("e2e")).await
    }

    /// A kubeconfig file with every right, for a program that is known as `user`.
    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        write_kubeconfig(&self.endpoint, &self.dir, user)
    }

    /// Keeps a server running for as long as the process, and tells of its death if a test fails.
    pub(crate) fn adopt(&self, server: Server) {
        self.servers.lock().expect("no panic while adopting").push(server);
    }

    /// What has become of servers that should run.
    pub(crate) fn obituaries(&self) -> Vec<String> {
        let mut servers = self.servers.lock().expect("no panic while asking");
        servers.iter_mut().filter_map(Server::obituary).collect()
    }
}

fn write_kubeconfig(endpoint: &Endpoint, dir: &Path, user: &str) -> PathBuf {
    let file = dir.join(format!("{user}.kubeconfig"));
    endpoint.write_kubeconfig(&file, &token_of(user), "default");
    file
}

async fn start() -> ControlPlane {
    // An error means that another test was first: there is one provider a process.
    rustls::crypto::ring::default_provider().install_default().ok();
    let dir = state_dir("controlplane");
    let [etcd_port, peer_port, api_port] = free_ports();
    credentials::write_tokens(&dir.join("tokens.csv"));
    credentials::write_signing_key(&dir.join("sa.key"), &dir.join("sa.pub"));
    audit::write_policy(&dir.join("audit-policy.yaml"));

    let etcd =
        Server::start("etcd", &binaries::control_plane("etcd"), &etcd_args(&dir, etcd_port, peer_port), &[]);
    let api_args = apiserver_args(&dir, etcd_port, api_port);
    let apiserver =
        Server::start("kube-apiserver", &binaries::control_plane("kube-apiserver"), &api_args, &[]);
    let mut servers = vec![etcd, apiserver];
    let endpoint = ready(&dir, api_port, &mut servers).await;

    let kubeconfig = write_kubeconfig(&endpoint, &dir, "controller-manager");
    let program = binaries::control_plane("kube-controller-manager");
    servers.push(Server::start(
        "kube-controller-manager",
        &program,
        &controller_manager_args(&dir, &kubeconfig),
        &[],
    ));
    let kubelet = Kubelet::start(endpoint.clone()).await;
    controllers_run(&endpoint, &mut servers).await;
    let audit = AuditLog::new(dir.join("audit.log"));
    ControlPlane { endpoint, audit, kubelet, dir, etcd_port, servers: Mutex::new(servers) }
}

/// Another API server on the same etcd, with the same certificate and keys: a test can kill it without taking it from
/// all others.
pub(crate) struct OwnApiServer {
    pub(crate) endpoint: Endpoint,
    plane: &'static ControlPlane,
    name: String,
    port: u16,
    server: Option<Server>,
}

impl OwnApiServer {
    /// Starts one of this name, and waits until it serves.
    pub(crate) async fn start(plane: &'static ControlPlane, name: &str) -> Self {
        let [port] = free_ports();
        let endpoint =
            Endpoint { url: format!("https://127.0.0.1:{port}"), ca_pem: plane.endpoint.ca_pem.clone() };
        let mut own = Self { endpoint, plane, name: name.to_owned(), port, server: None };
        own.revive().await;
        own
    }

    /// Kills it; nobody can say goodbye.
    pub(crate) fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it again where it was, and waits until it serves.
    pub(crate) async fn revive(&mut self) {
        let mut args = apiserver_args(&self.plane.dir, self.plane.etcd_port, self.port);
        args.retain(|arg| !arg.starts_with("--audit-"));
        let program = binaries::control_plane("kube-apiserver");
        let mut servers = vec![Server::start(&self.name, &program, &args, &[])];
        ready(&self.plane.dir, self.port, &mut servers).await;
        self.server = servers.pop();
    }
}

/// Waits until the API server has written its certificate and serves.
async fn ready(dir: &Path, port: u16, servers: &mut [Server]) -> Endpoint {
    let certificate = dir.join("certs/apiserver.crt");
    eventually("the API server is ready", async || {
        servers.iter_mut().for_each(Server::assert_running);
        let ca_pem = std::fs::read_to_string(&certificate).map_err(|error| error.to_string())?;
        let endpoint = Endpoint { url: format!("https://127.0.0.1:{port}"), ca_pem };
        let request = http::Request::get("/readyz").body(Vec::new()).expect("a request");
        let client = endpoint.client(&token_of("e2e")).await;
        client.request_text(request).await.map_err(|error| error.to_string())?;
        Ok::<_, String>(endpoint)
    })
    .await
}

/// Waits until the controllers do their work: a namespace gets its default service account.
async fn controllers_run(endpoint: &Endpoint, servers: &mut [Server]) {
    let accounts: Api<ServiceAccount> = Api::namespaced(endpoint.client(&token_of("e2e")).await, "default");
    eventually("the controllers run", async || {
        servers.iter_mut().for_each(Server::assert_running);
        accounts.get("default").await
    })
    .await;
}

fn args(list: &[(&str, String)]) -> Vec<String> {
    list.iter().map(|(flag, value)| format!("--{flag}={value}")).collect()
}

fn etcd_args(dir: &Path, port: u16, peer_port: u16) -> Vec<String> {
    let clients = format!("http://127.0.0.1:{port}");
    let peers = format!("http://127.0.0.1:{peer_port}");
    args(&[
        ("data-dir", dir.join("etcd").display().to_string()),
        ("listen-client-urls", clients.clone()),
        ("advertise-client-urls", clients),
        ("listen-peer-urls", peers.clone()),
        ("initial-advertise-peer-urls", peers.clone()),
        ("initial-cluster", format!("default={peers}")),
        ("unsafe-no-fsync", "true".into()),
        ("log-level", "error".into()),
    ])
}

fn apiserver_args(dir: &Path, etcd_port: u16, port: u16) -> Vec<String> {
    let file = |name: &str| dir.join(name).display().to_string();
    args(&[
        ("etcd-servers", format!("http://127.0.0.1:{etcd_port}")),
        ("secure-port", port.to_string()),
        ("bind-address", "127.0.0.1".into()),
        ("advertise-address", "127.0.0.1".into()),
        ("cert-dir", file("certs")),
        ("service-account-key-file", file("sa.pub")),
        ("service-account-signing-key-file", file("sa.key")),
        ("service-account-issuer", "https://kubernetes.default.svc".into()),
        ("token-auth-file", file("tokens.csv")),
        ("authorization-mode", "RBAC".into()),
        ("service-cluster-ip-range", "10.0.0.0/16".into()),
        ("allow-privileged", "true".into()),
        ("endpoint-reconciler-type", "none".into()),
        ("audit-policy-file", file("audit-policy.yaml")),
        ("audit-log-path", file("audit.log")),
    ])
}

fn controller_manager_args(dir: &Path, kubeconfig: &Path) -> Vec<String> {
    let kubeconfig = kubeconfig.display().to_string();
    args(&[
        ("kubeconfig", kubeconfig.clone()),
        ("authentication-kubeconfig", kubeconfig.clone()),
        ("authorization-kubeconfig", kubeconfig),
        ("service-account-private-key-file", dir.join("sa.key").display().to_string()),
        ("root-ca-file", dir.join("certs/apiserver.crt").display().to_string()),
        ("leader-elect", "false".into()),
        ("use-service-account-credentials", "true".into()),
        ("secure-port", "0".into()),
        // Our node sends no heartbeats: nobody must conclude that its Pods are lost.
        ("controllers", "*,-node-lifecycle-controller,-taint-eviction-controller".into()),
        // Tests run side by side, and none should wait for another's turn.
        ("kube-api-qps", "300".into()),
        ("kube-api-burst", "600".into()),
    ])
}
