//! Webhooks and policies on the way of Pods.

use super::*;

fn namespace(labels: &Value) -> Value {
    let object = object("Namespace", "shop", None);
    with(with(object, "metadata.namespace", Value::Null), "metadata.labels", labels.clone())
}

/// A webhook that takes the Pods of the application, served by `mesh/injector`.
fn webhook() -> Value {
    let mut object = object("MutatingWebhookConfiguration", "mesh", None);
    object["metadata"]["namespace"] = Value::Null;
    object["metadata"]["labels"] = Value::Null;
    object["webhooks"] = json!([{
        "name": "inject.example.com",
        "clientConfig": { "service": { "namespace": "mesh", "name": "injector" }, "caBundle": "QQ==" },
        "rules": [{ "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] }],
        "objectSelector": { "matchLabels": { "app": "web" } },
    }]);
    object
}

fn service(port: i64) -> Value {
    let mut object = object("Service", "injector", None);
    object["metadata"]["namespace"] = "mesh".into();
    with(object, "spec", json!({ "ports": [{ "port": port }] }))
}

fn endpoints(ready: &Value) -> Value {
    let mut object = object("EndpointSlice", "injector-x", None);
    object["metadata"]["namespace"] = "mesh".into();
    object["metadata"]["labels"] = json!({ "kubernetes.io/service-name": "injector" });
    with(object, "endpoints", json!([{ "conditions": { "ready": ready } }]))
}

fn served() -> Cluster {
    let mut cluster = Cluster::with_web();
    for object in [namespace(&json!({})), webhook(), service(443), endpoints(&true.into())] {
        cluster.apply(0, &object);
    }
    cluster
}

const MESH: &str = "admissionregistration.k8s.io/MutatingWebhookConfiguration mesh";

#[test]
fn a_served_webhook_settles() {
    let mut cluster = served();
    cluster.quiet_since(0);
    assert_eq!(*cluster.settling.backends(), BTreeSet::from([("mesh".to_owned(), "injector".to_owned())]));
}

#[test]
fn each_reason_why_a_webhook_is_not_served_is_named() {
    let reason = |change: &dyn Fn(&mut Cluster), why: &str| {
        let mut cluster = served();
        change(&mut cluster);
        cluster.waits(&[&format!("{MESH}: webhook inject.example.com {why}")]);
    };
    let patched = |path: &str, value: Value| {
        let mut webhook = webhook();
        webhook["webhooks"][0] = with(webhook["webhooks"][0].clone(), path, value);
        webhook
    };
    reason(
        &|cluster| cluster.apply(1, &patched("clientConfig.caBundle", Value::Null)),
        "has no CA bundle yet",
    );
    let by = "is served by Service mesh/injector, which";
    reason(&|cluster| cluster.delete(1, &service(443)), &format!("{by} is not there"));
    reason(&|cluster| cluster.apply(1, &service(8443)), &format!("{by} has no port 443"));
    let port = patched("clientConfig.service.port", 9443.into());
    reason(&|cluster| cluster.apply(1, &port), &format!("{by} has no port 9443"));
    reason(&|cluster| cluster.apply(1, &endpoints(&false.into())), &format!("{by} has no ready endpoint"));
    reason(&|cluster| cluster.delete(1, &endpoints(&Value::Null)), &format!("{by} has no ready endpoint"));
}

#[test]
fn an_endpoint_of_unknown_state_counts_as_ready() {
    let mut cluster = served();
    cluster.apply(5_000, &endpoints(&Value::Null));
    cluster.quiet_since(0);
}

#[test]
fn a_webhook_outside_the_cluster_is_not_looked_into() {
    let mut cluster = Cluster::with_web();
    let mut webhook = webhook();
    webhook["webhooks"][0]["clientConfig"] = json!({ "url": "https://example.com" });
    cluster.apply(7_000, &webhook);
    cluster.quiet_since(7_000);
}

#[test]
fn a_ca_bundle_that_is_replaced_changes_nothing_but_the_first_one_does() {
    let mut cluster = served();
    let mut webhook = webhook();
    webhook["webhooks"][0]["clientConfig"]["caBundle"] = "QkI=".into();
    webhook["metadata"]["generation"] = 2.into();
    webhook["metadata"]["annotations"] = json!({ "leader": "me" });
    cluster.apply(5_000, &webhook);
    cluster.quiet_since(0);
    webhook["webhooks"][0]["clientConfig"]["caBundle"] = "".into();
    cluster.apply(30_000, &webhook);
    webhook["webhooks"][0]["clientConfig"]["caBundle"] = "QUE=".into();
    cluster.apply(37_000, &webhook);
    cluster.quiet_since(37_000);
}

#[test]
fn a_webhook_that_comes_changes_or_goes_restarts_the_window() {
    let mut cluster = served();
    let mut changed = webhook();
    changed["webhooks"][0]["reinvocationPolicy"] = "IfNeeded".into();
    cluster.apply(5_000, &changed);
    cluster.quiet_since(5_000);
    let replaced = with(changed.clone(), "metadata.uid", "another".into());
    cluster.delete(37_000, &changed);
    cluster.apply(37_000, &replaced);
    cluster.quiet_since(37_000);
    cluster.delete(60_000, &replaced);
    cluster.quiet_since(60_000);
}

#[test]
fn a_webhook_for_other_pods_is_ignored() {
    for (field, value) in [
        ("objectSelector", json!({ "matchLabels": { "app": "other" } })),
        ("namespaceSelector", json!({ "matchLabels": { "mesh": "on" } })),
        (
            "rules",
            json!([{ "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["jobs"] }]),
        ),
    ] {
        let mut cluster = Cluster::with_web();
        cluster.apply(0, &namespace(&json!({})));
        let mut webhook = webhook();
        webhook["webhooks"][0][field] = value;
        cluster.apply(5_000, &webhook);
        cluster.quiet_since(0);
        assert!(cluster.settling.backends().is_empty());
    }
}

#[test]
fn labels_of_a_namespace_restart_the_window_and_bring_webhooks() {
    let mut cluster = served();
    let mut second = webhook();
    second["metadata"]["uid"] = "second".into();
    second["metadata"]["name"] = "second".into();
    second["webhooks"][0]["namespaceSelector"] = json!({ "matchLabels": { "mesh": "on" } });
    second["webhooks"][0]["clientConfig"]["caBundle"] = "".into();
    cluster.apply(0, &second);
    cluster.quiet_since(0);
    cluster.apply(20_000, &namespace(&json!({ "other": "label" })));
    cluster.quiet_since(20_000);
    cluster.apply(40_000, &namespace(&json!({ "mesh": "on" })));
    cluster.waits(&["admissionregistration.k8s.io/MutatingWebhookConfiguration second: \
         webhook inject.example.com has no CA bundle yet"]);
}

#[test]
fn a_namespace_whose_labels_are_hidden_counts_as_selected() {
    let mut cluster = Cluster::with_web();
    let mut webhook = webhook();
    webhook["webhooks"][0]["namespaceSelector"] = json!({ "matchLabels": { "mesh": "on" } });
    webhook["webhooks"][0]["clientConfig"]["caBundle"] = "".into();
    cluster.apply(0, &webhook);
    cluster.waits(&[&format!("{MESH}: webhook inject.example.com has no CA bundle yet")]);
}

#[test]
fn templates_without_pods_are_admitted_too() {
    let mut cluster = Cluster::new();
    cluster.apply(0, &deployment(0));
    cluster.apply(0, &namespace(&json!({})));
    cluster.apply(7_000, &webhook());
    cluster.waits(&[&format!(
        "{MESH}: webhook inject.example.com is served by Service mesh/injector, which is not there"
    )]);
}

#[test]
fn labels_that_differ_from_pod_to_pod_are_still_there_to_select_by() {
    let mut cluster = Cluster::with_web();
    let mut webhook = webhook();
    webhook["webhooks"][0]["objectSelector"] =
        json!({ "matchExpressions": [{ "key": "pod-template-hash", "operator": "Exists" }] });
    cluster.apply(7_000, &webhook);
    cluster.waits(&[&format!(
        "{MESH}: webhook inject.example.com is served by Service mesh/injector, which is not there"
    )]);
}

#[test]
fn a_policy_counts_where_a_binding_puts_it_in_force() {
    let mut cluster = Cluster::with_web();
    cluster.apply(0, &namespace(&json!({})));
    let mut policy = object("MutatingAdmissionPolicy", "add", None);
    policy["metadata"]["namespace"] = Value::Null;
    policy["spec"] = json!({
        "matchConstraints": { "resourceRules": [
            { "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"] },
        ] },
        "mutations": [{ "patchType": "ApplyConfiguration" }],
    });
    cluster.apply(5_000, &policy);
    cluster.quiet_since(0);
    let mut binding = object("MutatingAdmissionPolicyBinding", "add", None);
    binding["metadata"]["namespace"] = Value::Null;
    binding["spec"] = json!({ "policyName": "add" });
    cluster.apply(20_000, &binding);
    cluster.quiet_since(20_000);
    policy["spec"]["mutations"][0]["patchType"] = "JSONPatch".into();
    cluster.apply(40_000, &policy);
    cluster.quiet_since(40_000);
    binding["spec"]["matchResources"] = json!({ "objectSelector": { "matchLabels": { "app": "other" } } });
    cluster.apply(60_000, &binding);
    cluster.quiet_since(60_000);
    policy["spec"]["mutations"][0]["patchType"] = "ApplyConfiguration".into();
    cluster.apply(65_000, &policy);
    cluster.quiet_since(60_000);
}

#[test]
fn a_service_that_cannot_be_seen_is_a_gap_and_not_missing() {
    let mut cluster = Cluster::with_web();
    cluster.apply(0, &webhook());
    let watched = Watched { kind: GroupKind::new("", "Service"), namespace: "mesh".into() };
    cluster.settling.open(1, watched.clone(), Importance::Bears);
    let gap = Gap { scope: watched.gap_scope(), reason: GapReason::Forbidden, detail: "no".into() };
    cluster.settling.apply(0, 1, Event::Hidden(gap.clone()));
    cluster.settles(QUIET);
    assert_eq!(cluster.settling.gaps(), BTreeSet::from([gap]));
}
