use proptest::prelude::*;
use serde_json::json;

use super::*;

fn digest(object: &Value) -> Digest {
    declared(&object.to_string()).expect("an object that declares something")
}

/// JSON text with the keys of every object in reverse order.
fn reversed(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let members: Vec<_> =
                map.iter().rev().map(|(key, value)| format!("{}:{}", json!(key), reversed(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(reversed).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

fn applied(image: &str, tracking: &str) -> Value {
    let manifest = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {"argocd.argoproj.io/tracking-id": tracking}},
        "spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}},
    });
    json!({
        "kind": "Deployment",
        "metadata": {"name": "web", "annotations": {LAST_APPLIED: manifest.to_string()}},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "injected"}]}}},
    })
}

fn managed(operation: &str, manager: &str, labels: &Value, replicas: u32) -> Value {
    json!({
        "metadata": {
            "labels": labels,
            "managedFields": [
                {"manager": manager, "operation": operation, "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:app": {}}},
                    "f:spec": {"f:selector": {}, "f:template": {"f:spec": {
                        "f:securityContext": {},
                        "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {}, "f:image": {}}},
                    }}},
                }},
                {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status",
                    "fieldsV1": {"f:status": {"f:replicas": {}}}},
                {"manager": "hpa", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            ],
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {
                "securityContext": {},
                "containers": [{"name": "injected", "image": "evil"}, {"name": "web", "image": "web:1"}],
            }},
        },
    })
}

#[test]
fn a_client_side_apply_is_read_from_its_annotation() {
    let one = digest(&applied("web:1", "shop:apps/Deployment:shop/web"));
    assert!(one.as_str().starts_with("applied:"));
    assert_eq!(one.as_str().len(), "applied:".len() + 16);
    assert_eq!(one, digest(&applied("web:1", "other")), "the tracking id is not part of what is declared");
    assert!(one.differs_from(&digest(&applied("web:2", "other"))));
}

#[test]
fn what_admission_added_to_the_live_object_is_not_declared() {
    let mut mutated = applied("web:1", "x");
    mutated["spec"]["template"]["spec"]["hostPID"] = json!(true);
    assert_eq!(digest(&mutated), digest(&applied("web:1", "x")));
}

#[test]
fn a_cut_annotation_says_nothing() {
    let object = json!({
        "metadata": {"annotations": {LAST_APPLIED: "{\"spec\":{\"rep"}}, "spec": {"selector": {"app": "web"}},
    });
    assert!(digest(&object).as_str().starts_with("spec:"));
}

#[test]
fn only_fields_of_the_gitops_manager_count() {
    let base = managed("Apply", "argocd-controller", &json!({"app": "web"}), 1);
    let scaled = managed("Apply", "argocd-controller", &json!({"app": "web", "team": "x"}), 9);
    assert!(digest(&base).as_str().starts_with("managed:"));
    assert_eq!(digest(&base), digest(&scaled));
    let renamed = managed("Apply", "argocd-controller", &json!({"app": "shop"}), 1);
    assert!(digest(&base).differs_from(&digest(&renamed)));
}

#[test]
fn a_change_in_an_owned_list_item_counts_and_one_beside_it_does_not() {
    let base = managed("Apply", "kustomize-controller", &json!({"app": "web"}), 1);
    let mut other = base.clone();
    other["spec"]["template"]["spec"]["containers"][0]["image"] = json!("still-evil");
    assert_eq!(digest(&base), digest(&other));
    other["spec"]["template"]["spec"]["containers"][1]["image"] = json!("web:2");
    assert!(digest(&base).differs_from(&digest(&other)));
}

#[test]
fn what_others_add_to_a_map_declared_empty_does_not_count() {
    let base = managed("Apply", "argocd-controller", &json!({"app": "web"}), 1);
    let mut hardened = base.clone();
    hardened["spec"]["template"]["spec"]["securityContext"] = json!({"runAsUser": 0});
    assert_eq!(digest(&base), digest(&hardened));
}

#[test]
fn a_selector_is_declared_as_a_whole() {
    let base = managed("Apply", "argocd-controller", &json!({"app": "web"}), 1);
    let mut other = base.clone();
    other["spec"]["selector"]["matchLabels"]["tier"] = json!("front");
    assert!(digest(&base).differs_from(&digest(&other)));
}

#[test]
fn a_server_side_apply_wins_over_the_annotation_it_leaves_behind() {
    let stale = json!({"spec": {"replicas": 1}}).to_string();
    let mut object = managed("Apply", "argocd-controller", &json!({"app": "web"}), 1);
    object["metadata"]["annotations"] = json!({LAST_APPLIED: stale});
    assert!(digest(&object).as_str().starts_with("managed:"));
    let mut object = managed("Update", "argocd-controller", &json!({"app": "web"}), 1);
    object["metadata"]["annotations"] = json!({LAST_APPLIED: stale});
    assert!(digest(&object).as_str().starts_with("applied:"));
}

#[test]
fn several_writes_of_gitops_managers_add_up() {
    let mut object = json!({
        "metadata": {"managedFields": [
            {"manager": "helm", "operation": "Update", "fieldsV1": {"f:spec": {"f:strategy": {}}}},
            {"manager": "helm-controller", "operation": "Update",
                "fieldsV1": {"f:spec": {"f:strategy": {"f:type": {}}, "f:paused": {}}}},
        ]},
        "spec": {"strategy": {"type": "Recreate", "other": 1}, "paused": false},
    });
    let base = digest(&object);
    object["spec"]["strategy"]["other"] = json!(2);
    assert_eq!(base, digest(&object));
    object["spec"]["strategy"]["type"] = json!("RollingUpdate");
    assert!(base.differs_from(&digest(&object)));
}

