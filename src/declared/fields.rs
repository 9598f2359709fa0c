//! `metadata.managedFields`: which fields a GitOps manager owns, and their live values.
//!
//! Grammar of `fieldsV1`: `f:NAME` is a member, `k:{…}` the list item with these key values, `v:…` the item of a set,
//! `i:N` the item at an index, `.` the thing itself; an empty object ends a path.
//! Source: <https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>.

use serde_json::{Map, Value};

/// Managers by which GitOps tools write, with and without server-side apply.
const GITOPS: [&str; 9] = [
    "argocd-controller",
    "argocd-application-controller",
    "argocd",
    "kustomize-controller",
    "helm-controller",
    "helm",
    "Helm",
    "flux-client-side-apply",
    "kubectl-client-side-apply",
];

/// Lists whose items are owned one by one in the built-in kinds: at the end of a path, only the list's presence is
/// owned. Any other list is owned as a whole.
const LISTS_BY_ITEM: [&str; 17] = [
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "volumeMounts",
    "volumeDevices",
    "volumeClaimTemplates",
    "env",
    "ports",
    "imagePullSecrets",
    "hostAliases",
    "topologySpreadConstraints",
    "resourceClaims",
    "claims",
    "secrets",
    "webhooks",
    "finalizers",
];

/// A set of owned fields, as in `fieldsV1`.
pub(super) type Fields = Map<String, Value>;

/// Fields that GitOps managers own by server-side apply; none if there is no such manager.
pub(super) fn applied_by_gitops(managers: &Value) -> Option<Fields> {
    owned(managers, "Apply")
}

/// Fields that GitOps managers own by plain writes; none if there is no such manager.
pub(super) fn updated_by_gitops(managers: &Value) -> Option<Fields> {
    owned(managers, "Update")
}

fn owned(managers: &Value, operation: &str) -> Option<Fields> {
    let mut all: Option<Fields> = None;
    for entry in managers.as_array()? {
        let by_gitops = entry["manager"].as_str().is_some_and(|name| GITOPS.contains(&name));
        let whole_object = entry["subresource"].as_str().is_none_or(str::is_empty);
        if !by_gitops || !whole_object || entry["operation"] != operation {
            continue;
        }
        if let Some(fields) = entry["fieldsV1"].as_object() {
            unite(all.get_or_insert_default(), fields);
        }
    }
    all.filter(|fields| !fields.is_empty())
}

/// Adds the other set. A path that ends in one set and goes on in the other is owned itself, and its children are.
fn unite(into: &mut Fields, other: &Fields) {
    for (key, theirs) in other {
        let Some(ours) = into.get_mut(key) else {
            into.insert(key.clone(), theirs.clone());
            continue;
        };
        if let (Some(ours), Some(theirs)) = (ours.as_object_mut(), theirs.as_object()) {
            if ours.is_empty() != theirs.is_empty() {
                ours.insert(".".into(), Value::Object(Map::new()));
            }
            unite(ours, theirs);
        }
    }
}

/// Live values of owned fields, by path; what is owned but not there is left out.
pub(super) fn select(fields: &Fields, live: &Value) -> Value {
    let mut selected = Map::new();
    for (key, children) in fields {
        let Some(value) = step(key, live) else { continue };
        let children = children.as_object().filter(|children| !children.is_empty());
        let found = match children {
            Some(children) => select(children, value),
            None => end(key, value),
        };
        selected.insert(key.clone(), found);
    }
    Value::Object(selected)
}

/// Goes one path element down.
fn step<'a>(element: &str, live: &'a Value) -> Option<&'a Value> {
    if element == "." {
        return Some(&Value::Null);
    }
    let (kind, rest) = element.split_once(':')?;
    match kind {
        "f" => live.get(rest),
        "k" => {
            let key: Map<String, Value> = serde_json::from_str(rest).ok()?;
            live.as_array()?.iter().find(|item| key.iter().all(|(name, value)| item.get(name) == Some(value)))
        }
        "v" => {
            let value: Value = serde_json::from_str(rest).ok()?;
            live.as_array()?.iter().find(|item| **item == value)
        }
        "i" => live.get(rest.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What is owned at the end of a path: a value, or only the presence of something whose parts are owned one by one.
fn end(element: &str, value: &Value) -> Value {
    let name = element.strip_prefix("f:");
    let whole = match value {
        Value::Object(_) => name.is_some_and(is_whole_map),
        Value::Array(_) => name.is_none_or(|name| !LISTS_BY_ITEM.contains(&name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    if whole { value.clone() } else { Value::Null }
}

/// Maps that the built-in kinds own as a whole: selectors and references. An unknown one is taken for a map whose
/// parts are owned one by one, so that what others add to it does not count as declared.
fn is_whole_map(name: &str) -> bool {
    let tail = |end: &str| name.to_ascii_lowercase().ends_with(end);
    tail("selector") || tail("ref") || tail("reference")
}
