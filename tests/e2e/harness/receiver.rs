//! Takes in notifications: a plain HTTP server on loopback.

use std::convert::Infallible;
use std::net::TcpListener;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::runtime::background;

/// A server that answers 200 to every POST and keeps its body; it listens until the process ends.
pub(crate) struct Receiver {
    pub(crate) url: String,
    received: watch::Receiver<Vec<Value>>,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a listener for tokio");
        let url = format!("http://{}/hook", listener.local_addr().expect("a bound port"));
        let (sender, received) = watch::channel(Vec::new());
        background().spawn(accept(listener, sender));
        Self { url, received }
    }

    /// The bodies of all requests until now.
    pub(crate) fn received(&self) -> Vec<Value> {
        self.received.borrow().clone()
    }
}

async fn accept(listener: TcpListener, received: watch::Sender<Vec<Value>>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
    loop {
        let (stream, _peer) = listener.accept().await.expect("loopback accepts");
        tokio::spawn(connection(stream, received.clone()));
    }
}

/// A connection that breaks is the sender's to report.
async fn connection(stream: TcpStream, received: watch::Sender<Vec<Value>>) {
    let service = service_fn(async |request: Request<Incoming>| {
        let body = request.into_body().collect().await.expect("a whole request").to_bytes();
        let body = serde_json::from_slice(&body).expect("a notification is JSON");
        received.send_modify(|bodies| bodies.push(body));
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}
