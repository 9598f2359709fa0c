//! Keys and kubeconfigs of the control plane.

use std::fs;
use std::path::Path;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use rcgen::KeyPair;
use serde_json::{Value, json};

/// Who talks to the API server, so that the audit log can tell them apart. All are cluster administrators.
pub(crate) const USERS: [&str; 6] =
    ["e2e", "kubelet", "controller-manager", "argocd", "kustomize-controller", "helm"];

/// How to reach an API server and know that it is the right one.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) ca_pem: String,
}

impl Endpoint {
    /// A kubeconfig, as JSON, for whoever holds `token`.
    pub(crate) fn kubeconfig(&self, token: &str, namespace: &str) -> Value {
        let ca = base64(self.ca_pem.as_bytes());
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "e2e",
            "clusters": [{"name": "e2e", "cluster": {"server": self.url, "certificate-authority-data": ca}}],
            "users": [{"name": "e2e", "user": {"token": token}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e", "namespace": namespace}}],
        })
    }

    pub(crate) fn write_kubeconfig(&self, file: &Path, token: &str, namespace: &str) {
        fs::write(file, self.kubeconfig(token, namespace).to_string()).expect("a kubeconfig can be written");
    }

    /// A client that belongs to the runtime it is made in.
    pub(crate) async fn client(&self, token: &str) -> Client {
        let kubeconfig: Kubeconfig =
            serde_json::from_value(self.kubeconfig(token, "default")).expect("a valid kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("a usable kubeconfig");
        Client::try_from(config).expect("a client")
    }
}

/// The token of one of `USERS`: they are known to nobody else, and the server listens on loopback.
pub(crate) fn token_of(user: &str) -> String {
    format!("{user}-token")
}

pub(crate) fn write_tokens(file: &Path) {
    let lines = USERS.map(|user| format!("{},{user},{user},system:masters\n", token_of(user)));
    fs::write(file, lines.concat()).expect("a token file can be written");
}

/// The key that signs the tokens of service accounts, and its public half.
pub(crate) fn write_signing_key(private: &Path, public: &Path) {
    let key = KeyPair::generate().expect("a key pair");
    fs::write(private, key.serialize_pem()).expect("a key can be written");
    fs::write(public, key.public_key_pem()).expect("a key can be written");
}

fn base64(bytes: &[u8]) -> String {
    let encoded = json!(k8s_openapi::ByteString(bytes.to_vec()));
    encoded.as_str().expect("bytes are a string in JSON").to_owned()
}
