//! From an Application to what the decision needs of it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::declared::short_hex;
use crate::gitops::argocd::rollback::OPERATION_ID;
use crate::gitops::argocd::rollback::gate::gate;
use crate::gitops::argocd::rollback::generator::Generator;
use crate::gitops::argocd::rollback::live::{Deployed, Live, Operation, OperationState, Row};
use crate::gitops::argocd::rollback::probe::Knows;
use crate::gitops::wanted::{Mark, OptIn};
use crate::rollback as r;
use crate::scope::TRACKING_ID;

/// Annotation in which appliers keep what they applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Labels by which other GitOps tools mark what they apply.
const APPLIERS: &[&str] = &["kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name"];
/// What Argo CD says of an operation that may not run now.
const BLOCKED: &str = "Sync operation blocked by sync window";

/// What an Application does not say itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around {
    /// Whose rollbacks are wanted.
    pub opt_in: OptIn,
    /// The mark of its project.
    pub project: Option<Mark>,
    /// What this Argo CD knows.
    pub knows: Knows,
    /// What its ApplicationSet does, where it has one.
    pub generator: Generator,
    /// The present time.
    pub now: Timestamp,
}

/// Observes.
pub fn observe(live: &Live, around: &Around) -> r::Observed {
    let multiple = !live.spec.sources.is_empty();
    let entry = |entry: &super::live::HistoryEntry| r::Entry {
        id: entry.id,
        revision: revision(&entry.deployed)
            .unwrap_or_else(|| r::Revision { name: String::new(), source: String::new() }),
        fits: entry.deployed.is_multiple() == multiple,
    };
    r::Observed {
        uid: live.metadata.uid.clone(),
        deleting: live.metadata.is_deleting(),
        wanted: around.opt_in.wants(&live.metadata, around.project),
        operation: operation(live),
        head: head(live),
        content: None,
        definitions: BTreeSet::new(),
        auto_sync: auto_sync(live, around.knows.switch),
        health: health(live),
        history: live.status.history.iter().map(entry).filter(|it| !it.revision.name.is_empty()).collect(),
        keeper: keeper(live, around),
        place: project_of(live).to_owned(),
        found: None,
        now: around.now,
    }
}

/// The name of the ApplicationSet that generates it.
pub fn generator_of(live: &Live) -> Option<&str> {
    let owners = &live.metadata.owner_references;
    let owner =
        owners.iter().find(|it| it.kind == "ApplicationSet" && it.api_version.starts_with("argoproj.io/"))?;
    Some(&owner.name)
}

/// The name of its project.
pub fn project_of(live: &Live) -> &str {
    let project = live.spec.project.as_str();
    if project.is_empty() { "default" } else { project }
}

/// What was deployed; none if it is not known.
pub fn revision(deployed: &Deployed) -> Option<r::Revision> {
    let Deployed { revision, revisions, source, sources } = deployed;
    let name = if sources.is_empty() { revision.clone() } else { revisions.join(",") };
    let known = !name.is_empty() && name.split(',').all(|name| !name.is_empty());
    let described: Vec<Value> = match sources.as_slice() {
        [] => vec![described(source)],
        several => several.iter().map(described).collect(),
    };
    known.then(|| r::Revision { name, source: digest(&Value::Array(described)) })
}

