//! What a policy changes in the rules, on manifests: parameters, severities, rules that are off, and that reports say
//! so.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

const MANIFESTS: &str = r"
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  hostIPC: true
  containers:
  - name: web
    image: registry.example/web:1
    securityContext: {runAsNonRoot: true, capabilities: {add: [SYS_TIME, cap_syslog]}}
    volumeMounts: [{name: data, mountPath: /data}, {name: etc, mountPath: /node-etc}]
  volumes:
  - {name: data, hostPath: {path: /data/web}}
  - {name: etc, hostPath: {path: /etc}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: makes, namespace: shop}
rules: [{apiGroups: [example.com], resources: [widgets], verbs: [create]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: makes, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: makes}
subjects: [{kind: ServiceAccount, name: default, namespace: shop}]
";

/// The report of a scan under these `rules` of a policy, and the policy's own text.
fn scan(rules: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let text = format!("apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  rules:\n{rules}");
    std::fs::write(&policy, text).unwrap();
    let mut command = Command::cargo_bin("driftgate").unwrap();
    command.env_clear().current_dir(folder.path()).args(["-q", "scan", "-f", "-", "-o", "json"]);
    let output = command.args(["--policy", "policy.yaml"]).write_stdin(MANIFESTS).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// `rule value severity` of every finding, whatever it counts for.
fn found(report: &Value) -> Vec<String> {
    let lists = ["drift", "belowThreshold"].into_iter().flat_map(|list| report[list].as_array().unwrap());
    let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let line = |item: &Value| ["rule", "value", "severity"].map(|name| text(item, name)).join(" ");
    let mut lines: Vec<String> = lists.map(line).collect();
    lines.sort();
    lines
}

fn overrides(report: &Value) -> Vec<String> {
    let list = report["overrides"].as_array().unwrap().iter();
    list.map(|item| format!("{}: {}", item["at"].as_str().unwrap(), item["what"].as_str().unwrap())).collect()
}

/// What a setting takes away from the findings of the default policy, and what it adds.
#[track_caller]
fn changes(rules: &str, gone: &[&str], new: &[&str], said: &[&str]) {
    let (before, after) = (scan("    off: []\n"), scan(rules));
    let (was, is) = (found(&before), found(&after));
    let but = |all: &[String], others: &[String]| -> Vec<String> {
        all.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    assert_eq!(but(&was, &is), gone, "{was:#?}");
    assert_eq!(but(&is, &was), new, "{was:#?}");
    assert_eq!(overrides(&after), said);
}

/// Findings of the injected container in an example, as `rule value`, and the head of the report.
fn of_the_injected(injectors: &str, declared: bool) -> (Vec<String>, String) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/sidecar-injected/objects.yaml");
    let mut objects = std::fs::read_to_string(example).unwrap();
    if declared {
        let template = "    spec:\n      containers:\n";
        assert!(objects.contains(template), "{objects}");
        let container = "      initContainers:\n      - name: mesh-init\n        image: registry.example/mesh/init:2.1.0\n        securityContext: {privileged: true, runAsUser: 0}\n      containers:\n";
        objects = objects.replace(template, &format!("    spec:\n{container}"));
    }
    let folder = tempfile::tempdir().unwrap();
    let policy =
        format!("apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  rules:\n{injectors}");
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let run = |output: &str| {
        let mut command = Command::cargo_bin("driftgate").unwrap();
        command.env_clear().current_dir(folder.path()).args(["-q", "scan", "-f", "-", "-o", output]);
        let output = command.args(["--policy", "policy.yaml"]).write_stdin(objects.clone()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    let lists = ["drift", "belowThreshold"].into_iter().flat_map(|list| report[list].as_array().unwrap());
    let of_it = lists.filter(|item| item["container"] == "mesh-init");
    let mut left: Vec<_> =
        of_it.map(|item| format!("{} {}", item["rule"], item["value"]).replace('"', "")).collect();
    left.sort();
    (left, run("text"))
}

#[test]
fn a_trusted_injector_may_add_what_it_is_known_to_need_and_nobody_else_may() {
    let injectors = "    trustedInjectors:\n    - name: mesh\n      container: mesh-init\n      image: registry.example/mesh/\n      permits: [{rule: privileged-container}]\n      reason: It sets up the mesh\n      owner: platform\n      expires: 9999-01-01\n";
    let (all, _) = of_the_injected("    off: []\n", false);
    assert!(all.len() > 1 && all.contains(&"privileged-container ".to_owned()), "{all:?}");
    let (left, text) = of_the_injected(injectors, false);
    let but: Vec<_> = all.iter().filter(|line| *line != "privileged-container ").cloned().collect();
    assert_eq!(left, but, "what is not permitted stays");
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = "injector mesh may add container mesh-init of registry.example/mesh/ with privileged-container until 9999-01-01";
    assert!(words.contains(said), "{text}");
    let elsewhere = injectors.replace("registry.example/mesh/", "registry.example/other/");
    assert_eq!(of_the_injected(&elsewhere, false).0, all, "another image");
    let (declared, _) = of_the_injected(injectors, true);
    assert!(
        declared.contains(&"privileged-container ".to_owned()),
        "a manifest is no injector: {declared:?}"
    );
}

#[test]
fn a_capability_may_be_allowed() {
    changes(
        "    allowedCapabilities: [syslog]\n",
        &["dangerous-capability SYSLOG high"],
        &[],
        &["policy.yaml:5: allowedCapabilities is syslog"],
    );
}

#[test]
fn a_path_may_be_allowed_unless_it_is_sensitive() {
    changes(
        "    allowedHostPaths: [/data/, /etc]\n",
        &["host-path-volume /data/web rw medium"],
        &[],
        &["policy.yaml:5: allowedHostPaths is /data/, /etc"],
    );
    changes("    allowedHostPaths: [/dat]\n", &[], &[], &["policy.yaml:5: allowedHostPaths is /dat"]);
}

#[test]
fn a_kind_may_be_known_to_make_pods() {
    changes(
        "    podProducers: [widgets.example.com]\n",
        &[],
        &["workload-creation create widgets.example.com in namespace shop medium"],
        &["policy.yaml:5: podProducers is widgets.example.com"],
    );
}

#[test]
fn a_rule_may_be_off() {
    changes("    off: [WL-008]\n", &["host-ipc  medium"], &[], &["policy.yaml:5: rule host-ipc is off"]);
}

#[test]
fn a_severity_may_be_another_here_or_everywhere() {
    let everywhere = "{rule: host-ipc, severity: low}";
    let here = "{rule: host-ipc, severity: critical, namespaces: [sh*]}";
    let elsewhere = "{rule: host-ipc, severity: info, namespaces: [other]}";
    changes(
        &format!("    severities: [{everywhere}]\n"),
        &["host-ipc  medium"],
        &["host-ipc  low"],
        &["policy.yaml:5: findings of host-ipc are low"],
    );
    changes(
        &format!("    severities:\n    - {everywhere}\n    - {here}\n    - {elsewhere}\n"),
        &["host-ipc  medium"],
        &["host-ipc  critical"],
        &[
            "policy.yaml:6: findings of host-ipc are low",
            "policy.yaml:7: findings of host-ipc are critical in namespaces sh*",
            "policy.yaml:8: findings of host-ipc are info in namespaces other",
        ],
    );
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place() {
    let report = scan(
        "    allowedCapabilities: [ALL]\n    allowedHostPaths: [etc, /]\n    podProducers: [widgets]\n    off: [host-icp, host-ipc]\n    severities:\n    - {rule: host-ipc, severity: low}\n    - {rule: host-pid, severity: high}\n    - {rule: host-pid, severity: low}\n    - {rule: host-pid, severity: bad}\n",
    );
    assert_eq!(report["exitCode"], 3);
    insta::assert_snapshot!(report["reasons"][0].as_str().unwrap().replace("policy.yaml", "\npolicy.yaml"));
}
