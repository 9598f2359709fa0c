//! The way to the API server, which a test can block: to whoever goes that way the server has gone.

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::harness::runtime::background;

/// Forwards connections on loopback.
pub(super) struct Proxy {
    pub(super) url: String,
    open: watch::Sender<bool>,
}

impl Proxy {
    /// One to the server at this address.
    pub(super) async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("https://").to_owned();
        let listener =
            background().spawn(async { TcpListener::bind("127.0.0.1:0").await }).await.unwrap().unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (open, state) = watch::channel(true);
        background().spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server.clone(), state.clone()));
            }
        });
        Self { url, open }
    }

    /// Breaks what is connected and lets nobody through until it is opened again.
    pub(super) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn forward(mut client: TcpStream, server: String, mut state: watch::Receiver<bool>) {
    if !*state.borrow() {
        return;
    }
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
        _ = state.wait_for(|open| !open) => {}
    }
}
