//! The shipped manifests agree with the code, with one another, and with what a hardened namespace admits.

mod helm;
mod pod_security;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, Parser as _};
use driftgate::cli::{Cli, Command, GateArgs};
use driftgate::exit::{Exit, JobAction};
use driftgate::gitops::argocd::hook::HookJob;
use driftgate::scope::{HOOK, HookPhase};
use serde_json::{Value, json};

/// A Rust panic that nobody catches.
const PANIC: u8 = 101;

/// Kustomize's word for a local file that is no object of the cluster.
const LOCAL: &str = "config.kubernetes.io/local-config";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn documents(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The only object of a file.
fn object(path: &str) -> Value {
    let [object] = <[Value; 1]>::try_from(documents(path)).unwrap_or_else(|all| panic!("{path}: {all:?}"));
    object
}

fn job() -> Value {
    object("manifests/gate/job.yaml")
}

/// The container that is the gate.
fn gate(job: &Value) -> &Value {
    let containers = job["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    assert_eq!(containers.len(), 1, "{containers:?}");
    &containers[0]
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Every object that the manifests and kustomizations bring into a cluster, with its file.
fn shipped() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    // A chart is text until Helm has rendered it.
    let chart = root().join("manifests/helm-test");
    let all = ["manifests", "kustomize"].iter().flat_map(|folder| files(&root().join(folder)));
    for path in all.filter(|path| !path.starts_with(&chart)) {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        for object in documents(&name) {
            let of_kustomize =
                object["apiVersion"].as_str().is_some_and(|group| group.starts_with("kustomize."));
            let is_local = object["metadata"]["annotations"][LOCAL] == "true";
            if !of_kustomize && !is_local {
                found.push((name.clone(), object));
            }
        }
    }
    assert!(found.len() >= 8, "{found:#?}");
    found
}

fn of_kind(kind: &str) -> Vec<Value> {
    shipped().into_iter().map(|(_, object)| object).filter(|object| object["kind"] == kind).collect()
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// `gate` as the shipped Job calls it.
fn gate_args() -> GateArgs {
    let job = job();
    let args = gate(&job)["args"].as_array().unwrap();
    let args = args.iter().map(|arg| arg.as_str().unwrap());
    let cli = Cli::try_parse_from(["driftgate"].into_iter().chain(args).chain(["--job", "shop/driftgate"]));
    let Command::Gate(args) = cli.unwrap().command else { panic!("the Job does not run the gate") };
    *args
}

#[test]
fn the_job_ends_at_once_on_every_code_that_another_try_would_not_change() {
    let job = job();
    let rules = job["spec"]["podFailurePolicy"]["rules"].as_array().unwrap();
    let final_codes = Exit::ALL.into_iter().filter(|exit| exit.job_action() == JobAction::FailJob);
    let codes: BTreeSet<u8> = final_codes.map(Exit::code).chain([PANIC]).collect();
    // The first rule that matches decides: a verdict counts on a node that is being drained, too.
    let expected = json!([
        {"action": "FailJob", "onExitCodes": {
            "containerName": gate(&job)["name"], "operator": "In", "values": codes,
        }},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
    ]);
    assert_eq!(Value::from(rules.clone()), expected);
}

#[test]
fn kubernetes_keeps_the_exit_code_in_the_jobs_condition() {
    // The code is only written there if the Pod is never restarted in place.
    let job = job();
    assert_eq!(job["spec"]["template"]["spec"]["restartPolicy"], "Never");
    assert!(job["spec"]["backoffLimit"].as_u64().unwrap() > 0, "unavailable APIs deserve another try");
}

#[test]
fn the_component_has_the_same_job_once_for_each_phase() {
    let job = text("manifests/gate/job.yaml");
    let (_comment, job) = job.split_once("apiVersion:").unwrap();
    for (file, name, phase) in
        [("postsync.yaml", "driftgate", "PostSync"), ("syncfail.yaml", "driftgate-syncfail", "SyncFail")]
    {
        let job = job.replacen("generateName: driftgate-\n", &format!("name: {name}\n"), 1).replacen(
            "hook: PostSync,SyncFail\n",
            &format!("hook: {phase}\n"),
            1,
        );
        let expected = format!(
            "# Generated from manifests/gate/job.yaml; a test keeps them the same.\napiVersion:{job}"
        );
        let path = format!("kustomize/components/argocd-postsync/{file}");
        assert_eq!(text(&path), expected, "change {path} as manifests/gate/job.yaml was changed");
    }
}

#[test]
fn the_flux_component_has_the_same_job_without_what_only_argo_cd_reads() {
    let job = text("manifests/gate/job.yaml");
    let (_comment, job) = job.split_once("apiVersion:").unwrap();
    let hook = "  generateName: driftgate-\n  annotations:\n    argocd.argoproj.io/hook: PostSync,SyncFail\n    \
                argocd.argoproj.io/hook-delete-policy: BeforeHookCreation\n";
    let forced = "  name: driftgate\n  annotations:\n    kustomize.toolkit.fluxcd.io/force: enabled\n";
    let content = "        - name: DRIFTGATE_CONTENT\n          valueFrom:\n            configMapKeyRef:\n              \
                   name: driftgate-content\n              key: any\n              optional: true\n        - name: DRIFTGATE_FLUX_EVENTS_ADDR\n          value: \
                   http://notification-controller.flux-system.svc.cluster.local./\n        envFrom:\n";
    let changes =
        [(hook, forced), ("  ttlSecondsAfterFinished: 86400\n", ""), ("        envFrom:\n", content)];
    let job = changes.into_iter().fold(job.to_owned(), |job, (from, to)| {
        assert!(job.contains(from), "{from}");
        job.replacen(from, to, 1)
    });
    let expected =
        format!("# Generated from manifests/gate/job.yaml; a test keeps them the same.\napiVersion:{job}");
    let path = "kustomize/components/flux-gate/job.yaml";
    assert_eq!(text(path), expected, "change {path} as manifests/gate/job.yaml was changed");
}

#[test]
fn a_report_is_there_before_the_job_runs_out_of_time() {
    let job = job();
    let spec = &job["spec"];
    let grace = spec["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().unwrap();
    let deadline = spec["activeDeadlineSeconds"].as_u64().unwrap();
    // Settling, then a look of two minutes at most, then notifications.
    let longest = gate_args().settle_timeout.as_secs() + 120 + 60;
    assert!(deadline >= longest + grace, "activeDeadlineSeconds: {deadline}, the gate may take {longest}");
}

#[test]
fn the_command_line_knows_every_variable_of_the_job() {
    let known: BTreeSet<String> = {
        let cli = Cli::command();
        let gate = cli.find_subcommand("gate").unwrap();
        let variables = gate.get_arguments().filter_map(|arg| arg.get_env());
        variables.map(|name| name.to_str().unwrap().to_owned()).collect()
    };
    let job = job();
    let variables = gate(&job)["env"].as_array().unwrap();
    let named: Vec<&str> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    for name in named.iter().filter(|name| name.starts_with("DRIFTGATE_")) {
        assert!(known.contains(*name), "{name} is read by no argument of gate: {known:?}");
    }
    // References are resolved by the kubelet in order: only to what stands above.
    for (index, variable) in variables.iter().enumerate() {
        for reference in variable["value"].as_str().into_iter().flat_map(|value| value.split("$(").skip(1)) {
            let (name, _) = reference.split_once(')').unwrap();
            assert!(named[..index].contains(&name), "{variable}");
        }
    }
}

#[test]
fn policy_and_notifications_are_optional_and_mounted_where_the_gate_looks() {
    let job = job();
    let container = gate(&job);
    let [mount] = container["volumeMounts"].as_array().unwrap().as_slice() else { panic!("{container}") };
    let policy = container["env"].as_array().unwrap().iter().find(|it| it["name"] == "DRIFTGATE_POLICY");
    assert_eq!(policy.unwrap()["value"], mount["mountPath"]);
    let [volume] = job["spec"]["template"]["spec"]["volumes"].as_array().unwrap().as_slice() else {
        panic!("{job}")
    };
    assert_eq!(volume["name"], mount["name"]);
    assert_eq!(volume["configMap"], json!({"name": "driftgate-policy", "optional": true}));
    assert_eq!(container["envFrom"], json!([{"secretRef": {"name": "driftgate-notify", "optional": true}}]));
}

#[test]
fn a_policy_that_is_not_there_is_mounted_as_an_empty_folder_and_means_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true, containers: [{name: c, image: i}]}\n";
    let mut command = assert_cmd::Command::cargo_bin("driftgate").unwrap();
    command.env_clear().env("DRIFTGATE_POLICY", folder.path()).args(["scan", "-f", "-"]).write_stdin(pod);
    command.assert().code(10);
}

/// As Argo CD would make it.
fn hook_job(file: &str, name: &str, made: &str, spoke: Option<&str>) -> HookJob {
    let mut job = object(file);
    job["metadata"]["name"] = json!(name);
    job["metadata"]["creationTimestamp"] = json!(made);
    if let Some(spoke) = spoke {
        job["status"]["conditions"] =
            json!([{"type": "Failed", "status": "True", "lastTransitionTime": spoke}]);
    }
    serde_json::from_value(job).unwrap()
}

#[test]
fn the_gate_knows_its_phase_and_its_sibling_in_both_shapes_of_the_hook() {
    let (plain, component) = ("manifests/gate/job.yaml", "kustomize/components/argocd-postsync");
    let (postsync, syncfail) = (format!("{component}/postsync.yaml"), format!("{component}/syncfail.yaml"));
    let shapes = [
        (plain, "driftgate-0a1b2c3-postsync-1790000000", plain, "driftgate-0a1b2c3-syncfail-1790000000"),
        (&postsync, "driftgate", &syncfail, "driftgate-syncfail"),
    ];
    for (first_file, first, second_file, second) in shapes {
        let first = hook_job(first_file, first, "2026-11-24T10:00:00Z", Some("2026-11-24T10:00:30Z"));
        let second = hook_job(second_file, second, "2026-11-24T10:00:31Z", None);
        assert_eq!((first.phase(), second.phase()), (HookPhase::PostSync, HookPhase::SyncFail));
        assert!(second.follows(&first, &gate_args().argo.instance_label), "{second_file}");
    }
}

#[test]
fn every_job_is_a_hook_that_makes_way_for_the_next() {
    let (of_flux, jobs): (Vec<_>, Vec<_>) =
        of_kind("Job").into_iter().partition(|job| job["metadata"]["annotations"][HOOK].is_null());
    assert_eq!((jobs.len(), of_flux.len()), (3, 2));
    for job in of_flux {
        assert_eq!(job["metadata"]["annotations"], json!({"kustomize.toolkit.fluxcd.io/force": "enabled"}));
    }
    for job in jobs {
        let annotations = job["metadata"]["annotations"].as_object().unwrap();
        let keys: Vec<&str> = annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, [HOOK, "argocd.argoproj.io/hook-delete-policy"]);
        // HookFailed would take the log and the termination message away, HookSucceeded alone would let a failed Job
        // of a given name stay in the way.
        assert_eq!(annotations["argocd.argoproj.io/hook-delete-policy"], "BeforeHookCreation");
    }
}

#[test]
fn every_object_is_labelled_as_ours() {
    for (file, object) in shipped() {
        assert_eq!(object["metadata"]["labels"]["app.kubernetes.io/name"], "driftgate", "{file}");
    }
    for job in of_kind("Job") {
        assert_eq!(job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]);
    }
}

