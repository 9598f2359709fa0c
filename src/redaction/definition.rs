//! CustomResourceDefinitions: which kind they define, and instead of their schemas, some of which are larger than a
//! megabyte, the smallest one that says as much of Pods.

use serde_json::{Value, json};

use super::meta::META;
use super::shape::{HIDDEN, PLAIN_LIST, Shape, keep};
use crate::model::crd::{CustomResource, Embedding};
use Shape::{List, Map, Object, Plain};

const DEFINITION: Shape = Object(&[
    ("metadata", META),
    (
        "spec",
        Object(&[
            ("group", Plain),
            (
                "names",
                Object(&[
                    ("kind", Plain),
                    ("listKind", Plain),
                    ("plural", Plain),
                    ("shortNames", PLAIN_LIST),
                    ("singular", Plain),
                ]),
            ),
            ("scope", Plain),
            ("versions", List(&VERSION)),
        ]),
    ),
]);

const VERSION: Shape =
    Object(&[("name", Plain), ("served", Plain), ("storage", Plain), ("subresources", Map(&Object(&[])))]);

/// What is kept of a definition. One that cannot be decoded still cannot be.
pub(super) fn reduce(definition: &Value) -> Value {
    let mut kept = keep(DEFINITION, definition);
    let schema = match serde_json::from_value::<CustomResource>(definition.clone()) {
        Ok(decoded) => decoded.pod_producer().map(|producer| schema(producer.embedding)),
        Err(_another_shape) => Some(json!(HIDDEN)),
    };
    if let (Some(schema), Some(Value::Array(versions))) = (schema, kept.pointer_mut("/spec/versions")) {
        for version in versions.iter_mut().filter(|version| version["served"] == true) {
            version["schema"] = json!({"openAPIV3Schema": schema});
        }
    }
    kept
}

/// The smallest schema of an object whose author chooses so much of a Pod.
fn schema(embedding: Embedding) -> Value {
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let container = object(json!({"name": {"type": "string"}, "image": {"type": "string"}}));
    let containers = json!({"type": "array", "items": container});
    let spec = match embedding {
        Embedding::Opaque | Embedding::Observed => {
            let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            object(json!({"template": anything}))
        }
        Embedding::Containers => object(json!({"containers": containers})),
        Embedding::Pod => object(json!({"containers": containers, "serviceAccountName": {"type": "string"}})),
    };
    object(json!({"spec": spec}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::crd::pod_producer;

    fn definition(root: &Value) -> Value {
        json!({"metadata": {"name": "foos.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "foos", "kind": "Foo"},
            "versions": [
                {"name": "v2", "served": true, "storage": true, "schema": {"openAPIV3Schema": root}},
                {"name": "v1", "served": false, "storage": false}]}})
    }

    #[test]
    fn the_reduced_schema_says_as_much_of_pods() {
        for embedding in [Embedding::Opaque, Embedding::Containers, Embedding::Pod] {
            let large = definition(&schema(embedding));
            let producer = pod_producer(&large.to_string());
            assert_eq!(producer.as_ref().map(|(_, producer)| producer.embedding), Some(embedding));
            assert_eq!(pod_producer(&reduce(&large).to_string()), producer);
        }
    }

    #[test]
    fn what_a_schema_says_otherwise_is_left_out() {
        let root = json!({"description": "s3cret", "properties": {"spec": {"properties": {
            "password": {"default": "s3cret"}}}}});
        let kept = reduce(&definition(&root));
        assert_eq!(kept["spec"]["versions"][0], json!({"name": "v2", "served": true, "storage": true}));
        assert!(!kept.to_string().contains("s3cret"), "{kept}");
    }

    #[test]
    fn what_cannot_be_decoded_stays_so() {
        let kept = reduce(&definition(&json!(7)));
        serde_json::from_value::<CustomResource>(kept).unwrap_err();
    }
}
