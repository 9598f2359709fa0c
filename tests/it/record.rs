//! `driftgate record` against a served API: what it writes, what it never asks for, and what it refuses.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use driftgate::memory::ObjectRef;
use rstest::rstest;
use serde_json::{Value, json};

use crate::served::{Served, run};

/// Stands for what nobody may read.
const SECRET: &str = "s3cret-of-the-shop";

/// All files of a folder, by path.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(name, text)| (path.join(name), text)));
        } else {
            found.insert(PathBuf::from(path.file_name().unwrap()), fs::read_to_string(&path).unwrap());
        }
    }
    found
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(folder).map_or(path.clone(), Path::to_owned), text))
        .collect()
}

/// What a report says of the application, whichever command wrote it.
fn judgement(report: &Value) -> Value {
    let names =
        ["drift", "belowThreshold", "provisional", "excluded", "gaps", "counts", "exitCode", "verdict"];
    names.iter().map(|name| ((*name).to_owned(), report[*name].clone())).collect()
}

const SHOP: [&str; 2] = ["--app", "argocd/shop"];

#[rstest]
#[case::an_application("sidecar-injected", &SHOP)]
#[case::access("rbac-creep", &SHOP)]
#[case::a_kustomization("flux-critical", &["--app", "kustomization/apps/shop"])]
#[case::a_namespace("label-mutated", &["--namespace", "shop"])]
#[case::labels("sidecar-injected", &["-n", "shop,other", "-l", "app=web"])]
fn a_rehearsal_of_a_recording_tells_what_a_scan_tells(#[case] example: &str, #[case] target: &[&str]) {
    let served = Served::example(example);
    let scanned = served.run(&[&["scan", "-o", "json"], target].concat());
    let scanned: Value = serde_json::from_str(&scanned.out).unwrap();
    let ran = served.record("recording", target);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("run it: driftgate rehearse "), "{}", ran.out);
    let told = served.rehearse("recording");
    assert_eq!(judgement(&told), judgement(&scanned));
}

/// The Deployment's template, the Pods and some others with secrets in all the places where people put them.
fn with_secrets(served: &Served) {
    let container = json!({"name": "web", "image": "registry.example/shop/web:1.5.0",
        "command": ["sh", "-c", SECRET], "args": ["--password", SECRET],
        "env": [{"name": "PASSWORD", "value": SECRET}, {"name": "FROM", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}],
        "livenessProbe": {"httpGet": {"port": 80, "path": "/", "httpHeaders": [{"name": "X", "value": SECRET}]}},
        "lifecycle": {"preStop": {"exec": {"command": ["curl", SECRET]}}}});
    let applied = json!({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}});
    let annotations =
        json!({"kubectl.kubernetes.io/last-applied-configuration": applied.to_string(), "note": SECRET});
    let metadata = json!({"annotations": annotations, "managedFields": [{"manager": SECRET}]});
    let template = json!({"spec": {"containers": [container]}});
    served.patch(
        "apps/v1",
        "Deployment",
        "web",
        &json!({"metadata": metadata, "spec": {"template": template}}),
    );
    for pod in ["web-7b8c9d6f5a-k2x8p", "web-7b8c9d6f5a-m7q4z"] {
        served.patch("v1", "Pod", pod, &json!({"metadata": metadata, "spec": {"containers": [container]}}));
    }
    let data = json!({"password": SECRET});
    for kind in ["Secret", "ConfigMap"] {
        let object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "db", "namespace": "shop"}, "data": data});
        served.api.seed_value(&object).unwrap();
    }
}

#[test]
fn secrets_are_neither_asked_for_nor_written_down() {
    let served = Served::example("sidecar-injected");
    with_secrets(&served);
    let ran = served.record("recording", &SHOP);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let mut all = format!("{}{}", ran.out, ran.err);
    for (path, text) in files(&served.path("recording")) {
        write!(all, "{}\n{text}", path.display()).unwrap();
    }
    assert!(!all.contains(SECRET), "{all}");
    for kept in ["name: PASSWORD", "value: redacted", "- redacted", "name: db", "kind: Pod"] {
        assert!(all.contains(kept), "{kept}: {all}");
    }
    let asked: Vec<_> = served.api.requests().into_iter().map(|request| request.path).collect();
    assert!(asked.len() > 20, "{asked:?}");
    assert!(!asked.iter().any(|path| path.contains("/secrets")), "{asked:?}");
    let maps: Vec<_> = asked.iter().filter(|path| path.contains("/configmaps")).collect();
    assert!(maps.iter().all(|path| path.starts_with("/api/v1/namespaces/driftgate/configmaps/")), "{maps:?}");
    assert!(
        served.api.requests().iter().all(|request| ["get", "list"].contains(&request.verb)),
        "it only reads"
    );
}

#[test]
fn of_config_maps_the_record_and_the_policy_that_is_named_are_read_and_no_other() {
    let served = Served::example("clean");
    let policy =
        json!({"apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": {"failAt": "low"}});
    for (name, labels) in [("policy", json!({"driftgate.dev/policy": "platform"})), ("other", json!({}))] {
        let metadata = json!({"name": name, "namespace": "driftgate", "labels": labels});
        let data = json!({"p.yaml": policy.to_string(), "note": SECRET});
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
        served.api.seed_value(&map).unwrap();
    }
    let label = "configmap:driftgate/driftgate.dev/policy=platform";
    let app = ["--app", "argocd/shop", "--platform-policy", label];
    let ran = served.record("recording", &app);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let files = files(&served.path("recording"));
    assert!(files.values().any(|text| text.contains("failAt")), "{files:#?}");
    assert!(!files.values().any(|text| text.contains(SECRET)), "{files:#?}");
    let maps: Vec<_> =
        served.api.requests().into_iter().filter(|it| it.path.contains("/configmaps")).collect();
    for asked in &maps {
        let is_record = asked.path.contains("/namespaces/driftgate/configmaps/driftgate-argocd-shop-");
        assert!(is_record || asked.query.contains("labelSelector=driftgate.dev"), "{maps:#?}");
    }
}

