//! A scripted API server for tests of the transport: answers each request by a function, and keeps what was asked.

use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use kube::client::Body;

use crate::cluster::Cluster;

/// What the fake does with a request.
pub(crate) enum Reply {
    /// Status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Never answers.
    Hang,
    /// Breaks the connection.
    Break,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(200, Vec::new(), body.into())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, Vec::new(), Vec::new())
    }
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) accept: String,
    pub(crate) body: String,
}

/// Everything that was asked so far.
pub(crate) type Log = Arc<Mutex<Vec<Asked>>>;

/// A cluster whose nth request (from 0) is answered by the function.
pub(crate) fn cluster(answer: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> (Cluster, Log) {
    let log = Log::default();
    let (answer, kept) = (Arc::new(answer), Arc::clone(&log));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let accept = head.headers.get("accept").map(|value| value.to_str().unwrap().to_owned());
            let asked = Asked {
                method: head.method.to_string(),
                target: head.uri.to_string(),
                accept: accept.unwrap_or_default(),
                body: String::from_utf8(body.to_vec())?,
            };
            let count = {
                let mut kept = kept.lock().unwrap();
                kept.push(asked.clone());
                kept.len() - 1
            };
            match answer(count, &asked) {
                Reply::Answer(status, headers, body) => {
                    let mut response = Response::builder().status(status);
                    for (name, value) in headers {
                        response = response.header(name, value);
                    }
                    Ok::<_, tower::BoxError>(response.body(Full::new(body.into()))?)
                }
                Reply::Hang => std::future::pending().await,
                Reply::Break => Err("connection reset".into()),
            }
        }
    });
    (Cluster::new(kube::Client::new(service, "default")), log)
}
