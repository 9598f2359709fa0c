//! The scale subresource: the replicas of a workload as an object of their own.

use serde_json::{Map, Value, json};

use super::object::Object;
use super::respond::Failure;
use super::write::{Fields, decode};

/// The `Scale` of an object.
pub(super) fn of(object: &Object) -> Result<Value, Failure> {
    let fields = decode(object)?;
    let of = |part: &str| fields.get(part).and_then(|part| part.get("replicas")).cloned();
    let mut metadata = Map::new();
    for name in ["creationTimestamp", "name", "namespace", "resourceVersion", "uid"] {
        if let Some(value) = fields.get("metadata").and_then(|metadata| metadata.get(name)) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    Ok(json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": { "replicas": of("spec").unwrap_or_else(|| 1.into()) },
        "status": { "replicas": of("status").unwrap_or_else(|| 0.into()) },
    }))
}

/// The object with the replicas and, for the sake of conflicts, the version of a `Scale`.
pub(super) fn set(object: &Object, scale: &Value) -> Result<Fields, Failure> {
    let Some(replicas) = scale["spec"]["replicas"].as_u64() else {
        let why = format!("Invalid value: {}: must be greater than or equal to 0", scale["spec"]["replicas"]);
        return Err(Failure::invalid("Scale.autoscaling", &object.key.name, "spec.replicas", &why));
    };
    let mut fields = decode(object)?;
    if let Some(version) = scale["metadata"].get("resourceVersion")
        && let Some(Value::Object(metadata)) = fields.get_mut("metadata")
    {
        metadata.insert("resourceVersion".to_owned(), version.clone());
    }
    let spec = fields.entry("spec").or_insert_with(|| json!({}));
    if let Value::Object(spec) = spec {
        spec.insert("replicas".to_owned(), replicas.into());
    }
    Ok(fields)
}
