#![expect(clippy::needless_pass_by_value, reason = "literals of the cases read better")]

use serde_json::{Value, json};

use super::*;

/// A definition of `foos.example.com` with one served version of this `spec` schema.
fn definition(spec: &Value) -> Value {
    let root = json!({"type": "object", "properties": {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": spec,
    }});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"plural": "foos", "kind": "Foo"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": root}, "served": true, "storage": true}],
        },
    })
}

fn properties(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

fn containers() -> Value {
    let container = properties(json!({"image": {"type": "string"}, "name": {"type": "string"}}));
    json!({"type": "array", "items": container})
}

fn pod_spec() -> Value {
    properties(json!({
        "containers": containers(),
        "volumes": {"type": "array", "items": properties(json!({"name": {"type": "string"}}))},
    }))
}

fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

#[track_caller]
fn check(spec: &Value, expected: Option<Embedding>) {
    let found = pod_producer(&definition(spec).to_string());
    assert_eq!(found.as_ref().map(|(_, producer)| producer.embedding), expected);
    if let Some((resource, producer)) = found {
        assert_eq!(resource, ("example.com".to_owned(), "foos".to_owned()));
        assert_eq!(producer.place, Place::Namespaced);
    }
}

#[test]
fn a_pod_spec_is_found_at_any_depth() {
    check(&pod_spec(), Some(Embedding::Pod));
    let template = properties(json!({"metadata": anything(), "spec": pod_spec()}));
    check(&properties(json!({"podTemplate": template.clone()})), Some(Embedding::Pod));
    let steps = json!({"type": "array", "items": properties(json!({"template": template.clone()}))});
    check(&properties(json!({"steps": steps})), Some(Embedding::Pod));
    let tasks = json!({"type": "object", "additionalProperties": template.clone()});
    check(&properties(json!({"tasks": tasks})), Some(Embedding::Pod));
    check(&properties(json!({"task": {"oneOf": [{"type": "string"}, template]}})), Some(Embedding::Pod));
}

#[test]
fn containers_alone_are_a_part_of_a_pod() {
    for list in ["containers", "extraContainers", "sidecars", "initContainers"] {
        check(&properties(json!({list: containers()})), Some(Embedding::Containers));
    }
    let images = json!({"type": "array", "items": properties(json!({"image": {"type": "string"}}))});
    check(&properties(json!({"sidecars": images})), Some(Embedding::Containers));
}

#[test]
fn what_may_hold_any_object_may_hold_a_pod() {
    for field in ["template", "podTemplate", "manifest", "resources", "objects", "rawExtension", "values"] {
        check(&properties(json!({field: anything()})), Some(Embedding::Opaque));
    }
    check(&properties(json!({"manifests": {"type": "array", "items": anything()}})), Some(Embedding::Opaque));
    let nested = properties(json!({"spec": anything()}));
    check(&properties(json!({"template": nested})), Some(Embedding::Opaque));
    let embedded = json!({"type": "object", "x-kubernetes-embedded-resource": true});
    check(&properties(json!({"object": embedded})), Some(Embedding::Opaque));
}

#[test]
fn other_schemas_make_no_pods() {
    check(&properties(json!({"replicas": {"type": "integer"}})), None);
    check(&properties(json!({"config": anything()})), None);
    check(&properties(json!({"template": properties(json!({"metadata": anything()}))})), None);
    check(&properties(json!({"containers": {"type": "array", "items": {"type": "string"}}})), None);
    check(&properties(json!({"image": {"type": "string"}, "name": {"type": "string"}})), None);
    let off = json!({"x-kubernetes-embedded-resource": false, "x-kubernetes-preserve-unknown-fields": null});
    check(&properties(json!({"template": off})), None);
    check(&json!(null), None);
}

#[test]
fn a_status_is_not_for_the_author_to_choose() {
    let mut crd = definition(&properties(json!({})));
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"] = pod_spec();
    assert_eq!(pod_producer(&crd.to_string()), None);
}

#[test]
fn a_version_that_is_not_served_does_not_count() {
    let mut crd = definition(&pod_spec());
    crd["spec"]["versions"][0]["served"] = json!(false);
    assert_eq!(pod_producer(&crd.to_string()), None);
}

#[test]
fn a_cluster_scoped_definition_says_so() {
    let mut crd = definition(&pod_spec());
    crd["spec"]["scope"] = json!("Cluster");
    let (_, producer) = pod_producer(&crd.to_string()).unwrap();
    assert_eq!(producer.place, Place::Cluster);
}

#[test]
fn a_schema_without_end_is_refused() {
    let deep = (0..200).fold(String::from("{}"), |inner, _| format!(r#"{{"items":{inner}}}"#));
    let crd = format!(r#"{{"spec":{{"versions":[{{"schema":{{"openAPIV3Schema":{deep}}}}}]}}}}"#);
    assert!(serde_json::from_str::<CustomResource>(&crd).is_err());
    assert_eq!(pod_producer(&crd), None);
}

mod laws {
    use proptest::prelude::*;

    use super::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let key = proptest::sample::select(
            &["properties", "items", "containers", "name", "image", "volumes", "template", "oneOf", "type"][..],
        );
        let leaf = prop_oneof![Just(json!(null)), Just(json!(true)), Just(json!(1)), Just(json!("object"))];
        leaf.prop_recursive(6, 40, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map(key.clone(), inner, 0..4)
                    .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_decoded_or_refused(spec in any_json()) {
            let _found: Option<_> = pod_producer(&definition(&spec).to_string());
            let _found: Option<_> = pod_producer(&spec.to_string());
        }
    }
}
