//! Manifests of what deploys applications: what in them keeps a rejected revision where it is.

use std::path::PathBuf;

use serde_json::Value;

use crate::gitops::flux::helm_release::{self, HelmRelease};
use crate::gitops::helm::traps;
use crate::gitops::trap::Trap;
use crate::manifests;
use crate::model::meta::Partial;
use crate::model::reference::GroupKind;

/// Everything that is wrong, and what cannot be told from manifests.
///
/// # Errors
/// Files that cannot be read, and documents that are no manifests, one a line.
pub(super) fn traps(paths: &[PathBuf]) -> Result<(Vec<Trap>, Vec<String>), String> {
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    let problems = manifests::read(paths, std::io::stdin().lock(), |json| {
        let object: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if kind(&object) != Some(helm_release::kind()) {
            return serde_json::from_value::<Partial>(object).map(drop).map_err(|error| error.to_string());
        }
        let release: HelmRelease = serde_json::from_value(object).map_err(|error| error.to_string())?;
        found.extend(traps::of_release(&release));
        notes.push(format!("{} {}", release.reference(), traps::NOTE));
        Ok(())
    });
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    if lines.is_empty() { Ok((found, notes)) } else { Err(lines.join("\n")) }
}

fn kind(object: &Value) -> Option<GroupKind> {
    let (group, _version) = object["apiVersion"].as_str()?.split_once('/')?;
    Some(GroupKind::new(group, object["kind"].as_str()?))
}
