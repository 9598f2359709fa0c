//! A kubelet and a scheduler in one task: it binds every Pod to its one Node, says how the containers fare, and runs
//! the real `driftgate` for containers of that name. No other container exists; what they do is told by
//! annotations of the Pod (see `behaviour`), so that a test can make a rollout hang or a hook fail.

mod behaviour;
mod env;
mod gate;
mod logs;
mod pod;
mod status;
mod volumes;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::credentials::{Endpoint, token_of};
use super::runtime::in_background;
use super::state::{log_file, state_dir};

const NODE: &str = "process-node";

/// Runs Pods on the background runtime, for as long as the process lives.
pub(crate) struct Kubelet;

/// What a container of a Pod has written.
#[derive(Debug)]
pub(crate) struct PodLog {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What all Pods share.
struct Host {
    client: Client,
    endpoint: Endpoint,
    dir: PathBuf,
    addresses: AtomicU32,
}

impl Kubelet {
    pub(crate) async fn start(endpoint: Endpoint) -> Self {
        in_background(async move {
            let client = endpoint.client(&token_of("kubelet")).await;
            register_node(&client).await;
            let host = Host { client, endpoint, dir: state_dir("pods"), addresses: AtomicU32::new(1) };
            tokio::spawn(run(Arc::new(host)));
        })
        .await;
        Self
    }

    /// The log of a Pod's `driftgate` container, also after the Pod has gone.
    #[expect(clippy::unused_self, reason = "only who has a kubelet has logs")]
    pub(crate) fn log(&self, namespace: &str, pod: &str) -> PodLog {
        let [stdout, stderr] = log_files(namespace, pod).map(|file| {
            std::fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("no log {}: {error}", file.display()))
        });
        PodLog { stdout, stderr }
    }
}

fn log_files(namespace: &str, pod: &str) -> [PathBuf; 2] {
    ["stdout", "stderr"].map(|stream| log_file(&format!("pods/{namespace}/{pod}.{stream}")))
}

impl Host {
    fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn next_address(&self) -> String {
        let n = self.addresses.fetch_add(1, Ordering::Relaxed);
        format!("10.244.{}.{}", n / 250, n % 250 + 1)
    }
}

async fn register_node(client: &Client) {
    let nodes: Api<Node> = Api::all(client.clone());
    let node = json!({
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "kubernetes.io/os": "linux"}},
    });
    let node = serde_json::from_value(node).expect("a Node");
    nodes.create(&PostParams::default(), &node).await.expect("the Node can be created");
    nodes
        .patch_status(NODE, &PatchParams::default(), &Patch::Merge(node_status(logs::serve())))
        .await
        .expect("the Node's status can be set");
    // Admission gives it one until it is ready, and nobody else takes it away: DaemonSets would pass it by.
    let no_taints = Patch::Merge(json!({"spec": {"taints": null}}));
    nodes.patch(NODE, &PatchParams::default(), &no_taints).await.expect("the Node's taints can be removed");
}

fn node_status(port: u16) -> Value {
    let room = json!({"cpu": "1000", "memory": "4000Gi", "pods": "10000", "ephemeral-storage": "4000Gi"});
    json!({"status": {
        "capacity": room,
        "allocatable": room,
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "runs processes"}],
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }})
}

/// Gives each Pod a task of its own and passes on what becomes of the object.
async fn run(host: Arc<Host>) {
    let pods: Api<Pod> = Api::all(host.client.clone());
    let mut known: HashMap<String, watch::Sender<Pod>> = HashMap::new();
    let mut events = watcher(pods, watcher::Config::default()).default_backoff().boxed();
    loop {
        match events.try_next().await {
            Ok(Some(Event::Apply(pod) | Event::InitApply(pod))) => {
                let uid = pod.metadata.uid.clone().unwrap_or_default();
                match known.get(&uid) {
                    Some(task) => drop(task.send_replace(pod)),
                    None => drop(known.insert(uid, adopt(&host, pod))),
                }
            }
            Ok(Some(Event::Delete(pod))) => drop(known.remove(&pod.metadata.uid.unwrap_or_default())),
            Ok(Some(Event::Init | Event::InitDone)) => {}
            Ok(None) => return,
            Err(error) => eprintln!("kubelet: watching Pods: {error}"),
        }
    }
}

fn adopt(host: &Arc<Host>, pod: Pod) -> watch::Sender<Pod> {
    let (sender, updates) = watch::channel(pod);
    tokio::spawn(pod::live(Arc::clone(host), updates));
    sender
}
