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
