//! An in-memory API that is served on loopback, and the command run against it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use driftgate::manifests;
use driftgate::memory::{Api, ObjectRef};
use serde_json::{Value, json};
use tempfile::TempDir;

/// An API that is served on loopback, and a folder for what tests write.
pub(crate) struct Served {
    pub(crate) api: Api,
    pub(crate) folder: TempDir,
}

/// How a command ended and what it said.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Served {
    /// Serves the cluster of an example.
    pub(crate) fn example(name: &str) -> Self {
        let api = Api::default();
        let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).join("objects.yaml");
        let problems = manifests::read(&[objects], std::io::empty(), |json| {
            api.seed(json).map(drop).map_err(|error| error.to_string())
        });
        assert_eq!(problems, []);
        let (told, port) = std::sync::mpsc::channel();
        let server = api.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(listener.local_addr().unwrap().port()).unwrap();
                server.serve(listener).await
            })
        });
        let folder = tempfile::tempdir().unwrap();
        let url = format!("http://127.0.0.1:{}", port.recv().unwrap());
        let kubeconfig = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}]});
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        Self { api, folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command against the served API.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let kubeconfig = self.path("kubeconfig").display().to_string();
        run(&[arguments, &["--kubeconfig", &kubeconfig]].concat())
    }

    /// Records into a folder of this name.
    pub(crate) fn record(&self, name: &str, arguments: &[&str]) -> Ran {
        let to = self.path(name).display().to_string();
        self.run(&[&["record", "--to", &to], arguments].concat())
    }

    /// Rehearses the folder of this name; the report as JSON.
    pub(crate) fn rehearse(&self, name: &str) -> Value {
        let ran = run(&["rehearse", &self.path(name).display().to_string(), "-o", "json"]);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.err))
    }

    pub(crate) fn patch(&self, api_version: &str, kind: &str, name: &str, patch: &Value) {
        let namespace = (kind != "Node").then(|| "shop".to_owned());
        let object =
            ObjectRef { api_version: api_version.into(), kind: kind.into(), namespace, name: name.into() };
        self.api.patch(&object, patch).unwrap();
    }
}

/// Runs a command.
pub(crate) fn run(arguments: &[&str]) -> Ran {
    let output =
        Command::cargo_bin("driftgate").unwrap().env_clear().arg("-q").args(arguments).output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
