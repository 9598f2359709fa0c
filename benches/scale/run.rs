//! What each process of the benchmark does.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser as _;
use driftgate::app;
use driftgate::cli::Cli;
use driftgate::cluster::{Cluster, judge, survey};
use driftgate::exit::Exit;
use driftgate::memory::Api;
use driftgate::model::network::{NetworkPolicy, Service};
use driftgate::model::pod::Pod;
use driftgate::model::rbac::{Binding, Role};
use driftgate::model::workload::Workload;
use driftgate::rules::{RULES, Settings};
use driftgate::scope::{Application, Membership, Scope};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{data, process};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Serves an application with that many Pods until standard input closes.
pub(crate) fn serve(pods: usize) {
    block_on(async {
        let api = Api::default();
        for object in data::objects(pods) {
            api.seed(object.as_bytes()).unwrap();
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        std::thread::spawn(|| {
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            std::process::exit(0);
        });
        let error = api.serve(listener).await;
        panic!("{error}");
    });
}

/// A client that counts its requests.
fn client(address: &str) -> (kube::Client, Arc<AtomicU64>) {
    let mut config = kube::Config::new(address.parse().unwrap());
    config.default_retry = false;
    let inner = kube::Client::try_from(config).unwrap();
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let service = tower::service_fn(move |request: http::Request<Body>| {
        counter.fetch_add(1, Ordering::Relaxed);
        let inner = inner.clone();
        async move { inner.send(request).await }
    });
    (kube::Client::new(service, "default"), count)
}

fn measured(address: &str, work: impl AsyncFnOnce(kube::Client)) {
    block_on(async {
        let (rss, cpu) = (process::resident_kib(), process::cpu_nanoseconds());
        let (client, count) = client(address);
        work(client).await;
        let cpu = process::cpu_nanoseconds() - cpu;
        let rss = process::peak_kib().saturating_sub(rss);
        println!("{} {} {}", cpu as f64 / 1e6, rss as f64 / 1024.0, count.load(Ordering::Relaxed));
    });
}

/// Scans the application with all rules.
pub(crate) fn scan(address: &str) {
    measured(address, async |client| {
        let cluster = Cluster::new(client);
        let scope = Scope {
            application: Application::default(),
            membership: Membership::Namespace,
            namespaces: Some(["scale".to_owned()].into()),
            own_job: None,
        };
        let mut seen = survey(&cluster, &scope).await.unwrap();
        let evaluation = judge(&cluster, &scope, &mut seen, RULES, &Settings::default()).await.unwrap();
        assert!(evaluation.gaps.is_empty(), "{:?}", evaluation.gaps);
    });
}

#[derive(Deserialize)]
struct List<T> {
    metadata: ListMeta,
    items: Vec<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListMeta {
    #[serde(rename = "continue")]
    next: String,
}

/// Fetches and parses what a scan reads.
pub(crate) fn parse(address: &str) {
    measured(address, async |client| {
        let namespace = "scale";
        list::<Workload>(&client, &format!("/apis/apps/v1/namespaces/{namespace}/deployments")).await;
        list::<Workload>(&client, &format!("/apis/apps/v1/namespaces/{namespace}/replicasets")).await;
        list::<Service>(&client, &format!("/api/v1/namespaces/{namespace}/services")).await;
        let policies = format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies");
        list::<NetworkPolicy>(&client, &policies).await;
        list::<Role>(&client, "/apis/rbac.authorization.k8s.io/v1/roles").await;
        list::<Binding>(&client, "/apis/rbac.authorization.k8s.io/v1/rolebindings").await;
        list::<Pod>(&client, &format!("/api/v1/namespaces/{namespace}/pods")).await;
    });
}

async fn list<T: DeserializeOwned>(client: &kube::Client, path: &str) {
    let mut next = String::new();
    loop {
        let target = format!("{path}?limit=500&continue={next}");
        let request = http::Request::get(target).body(Body::empty()).unwrap();
        let body = client.send(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let list: List<T> = serde_json::from_slice(&body).unwrap();
        std::hint::black_box(list.items.len());
        if list.metadata.next.is_empty() {
            return;
        }
        next = list.metadata.next;
    }
}

/// Judges a file as the command does.
pub(crate) fn files(path: &Path) {
    let cli = Cli::parse_from(["driftgate", "scan", "--filename", &path.display().to_string()]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    alone(|| assert_eq!(runtime.block_on(app::run(cli)).unwrap(), Exit::Pass));
}

/// Only parses the YAML of a file, document by document.
pub(crate) fn yaml(path: &Path) {
    alone(|| {
        let text = std::fs::read_to_string(path).unwrap();
        for document in text.split("---\n").filter(|document| !document.is_empty()) {
            let value: serde_json::Value = serde_saphyr::from_str(document).unwrap();
            std::hint::black_box(&value);
        }
    });
}

/// Measures work that uses no network.
fn alone(work: impl FnOnce()) {
    counted(|| {
        work();
        0
    });
}

/// Measures work that yields a number.
pub(crate) fn counted(work: impl FnOnce() -> u64) {
    let (rss, cpu) = (process::resident_kib(), process::cpu_nanoseconds());
    let count = work();
    let cpu = process::cpu_nanoseconds() - cpu;
    let rss = process::peak_kib().saturating_sub(rss);
    println!("{} {} {count}", cpu as f64 / 1e6, rss as f64 / 1024.0);
}
