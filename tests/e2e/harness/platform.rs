//! What the platform team installs: the shipped kustomizations, rendered by kubectl and applied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::binaries;
use super::cluster::{Ctx, apply};
use super::servers::ControlPlane;
use super::state::state_dir;

/// Where the records are; the shipped one.
pub(crate) const RECORDS_NAMESPACE: &str = "driftgate";

/// The account of the gate's Pods; the shipped one.
pub(crate) const ACCOUNT: &str = "driftgate";

/// Installs what a cluster needs once, and what the test's namespace needs.
pub(crate) async fn installed(ctx: &Ctx) {
    static BASE: OnceCell<()> = OnceCell::const_new();
    BASE.get_or_init(install_base).await;
    for object in Tree::copy(&ctx.ns).overlay(&ctx.ns) {
        ctx.apply(object).await;
    }
}

async fn install_base() {
    let client = ControlPlane::shared().await.admin().await;
    for object in Tree::copy("base").render("kustomize/base") {
        apply(&client, RECORDS_NAMESPACE, object).await;
    }
}

/// The same for applications that Flux deploys.
pub(crate) async fn installed_for_flux(ctx: &Ctx) {
    static BASE: OnceCell<()> = OnceCell::const_new();
    BASE.get_or_init(async || {
        let client = ControlPlane::shared().await.admin().await;
        for object in Tree::copy("flux-base").render("kustomize/flux") {
            apply(&client, RECORDS_NAMESPACE, object).await;
        }
    })
    .await;
    for object in Tree::copy(&ctx.ns).overlay_of("flux-app-namespace", &ctx.ns) {
        ctx.apply(object).await;
    }
}

/// A copy of the shipped manifests and kustomizations that a test adds its own to, as users do.
pub(crate) struct Tree {
    root: PathBuf,
}

impl Tree {
    /// `name` is free in this process.
    pub(crate) fn copy(name: &str) -> Self {
        let root = state_dir(&format!("kustomize/{name}"));
        for folder in ["manifests", "kustomize"] {
            copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &root.join(folder));
        }
        Self { root }
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let file = self.root.join(path);
        fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder in a copy");
        fs::write(file, text).expect("a file in a copy");
    }

    /// What the kustomization in a folder renders to, as text.
    pub(crate) fn text(&self, folder: &str) -> String {
        let output = Command::new(binaries::control_plane("kubectl"))
            .args(["kustomize", folder])
            .current_dir(&self.root)
            .output()
            .expect("kubectl starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && error.is_empty(), "kubectl kustomize {folder}: {error}");
        String::from_utf8(output.stdout).expect("kubectl prints text")
    }

    pub(crate) fn render(&self, folder: &str) -> Vec<Value> {
        serde_saphyr::from_multiple(&self.text(folder)).expect("YAML")
    }

    /// What the app-namespace overlay renders to when its parameter is this namespace.
    pub(crate) fn overlay(&self, namespace: &str) -> Vec<Value> {
        self.overlay_of("app-namespace", namespace)
    }

    /// The same for another overlay with that parameter.
    pub(crate) fn overlay_of(&self, overlay: &str, namespace: &str) -> Vec<Value> {
        let folder = format!("kustomize/overlays/{namespace}");
        copy(&self.root.join("kustomize/overlays").join(overlay), &self.root.join(&folder));
        let parameters = self.root.join(&folder).join("parameters.yaml");
        let text = fs::read_to_string(&parameters).expect("the overlay has parameters");
        let changed = text.replace("namespace: shop", &format!("namespace: {namespace}"));
        assert_ne!(text, changed, "the shipped parameter is another");
        fs::write(parameters, changed).expect("a file in a copy");
        self.render(&folder)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder in a copy");
    for entry in fs::read_dir(from).expect("a folder of ours") {
        let entry = entry.expect("an entry of a folder of ours");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file can be copied");
        }
    }
}
