//! The real helm command line, on charts of a user's shape.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::binaries;
use super::cluster::Ctx;
use super::state::state_dir;

/// A chart that includes the shipped library chart, and its release of the same name.
pub(crate) struct Chart {
    pub(crate) name: String,
    namespace: String,
    kubeconfig: PathBuf,
    dir: PathBuf,
}

/// How a call of helm has ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) ok: bool,
    /// Standard output and standard error.
    pub(crate) text: String,
}

impl Chart {
    /// `name` is free in the test's namespace.
    pub(crate) fn new(ctx: &Ctx, name: &str) -> Self {
        let dir = state_dir(&format!("helm/{}/{name}", ctx.ns));
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/helm-test");
        for path in ["Chart.yaml", "values.yaml", "templates/_driftgate.tpl"] {
            write(
                &dir.join("charts/driftgate").join(path),
                &fs::read_to_string(shipped.join(path)).expect("a file of ours"),
            );
        }
        write(
            &dir.join("templates/tests/driftgate.yaml"),
            "{{ include \"driftgate.test\" . }}\n---\n{{ include \"driftgate.rbac\" . }}\n",
        );
        let kubeconfig = ctx.plane.kubeconfig("helm");
        Self { name: name.to_owned(), namespace: ctx.ns.clone(), kubeconfig, dir }
    }

    /// Writes a version of the chart with these objects; `values` are those under `driftgate`.
    pub(crate) fn write(&self, version: &str, objects: &str, values: &serde_json::Value) {
        let chart = serde_json::json!({
            "apiVersion": "v2", "name": self.name, "version": version,
            "dependencies": [{"name": "driftgate", "version": "0.1.0"}],
        });
        write(&self.dir.join("Chart.yaml"), &chart.to_string());
        write(&self.dir.join("values.yaml"), &serde_json::json!({"driftgate": values}).to_string());
        write(&self.dir.join("templates/app.yaml"), objects);
    }

    pub(crate) async fn install(&self, more: &[&str]) -> Said {
        let dir = self.dir.to_str().expect("a path that is text");
        self.helm(&[&["install", &self.name, dir, "--timeout=90s"], more].concat()).await
    }

    pub(crate) async fn upgrade(&self, more: &[&str]) -> Said {
        let dir = self.dir.to_str().expect("a path that is text");
        self.helm(&[&["upgrade", &self.name, dir, "--timeout=90s"], more].concat()).await
    }

    pub(crate) async fn test(&self) -> Said {
        self.helm(&["test", &self.name, "--timeout=90s"]).await
    }

    /// `helm ARGS` in the test's namespace, with nothing of whoever runs the tests.
    pub(crate) async fn helm(&self, args: &[&str]) -> Said {
        let mut command = Command::new(binaries::helm());
        command.args(args).args(["--namespace", &self.namespace]).current_dir(&self.dir);
        command.env_clear().env("KUBECONFIG", &self.kubeconfig).env("HOME", self.dir.join("home"));
        let output = tokio::task::spawn_blocking(move || command.output().expect("helm starts")).await;
        let output = output.expect("nothing panics");
        let texts = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        Said { ok: output.status.success(), text: texts.concat() }
    }
}

fn write(file: &Path, text: &str) {
    fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder of a chart");
    fs::write(file, text).expect("a file of a chart");
}
