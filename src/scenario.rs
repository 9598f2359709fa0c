//! Scenarios: a recorded cluster, what happens to it on a virtual clock, and what the gate judges.
//!
//! Owns the file format and reads the folder. Does not know the gate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::manifests::{self, Problem, causes};
use crate::memory::{Api, Fault, Settings, Step};

/// `apiVersion` of scenario files.
pub const API_VERSION: &str = "driftgate.dev/v1alpha1";
/// `kind` of scenario files.
pub const KIND: &str = "Scenario";
/// Name of the scenario file in its folder.
pub const FILE: &str = "scenario.yaml";

/// `scenario.yaml`.
///
/// One of `job`, `app` and `namespaces` says what the gate judges.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Always `driftgate.dev/v1alpha1`.
    pub api_version: String,
    /// Always `Scenario`.
    pub kind: String,
    /// What it shows, one sentence.
    pub title: String,
    /// Which driftgate recorded it from a cluster; none if it was written by hand.
    pub recorded_by: Option<String>,
    /// Exit code that the gate ends with; tests hold it to that.
    pub expect: Option<u8>,
    /// The time at which the gate starts.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// Good revisions, oldest first: the gate runs on each, and must pass, so that a record is there.
    #[serde(default)]
    pub before: Vec<Revision>,
    /// The Job that the gate runs in, `NAMESPACE/NAME`: it judges the application that the Job belongs to.
    pub job: Option<String>,
    /// The release of Helm that the Job is a test of, `NAMESPACE/NAME`; with `job`.
    pub release: Option<String>,
    /// The Argo CD Application to judge, `NAMESPACE/NAME`, or the Kustomization of Flux, `kustomization/NAMESPACE/NAME`.
    pub app: Option<String>,
    /// Namespace of Argo CD itself; `argocd` if none is given.
    pub argocd_namespace: Option<String>,
    /// Namespaces to judge.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Only what carries these labels in those namespaces: `key=value`, comma-separated.
    pub selector: Option<String>,
    /// File or folder with the cluster's objects, relative to the scenario.
    pub objects: PathBuf,
    /// File with the record of the last pass, relative to the scenario; instead of `before`.
    pub record: Option<PathBuf>,
    /// Policy file or folder, relative to the scenario.
    pub policy: Option<PathBuf>,
    /// The platform's policy above all others: file or folder, relative to the scenario.
    pub platform_policy: Option<PathBuf>,
    /// What the gate may not do in the cluster.
    #[serde(default)]
    pub forbid: Vec<Forbid>,
    /// What goes wrong with its requests.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub faults: Vec<Fault>,
    /// What happens while it runs.
    #[serde(default)]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub steps: Vec<Step>,
    /// How the gate waits.
    #[serde(default)]
    pub settle: Settle,
}

/// A revision of the application.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Revision {
    /// The Job that the gate runs in, `NAMESPACE/NAME`, where it is not as in the scenario.
    pub job: Option<String>,
    /// File or folder with the cluster's objects, relative to the scenario.
    pub objects: PathBuf,
    /// Policy file or folder under which it passed, relative to the scenario; the default policy if none is given.
    pub policy: Option<PathBuf>,
}

/// Verbs on a resource that are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forbid {
    /// Verbs; `*` is any.
    pub verbs: Vec<String>,
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Resource, plural.
    pub resource: String,
    /// Only where the request names this namespace; empty: only where it names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// How the gate waits.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settle {
    /// `--settle-quiet`.
    pub quiet: Option<String>,
    /// `--settle-timeout`.
    pub timeout: Option<String>,
}

/// What the gate judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The application of this Job: namespace and name.
    Job(String, String),
    /// A release of Helm, and the Job that is its test: namespace and name.
    Release {
        /// The release.
        release: (String, String),
        /// The Job.
        job: (String, String),
    },
    /// This Application: namespace and name.
    Application(String, String),
    /// This Kustomization of Flux: namespace and name.
    Kustomization(String, String),
    /// Namespaces, or what carries the labels there.
    Selection {
        /// Their names.
        namespaces: Vec<String>,
        /// `key=value`, comma-separated.
        selector: Option<String>,
    },
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("reading scenario {path}: {source}; a scenario is a folder with a {FILE}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a scenario.
    #[error("{path}: {message}")]
    Invalid {
        /// The file.
        path: String,
        /// What is wrong with it, with line and column where known.
        message: String,
    },
    /// Objects cannot be used.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Objects(Vec<Problem>),
}