#[test]
fn digests_read_in_different_places_show_no_difference() {
    let annotation = digest(&applied("web:1", "x"));
    let owned = digest(&managed("Apply", "argocd-controller", &json!({"app": "web"}), 1));
    assert_ne!(annotation, owned);
    assert!(!annotation.differs_from(&owned));
}

#[test]
fn without_a_known_writer_desired_state_counts_but_not_what_the_cluster_fills_in() {
    let base = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"replicas": 1, "clusterIP": "10.0.0.1", "selector": {"app": "web"}},
    });
    let mut live = base.clone();
    live["spec"]["replicas"] = json!(7);
    live["spec"]["clusterIP"] = json!("10.0.0.2");
    live["metadata"]["labels"]["helm.sh/chart"] = json!("web-1.2.3");
    live["metadata"]["annotations"] = json!({"seen-by": "somebody"});
    live["status"] = json!({"ready": true});
    assert_eq!(digest(&base), digest(&live));
    live["spec"]["selector"]["app"] = json!("shop");
    assert!(digest(&base).differs_from(&digest(&live)));
}

#[test]
fn roles_bindings_and_webhooks_are_read_though_they_have_no_spec() {
    for (member, one, other) in [
        ("rules", json!([{"verbs": ["get"]}]), json!([{"verbs": ["*"]}])),
        ("subjects", json!([{"name": "a"}]), json!([{"name": "b"}])),
        ("roleRef", json!({"name": "view"}), json!({"name": "admin"})),
        ("webhooks", json!([{"name": "a"}]), json!([{"name": "a", "failurePolicy": "Ignore"}])),
    ] {
        let (one, other) = (digest(&json!({member: one})), digest(&json!({member: other})));
        assert!(one.differs_from(&other), "{member}");
    }
    let rotated = |bundle: &str| json!({"webhooks": [{"clientConfig": {"url": "u", "caBundle": bundle}}]});
    assert_eq!(digest(&rotated("old")), digest(&rotated("new")), "a certificate was rotated");
}

#[test]
fn secrets_and_config_maps_are_never_hashed() {
    for object in [
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap"}),
        json!({"metadata": {"name": "item-of-a-typed-list"}, "data": {"password": "aHVudGVyMg=="}}),
        json!({"metadata": {"name": "s"}, "stringData": {"password": "x"}}),
        json!({"metadata": {"name": "s", "annotations": {
            LAST_APPLIED: "{\"kind\":\"Secret\",\"stringData\":{\"password\":\"x\"}}"}}}),
    ] {
        assert_eq!(declared(&object.to_string()), None);
    }
}

#[test]
fn text_that_is_no_object_declares_nothing() {
    for text in ["", "null", "[]", "\"x\"", "{", "{\"metadata\":"] {
        assert_eq!(declared(text), None);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-c]",
        "(f:[a-c]|k:\\{\"a\":1\\}|v:1|i:0|\\.)",
        "(spec|metadata|labels|annotations|managedFields|fieldsV1|template|containers|webhooks)",
    ];
    leaf.prop_recursive(5, 64, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_panics_and_the_order_of_keys_does_not_matter(object in any_json()) {
        prop_assert_eq!(declared(&object.to_string()), declared(&reversed(&object)));
    }

    #[test]
    fn status_version_and_fields_of_others_do_not_matter(
        spec in any_json(), status in any_json(), version in "[0-9]{1,5}", extra in any_json(),
    ) {
        let fields = json!({"f:spec": {"f:a": {}, "f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}});
        let object = |spec: Value, status: &Value, version: &str, extra: Option<&Value>| {
            let mut object = json!({
                "metadata": {"resourceVersion": version, "managedFields": [
                    {"manager": "helm-controller", "operation": "Apply", "fieldsV1": fields},
                    {"manager": "someone", "operation": "Apply", "fieldsV1": {"f:spec": {"f:b": {}}}},
                ]},
                "spec": {"a": spec, "containers": [{"name": "web", "image": "web:1"}]},
                "status": status,
            });
            if let Some(extra) = extra {
                object["spec"]["b"] = extra.clone();
                object["spec"]["containers"][0]["command"] = extra.clone();
                object["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"]["f:c"] = extra.clone();
            }
            object
        };
        let base = digest(&object(spec.clone(), &Value::Null, "1", None));
        prop_assert_eq!(base, digest(&object(spec, &status, &version, Some(&extra))));
    }
}

#[test]
fn a_retold_digest_stands_to_the_told_object_as_it_did_to_the_live_one() {
    let digest = |text: &str| Digest(text.to_owned());
    let (old, live, told) = (digest("applied:1"), digest("applied:2"), digest("spec:7"));
    assert_eq!(live.retold(Some(&live), Some(&told)), told, "unchanged stays unchanged");
    let changed = old.retold(Some(&live), Some(&told));
    assert!(told.differs_from(&changed), "changed stays changed: {changed:?}");
    for (live, told) in [(Some(&digest("managed:1")), Some(&told)), (None, Some(&told)), (Some(&live), None)]
    {
        let unknown = old.retold(live, told);
        assert!(
            !digest("spec:7").differs_from(&unknown),
            "what shows nothing still shows nothing: {unknown:?}"
        );
        assert_ne!(unknown, old, "nobody can guess by it");
    }
}
