//! Where the servers of this process keep their data and logs.
//!
//! `target/tmp/e2e/<pid>/logs` stays for whoever looks into a failure, until a later run finds the process gone;
//! `state` (the database, keys, repositories) is removed as soon as the process ends, however it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::process::{Guarded, at_exit_remove};

struct Folders {
    root: PathBuf,
    _janitor: Guarded,
}

fn folders() -> &'static Folders {
    static FOLDERS: OnceLock<Folders> = OnceLock::new();
    FOLDERS.get_or_init(|| {
        let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e");
        forget_ended_runs(&runs);
        let root = runs.join(std::process::id().to_string());
        fs::create_dir_all(root.join("state")).expect("a folder for the servers' state");
        fs::create_dir_all(root.join("logs")).expect("a folder for the servers' logs");
        Folders { _janitor: at_exit_remove(&root.join("state")), root }
    })
}

fn forget_ended_runs(runs: &Path) {
    for run in fs::read_dir(runs).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(run.file_name()).exists() {
            // Another test process may be removing the same one; it is gone either way.
            fs::remove_dir_all(run.path()).ok();
        }
    }
}

/// A folder for data that ends with this process.
pub(crate) fn state_dir(name: &str) -> PathBuf {
    let dir = folders().root.join("state").join(name);
    fs::create_dir_all(&dir).expect("a folder for state");
    dir
}

/// A file for the log of `name`; slashes make folders.
pub(crate) fn log_file(name: &str) -> PathBuf {
    let file = folders().root.join("logs").join(name);
    fs::create_dir_all(file.parent().expect("logs has a parent")).expect("a folder for logs");
    file
}