impl Scenario {
    /// Reads `scenario.yaml` of a folder.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let file = folder.join(FILE);
        let path = file.display().to_string();
        #[expect(clippy::disallowed_methods, reason = "this is the edge that reads scenarios")]
        let text = std::fs::read_to_string(&file)
            .map_err(|source| Error::Read { path: folder.display().to_string(), source })?;
        let scenario: Self = serde_saphyr::from_str(&text)
            .map_err(|error| Error::Invalid { path: path.clone(), message: error.to_string() })?;
        if scenario.api_version != API_VERSION || scenario.kind != KIND {
            let message = format!("expected apiVersion {API_VERSION} and kind {KIND}");
            return Err(Error::Invalid { path, message });
        }
        if !scenario.before.is_empty() && scenario.record.is_some() {
            let message = "both before and record say what passed last: give one of them".to_owned();
            return Err(Error::Invalid { path, message });
        }
        Ok(scenario)
    }

    /// What the gate judges; a `job` that is given wins over what the scenario names.
    ///
    /// # Errors
    /// Nothing is named, or more than one thing.
    pub fn target(&self, job: Option<&str>) -> Result<Target, String> {
        let named = |what: &str, text: &str| {
            let parts = text.split_once('/').map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
            parts.ok_or_else(|| format!("{what} {text}: expected NAMESPACE/NAME"))
        };
        let of_job = |job: &str| {
            let job = named("job", job)?;
            Ok(match &self.release {
                Some(release) => Target::Release { release: named("release", release)?, job },
                None => Target::Job(job.0, job.1),
            })
        };
        if let Some(job) = job {
            return of_job(job);
        }
        match (&self.job, &self.app, self.namespaces.is_empty()) {
            (Some(job), None, true) => of_job(job),
            (None, Some(app), true) => match app.strip_prefix("kustomization/") {
                Some(rest) if rest.contains('/') => {
                    named("app", rest).map(|(namespace, name)| Target::Kustomization(namespace, name))
                }
                Some(_) | None => {
                    named("app", app).map(|(namespace, name)| Target::Application(namespace, name))
                }
            },
            (None, None, false) => {
                Ok(Target::Selection { namespaces: self.namespaces.clone(), selector: self.selector.clone() })
            }
            _ => Err("name what the gate judges with one of job, app and namespaces".to_owned()),
        }
    }

    /// An API whose clock shows the scenario's start.
    pub fn api(&self) -> Api {
        Api::new(Settings { start: self.start, ..Settings::default() })
    }

    /// Forbids and breaks what the scenario says, and lets it happen from now on.
    pub fn play(&self, api: &Api) -> tokio::task::JoinHandle<Result<(), crate::memory::ScriptError>> {
        obstruct(api, &self.forbid, &self.faults);
        api.schedule(self.steps.clone())
    }
}

impl Settle {
    /// Quiet window and timeout, where the scenario sets them.
    pub fn parse(&self) -> Result<(Option<Duration>, Option<Duration>), humantime::DurationError> {
        let parse = |text: &Option<String>| text.as_deref().map(humantime::parse_duration).transpose();
        Ok((parse(&self.quiet)?, parse(&self.timeout)?))
    }
}

/// Forbids and breaks requests.
pub fn obstruct(api: &Api, forbid: &[Forbid], faults: &[Fault]) {
    for forbid in forbid {
        let verbs: Vec<&str> = forbid.verbs.iter().map(String::as_str).collect();
        api.forbid(&verbs, &forbid.group, &forbid.resource, forbid.namespace.as_deref());
    }
    for fault in faults {
        api.add_fault(fault.clone());
    }
}

/// Puts the objects of a file or folder into the API; those in `stale` that are not among them are removed.
///
/// Returns the objects that are there now.
pub fn put(
    api: &Api,
    path: &Path,
    stale: &[crate::memory::ObjectRef],
) -> Result<Vec<crate::memory::ObjectRef>, Error> {
    let mut present = Vec::new();
    let problems = manifests::read(&[path.to_owned()], std::io::empty(), |json| {
        let object: serde_json::Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let reference = reference(&object).ok_or("no kind or no name")?;
        api.seed(json).map_err(|error| causes(&error))?;
        present.push(reference);
        Ok(())
    });
    if !problems.is_empty() {
        return Err(Error::Objects(problems));
    }
    for object in stale.iter().filter(|object| !present.contains(object)) {
        if let Err(error) = api.delete(object) {
            tracing::debug!(%error, "an object of the revision before was gone already");
        }
    }
    Ok(present)
}

fn reference(object: &serde_json::Value) -> Option<crate::memory::ObjectRef> {
    let text = |pointer: &str| object.pointer(pointer).and_then(|value| value.as_str()).map(String::from);
    Some(crate::memory::ObjectRef {
        api_version: text("/apiVersion")?,
        kind: text("/kind")?,
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(lines: &str) -> Scenario {
        let head = "apiVersion: driftgate.dev/v1alpha1\nkind: Scenario\ntitle: a title\nstart: 2026-11-24T10:00:00Z\nobjects: o\n";
        serde_saphyr::from_str(&format!("{head}{lines}")).unwrap()
    }

    #[test]
    fn one_thing_is_judged() {
        let names = |text: &str| (text.to_owned(), "x".to_owned());
        let (job, app) = (names("shop"), names("argocd"));
        assert_eq!(scenario("job: shop/x").target(None), Ok(Target::Job(job.0.clone(), job.1.clone())));
        assert_eq!(scenario("app: argocd/x").target(None), Ok(Target::Application(app.0, app.1)));
        let kustomization = Target::Kustomization("apps".into(), "x".into());
        assert_eq!(scenario("app: kustomization/apps/x").target(None), Ok(kustomization));
        let selection = Target::Selection { namespaces: vec!["a".into(), "b".into()], selector: None };
        assert_eq!(scenario("namespaces: [a, b]").target(None), Ok(selection));
        for wrong in ["", "job: shop/x\napp: argocd/x", "app: argocd/x\nnamespaces: [a]", "selector: a=b"] {
            let error = scenario(wrong).target(None).unwrap_err();
            assert!(error.contains("one of job, app and namespaces"), "{error}");
        }
        let error = scenario("app: x").target(None).unwrap_err();
        assert_eq!(error, "app x: expected NAMESPACE/NAME");
    }

    #[test]
    fn a_revision_may_have_a_job_of_its_own() {
        for own in ["job: shop/x", "app: argocd/x"] {
            let target = scenario(own).target(Some("shop/y"));
            assert_eq!(target, Ok(Target::Job("shop".into(), "y".into())));
        }
    }
}
