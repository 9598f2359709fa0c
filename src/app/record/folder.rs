//! The folder of a recording: which files there are, what they say, and that nobody else's are lost.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::app::record::heard::Objects;
use crate::cluster::Kinds;
use crate::memory::Fault;
use crate::scenario::{self, Forbid, Scenario};

/// Folder of the objects, in the recording's own.
pub(super) const OBJECTS: &str = "objects";
/// Folder of the policy files.
pub(super) const POLICY: &str = "policy";
/// Folder of the platform's policy files.
pub(super) const PLATFORM: &str = "platform";
/// File of the record of the last pass.
pub(super) const RECORD: &str = "record.json";

/// Texts by path within the folder.
pub(super) type Files = BTreeMap<String, String>;

/// `scenario.yaml`, as it is written.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    api_version: &'static str,
    kind: &'static str,
    pub(super) title: String,
    recorded_by: String,
    pub(super) start: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) argocd_namespace: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) namespaces: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) selector: Option<String>,
    objects: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) forbid: Vec<Forbid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) faults: Vec<Fault>,
}

impl Head {
    /// The head of a recording that names nothing yet.
    pub(super) fn new(title: String, start: Timestamp) -> Self {
        Self {
            api_version: scenario::API_VERSION,
            kind: scenario::KIND,
            title,
            recorded_by: format!("driftgate {}", env!("CARGO_PKG_VERSION")),
            start,
            app: None,
            argocd_namespace: None,
            namespaces: Vec::new(),
            selector: None,
            objects: OBJECTS,
            record: None,
            policy: None,
            platform_policy: None,
            forbid: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// The scenario file beside these files.
    pub(super) fn text(mut self, files: &Files) -> Result<String, String> {
        let has = |prefix: &str| files.keys().any(|path| path.starts_with(prefix));
        self.record = has(RECORD).then_some(RECORD);
        self.policy = has(POLICY).then_some(POLICY);
        self.platform_policy = has(PLATFORM).then_some(PLATFORM);
        let yaml = serde_saphyr::to_string(&self).map_err(|error| error.to_string())?;
        Ok(format!("# Written by driftgate record: values that may be secrets are left out.\n{yaml}"))
    }
}

/// One file for each kind, its objects sorted by namespace and name.
pub(super) fn objects(objects: &Objects, kinds: &Kinds) -> Result<Files, String> {
    let mut files = Files::new();
    for (name, json) in objects {
        let kind = name.group_kind();
        let resource = kinds.find(&kind).map_or_else(|| kind.to_string(), crate::cluster::ApiKind::resource);
        let text = yaml(json).map_err(|error| format!("writing {name} down: {error}"))?;
        let file = files.entry(format!("{OBJECTS}/{resource}.yaml")).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(&text);
    }
    Ok(files)
}

fn yaml(json: &str) -> Result<String, String> {
    let value: Value = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let mut text = serde_saphyr::to_string(&value).map_err(|error| error.to_string())?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Makes sure that nothing is lost in the folder that `record` did not write.
///
/// # Errors
/// It is no folder, or holds something else.
pub(super) fn check(folder: &Path, force: bool) -> Result<(), String> {
    let name = folder.display();
    let mut entries = match folder.read_dir() {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("reading {name}: {error}")),
    };
    let is_ours = || Scenario::read(folder).is_ok_and(|scenario| scenario.recorded_by.is_some());
    if entries.next().is_none() || force || is_ours() {
        return Ok(());
    }
    Err(format!(
        "{name} is not empty, and not a recording; name another folder, or overwrite it with --force"
    ))
}

/// Writes the files, instead of those of an earlier recording.
///
/// # Errors
/// What could not be written.
#[expect(clippy::disallowed_methods, reason = "the one place that writes recordings")]
pub(super) fn write(folder: &Path, files: &Files) -> Result<(), String> {
    let doing = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| format!("writing {path}: {error}")
    };
    for earlier in [OBJECTS, POLICY] {
        let path = folder.join(earlier);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(doing(&path)(error)),
            Ok(()) | Err(_) => {}
        }
    }
    for earlier in [RECORD, scenario::FILE] {
        let path = folder.join(earlier);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(doing(&path)(error)),
            Ok(()) | Err(_) => {}
        }
    }
    for (name, text) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(doing(parent))?;
        }
        fs::write(&path, text).map_err(doing(&path))?;
    }
    Ok(())
}