#[test]
fn the_image_is_of_this_version() {
    for owner in of_kind("Job").into_iter().chain(of_kind("Deployment")) {
        assert_eq!(gate(&owner)["image"], concat!("driftgate:", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn every_name_that_is_referred_to_is_shipped() {
    let accounts: BTreeMap<String, Value> = of_kind("ServiceAccount")
        .into_iter()
        .map(|account| (name_of(&account).to_owned(), account))
        .collect();
    for owner in of_kind("Job").into_iter().chain(of_kind("Deployment")) {
        let account = owner["spec"]["template"]["spec"]["serviceAccountName"].as_str().unwrap();
        assert!(accounts.contains_key(account), "{account}");
    }
    let bindings = [of_kind("ClusterRoleBinding"), of_kind("RoleBinding")].concat();
    assert_eq!(bindings.len(), 11);
    for binding in bindings {
        let account = &accounts[binding["subjects"][0]["name"].as_str().unwrap()];
        let role = &binding["roleRef"];
        let roles = of_kind(role["kind"].as_str().unwrap());
        let role = roles.iter().find(|it| it["metadata"]["name"] == role["name"]).unwrap();
        assert_eq!(
            role["metadata"]["namespace"], binding["metadata"]["namespace"],
            "a Role is bound at home"
        );
        let subject = json!([{
            "kind": "ServiceAccount",
            "name": account["metadata"]["name"],
            "namespace": account["metadata"]["namespace"],
        }]);
        assert_eq!(binding["subjects"], subject);
        // One binding for each namespace with a gate, or the second would take the first one's rights away.
        let namespace = account["metadata"]["namespace"].as_str().unwrap();
        let many = name_of(account) != "driftgate-controller";
        assert!(!many || name_of(&binding).ends_with(&format!(".{namespace}")), "{binding}");
    }
}

#[test]
fn records_are_kept_in_the_namespace_where_the_gate_looks_for_them() {
    let [namespace] = of_kind("Namespace").try_into().unwrap();
    assert_eq!(gate_args().records_namespace, name_of(&namespace));
    let roles = of_kind("Role");
    let role = roles.iter().find(|role| name_of(role) == "driftgate-records").unwrap();
    assert_eq!(role["metadata"]["namespace"], namespace["metadata"]["name"]);
}

#[test]
fn the_controller_runs_as_shipped() {
    let [namespace] = of_kind("Namespace").try_into().unwrap();
    let [deployment] = of_kind("Deployment").try_into().unwrap();
    let container = gate(&deployment);
    let args = container["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    let cli = Cli::try_parse_from(["driftgate"].into_iter().chain(args)).unwrap();
    let Command::Controller(args) = cli.command else { panic!("it does not run the controller") };
    assert_eq!(args.executor.rollback.namespace, name_of(&namespace));
    assert_eq!(container["ports"][0]["containerPort"], args.listen.port());
    let [budget] = of_kind("PodDisruptionBudget").try_into().unwrap();
    let [policy] = of_kind("NetworkPolicy").try_into().unwrap();
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*labels, deployment["spec"]["selector"]["matchLabels"]);
    assert_eq!(*labels, budget["spec"]["selector"]["matchLabels"]);
    assert_eq!(*labels, policy["spec"]["podSelector"]["matchLabels"]);
    assert_eq!(policy["spec"]["ingress"][0]["ports"][0]["port"], args.listen.port());
    let rules = pod_security::broken(&deployment["spec"]["template"]["spec"]);
    assert!(rules.is_empty(), "{rules:?}");
}

#[test]
fn every_manifest_is_in_a_kustomization() {
    let folders = [
        "manifests/platform",
        "manifests/gate",
        "manifests/controller",
        "kustomize/components/argocd-postsync",
        "kustomize/components/controller-windows",
    ];
    for folder in folders {
        let all: BTreeSet<String> = files(&root().join(folder))
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let (kustomizations, mut manifests): (BTreeSet<String>, BTreeSet<String>) =
            all.into_iter().partition(|name| name.to_lowercase().starts_with("kustomization"));
        let kustomization = kustomizations.first().unwrap();
        let listed = object(&format!("{folder}/{kustomization}"))["resources"].clone();
        let listed: BTreeSet<String> = serde_json::from_value(listed).unwrap();
        // The hook Job goes beside the application, not to the platform; kustomize has its own shape of it.
        manifests.remove("job.yaml");
        assert_eq!(listed, manifests, "{folder}");
    }
}
