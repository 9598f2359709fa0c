//! Archives of a repository's commits, as source-controller makes them: the same content has the same bytes.

use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// Git in a repository, without the settings of whoever runs the tests; what went wrong as text.
pub(super) fn git(bare: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(bare)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"].map(|name| (name, "e2e")))
        .envs(["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"].map(|name| (name, "e2e@test")))
        .envs(["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"].map(|name| (name, "@0 +0000")))
        .output()
        .map_err(|error| format!("git does not start: {error}"))?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// What git prints, without the line's end.
pub(super) fn asked(bare: &Path, args: &[&str]) -> Result<String, String> {
    let printed = String::from_utf8(git(bare, args)?).map_err(|error| error.to_string())?;
    Ok(printed.trim().to_owned())
}

/// The files of a commit. Times in an archive are the commit's, so it is made of another commit of the same tree
/// whose time never changes.
pub(super) fn archive(bare: &Path, commit: &str) -> Result<Vec<u8>, String> {
    let timeless = asked(bare, &["commit-tree", "-m", "content", &format!("{commit}^{{tree}}")])?;
    git(bare, &["archive", "--format=tar.gz", &timeless])
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("a String takes any text");
    }
    text
}
