//! Our copy of a source, pinned to one revision.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::declared::short_hex;
use crate::gitops::flux::kustomization::{CASE, SOURCE_GROUP, SourceRef};
use crate::gitops::flux::source::{Source, commit};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rollback::{Case, Hold};

/// Annotation of our sources: whose.
const APPLICATION: &str = "driftgate.dev/application";
/// Most characters of the original's name in the copy's.
const NAME_CHARACTERS: usize = 40;
/// How long a copy may fail before that is final: a registry or a Git server may be away for a moment.
const PATIENCE: SignedDuration = SignedDuration::from_secs(30);

/// What was in place of ours, so that it can be restored exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Was {
    /// `spec.sourceRef`.
    pub source_ref: SourceRef,
    /// Namespace of the source.
    pub namespace: String,
    /// Annotations that we set, as they were.
    pub annotations: std::collections::BTreeMap<String, Option<String>>,
}

impl Was {
    /// Of a case.
    pub fn of(case: &Case) -> Option<Self> {
        match &case.hold {
            Hold::Source { was, .. } | Hold::Suspension { was } => serde_json::from_str(was).ok(),
            Hold::Nothing | Hold::AutoSync { .. } | Hold::Window { .. } => None,
        }
    }

    /// The original.
    pub fn source(&self) -> ObjectRef {
        let kind = GroupKind::new(SOURCE_GROUP, self.source_ref.kind.clone());
        ObjectRef::new(&kind, self.namespace.clone(), self.source_ref.name.clone())
    }

    /// The copy of a case; the same for whoever derives it.
    pub fn clone_of(&self, case: &Case) -> ObjectRef {
        let mut hasher = Sha256::new();
        hasher.update(case.id.as_bytes());
        hasher.update(case.target.1.name.as_bytes());
        let short: String = self.source_ref.name.chars().take(NAME_CHARACTERS).collect();
        let mark: String = short_hex(hasher).chars().take(8).collect();
        let name = format!("{}-driftgate-{mark}", short.trim_end_matches(['-', '.']));
        ObjectRef { name, ..self.source() }
    }
}

/// The copy: all of the spec, so that it is fetched and verified as the original, but of one revision.
pub fn copy(original: &Source, clone: &ObjectRef, case: &Case, application: &str) -> Value {
    let mut spec = original.spec.clone();
    let target = commit(&case.target.1.name);
    if clone.kind == "OCIRepository" {
        spec["ref"] = json!({"digest": target});
    } else {
        let mut reference = json!({"commit": target.rsplit(':').next().unwrap_or(target)});
        // The commit must be on this branch.
        if let Some(branch) = spec["ref"]["branch"].as_str() {
            reference["branch"] = json!(branch);
        }
        spec["ref"] = reference;
    }
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("suspend");
    }
    let version = &original.api_version;
    json!({
        "apiVersion": if version.is_empty() { format!("{SOURCE_GROUP}/v1") } else { version.clone() },
        "kind": clone.kind,
        "metadata": {
            "name": clone.name, "namespace": clone.namespace,
            "labels": {"app.kubernetes.io/managed-by": "driftgate"},
            "annotations": {CASE: case.id, APPLICATION: application},
        },
        "spec": spec,
    })
}

/// Whether a copy yields the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Yield {
    /// It does.
    Target,
    /// Not yet; it has until then.
    Waits(Timestamp),
    /// It will not, for this reason.
    Never(String),
}

/// What the copy has come to.
pub fn yields(clone: &Source, target: &str, now: Timestamp) -> Yield {
    let current = clone.status.observed_generation >= clone.metadata.generation;
    let is = |name: &str, status: &str| clone.condition(name).filter(|it| current && it.status == status);
    let revision = clone.status.artifact.as_ref().map(|artifact| artifact.revision.as_str());
    match revision {
        Some(revision) if is("Ready", "True").is_some() && commit(revision) == commit(target) => {
            return Yield::Target;
        }
        Some(revision) if is("Ready", "True").is_some() => {
            return Yield::Never(format!("it yields {revision}"));
        }
        Some(_) | None => {}
    }
    let said = |it: &crate::model::pod_status::Condition| format!("{}: {}", it.reason, it.message);
    if let Some(final_) = is("Stalled", "True").or_else(|| is("SourceVerified", "False")) {
        return Yield::Never(said(final_));
    }
    let failed = is("Ready", "False");
    if let Some(failed) = failed.filter(|it| it.reason == "VerificationError") {
        return Yield::Never(said(failed));
    }
    let end = clone.metadata.creation_timestamp.unwrap_or(now).saturating_add(PATIENCE);
    match (end, failed) {
        (Ok(end), _) if now < end => Yield::Waits(end),
        (_, Some(failed)) => Yield::Never(said(failed)),
        (_, None) => Yield::Never("source-controller has not fetched it within half a minute".to_owned()),
    }
}