#[test]
fn the_same_cluster_is_recorded_byte_for_byte() {
    let served = Served::example("sidecar-injected");
    assert_eq!(served.record("one", &SHOP).code, 0);
    let heartbeat =
        json!({"status": {"conditions": [{"type": "Ready", "lastHeartbeatTime": "2026-11-24T10:00:00Z"}]}});
    served.patch("v1", "Node", "node-1", &heartbeat);
    served.patch("apps/v1", "Deployment", "web", &json!({"metadata": {"annotations": {"leader": "me"}}}));
    let refreshed =
        json!({"metadata": {"generation": 31}, "status": {"reconciledAt": "2026-11-24T10:00:00Z"}});
    let application = ObjectRef {
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Application".into(),
        namespace: Some("argocd".into()),
        name: "shop".into(),
    };
    served.api.patch(&application, &refreshed).unwrap();
    assert_eq!(served.record("other", &SHOP).code, 0);
    let (one, other) = (files(&served.path("one")), files(&served.path("other")));
    assert!(one.len() > 5, "{one:?}");
    assert_eq!(one, other);
}

#[test]
fn a_recording_replaces_an_earlier_one_and_nothing_else() {
    let served = Served::example("sidecar-injected");
    let folder = served.path("recording");
    fs::create_dir(&folder).unwrap();
    assert_eq!(served.record("recording", &SHOP).code, 0, "an empty folder is as good as none");
    fs::write(folder.join("objects/gone.yaml"), "apiVersion: v1\nkind: Pod\nmetadata: {name: gone}\n")
        .unwrap();
    fs::write(folder.join("notes.md"), "mine").unwrap();
    assert_eq!(served.record("recording", &SHOP).code, 0);
    assert!(!folder.join("objects/gone.yaml").exists(), "a file of the earlier recording would be rehearsed");
    assert_eq!(fs::read_to_string(folder.join("notes.md")).unwrap(), "mine");
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone_unless_forced() {
    let served = Served::example("sidecar-injected");
    let folder = served.path("mine");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("scenario.yaml"), "mine").unwrap();
    let ran = served.record("mine", &SHOP);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("not a recording") && ran.err.contains("--force"), "{}", ran.err);
    assert_eq!(fs::read_to_string(folder.join("scenario.yaml")).unwrap(), "mine");
    assert!(served.api.requests().is_empty(), "it is refused before the cluster is asked");
    assert_eq!(served.record("mine", &[&SHOP[..], &["--force"]].concat()).code, 0);
    assert_eq!(served.rehearse("mine")["application"]["name"], "argocd/shop");
}

#[test]
fn what_may_not_be_seen_is_said_and_is_hidden_in_the_rehearsal_too() {
    let served = Served::example("clean");
    served.api.forbid(&["list", "watch"], "rbac.authorization.k8s.io", "clusterrolebindings", None);
    let ran = served.record("recording", &["--namespace", "shop"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(
        ran.out
            .contains("not seen, and so in the rehearsal: all rbac.authorization.k8s.io/ClusterRoleBinding"),
        "{}",
        ran.out
    );
    let gaps = served.rehearse("recording")["gaps"].to_string();
    assert!(gaps.contains("ClusterRoleBinding") && gaps.contains("forbidden"), "{gaps}");
}

#[test]
fn a_policy_is_recorded_with_what_it_excludes() {
    let served = Served::example("excluded");
    let policy =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/excluded/policy.yaml").display().to_string();
    assert_eq!(served.record("recording", &[&SHOP[..], &["--policy", &policy]].concat()).code, 0);
    let told = served.rehearse("recording");
    assert_eq!(told["exitCode"], 0, "{told}");
    assert!(!told["excluded"].as_array().unwrap().is_empty());
    let broken = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/broken-policy/policy.yaml")
        .display()
        .to_string();
    let ran = served.record("other", &[&SHOP[..], &["--policy", &broken]].concat());
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("broken-policy/policy.yaml"), "{}", ran.err);
    assert!(!served.path("other").exists(), "nothing is written");
}

#[test]
fn nothing_to_record_is_no_success() {
    let served = Served::example("clean");
    let ran = served.record("recording", &["--namespace", "elsewhere"]);
    assert_eq!(ran.code, 12);
    assert!(ran.err.contains("nothing to record") && ran.err.contains("elsewhere"), "{}", ran.err);
    assert!(!served.path("recording").exists());
}

#[test]
fn wrong_arguments_end_with_2_and_an_unreachable_cluster_with_14() {
    for arguments in [
        &["record", "--to", "x"][..],
        &["record", "--app", "argocd/shop"],
        &["record", "--app", "shop", "--to", "/nonexistent/x"],
        &["record", "--app", "argocd/shop", "-n", "shop", "--to", "x"],
        &["record", "-l", "a=b", "--to", "x"],
        &["record", "-n", "shop", "-l", "a in (b)", "--to", "/nonexistent/x"],
    ] {
        assert_eq!(run(arguments).code, 2, "{arguments:?}");
    }
    let ran =
        run(&["record", "--app", "argocd/shop", "--to", "/nonexistent/x", "--kubeconfig", "/nonexistent/k"]);
    assert_eq!(ran.code, 14);
    assert!(ran.err.contains("connecting to the cluster of kubeconfig /nonexistent/k"), "{}", ran.err);
}
