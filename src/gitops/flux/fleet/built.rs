//! What kustomize builds of what, by the folders that its files name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::Number;
use crate::gitops::flux::job::CONTENT;
use crate::model::lenient::null_as_default;

/// Files by which kustomize knows a folder.
const NAMES: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];
/// The last folder in the address of the shipped component.
const COMPONENT: &str = "flux-gate";

/// A folder that kustomize builds.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) number: Number,
    pub(super) folder: String,
    file: File,
}

/// `kustomization.yaml`, as far as we read it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    kind: String,
    #[serde(deserialize_with = "null_as_default")]
    resources: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    components: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    config_map_generator: Vec<Generator>,
    #[serde(deserialize_with = "null_as_default")]
    generator_options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Generator {
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Options {
    #[serde(deserialize_with = "null_as_default")]
    disable_name_suffix_hash: bool,
}

/// All of them, by folder.
#[derive(Debug, Default)]
pub(super) struct Builds(BTreeMap<String, Build>);

impl Builds {
    /// Takes a file if kustomize would; one that it would refuse is none of ours.
    pub(super) fn add(&mut self, number: Number, file: &str, document: &Value) {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        if !NAMES.contains(&name) {
            return;
        }
        if let Ok(read) = serde_json::from_value::<File>(document.clone()) {
            let folder = folder.to_owned();
            self.0.insert(folder.clone(), Build { number, folder, file: read });
        }
    }

    /// The folder that a path in a source means: the shortest one that ends so.
    pub(super) fn at(&self, path: &str) -> Option<&Build> {
        let found = self.0.values().filter(|build| ends_with(&build.folder, path));
        found.min_by_key(|build| build.folder.len())
    }

    /// True if one of them lists this file.
    pub(super) fn lists(&self, file: &str) -> bool {
        self.0.values().any(|build| build.targets().any(|target| target == file))
    }

    /// The gates' Jobs that it builds.
    pub(super) fn jobs(&self, build: &Build, jobs: &BTreeMap<&str, Number>) -> BTreeSet<Number> {
        self.reached(build).iter().filter_map(|target| jobs.get(target.as_str()).copied()).collect()
    }

    /// True if it takes the shipped component from elsewhere.
    pub(super) fn takes_shipped(&self, build: &Build) -> bool {
        self.reached(build).iter().any(|target| {
            let address = target.split('?').next().unwrap_or_default();
            ends_with(address, COMPONENT) && !self.0.contains_key(target)
        })
    }

    /// True if it builds nothing but the gate.
    pub(super) fn is_gate_alone(&self, build: &Build, jobs: &BTreeMap<&str, Number>) -> bool {
        let gate = |target: &String| {
            jobs.contains_key(target.as_str())
                || ends_with(target.split('?').next().unwrap_or_default(), COMPONENT)
                || self.0.get(target).is_some_and(|inner| {
                    let mut reached = self.reached(inner).into_iter();
                    reached.all(|it| jobs.contains_key(it.as_str()) || self.0.contains_key(&it))
                })
        };
        build.targets().all(|target| gate(&target))
    }

    /// Those that build the gate for somebody to apply, where neither they nor what is built of them generates what the
    /// Job is tied to.
    pub(super) fn without_content(&self, jobs: &BTreeMap<&str, Number>) -> impl Iterator<Item = &Build> {
        let gates = |build: &Build| !self.jobs(build, jobs).is_empty() || self.takes_shipped(build);
        let tied = |build: &Build| build.generates() || self.reached_builds(build).any(Build::generates);
        let used = |build: &Build| {
            let others = self.0.values().filter(|other| other.folder != build.folder);
            others.into_iter().any(|other| self.reached(other).contains(&build.folder))
        };
        let wanting: Vec<_> = self
            .0
            .values()
            .filter(|build| build.file.kind != "Component" && gates(build) && !used(build) && !tied(build))
            .collect();
        wanting.into_iter()
    }

    fn reached_builds(&self, build: &Build) -> impl Iterator<Item = &Build> {
        self.reached(build).into_iter().filter_map(|target| self.0.get(&target))
    }

    /// Everything that it is built of: files, folders, and addresses elsewhere.
    fn reached(&self, build: &Build) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let mut next: Vec<String> = build.targets().collect();
        while let Some(target) = next.pop() {
            next.extend(self.0.get(&target).into_iter().flat_map(Build::targets));
            if !reached.insert(target) {
                continue;
            }
            next.retain(|target| !reached.contains(target));
        }
        reached
    }
}

impl Build {
    /// What it lists, as paths beside its own.
    fn targets(&self) -> impl Iterator<Item = String> + '_ {
        let all = self.file.resources.iter().chain(&self.file.components);
        all.map(
            |entry| if is_far(entry) { entry.clone() } else { normal(&format!("{}/{entry}", self.folder)) },
        )
    }

    /// True if it generates what the shipped Job is tied to, under a name that ends with a hash.
    fn generates(&self) -> bool {
        let plain = self.file.generator_options.disable_name_suffix_hash;
        let hashed = |it: &Generator| !plain && !it.options.disable_name_suffix_hash;
        self.file.config_map_generator.iter().any(|it| it.name == CONTENT && hashed(it))
    }
}

/// An address of another repository.
fn is_far(entry: &str) -> bool {
    entry.contains("://")
        || entry.contains('?')
        || entry.starts_with("github.com/")
        || entry.starts_with("git@")
}

/// A path without `.` and `..`, and without slashes around it; what lies above its root is cut off.
pub(super) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The folder of a file.
pub(super) fn folder(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _name)| folder)
}

/// True if the last folders of a path are these.
fn ends_with(path: &str, end: &str) -> bool {
    let rest = path.trim_end_matches('/').strip_suffix(end);
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// True if a folder of a repository is `path`, or lies below it; the repository may itself be in a folder.
pub(super) fn is_below(folder: &str, path: &str) -> bool {
    let mut parent = Some(folder);
    while let Some(here) = parent {
        if ends_with(here, path) {
            return true;
        }
        parent = here.rsplit_once('/').map(|(above, _name)| above);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_by_whole_folders() {
        assert_eq!(normal("./app//x/../gate/"), "app/gate");
        assert_eq!(normal("../x"), "../x");
        assert_eq!(normal("../../x"), "../../x");
        assert!(ends_with("repo/app/gate", "app/gate") && ends_with("app", "app"));
        assert!(!ends_with("my-app", "app") && !ends_with("app", "app/gate"));
        assert!(is_below("repo/app/gate/base", "app/gate") && !is_below("repo/app", "app/gate"));
    }
}
