//! A way to the API server on which a test holds back what is written.
//!
//! Plain HTTP on loopback, towards the server with the rights of one account. A program behind it waits at its write
//! until the test has it carried out, and for the answer until the test passes that on: so a test can kill it between.

use std::fs;
use std::net::TcpListener;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::cluster::Ctx;
use super::platform::RECORDS_NAMESPACE;
use super::runtime::{PATIENCE, background, in_background};
use super::state::state_dir;

/// Which writes are held back: by what is asked, and by path.
pub(crate) type Held = fn(&Method, &str) -> bool;

/// Those of records.
pub(crate) fn records(method: &Method, path: &str) -> bool {
    let maps = format!("/api/v1/namespaces/{RECORDS_NAMESPACE}/configmaps");
    *method != Method::GET && path.starts_with(&maps)
}

/// All but those of the Lease, which whoever executes rollbacks renews all the time.
pub(crate) fn all_but_leases(method: &Method, path: &str) -> bool {
    *method != Method::GET && !path.contains("/leases")
}

/// The way; it is there until the process ends.
pub(crate) struct Door {
    /// File of a kubeconfig that leads here.
    pub(crate) kubeconfig: String,
    writes: mpsc::UnboundedReceiver<Write>,
}

impl Door {
    /// One for whatever has the rights of this account of the test's namespace.
    pub(crate) async fn open(ctx: &Ctx, account: &str, held: Held) -> Self {
        let (endpoint, token) = (ctx.plane.endpoint.clone(), ctx.token_of(account).await);
        let client = in_background(async move { endpoint.client(&token).await }).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let (sender, writes) = mpsc::unbounded_channel();
        background().spawn(accept(listener, client, sender, held));
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "door",
            "clusters": [{"name": "door", "cluster": {"server": url}}],
            "users": [{"name": "door", "user": {}}],
            "contexts": [{"name": "door", "context": {"cluster": "door", "user": "door", "namespace": ctx.ns}}],
        });
        let file = state_dir(&format!("{}-door", ctx.ns)).join("kubeconfig");
        fs::write(&file, kubeconfig.to_string()).expect("a kubeconfig can be written");
        Self { kubeconfig: file.display().to_string(), writes }
    }

    /// Passes on whatever comes, until there is a write like this.
    pub(crate) async fn write_like(&mut self, is_it: impl Fn(&Write) -> bool) -> Write {
        loop {
            let write = self.write().await;
            if is_it(&write) {
                return write;
            }
            write.carry_out().await.tell();
        }
    }

    /// Passes everything on from now on.
    pub(crate) fn stand_open(mut self) {
        background().spawn(async move {
            while let Some(write) = self.writes.recv().await {
                write.carry_out().await.tell();
            }
        });
    }

    /// The next write that waits here.
    pub(crate) async fn write(&mut self) -> Write {
        let write = timeout(PATIENCE, self.writes.recv()).await;
        write.expect("somebody writes in time").expect("the door is there as long as the process")
    }
}

/// A write that has not reached the server. Whoever made it gets no answer if this is dropped.
pub(crate) struct Write {
    request: Request<Bytes>,
    client: Client,
    answer: oneshot::Sender<Response<Body>>,
}

impl Write {
    /// What is written, as it is sent.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.request.body()).expect("JSON is UTF-8")
    }

    /// Method and path.
    pub(crate) fn what(&self) -> String {
        format!("{} {}", self.request.method(), self.request.uri().path())
    }

    /// The object that is to be written.
    pub(crate) fn object(&self) -> Value {
        serde_json::from_slice(self.request.body()).expect("an object is JSON")
    }

    /// Lets the server do it. Whoever made it does not know yet.
    pub(crate) async fn carry_out(self) -> Done {
        let Self { request, client, answer } = self;
        let response = in_background(async move {
            let response = client.send(request.map(Body::from)).await.expect("the server answers");
            let (head, body) = response.into_parts();
            Response::from_parts(head, body.collect().await.expect("a whole answer").to_bytes())
        });
        Done { response: response.await, answer }
    }
}

/// A write that the server has carried out or refused.
pub(crate) struct Done {
    response: Response<Bytes>,
    answer: oneshot::Sender<Response<Body>>,
}

impl Done {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Whoever made it gets the answer, if it still waits for one.
    pub(crate) fn tell(self) {
        self.answer.send(self.response.map(Body::from)).ok();
    }
}

async fn accept(listener: TcpListener, client: Client, writes: mpsc::UnboundedSender<Write>, held: Held) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
    loop {
        let (stream, _peer) = listener.accept().await.expect("loopback accepts");
        tokio::spawn(connection(stream, client.clone(), writes.clone(), held));
    }
}

/// A connection ends when its program does, or when a write of it is dropped.
async fn connection(stream: TcpStream, client: Client, writes: mpsc::UnboundedSender<Write>, held: Held) {
    let service = service_fn(|request| pass(request, client.clone(), writes.clone(), held));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn pass(
    request: Request<Incoming>,
    client: Client,
    writes: mpsc::UnboundedSender<Write>,
    held: Held,
) -> Result<Response<Body>, Box<dyn std::error::Error + Send + Sync>> {
    let (mut parts, body) = request.into_parts();
    for name in [HOST, CONTENT_LENGTH] {
        parts.headers.remove(name);
    }
    let is_held = held(&parts.method, parts.uri.path());
    let request = Request::from_parts(parts, body.collect().await?.to_bytes());
    if !is_held {
        return Ok(client.send(request.map(Body::from)).await?);
    }
    let (answer, answered) = oneshot::channel();
    writes.send(Write { request, client, answer }).ok();
    Ok(answered.await?)
}
