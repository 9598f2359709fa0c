//! `kubectl logs`: what a container has written, where the API server asks a kubelet for it.

use std::convert::Infallible;
use std::net::TcpListener;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::log_files;
use crate::harness::webhook::tls;

/// Serves on the returned port of loopback; the API server checks no certificate of a kubelet here.
pub(super) fn serve() -> u16 {
    let (tls, _authority) = tls();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let port = listener.local_addr().expect("a bound port").port();
    tokio::spawn(async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
        loop {
            let (stream, _peer) = listener.accept().await.expect("loopback accepts");
            tokio::spawn(connection(stream, tls.clone()));
        }
    });
    port
}

/// A connection that breaks is the API server's to report.
async fn connection(stream: TcpStream, tls: TlsAcceptor) {
    let Ok(stream) = tls.accept(stream).await else { return };
    let service = service_fn(async |request: Request<Incoming>| Ok::<_, Infallible>(respond(&request)));
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

/// `/containerLogs/NAMESPACE/POD/CONTAINER`.
fn respond(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let mut parts = request.uri().path().trim_start_matches('/').split('/').skip(1);
    let (namespace, pod) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let texts = log_files(namespace, pod).map(|file| std::fs::read(file).unwrap_or_default());
    let status = if texts.iter().all(Vec::is_empty) { StatusCode::NOT_FOUND } else { StatusCode::OK };
    Response::builder().status(status).body(Full::from(texts.concat())).expect("a response")
}
