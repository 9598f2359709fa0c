//! Where the servers' programs are: in `KUBEBUILDER_ASSETS` when it is set and has them, else built and cached by
//! `tests/build-servers.sh`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A program of the control plane.
pub(crate) fn control_plane(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let given = std::env::var_os("KUBEBUILDER_ASSETS").map(|dir| Path::new(&dir).join(name));
    match given {
        Some(program) if program.exists() => program,
        _ => BUILT.get_or_init(|| built("controlplane")).join(name),
    }
}

/// The folder of Argo CD's programs; `crds` in it has its custom resource definitions.
pub(crate) fn argocd_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("argocd"))
}

/// The folder of kustomize-controller; `crds` in it has its definitions and source-controller's.
pub(crate) fn flux_dir() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("flux"))
}

/// The helm command line.
pub(crate) fn helm() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| built("helm")).join("helm")
}

fn built(module: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/build-servers.sh");
    let output = Command::new(&script)
        .arg(module)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}", script.display()));
    assert!(output.status.success(), "{} failed, see above", script.display());
    let said = String::from_utf8(output.stdout).expect("the script prints text");
    let folder = said.trim_end().strip_prefix(module).expect("the script names the folder");
    PathBuf::from(folder.trim_start())
}
