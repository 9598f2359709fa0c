//! What the commands read besides the cluster: the environment, policy files, URLs of notifications.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::app::rollback::Failure;
use crate::app::told::Stop;
use crate::cli::{ClusterArgs, PolicyArgs};
use crate::cluster::{ApiError, Cluster, Connect, Reason};
use crate::policy::{self, Policy};
use crate::record::Record;
use crate::rules::{self, RULES, Rule};
use crate::store;

/// What is larger is no policy and no record that anybody wrote.
const MOST_BYTES: u64 = 16 << 20;

/// A variable of the environment, unless it is absent, empty or not Unicode.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Connects as the arguments say.
pub(super) async fn connect(args: &ClusterArgs) -> Result<Cluster, ApiError> {
    let in_cluster = variable("KUBERNETES_SERVICE_HOST").is_some();
    let options = Connect { kubeconfig: args.kubeconfig.clone(), context: args.context.clone(), in_cluster };
    Cluster::connect(&options).await
}

/// The text of one file.
#[expect(clippy::disallowed_methods, reason = "the one place that reads policy files and records")]
pub(super) fn text(path: &Path) -> Result<String, String> {
    let reading = |error: &dyn std::fmt::Display| format!("reading {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| reading(&error))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| reading(&error))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MOST_BYTES) {
        return Err(reading(&format!("it is larger than {} MiB", MOST_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|error| reading(&error))
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
    // An optional ConfigMap that does not exist is mounted as an empty folder; files of other names are a mistake.
    let visible = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    if files.is_empty() && entries.iter().any(visible) {
        return Err(format!("{}: no file ends in .yaml or .yml, so none is a policy", path.display()));
    }
    files.sort();
    Ok(files)
}

/// The record in a file.
pub(super) fn record(file: &Path) -> Result<Record, String> {
    Record::parse(&text(file)?).map_err(|error| format!("{}: {error}", file.display()))
}

/// The policy that the arguments name; the default one without any.
pub(super) async fn policy(
    args: &PolicyArgs,
    cluster: Option<&Cluster>,
    today: Date,
) -> Result<Policy, Stop> {
    let files = policies(&args.policy).map_err(Stop::Invalid)?;
    match &args.platform_policy {
        Some(place) => Ok(policy::parse_layers(&platform(place, cluster).await?, &files, today)?),
        None => Ok(policy::parse_layers(&files, &[], today)?),
    }
}

/// The platform's files, from places between commas; that one of them holds none is an error, because somebody wants
/// there to be some.
pub(super) async fn platform(places: &str, cluster: Option<&Cluster>) -> Result<Vec<(String, String)>, Stop> {
    let mut files = Vec::new();
    for place in places.split(',') {
        files.extend(platform_files(place, cluster).await?);
    }
    Ok(files)
}

async fn platform_files(place: &str, cluster: Option<&Cluster>) -> Result<Vec<(String, String)>, Stop> {
    let Some(map) = place.strip_prefix("configmap:") else {
        let files = policies(&[PathBuf::from(place)]).map_err(Stop::Invalid)?;
        let none = || Stop::Invalid(format!("--platform-policy {place}: no file is in it"));
        return if files.is_empty() { Err(none()) } else { Ok(files) };
    };
    let usage = |why: &str| Stop::Usage(format!("--platform-policy {place}: {why}"));
    let (namespace, which) = map
        .split_once('/')
        .filter(|(namespace, which)| !namespace.is_empty() && !which.is_empty())
        .ok_or_else(|| usage("expected configmap:NAMESPACE/NAME or configmap:NAMESPACE/KEY=VALUE"))?;
    let cluster = cluster.ok_or_else(|| usage("without a cluster it must be a file"))?;
    let read = store::policies::read(cluster, namespace, which).await;
    read.map_err(|error| match unavailable(error) {
        Ok(error) => Stop::Api(error),
        Err(error) => Stop::Invalid(format!("the platform's policy: {error}")),
    })
}

/// The platform's policy, for whoever judges nothing by it.
pub(super) async fn platform_alone(place: &str, cluster: &Cluster) -> Result<Policy, Failure> {
    let files = platform(place, Some(cluster)).await.map_err(|stop| match stop {
        Stop::Api(error) => Failure::Api(error),
        Stop::NotFound(why) | Stop::Invalid(why) | Stop::Usage(why) | Stop::Rejected(why) => {
            Failure::Policy(why)
        }
    })?;
    policy::parse(&files).map_err(|errors| Failure::Policy(errors.to_string()))
}

/// The request that failed because the API server is unavailable, if that is what happened.
fn unavailable(error: store::Error) -> Result<ApiError, store::Error> {
    match error {
        store::Error::Api(error) if error.reason() == Reason::Unavailable => Ok(error),
        error @ (store::Error::Api(_)
        | store::Error::NoKind
        | store::Error::NoPolicy { .. }
        | store::Error::Unreadable { .. }
        | store::Error::Unwritable { .. }
        | store::Error::Busy { .. }) => Err(error),
    }
}

/// The rules that the arguments name; all of them without any.
pub(super) fn rules(args: &PolicyArgs) -> Result<Vec<&'static Rule>, Stop> {
    if args.rule.is_empty() {
        return Ok(RULES.to_vec());
    }
    let find = |name: &String| {
        rules::find(name).ok_or_else(|| {
            Stop::Usage(format!("--rule {name}: no rule is called that; `driftgate rules` lists them"))
        })
    };
    args.rule.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the folder that is read")]
    fn a_folder_is_its_yaml_files_by_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "notes.md"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let found = policies(&[folder.path().to_owned()]).unwrap();
        let texts: Vec<_> = found.iter().map(|(_name, text)| text.as_str()).collect();
        assert_eq!(texts, ["a.yml", "b.yaml"]);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the folder that is read")]
    fn what_is_not_there_is_no_policy_without_exclusions() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(policies(&[folder.path().to_owned()]), Ok(Vec::new()), "an absent optional ConfigMap");
        std::fs::write(folder.path().join("policy.txt"), "").unwrap();
        let error = policies(&[folder.path().to_owned()]).unwrap_err();
        assert!(error.ends_with("so none is a policy"), "{error}");
        let error = policies(&[folder.path().join("gone.yaml")]).unwrap_err();
        assert!(error.starts_with("reading "), "{error}");
    }

    #[test]
    fn a_file_that_nobody_can_have_written_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        std::fs::File::create(&path).unwrap().set_len(MOST_BYTES + 1).unwrap();
        let error = policies(&[path]).unwrap_err();
        assert!(error.ends_with("policy.yaml: it is larger than 16 MiB"), "{error}");
    }
}
