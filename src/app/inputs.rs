//! What the commands read besides the cluster: the environment, policy files, URLs of notifications.

use std::io;
use std::path::{Path, PathBuf};

use crate::cli::{ClusterArgs, NotifyArgs};
use crate::cluster::{ApiError, Cluster, Connect};

/// A variable of the environment, unless it is absent, empty or not Unicode.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Connects as the arguments say.
pub(super) async fn connect(args: &ClusterArgs) -> Result<Cluster, ApiError> {
    let in_cluster = variable("KUBERNETES_SERVICE_HOST").is_some();
    let options =
        Connect { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), in_cluster };
    Cluster::connect(&options).await
}

/// The text of one file.
#[expect(clippy::disallowed_methods, reason = "the one place that reads policies and URL files")]
fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))
}

/// Policy files by name and text. Of a folder, the files that end in yaml or yml, in order of their names; links are
/// followed, because a mounted ConfigMap is made of them.
pub(super) fn policies(paths: &[PathBuf]) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for path in paths {
        for file in policy_files(path)? {
            found.push((file.display().to_string(), text(&file)?));
        }
    }
    Ok(found)
}

fn policy_files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = path.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|error| format!("reading {}: {error}", path.display()))?;
    let yaml = |file: &PathBuf| file.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let mut files: Vec<_> = entries.iter().map(std::fs::DirEntry::path).filter(yaml).collect();
    files.sort();
    Ok(files)
}

/// URLs of the webhooks that are set up: JSON and Slack-compatible.
pub(super) fn urls(args: &NotifyArgs) -> Result<(Option<String>, Option<String>), String> {
    let read = |file: &Option<PathBuf>, name: &str| match file {
        Some(file) => text(file).map(|url| Some(url.trim().to_owned())),
        None => Ok(variable(name)),
    };
    Ok((read(&args.webhook_url_file, "DRIFTGATE_WEBHOOK_URL")?, read(&args.slack_url_file, "DRIFTGATE_SLACK_URL")?))
}
