//! Repositories in a few lines each.

use serde_json::json;

use super::*;
use crate::gitops::flux::job::{CONTENT, FORCE};

/// Documents by file; what is found, as file and field.
fn found(files: &[(&str, Value)], every_release: bool) -> Vec<String> {
    let mut fleet = Fleet::default();
    for (number, (file, document)) in files.iter().enumerate() {
        fleet.add(number, file, document.clone()).unwrap();
    }
    let traps = fleet.traps(every_release).into_iter();
    traps.map(|(number, trap)| format!("{}: {}", files[number].0, trap.field)).collect()
}

fn job(change: &Value) -> Value {
    let content = json!({"name": "C", "valueFrom": {"configMapKeyRef": {"name": CONTENT, "key": "any"}}});
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "driftgate", "annotations": {FORCE: "enabled"}},
        "spec": {"activeDeadlineSeconds": 600, "template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "driftgate", "args": ["gate"], "env": [content]}]}}}});
    json_patch::merge(&mut job, change);
    job
}

fn kustomization(name: &str, path: &str, change: &Value) -> Value {
    let mut object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "apps"}, "spec": {"interval": "1h", "timeout": "15m", "wait": true,
        "path": path, "sourceRef": {"kind": "GitRepository", "name": "shop"}}});
    json_patch::merge(&mut object, &json!({"spec": change}));
    object
}

/// A folder that builds an application with the gate beside it.
fn with_gate(component: &str) -> Value {
    json!({"resources": ["web.yaml"], "components": [component],
        "configMapGenerator": [{"name": CONTENT, "files": ["web.yaml"]}]})
}

#[test]
fn a_repository_as_the_guide_shows_it_has_none() {
    let component = json!({"kind": "Component", "resources": ["job.yaml"]});
    let gate = json!({"components": ["../lib/flux-gate"],
        "configMapGenerator": [{"name": CONTENT, "files": ["../app/web.yaml"]}]});
    let separate = [
        ("lib/flux-gate/kustomization.yaml", component),
        ("lib/flux-gate/job.yaml", job(&json!({}))),
        ("app/kustomization.yaml", json!({"resources": ["web.yaml"]})),
        ("gate/kustomization.yaml", gate),
        ("clusters/shop.yaml", kustomization("shop", "./app", &json!({"wait": false}))),
        ("clusters/gate.yaml", kustomization("gate", "./gate", &json!({"dependsOn": [{"name": "shop"}]}))),
    ];
    assert_eq!(found(&separate, false), [""; 0]);
    let far = "https://example.com/driftgate//kustomize/components/flux-gate?ref=v0.1.0";
    let same = [
        ("./app/kustomization.yaml", with_gate(far)),
        ("clusters/shop.yaml", kustomization("shop", "app/", &json!({}))),
    ];
    assert_eq!(found(&same, false), [""; 0]);
}

#[test]
fn what_is_wrong_is_told_of_the_object_that_has_it() {
    let far = "https://example.com/driftgate//kustomize/components/flux-gate?ref=v0.1.0";
    let build = |change: &Value| {
        let mut build = with_gate(far);
        json_patch::merge(&mut build, change);
        build
    };
    let gate = |change: &Value| kustomization("shop", "./app", change);
    let plain = json!([{"name": CONTENT, "options": {"disableNameSuffixHash": true}}]);
    for (built, spec, expected) in [
        (json!({}), json!({"wait": false}), "clusters/shop.yaml: spec.wait"),
        (json!({}), json!({"timeout": "5m"}), "clusters/shop.yaml: spec.activeDeadlineSeconds"),
        (json!({"configMapGenerator": null}), json!({}), "repo/app/kustomization.yaml: configMapGenerator"),
        (json!({"configMapGenerator": plain}), json!({}), "repo/app/kustomization.yaml: configMapGenerator"),
        (json!({"resources": null}), json!({}), "clusters/shop.yaml: spec.dependsOn"),
    ] {
        let files = [("repo/app/kustomization.yaml", build(&built)), ("clusters/shop.yaml", gate(&spec))];
        assert_eq!(found(&files, false), [expected], "{built} {spec}");
    }
}

