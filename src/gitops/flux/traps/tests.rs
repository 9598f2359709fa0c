//! Each trap by itself, on a gate that has none.

use serde_json::{Value, json};

use super::*;

fn job(change: &Value) -> GateJob {
    let mut job = json!({"metadata": {"name": "driftgate", "namespace": "shop", "annotations": {FORCE: "Enabled"}},
        "spec": {"activeDeadlineSeconds": 600, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "driftgate"}]}}}});
    json_patch::merge(&mut job, change);
    serde_json::from_value(job).unwrap()
}

fn kustomization(name: &str, change: &Value) -> Kustomization {
    let mut object = json!({"metadata": {"name": name, "namespace": "apps"}, "spec": {"interval": "1h", "timeout": "15m",
        "wait": true, "sourceRef": {"kind": "GitRepository", "name": "shop"}}});
    json_patch::merge(&mut object, &json!({"spec": change}));
    serde_json::from_value(object).unwrap()
}

fn fields(traps: &[Trap]) -> Vec<&str> {
    traps.iter().map(|trap| trap.field.as_str()).collect()
}

#[test]
fn a_gate_as_it_is_shipped_has_none() {
    let gate = kustomization("shop-gate", &json!({"dependsOn": [{"name": "shop"}]}));
    let app = kustomization("shop", &json!({"wait": false}));
    assert_eq!(of_gate(&gate, &job(&json!({}))), []);
    assert_eq!(of_pair(&gate, &app), []);
    assert_eq!(of_pair(&app, &app), []);
    assert_eq!(circles([&gate, &app]), []);
}

/// A gate that is tied to a ConfigMap of this name.
fn tied(name: &str) -> Value {
    let variable =
        json!({"name": "DRIFTGATE_CONTENT", "valueFrom": {"configMapKeyRef": {"name": name, "key": "any"}}});
    json!({"spec": {"template": {"spec": {"containers": [{"name": "driftgate", "env": [variable]}]}}}})
}

#[test]
fn each_trap_of_a_job_is_named_with_its_field() {
    for (change, field) in [
        (json!({"spec": {"ttlSecondsAfterFinished": 0}}), "spec.ttlSecondsAfterFinished"),
        (json!({"spec": {"suspend": true}}), "spec.suspend"),
        (json!({"metadata": {"name": null, "generateName": "gate-"}}), "metadata.generateName"),
        (
            json!({"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}),
            "spec.template.spec.restartPolicy",
        ),
        (json!({"metadata": {"annotations": null}}), FORCE),
        (json!({"metadata": {"annotations": {FORCE: "disabled"}}}), FORCE),
        (json!({"metadata": {"annotations": {RECONCILE: "Disabled"}}}), RECONCILE),
        (json!({"metadata": {"labels": {SSA: "IfNotPresent"}}}), SSA),
        (tied("driftgate-content"), "configMapGenerator"),
    ] {
        assert_eq!(fields(&of_job(&job(&change), false)), [field], "{change}");
    }
    assert_eq!(of_job(&job(&tied("driftgate-content-8f4k2m")), false), []);
    assert_eq!(of_job(&job(&json!({"metadata": {"annotations": null}})), true), [], "spec.force does it too");
}

#[test]
fn a_gate_that_nobody_waits_for_is_refused() {
    let check = |kind: &str, namespace: &str| {
        json!({"wait": false, "healthChecks": [
        {"apiVersion": "batch/v1", "kind": kind, "name": "driftgate", "namespace": namespace}]})
    };
    let gate = |spec: &Value| of_gate(&kustomization("gate", spec), &job(&json!({})));
    assert_eq!(fields(&gate(&json!({"wait": false}))), ["spec.wait"]);
    assert_eq!(fields(&gate(&check("Deployment", "shop"))), ["spec.wait"]);
    assert_eq!(fields(&gate(&check("Job", ""))), ["spec.wait"], "a Job of the Kustomization's own namespace");
    assert_eq!(gate(&check("Job", "shop")), []);
}

#[test]
fn the_gate_must_have_spoken_before_flux_gives_up() {
    let late = |spec: &Value, deadline: &Value| {
        let job = job(&json!({"spec": {"activeDeadlineSeconds": deadline}}));
        of_gate(&kustomization("gate", spec), &job).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        late(&json!({"timeout": "10m0s"}), &json!(600)),
        [
            "batch/Job shop/driftgate: spec.activeDeadlineSeconds: Flux gives up after 600 s, before the gate must have \
          spoken; set it below 600, or raise spec.timeout of kustomize.toolkit.fluxcd.io/Kustomization apps/gate"
        ]
    );
    assert_eq!(late(&json!({"timeout": "10m1s"}), &json!(600)), Vec::<String>::new());
    assert_eq!(late(&json!({"timeout": null, "interval": "10m"}), &json!(569)), Vec::<String>::new());
    assert_eq!(late(&json!({"timeout": null, "interval": "10m"}), &json!(570)).len(), 1);
    assert_eq!(late(&json!({"timeout": "1s"}), &json!(29)), Vec::<String>::new(), "never less than 30 s");
    assert_eq!(late(&json!({}), &json!(null)).len(), 1);
}

#[test]
fn revisions_are_compared_only_with_one_source() {
    let gate = |change: &Value| kustomization("gate", change);
    let app = kustomization("shop", &json!({}));
    let other = json!({"kind": "GitRepository", "name": "gates"});
    let apart = json!({"sourceRef": other, "dependsOn": [{"name": "shop"}]});
    assert_eq!(fields(&of_pair(&gate(&apart), &app)), ["spec.sourceRef"]);
    let told = json!({"sourceRef": other, "dependsOn": [{"name": "shop", "readyExpr": "true"}]});
    assert_eq!(of_pair(&gate(&told), &app), []);
    assert_eq!(fields(&of_pair(&gate(&json!({})), &app)), ["spec.dependsOn"]);
}

#[test]
fn who_waits_for_the_gate_that_waits_for_it_is_named() {
    let gate = kustomization("gate", &json!({"dependsOn": [{"name": "shop"}]}));
    let check = json!({"healthChecks": [{"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "name": "gate", "namespace": "apps"}]});
    assert_eq!(fields(&of_pair(&gate, &kustomization("shop", &check))), ["spec.healthChecks"]);
    let app = kustomization("shop", &json!({"dependsOn": [{"name": "db"}]}));
    let db = kustomization("db", &json!({"dependsOn": [{"name": "gate", "namespace": "apps"}]}));
    let named: Vec<_> = circles([&gate, &app, &db]).iter().map(|trap| trap.object.name.clone()).collect();
    assert_eq!(named, ["db", "gate", "shop"]);
    assert_eq!(circles([&gate, &app]), []);
}
