//! Scenarios: a recorded cluster, what happens to it on a virtual clock, and which Job the gate runs as.
//!
//! Owns the file format and reads the folder. Does not know the gate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::manifests::{self, Problem, causes};
use crate::memory::{Api, Fault, Settings, Step};

/// `apiVersion` of scenario files.
pub const API_VERSION: &str = "driftgate.dev/v1alpha1";
/// `kind` of scenario files.
pub const KIND: &str = "Scenario";
/// Name of the scenario file in its folder.
pub const FILE: &str = "scenario.yaml";

/// `scenario.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Always `driftgate.dev/v1alpha1`.
    pub api_version: String,
    /// Always `Scenario`.
    pub kind: String,
    /// What it shows, one sentence.
    pub title: String,
    /// Exit code that the gate ends with; tests hold it to that.
    pub expect: Option<u8>,
    /// The time at which the gate starts.
    #[schemars(with = "String")]
    pub start: Timestamp,
    /// The last good revision: the gate runs on it first, and must pass, so that a record is there.
    pub before: Option<Revision>,
    /// The Job that the gate runs in, `NAMESPACE/NAME`.
    pub job: String,
    /// File or folder with the cluster's objects, relative to the scenario.
    pub objects: PathBuf,
    /// Policy file or folder, relative to the scenario.
    pub policy: Option<PathBuf>,
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
    /// The Job that the gate runs in, `NAMESPACE/NAME`.
    pub job: String,
    /// File or folder with the cluster's objects, relative to the scenario.
    pub objects: PathBuf,
}

/// Verbs on a resource that are refused.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Forbid {
    /// Verbs; `*` is any.
    pub verbs: Vec<String>,
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Resource, plural.
    pub resource: String,
    /// Only in this namespace.
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
        Ok(scenario)
    }

    /// An API whose clock shows the scenario's start.
    pub fn api(&self) -> Api {
        Api::new(Settings { start: self.start, ..Settings::default() })
    }

    /// Forbids and breaks what the scenario says, and lets it happen from now on.
    pub fn play(&self, api: &Api) -> tokio::task::JoinHandle<Result<(), crate::memory::ScriptError>> {
        for forbid in &self.forbid {
            let verbs: Vec<&str> = forbid.verbs.iter().map(String::as_str).collect();
            api.forbid(&verbs, &forbid.group, &forbid.resource, forbid.namespace.as_deref());
        }
        for fault in &self.faults {
            api.add_fault(fault.clone());
        }
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
