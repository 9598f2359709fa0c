//! A git repository on disk that Argo CD, or the stand-in for Flux's source-controller, reads.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::state::state_dir;

/// A repository with one branch, `main`; it ends with the process.
pub(crate) struct GitRepo {
    bare: PathBuf,
    tree: PathBuf,
}

impl GitRepo {
    /// An empty repository; `name` is free in this process.
    pub(crate) fn new(name: &str) -> Self {
        let dir = state_dir(&format!("git/{name}"));
        let repo = Self { bare: dir.join("app.git"), tree: dir.join("tree") };
        fs::create_dir_all(&repo.tree).expect("a folder for files");
        let bare = repo.bare.to_str().expect("a path that is text");
        repo.run(&["init", "--quiet", "--bare", "--initial-branch=main", bare]);
        repo
    }

    /// The repository itself.
    pub(crate) fn bare(&self) -> &Path {
        &self.bare
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    /// Commits these files (path and content) over those of earlier commits and returns the revision.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (path, content) in files {
            let file = self.tree.join(path);
            fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder for files");
            fs::write(file, content).expect("a file can be written");
        }
        self.record("change")
    }

    /// Commits the removal of a file.
    pub(crate) fn remove(&self, path: &str) -> String {
        fs::remove_file(self.tree.join(path)).expect("a file of an earlier commit");
        self.record("remove")
    }

    /// Takes the last commit off the branch.
    pub(crate) fn reset(&self) {
        self.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    }

    /// Takes all commits off the branch: the next one is the first.
    pub(crate) fn rewrite(&self) {
        self.git(&["update-ref", "-d", "refs/heads/main"]);
    }

    fn record(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    fn git(&self, args: &[&str]) -> String {
        let dirs =
            [format!("--git-dir={}", self.bare.display()), format!("--work-tree={}", self.tree.display())];
        let author = ["-c", "user.name=e2e", "-c", "user.email=e2e@test", "-c", "commit.gpgsign=false"];
        let args: Vec<&str> =
            dirs.iter().map(String::as_str).chain(author).chain(args.iter().copied()).collect();
        self.run(&args)
    }

    /// Git without the settings of whoever runs the tests.
    fn run(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(args)
            .current_dir(&self.tree)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git is installed");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {error}");
        String::from_utf8(output.stdout).expect("git prints text")
    }
}
