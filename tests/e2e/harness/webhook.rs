//! A mutating admission webhook that a test programs with a closure: a real HTTPS server on loopback that the
//! API server calls.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use k8s_openapi::ByteString;
use kube::Api;
use kube::api::PostParams;
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::cluster::Ctx;
use super::runtime::{background, eventually};

/// What a webhook says to one request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Operations of a JSON patch; none leaves the object as it is.
    Patch(Vec<Value>),
    /// Admission is refused, with this message.
    Deny(String),
    /// The webhook itself is broken: it answers with a server error.
    Broken,
}

/// How a webhook is registered; `Registration::default()` is for the creation of Pods.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// `("", "pods")`, `("apps", "deployments")` and so on: group and resource.
    pub(crate) resources: Vec<(&'static str, &'static str)>,
    pub(crate) operations: Vec<&'static str>,
    pub(crate) failure_policy: &'static str,
}

impl Default for Registration {
    fn default() -> Self {
        Self { resources: vec![("", "pods")], operations: vec!["CREATE"], failure_policy: "Fail" }
    }
}

/// A registered webhook: for the objects of its test's namespace only. It answers until the process ends.
pub(crate) struct Webhook {
    /// Name of the `MutatingWebhookConfiguration`.
    pub(crate) name: String,
    /// Requests answered until now, those of dry runs included.
    pub(crate) answered: watch::Receiver<u64>,
}

impl Webhook {
    /// Serves `decide`, registers it, and returns once the API server asks it. `decide` gets the `request` of the
    /// `AdmissionReview`.
    pub(crate) async fn register(
        ctx: &Ctx,
        name: &str,
        registration: &Registration,
        decide: impl Fn(&Value) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let name = format!("{}-{name}", ctx.ns);
        let (url, ca_pem, answered) = serve(decide);
        ctx.apply(configuration(&name, &ctx.ns, registration, &url, &ca_pem)).await;
        let webhook = Self { name, answered };
        webhook.in_force(ctx, registration).await;
        webhook
    }

    /// API servers learn of a configuration by a watch: dry runs tell when this one has.
    async fn in_force(&self, ctx: &Ctx, registration: &Registration) {
        let (group, resource) = registration.resources[0];
        let (kind, sample) = sample(group, resource);
        let api: Api<DynamicObject> =
            Api::namespaced_with(ctx.client.clone(), &ctx.ns, &ApiResource::from_gvk(&kind));
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        eventually("the API server asks the webhook", async || {
            let outcome = api.create(&dry_run, &sample).await;
            if *self.answered.borrow() > 0 { Ok(()) } else { Err(format!("{outcome:?}")) }
        })
        .await;
    }
}

fn configuration(name: &str, namespace: &str, registration: &Registration, url: &str, ca_pem: &str) -> Value {
    let rules: Vec<Value> = registration
        .resources
        .iter()
        .map(|(group, resource)| {
            json!({"apiGroups": [group], "apiVersions": ["*"], "resources": [resource],
                "operations": registration.operations, "scope": "Namespaced"})
        })
        .collect();
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{
            "name": format!("{name}.test.driftgate.dev"),
            "clientConfig": {"url": url, "caBundle": ByteString(ca_pem.as_bytes().to_vec())},
            "rules": rules,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": registration.failure_policy,
            "timeoutSeconds": 5,
        }],
    })
}

/// An object that the webhook would be asked about.
fn sample(group: &str, resource: &str) -> (GroupVersionKind, DynamicObject) {
    let pod = json!({"containers": [{"name": "probe", "image": "probe"}]});
    let (kind, body) = match (group, resource) {
        ("", "pods") => ("Pod", json!({"spec": pod})),
        ("", "configmaps") => ("ConfigMap", json!({})),
        ("apps", "deployments") => {
            let template = json!({"metadata": {"labels": {"probe": "true"}}, "spec": pod});
            (
                "Deployment",
                json!({"spec": {"selector": {"matchLabels": {"probe": "true"}}, "template": template}}),
            )
        }
        other => panic!("name pods, deployments or configmaps first: no sample of {other:?}"),
    };
    let mut object: DynamicObject = serde_json::from_value(body).expect("a sample");
    object.metadata.name = Some("webhook-probe".into());
    (GroupVersionKind::gvk(group, "v1", kind), object)
}

type Decide = dyn Fn(&Value) -> Answer + Send + Sync;

fn serve(
    decide: impl Fn(&Value) -> Answer + Send + Sync + 'static,
) -> (String, String, watch::Receiver<u64>) {
    let (tls, ca_pem) = tls();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let port = listener.local_addr().expect("a bound port").port();
    let (count, answered) = watch::channel(0);
    background().spawn(accept(listener, tls, Arc::new(decide), count));
    (format!("https://127.0.0.1:{port}/mutate"), ca_pem, answered)
}

async fn accept(listener: TcpListener, tls: TlsAcceptor, decide: Arc<Decide>, count: watch::Sender<u64>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
    loop {
        let (stream, _peer) = listener.accept().await.expect("loopback accepts");
        tokio::spawn(connection(stream, tls.clone(), Arc::clone(&decide), count.clone()));
    }
}

/// A connection that breaks is the API server's to report.
async fn connection(stream: TcpStream, tls: TlsAcceptor, decide: Arc<Decide>, count: watch::Sender<u64>) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(async |request: Request<Incoming>| {
        let response = respond(request, decide.as_ref()).await;
        count.send_modify(|answered| *answered += 1);
        Ok::<_, Infallible>(response)
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn respond(request: Request<Incoming>, decide: &Decide) -> Response<Full<Bytes>> {
    let body = request.into_body().collect().await.expect("a whole request").to_bytes();
    let review: Value = serde_json::from_slice(&body).expect("an AdmissionReview");
    let uid = &review["request"]["uid"];
    let response = match decide(&review["request"]) {
        Answer::Broken => {
            let broken = Response::builder().status(StatusCode::INTERNAL_SERVER_ERROR);
            return broken.body(Full::default()).expect("a response");
        }
        Answer::Deny(message) => json!({"uid": uid, "allowed": false, "status": {"message": message}}),
        Answer::Patch(operations) if operations.is_empty() => json!({"uid": uid, "allowed": true}),
        Answer::Patch(operations) => {
            let patch = ByteString(Value::from(operations).to_string().into_bytes());
            json!({"uid": uid, "allowed": true, "patchType": "JSONPatch", "patch": patch})
        }
    };
    let review =
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response});
    Response::new(Full::from(review.to_string()))
}

/// A certificate for loopback, and that of the authority that signed it.
pub(super) fn tls() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let names = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let certificate = names.signed_by(&key, &authority).expect("a certificate");
    let private = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).expect("a private key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .expect("a certificate with its key");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}