#[test]
fn a_job_is_held_to_what_its_kustomization_says_where_that_is_known() {
    let ttl = json!({"spec": {"ttlSecondsAfterFinished": 60}});
    let unforced = json!({"metadata": {"annotations": null}});
    let file = "repo/gate/base/job.yaml";
    let lone = |change| found(&[(file, job(change))], false);
    assert_eq!(lone(&json!({})), [format!("{file}: configMapGenerator")], "it is what a build has yielded");
    let fields = |change, spec: &Value| {
        let list = json!({"resources": ["job.yaml"]});
        let build = json!({"resources": ["base", "web.yaml"], "configMapGenerator": [{"name": CONTENT}]});
        let files = [
            (file, job(change)),
            ("repo/gate/base/kustomization.yaml", list),
            ("repo/gate/kustomization.yaml", build),
            ("clusters/a.yaml", kustomization("gate", "gate", spec)),
        ];
        found(&files, false)
    };
    assert_eq!(fields(&ttl, &json!({})), [format!("{file}: spec.ttlSecondsAfterFinished")]);
    assert_eq!(fields(&unforced, &json!({})), [format!("{file}: {FORCE}")]);
    assert_eq!(fields(&unforced, &json!({"force": true})), [""; 0]);
    let raw = [(file, job(&unforced)), ("a.yaml", kustomization("gate", "gate", &json!({"force": true})))];
    assert_eq!(
        found(&raw, false),
        [format!("{file}: configMapGenerator")],
        "Flux builds plain manifests too"
    );
}

#[test]
fn live_objects_say_who_applies_what() {
    let owned = json!({"metadata": {"namespace": "shop", "labels": {
        "kustomize.toolkit.fluxcd.io/name": "gate", "kustomize.toolkit.fluxcd.io/namespace": "apps"}},
        "spec": {"template": {"spec": {"containers": [{"name": "driftgate", "args": ["gate"]}]}}}});
    let mut gate = kustomization("gate", "", &json!({"wait": false, "dependsOn": [{"name": "shop"}]}));
    gate["status"] = json!({"inventory": {"entries": [{"id": "shop_driftgate_batch_Job", "v": "v1"}]}});
    let other = json!({"sourceRef": {"kind": "GitRepository", "name": "other"}});
    let files = [("-", job(&owned)), ("gate", gate), ("app", kustomization("shop", "x", &other))];
    assert_eq!(found(&files, false), ["gate: spec.sourceRef", "gate: spec.wait"]);
}

#[test]
fn kustomizations_that_wait_for_one_another_are_told() {
    let on = |name: &str| json!({"dependsOn": [{"name": name}]});
    let files = [("a", kustomization("a", "a", &on("b"))), ("b", kustomization("b", "b", &on("a")))];
    assert_eq!(found(&files, false), ["a: spec.dependsOn", "b: spec.dependsOn"]);
}

#[test]
fn jobs_of_others_are_none_of_fluxs() {
    for change in [
        json!({"metadata": {"annotations": {"argocd.argoproj.io/hook": "PostSync"}}}),
        json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "x"}}}),
        json!({"metadata": {"annotations": {"helm.sh/hook": "test"}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "web"}]}}}}),
        json!({"spec": {"template": {"spec": {"containers": [{"name": "driftgate", "args": ["rollback", "x"]}]}}}}),
    ] {
        let mut job = job(&json!({"spec": {"ttlSecondsAfterFinished": 1}}));
        json_patch::merge(&mut job, &change);
        assert_eq!(found(&[("job.yaml", job)], false), [""; 0], "{change}");
    }
}

#[test]
fn a_release_is_checked_if_anything_shows_a_gate() {
    let release = |change: &Value| {
        let mut release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "web", "namespace": "apps"}, "spec": {"values": {"replicas": 2},
            "chart": {"spec": {"chart": "./charts/web"}}}});
        json_patch::merge(&mut release, change);
        release
    };
    let plain = ("web.yaml", release(&json!({})));
    assert_eq!(found(std::slice::from_ref(&plain), false), [""; 0]);
    assert_eq!(found(std::slice::from_ref(&plain), true).len(), 5);
    for change in [
        json!({"spec": {"values": {"driftgate": {"flux": true}}}}),
        json!({"spec": {"values": {"shop": {"driftgate": {}}}}}),
        json!({"spec": {"test": {"filters": [{"name": "web-driftgate", "exclude": true}]}}}),
        json!({"metadata": {"annotations": {"driftgate.dev/gate": "helm-test"}}}),
    ] {
        assert!(found(&[("web.yaml", release(&change))], false).len() >= 5, "{change}");
    }
    let verdict = json!({"spec": {"template": {"spec": {"containers": [{"name": "driftgate", "args": ["verdict"],
        "env": [{"name": "DRIFTGATE_APPLICATION", "value": "helmrelease/apps/web"}]}]}}}});
    let chart = json!({"dependencies": [{"name": "driftgate", "version": "0.1.0"}]});
    for sign in [("verdict.yaml", job(&verdict)), ("repo/charts/web/Chart.yaml", chart)] {
        assert_eq!(found(&[plain.clone(), sign], false).len(), 5);
    }
    let other = json!({"dependencies": [{"name": "redis"}]});
    assert_eq!(found(&[plain, ("repo/charts/web/Chart.yaml", other)], false), [""; 0]);
}