/// A source without what only selects the revision, and without what says nothing.
fn described(source: &Value) -> Value {
    let Value::Object(fields) = source else { return Value::Null };
    let telling = fields.iter().filter(|(key, value)| *key != "targetRevision" && !is_empty(value));
    Value::Object(telling.map(|(key, value)| (key.clone(), value.clone())).collect())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn digest(value: &Value) -> String {
    let mut hasher = Sha256::new();
    hasher.update(value.to_string().as_bytes());
    short_hex(hasher)
}

fn head(live: &Live) -> Option<r::Revision> {
    let sync = &live.status.sync;
    if !matches!(sync.status.as_str(), "Synced" | "OutOfSync") {
        return None;
    }
    let compared = &sync.compared_to;
    revision(&Deployed {
        revision: sync.revision.clone(),
        revisions: sync.revisions.clone(),
        source: compared.source.clone(),
        sources: compared.sources.clone(),
    })
}

fn auto_sync(live: &Live, switch: bool) -> r::AutoSync {
    match &live.spec.sync_policy.automated {
        None => r::AutoSync::Absent,
        Some(automated) if automated["enabled"] == false => r::AutoSync::Off,
        Some(automated) => {
            r::AutoSync::On(r::Automatic { setting: automated.to_string(), by_removal: !switch })
        }
    }
}

/// Objects that the rejected revision would add count as missing, because Argo CD compares with the newest revision.
fn health(live: &Live) -> r::Health {
    let time = |text: &str| text.parse::<Timestamp>().ok();
    let ended = live.status.operation_state.as_ref().and_then(|state| time(state.finished_at.as_deref()?));
    if time(&live.status.reconciled_at) < ended {
        return r::Health::Waiting;
    }
    match live.status.health.status.as_str() {
        "Healthy" | "Missing" => r::Health::Good,
        "Degraded" => r::Health::Bad,
        _ => r::Health::Waiting,
    }
}

fn operation(live: &Live) -> Option<r::Operation> {
    match (&live.operation, &live.status.operation_state) {
        (Some(asked), state) if state.as_ref().is_none_or(|state| phase(state).is_over()) => {
            Some(requested(asked))
        }
        (_, Some(state)) => Some(known(state)),
        (_, None) => None,
    }
}

fn requested(operation: &Operation) -> r::Operation {
    r::Operation {
        started: String::new(),
        phase: r::Phase::Requested,
        revision: None,
        gate: r::Gate::Silent,
        id: id(operation),
        by: by(operation),
        message: String::new(),
        unlike: Vec::new(),
    }
}

fn known(state: &OperationState) -> r::Operation {
    let operation = &state.operation;
    let gate = if operation.sync.dry_run { r::Gate::Silent } else { gate(&state.sync_result.resources) };
    r::Operation {
        started: state.started_at.clone(),
        phase: phase(state),
        revision: revision(&state.sync_result.deployed),
        gate,
        id: id(operation),
        by: by(operation),
        message: state.message.clone(),
        unlike: state.sync_result.resources.iter().filter_map(unlike).collect(),
    }
}

/// The object of a row, unless Argo CD has made it what the operation's revision declares.
///
/// An operation applies every object of its revision, or with `ApplyOutOfSyncOnly` every one that it finds to differ from
/// that revision, and prunes what that revision lacks. `Synced` says that the API server has taken the object as
/// declared, `Pruned` that it is gone. `PruneSkipped` does not fail an operation, but the object is still there.
fn unlike(row: &Row) -> Option<String> {
    let done = matches!(row.status.as_str(), "Synced" | "Pruned");
    if done || !row.hook_type.is_empty() {
        return None;
    }
    let status = if row.status.is_empty() { "of unknown status" } else { &row.status };
    let why = if row.message.is_empty() { String::new() } else { format!(": {}", row.message) };
    Some(format!("{} {} is {status}{why}", row.kind, row.name))
}

fn phase(state: &OperationState) -> r::Phase {
    match state.phase.as_str() {
        "Succeeded" => r::Phase::Succeeded,
        "Failed" | "Error" => r::Phase::Failed,
        "Terminating" => r::Phase::Ending,
        _ if state.finished_at.is_some() => r::Phase::Waiting,
        _ if state.message.starts_with(BLOCKED) => r::Phase::Blocked,
        _ => r::Phase::Running,
    }
}

fn id(operation: &Operation) -> Option<String> {
    operation.info.iter().find(|item| item.name == OPERATION_ID).map(|item| item.value.clone())
}

fn by(operation: &Operation) -> String {
    match (&operation.initiated_by.username, operation.initiated_by.automated) {
        (_, true) => "auto-sync".to_owned(),
        (name, false) if name.is_empty() => "somebody".to_owned(),
        (name, false) => name.clone(),
    }
}

fn keeper(live: &Live, around: &Around) -> r::Keeper {
    if let Some(field) = around.knows.lacks {
        return r::Keeper::Forbids(format!(
            "the CustomResourceDefinition applications.argoproj.io does not keep {field}, which a rollback needs: \
             update Argo CD, and its CustomResourceDefinitions with it, to 2.4 or newer"
        ));
    }
    if let Some(name) = generator_of(live) {
        return match around.generator {
            Generator::Ignores => r::Keeper::Nobody,
            Generator::Reverts | Generator::Unknown => r::Keeper::Reverts(format!("ApplicationSet {name}")),
            Generator::Steps => r::Keeper::Forbids(format!(
                "ApplicationSet {name} syncs by RollingSync and would deploy it again at its next step"
            )),
        };
    }
    let meta = &live.metadata;
    let applied = meta.annotations.contains_key(TRACKING_ID)
        || APPLIERS.iter().any(|label| meta.labels.contains_key(*label))
        || meta.labels.contains_key("app.kubernetes.io/instance");
    let declared = declares(meta.annotations.get(LAST_APPLIED), around.knows.switch)
        || meta.managed_fields.iter().any(|it| it.operation == "Apply" && it.declares(around.knows.switch));
    match meta.annotations.get(TRACKING_ID).and_then(|id| id.split(':').next()) {
        Some(parent) if declared => r::Keeper::Reverts(format!("Application {parent}")),
        None if applied && declared => r::Keeper::Reverts("whoever applies it".to_owned()),
        Some(_) | None => r::Keeper::Nobody,
    }
}

/// True if what was applied last declares auto-sync, and the switch where there is one.
fn declares(applied: Option<&String>, switch: bool) -> bool {
    let parsed = applied.and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or_default();
    let automated = &parsed["spec"]["syncPolicy"]["automated"];
    if switch { !automated["enabled"].is_null() } else { !automated.is_null() }
}
