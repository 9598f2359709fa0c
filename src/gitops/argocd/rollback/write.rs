//! The writes to an Application. Each is one merge patch, guarded by the version that was observed: the API server
//! refuses it if anything has changed since.

use serde_json::{Map, Value, json};

use crate::gitops::argocd::rollback::live::{HistoryEntry, Live};
use crate::gitops::argocd::rollback::observe::revision;
use crate::gitops::argocd::rollback::{OPERATION_ID, USERNAME};
use crate::rollback::{Case, Hold, Revision};

/// Annotations that Argo CD's UI shows as a banner (3.5 and newer).
const BANNER: &str = "notice.argocd.argoproj.io/content";
const BANNER_SEVERITY: &str = "notice.argocd.argoproj.io/severity";
/// Longest text of a banner.
const BANNER_CHARACTERS: usize = 500;
/// Asks Argo CD to look at the sources now.
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// Ends an operation that waits for its next attempt, or that is blocked: nothing of it runs. Auto-sync goes off with
/// it, else it starts the next one at once.
pub fn end(live: &Live, case: &Case) -> Value {
    let mut patch = guarded(live);
    switch_off(&mut patch, &case.hold);
    patch["status"]["operationState"]["phase"] = json!("Terminating");
    patch
}

/// Asks for the rollback: the target's own sources, applied without hooks, with what was added since pruned. The state
/// of the last operation goes away with it, as in Argo CD's own rollback: else parts of it would leak into this one.
///
/// None if the history no longer holds the target.
pub fn roll_back(live: &Live, case: &Case) -> Option<Value> {
    let entry = entry(live, case.target.0, &case.target.1)?;
    let mut sync = json!({"prune": true, "syncStrategy": {"apply": {}}});
    if entry.deployed.is_multiple() {
        sync["revisions"] = json!(entry.deployed.revisions);
        sync["sources"] = json!(entry.deployed.sources);
    } else {
        sync["revision"] = json!(entry.deployed.revision);
        sync["source"] = entry.deployed.source.clone();
    }
    if let Some(options) = &live.spec.sync_policy.sync_options {
        sync["syncOptions"] = options.clone();
    }
    let reason = format!("{} {}", why(case), case.rejected.name);
    let mut patch = guarded(live);
    switch_off(&mut patch, &case.hold);
    patch["metadata"]["annotations"] = banner(case);
    patch["operation"] = json!({
        "initiatedBy": {"username": USERNAME},
        "info": [{"name": "Reason", "value": reason}, {"name": OPERATION_ID, "value": case.id}],
        "sync": sync,
    });
    patch["status"]["operationState"] = Value::Null;
    Some(patch)
}

/// Restores auto-sync as it was and asks Argo CD to look at the sources.
pub fn lift(live: &Live, case: &Case) -> Value {
    let mut patch = guarded(live);
    if let Hold::AutoSync { was } = &case.hold {
        let setting: Value = serde_json::from_str(&was.setting).unwrap_or_else(|_| json!({}));
        patch["spec"]["syncPolicy"]["automated"] =
            if was.by_removal { setting } else { json!({"enabled": setting["enabled"]}) };
    }
    let mut annotations = Map::new();
    annotations.insert(REFRESH.to_owned(), json!("normal"));
    if live.metadata.annotations.get(BANNER).is_some_and(|text| text.starts_with("driftgate")) {
        annotations.insert(BANNER.to_owned(), Value::Null);
        annotations.insert(BANNER_SEVERITY.to_owned(), Value::Null);
    }
    patch["metadata"]["annotations"] = annotations.into();
    patch
}

/// The entry of the history with this number, or another one of the same revision.
fn entry<'a>(live: &'a Live, id: i64, wanted: &Revision) -> Option<&'a HistoryEntry> {
    let fits = |entry: &&HistoryEntry| revision(&entry.deployed).as_ref() == Some(wanted);
    let mut same = live.status.history.iter().filter(fits);
    same.clone().find(|entry| entry.id == id).or_else(|| same.next_back())
}

fn guarded(live: &Live) -> Value {
    json!({"metadata": {"resourceVersion": live.metadata.resource_version}})
}

fn switch_off(patch: &mut Value, hold: &Hold) {
    match hold {
        Hold::Nothing | Hold::Window { .. } | Hold::Source { .. } | Hold::Suspension { .. } => {}
        Hold::AutoSync { was } if was.by_removal => patch["spec"]["syncPolicy"]["automated"] = Value::Null,
        Hold::AutoSync { .. } => patch["spec"]["syncPolicy"]["automated"]["enabled"] = json!(false),
    }
}

fn why(case: &Case) -> &'static str {
    if case.by_hand { "a person asked to go back from" } else { "the gate rejected" }
}

fn banner(case: &Case) -> Value {
    let text = format!(
        "driftgate went back to {}: {} {}. It stays until the source moves on, or until `driftgate release`.",
        case.target.1.short(),
        why(case),
        case.rejected.short()
    );
    let text: String = text.chars().take(BANNER_CHARACTERS).collect();
    json!({BANNER: text, BANNER_SEVERITY: "warning"})
}
