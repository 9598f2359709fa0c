//! The in-memory API on a socket, for processes of their own.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};

use super::Api;

impl Api {
    /// Serves HTTP/1.1 to all who connect; returns only when the listener fails.
    pub async fn serve(&self, listener: TcpListener) -> std::io::Error {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(connection(self.clone(), stream))),
                Err(error) => return error,
            }
        }
    }
}

/// Answers one client until it leaves or a fault ends the connection.
async fn connection(api: Api, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "setting TCP_NODELAY");
    }
    let service = TowerToHyperService::new(api.service());
    let mut server = http1::Builder::new();
    server.header_read_timeout(None);
    if let Err(error) = server.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "serving a connection");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::testing::with_pods;
    use crate::memory::{Fault, Matching, What, Where};
    use k8s_openapi::api::core::v1::Pod;
    use kube::api::ListParams;

    async fn connect(api: &Api) -> kube::Client {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut config =
            kube::Config::new(format!("http://{}", listener.local_addr().unwrap()).parse().unwrap());
        config.default_retry = false;
        let server = api.clone();
        tokio::spawn(async move { server.serve(listener).await });
        kube::Client::try_from(config).unwrap()
    }

    #[tokio::test]
    async fn a_client_on_a_socket_sees_the_same() {
        let api = with_pods(&["a", "b"]);
        let pods: kube::Api<Pod> = kube::Api::all(connect(&api).await);
        assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 2);
        for what in [What::Reset, What::TruncatedBody, What::GarbageBody] {
            api.add_fault(Fault { at: Where::Every(Matching::default()), what });
            pods.list(&ListParams::default()).await.unwrap_err();
            api.clear_faults();
        }
        assert_eq!(pods.list(&ListParams::default()).await.unwrap().items.len(), 2);
    }
}
