//! Deliveries to a real server on the loopback interface, and Events in the in-memory API.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use insta::assert_json_snapshot;
use tokio::net::TcpListener;

use super::*;
use crate::report::samples::{critical, many, unsettled};

/// What a request was.
#[derive(Clone, Debug)]
struct Arrived {
    method: String,
    path: String,
    headers: HeaderMap,
    body: String,
}

/// What the server does with the nth request.
#[derive(Clone, Copy)]
enum Reply {
    Status(u16),
    Hang,
    Break,
}

struct Server {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Server {
    /// Answers with the replies in order; the last one stays.
    async fn start(replies: &'static [Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::<Mutex<Vec<Arrived>>>::default();
        let log = Arc::clone(&arrived);
        tokio::spawn(async move {
            while let Ok((stream, _peer)) = listener.accept().await {
                let log = Arc::clone(&log);
                let service = service_fn(move |request| answer(request, Arc::clone(&log), replies));
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, arrived }
    }

    fn target(&self, kind: Kind) -> Target {
        let url = SecretUrl::parse(&format!("http://{}/services/hunter2", self.address)).unwrap();
        Target { kind, url }
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Arrived>>>,
    replies: &'static [Reply],
) -> Result<Response<Full<bytes::Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (head, body) = request.into_parts();
    let body = String::from_utf8(body.collect().await?.to_bytes().to_vec())?;
    let path = head.uri.path().to_owned();
    let count = {
        let mut log = log.lock().unwrap();
        log.push(Arrived {
            method: head.method.to_string(),
            path: path.clone(),
            headers: head.headers,
            body,
        });
        log.len()
    };
    match replies[(count - 1).min(replies.len() - 1)] {
        Reply::Status(status) => {
            // Servers may repeat the path in their answer.
            let answer = Response::builder().status(status).header("location", &path);
            Ok(answer.body(Full::new(path.into()))?)
        }
        Reply::Hang => Ok(std::future::pending::<Result<_, Infallible>>().await?),
        Reply::Break => Err("broken".into()),
    }
}

fn client() -> Client {
    rustls::crypto::ring::default_provider().install_default().ok();
    Client::direct().unwrap()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Sends one summary to one target and returns the error's words, if any.
async fn send(server: &Server, kind: Kind) -> Option<String> {
    tell(server, kind, &critical()).await
}

fn stamp() -> Stamp {
    Stamp {
        time: "2026-11-24T10:00:00.75Z".parse().unwrap(),
        suffix: "driftgate-1".into(),
        instance: "driftgate-x2x1z".into(),
    }
}

async fn tell(server: &Server, kind: Kind, report: &Report) -> Option<String> {
    let link = Some("https://argocd.example/applications/storefront");
    let told = Told { report, link, stamp: &stamp() };
    let errors = notify(&client(), &[server.target(kind)], &told, soon()).await;
    assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");
    errors.first().map(ToString::to_string)
}

#[tokio::test]
async fn a_webhook_receives_the_summary() {
    let server = Server::start(&[Reply::Status(200)]).await;
    assert_eq!(send(&server, Kind::Webhook).await, None);
    let [request] = server.arrived().try_into().unwrap();
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/services/hunter2"));
    assert_eq!(request.headers["content-type"], "application/json");
    let body: Value = serde_json::from_str(&request.body).unwrap();
    assert_json_snapshot!(body);
}

#[tokio::test]
async fn slack_receives_a_message_with_an_attachment() {
    let server = Server::start(&[Reply::Status(200)]).await;
    assert_eq!(send(&server, Kind::Slack).await, None);
    let body: Value = serde_json::from_str(&server.arrived()[0].body).unwrap();
    assert_json_snapshot!(body);
}

#[test]
fn slack_shows_how_much_is_left_out() {
    assert_json_snapshot!(slack::payload(&Summary::of(&many(), None)));
    assert_json_snapshot!(slack::payload(&Summary::of(&unsettled(), None)));
}

/// A report on what Flux deploys.
fn of_flux(application: &str, revision: &str) -> Report {
    let mut report = critical();
    report.application.name = application.into();
    report.application.revision = Some(revision.into());
    report
}

#[tokio::test]
async fn notification_controller_receives_an_event_in_its_own_schema() {
    let server = Server::start(&[Reply::Status(202)]).await;
    let report = of_flux("kustomization/apps/shop", "main@sha1:5f1a");
    assert_eq!(tell(&server, Kind::Flux, &report).await, None);
    let body: Value = serde_json::from_str(&server.arrived()[0].body).unwrap();
    assert_json_snapshot!(body);
}

#[tokio::test]
async fn a_charts_version_is_no_commit_whose_status_could_be_set() {
    let server = Server::start(&[Reply::Status(202)]).await;
    tell(&server, Kind::Flux, &of_flux("helmrelease/apps/shop", "3 (web-1.2.0)")).await;
    let body: Value = serde_json::from_str(&server.arrived()[0].body).unwrap();
    assert_eq!(body["involvedObject"]["apiVersion"], "helm.toolkit.fluxcd.io/v2");
    assert_eq!(body["metadata"]["helm.toolkit.fluxcd.io/revision"], "3 (web-1.2.0)");
    assert!(body["metadata"].get("helm.toolkit.fluxcd.io/commit_status").is_none(), "{body:#}");
}

#[tokio::test]
async fn notification_controller_is_told_of_what_flux_deploys_only() {
    let server = Server::start(&[Reply::Status(202)]).await;
    for other in ["argocd/shop", "helm/shop/web", "kustomization/shop"] {
        assert_eq!(tell(&server, Kind::Flux, &of_flux(other, "1")).await, None);
    }
    assert!(server.arrived().is_empty());
}

#[tokio::test]
async fn what_notification_controller_knows_already_is_told() {
    let server = Server::start(&[Reply::Status(429)]).await;
    assert_eq!(tell(&server, Kind::Flux, &of_flux("kustomization/apps/shop", "main@sha1:5f1a")).await, None);
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_notification_controller_that_does_not_answer_is_given_up_on_soon() {
    let server = Server::start(&[Reply::Hang]).await;
    let start = Instant::now();
    let error = tell(&server, Kind::Flux, &of_flux("kustomization/apps/shop", "main@sha1:5f1a")).await;
    assert!(error.unwrap().starts_with("notifying notification-controller: no answer within "));
    assert!(start.elapsed() <= FLUX_TIMEOUT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_passing_fault_is_survived() {
    for first in [&[Reply::Status(500), Reply::Status(200)], &[Reply::Break, Reply::Status(204)]] {
        let server = Server::start(first).await;
        assert_eq!(send(&server, Kind::Webhook).await, None);
        assert_eq!(server.arrived().len(), 2);
    }
}

#[tokio::test]
async fn a_refusal_is_final_and_reported() {
    let server = Server::start(&[Reply::Status(404)]).await;
    let words = "notifying Slack: the server answered 404 Not Found; check that its URL is still valid";
    assert_eq!(send(&server, Kind::Slack).await.as_deref(), Some(words));
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = Server::start(&[Reply::Status(307), Reply::Status(200)]).await;
    let words =
        "notifying the webhook: the server answered 307 Temporary Redirect; redirects are not followed";
    assert_eq!(send(&server, Kind::Webhook).await.as_deref(), Some(words));
    assert_eq!(server.arrived().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_on_by_the_deadline() {
    let server = Server::start(&[Reply::Hang]).await;
    let start = Instant::now();
    let error = send(&server, Kind::Webhook).await.unwrap();
    assert!(error.starts_with("notifying the webhook: no answer within "), "{error}");
    assert!(start.elapsed() <= Duration::from_secs(20), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_reported_without_its_address() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = Server { address, arrived: Arc::default() };
    let error = send(&server, Kind::Slack).await.unwrap();
    assert!(error.starts_with("notifying Slack: "), "{error}");
}

#[tokio::test]
async fn no_log_line_holds_an_address() {
    let replies = &[Reply::Break, Reply::Status(500), Reply::Status(404)];
    // tracing remembers what the first thread to pass a line wanted, and other tests want nothing: a subscriber that
    // comes later is asked again.
    send(&Server::start(replies).await, Kind::Slack).await.unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let writer = Arc::new(log.reopen().unwrap());
    let everything = tracing::level_filters::LevelFilter::TRACE;
    let subscriber = tracing_subscriber::fmt().with_max_level(everything).with_writer(writer);
    let guard = tracing::subscriber::set_default(subscriber.finish());
    send(&Server::start(replies).await, Kind::Slack).await.unwrap();
    drop(guard);
    let log = std::io::read_to_string(log).unwrap();
    assert!(log.contains("sending a notification again") && !log.contains("hunter2"), "{log}");
}

#[tokio::test]
async fn one_failing_target_does_not_stop_the_others() {
    let good = Server::start(&[Reply::Status(200)]).await;
    let bad = Server::start(&[Reply::Status(403)]).await;
    let targets = [bad.target(Kind::Slack), good.target(Kind::Webhook)];
    let told = Told { report: &critical(), link: None, stamp: &stamp() };
    let errors = notify(&client(), &targets, &told, soon()).await;
    assert_eq!((errors.len(), good.arrived().len()), (1, 1));
}

mod events {
    use serde_json::json;

    use super::*;
    use crate::cluster::Cluster;
    use crate::memory::{Api, ObjectRef as Stored};
    use crate::model::reference::{GroupKind, ObjectRef};
    use crate::notify::event::{Stamp, event, publish, regarding};

    fn stamp() -> Stamp {
        Stamp {
            time: "2026-11-24T06:00:00.123456Z".parse().unwrap(),
            suffix: "r1".into(),
            instance: "gate-x2x1z".into(),
        }
    }

    fn job() -> ObjectRef {
        ObjectRef::new(&GroupKind::new("batch", "Job"), "shop", "gate")
    }

    fn stored(api: &Api, name: &str) -> Option<Value> {
        let (api_version, namespace) = ("events.k8s.io/v1".into(), Some("shop".into()));
        api.get(&Stored { api_version, kind: "Event".into(), namespace, name: name.into() })
    }

    #[test]
    fn an_event_says_why_and_on_what() {
        assert_json_snapshot!(event(&critical(), &job(), "batch/v1", "u1", &stamp()));
    }

    #[test]
    fn an_events_name_is_a_dns_name() {
        for (name, expected) in [("web", "web.r1"), ("system:node:A", "system-node.r1"), ("::", "gate.r1")] {
            let object = ObjectRef { name: name.into(), ..job() };
            let event = event(&critical(), &object, "", "", &stamp());
            assert_eq!(event.metadata.name.as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_workload_is_the_worst_one() {
        let web = ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", "web");
        assert_eq!(regarding(&critical(), Some(&job())), [job(), web.clone()]);
        assert_eq!(regarding(&unsettled(), None), [web]);
    }

    #[tokio::test]
    async fn what_flux_deploys_has_an_event_on_its_kustomization() {
        let mut report = critical();
        report.application.name = "kustomization/shop/web".to_owned().into();
        let api = Api::default();
        let errors = publish(&Cluster::new(api.client()), &report, Some(&job()), &stamp()).await;
        assert!(errors.is_empty(), "{errors:?}");
        let on_kustomization = stored(&api, "kustomization-web.r1").unwrap();
        assert_eq!(on_kustomization["regarding"]["kind"], "Kustomization");
        assert_eq!(on_kustomization["reason"], "GateCritical");
        assert!(stored(&api, "web.r1").is_some(), "and one on the workload of the same name");
    }

    #[tokio::test]
    async fn events_are_written_with_the_objects_uid() {
        let api = Api::default();
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "web", "namespace": "shop", "uid": "u2" },
        });
        api.seed_value(&deployment).unwrap();
        let errors = publish(&Cluster::new(api.client()), &critical(), Some(&job()), &stamp()).await;
        assert!(errors.is_empty(), "{errors:?}");
        let on_workload = stored(&api, "web.r1").unwrap();
        assert_eq!(on_workload["regarding"]["uid"], "u2");
        assert_eq!(on_workload["regarding"]["apiVersion"], "apps/v1");
        let on_job = stored(&api, "gate.r1").unwrap();
        assert_eq!(on_job["regarding"].get("uid"), None, "the Job cannot be read");
    }

    #[tokio::test]
    async fn a_forbidden_event_is_reported() {
        let api = Api::default();
        api.forbid(&["create"], "events.k8s.io", "events", None);
        let errors = publish(&Cluster::new(api.client()), &critical(), Some(&job()), &stamp()).await;
        assert_eq!(errors.len(), 2);
        let text = errors[0].to_string();
        assert!(text.starts_with("creating events.events.k8s.io in namespace shop: 403"), "{text}");
    }
}
