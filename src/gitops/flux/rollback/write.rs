//! The writes to a Kustomization. Each is one merge patch, guarded by the version that was observed: the API server
//! refuses it if anything has changed since.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::gitops::flux::helm_release;
use crate::gitops::flux::kustomization::{
    CASE, Kustomization, ORIGINAL_SOURCE, RECONCILE, REJECTED_REVISION, REQUESTED_AT,
};
use crate::gitops::flux::rollback::clone::Was;
use crate::rollback::{Case, Hold};

/// Label of what a `ResourceSet` of Flux Operator applies.
const RESOURCE_SET: &str = "resourceset.fluxcd.controlplane.io/name";

/// Annotations by which whoever applies the Kustomization leaves it alone: a parent would put `sourceRef` back.
fn left_alone(app: &Kustomization) -> Vec<(&'static str, &'static str)> {
    let mut wanted = vec![(RECONCILE, "disabled")];
    if app.metadata.labels.contains_key(RESOURCE_SET) {
        wanted.push(("fluxcd.controlplane.io/reconcile", "disabled"));
    }
    if app.metadata.labels.contains_key(helm_release::NAME) {
        wanted.push(("helm.toolkit.fluxcd.io/driftDetection", "disabled"));
    }
    wanted
}

/// What is in place of ours now, in words that [`Was`] reads.
pub fn was(app: &Kustomization) -> String {
    let source = &app.spec.source_ref;
    let annotations = left_alone(app)
        .into_iter()
        .map(|(name, _)| (name.to_owned(), json!(app.metadata.annotations.get(name))))
        .collect();
    words(app, &source.name, &annotations)
}

/// The same where ours are in place already: before, the source had this name, and none of our annotations was there.
pub fn was_before(app: &Kustomization, source: &str) -> String {
    let annotations = left_alone(app).into_iter().map(|(name, _)| (name.to_owned(), Value::Null)).collect();
    words(app, source, &annotations)
}

fn words(app: &Kustomization, name: &str, annotations: &Map<String, Value>) -> String {
    let source = &app.spec.source_ref;
    json!({
        "sourceRef": {"kind": source.kind, "name": name, "namespace": source.namespace},
        "namespace": app.source().namespace, "annotations": annotations,
    })
    .to_string()
}

/// Puts our source in place of the Kustomization's own, and keeps whoever applies it from putting it back. The gate reads
/// there which revision of which source must not come again.
pub fn swap(app: &Kustomization, case: &Case, was: &Was) -> Value {
    let clone = was.clone_of(case).name;
    let marks = [
        (CASE, case.id.as_str()),
        (ORIGINAL_SOURCE, &was.source_ref.name),
        (REJECTED_REVISION, &case.rejected.name),
    ];
    marked(app, &marks, &json!({"sourceRef": {"name": clone}}))
}

/// Leaves all as it is: nothing of the source is applied any more, and whoever applies the Kustomization leaves it alone.
pub fn freeze(app: &Kustomization, case: &Case) -> Value {
    let marks = [(CASE, case.id.as_str()), (REJECTED_REVISION, &case.rejected.name)];
    marked(app, &marks, &json!({"suspend": true}))
}

/// Changes the spec, with our marks beside what keeps whoever applies the Kustomization from changing it back.
fn marked(app: &Kustomization, marks: &[(&'static str, &str)], spec: &Value) -> Value {
    let all = left_alone(app).into_iter().chain(marks.iter().copied());
    let annotations: Map<String, Value> = all.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({
        "metadata": {"resourceVersion": app.metadata.resource_version, "annotations": annotations},
        "spec": spec,
    })
}

/// Puts back what is still ours, and asks for a reconciliation; none if nothing is.
pub fn lift(app: &Kustomization, case: &Case, was: &Was, now: Timestamp) -> Option<Value> {
    let marked = app.metadata.annotations.get(CASE).is_some_and(|id| *id == case.id);
    let frozen = matches!(case.hold, Hold::Suspension { .. });
    let on_clone = !frozen && app.spec.source_ref.name == was.clone_of(case).name;
    if !marked && !on_clone {
        return None;
    }
    let mut annotations = Map::new();
    for (name, before) in &was.annotations {
        if app.metadata.annotations.get(name.as_str()).is_some_and(|value| value == "disabled") {
            annotations.insert(name.clone(), json!(before));
        }
    }
    for mark in [CASE, ORIGINAL_SOURCE, REJECTED_REVISION] {
        annotations.insert(mark.to_owned(), Value::Null);
    }
    annotations.insert(REQUESTED_AT.to_owned(), json!(now.to_string()));
    let mut patch = json!({
        "metadata": {"resourceVersion": app.metadata.resource_version, "annotations": annotations},
    });
    if frozen && app.spec.suspend {
        patch["spec"]["suspend"] = Value::Null;
    }
    if on_clone {
        patch["spec"]["sourceRef"]["name"] = json!(was.source_ref.name);
    }
    Some(patch)
}
