//! The gate's Pod meets Pod Security *restricted*, field by field.
//!
//! The controls: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>. That the real admission
//! agrees is shown by the e2e ring.

use serde_json::{Value, json};

use super::{of_kind, text};

/// What an application's own volumes may be.
const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// Controls of *restricted*, *baseline* included, that a Pod's specification breaks.
pub(super) fn broken(pod: &Value) -> Vec<&'static str> {
    let mut broken = Vec::new();
    let mut control = |name, holds: bool| {
        if !holds {
            broken.push(name);
        }
    };
    let containers = containers(pod);
    let everywhere = |holds: &dyn Fn(&Value) -> bool| containers.iter().all(|container| holds(container));
    let shared = &pod["securityContext"];
    let off = |value: &Value| value.is_null() || *value == false;

    control("hostNetwork", off(&pod["hostNetwork"]));
    control("hostPID", off(&pod["hostPID"]));
    control("hostIPC", off(&pod["hostIPC"]));
    control("volumes", pod["volumes"].as_array().into_iter().flatten().all(is_harmless));
    control("sysctls", shared["sysctls"].is_null());
    let ports = |it: &Value| it["ports"].as_array().cloned().unwrap_or_default();
    control("hostPorts", everywhere(&|it| ports(it).iter().all(|port| port["hostPort"].is_null())));
    let names_host = |probe: &Value| probe.to_string().contains("\"host\":");
    let probes = ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"];
    control("hostProbes", everywhere(&|it| !probes.iter().any(|probe| names_host(&it[*probe]))));
    let context = |it: &Value, field: &str| it["securityContext"][field].clone();
    control("privileged", everywhere(&|it| off(&context(it, "privileged"))));
    control("procMount", everywhere(&|it| context(it, "procMount").is_null()));
    control("seLinux", shared["seLinuxOptions"].is_null());
    control("appArmor", shared["appArmorProfile"].is_null());
    control("allowPrivilegeEscalation", everywhere(&|it| context(it, "allowPrivilegeEscalation") == false));
    control("capabilities", everywhere(&|it| context(it, "capabilities") == json!({"drop": ["ALL"]})));
    let of = |it: &Value, field: &str| {
        Some(context(it, field)).filter(|own| !own.is_null()).unwrap_or_else(|| shared[field].clone())
    };
    control("runAsNonRoot", everywhere(&|it| of(it, "runAsNonRoot") == true));
    control("runAsUser", everywhere(&|it| of(it, "runAsUser").as_u64().is_some_and(|uid| uid > 0)));
    control(
        "seccompProfile",
        everywhere(&|it| of(it, "seccompProfile") == json!({"type": "RuntimeDefault"})),
    );
    broken
}

fn containers(pod: &Value) -> Vec<&Value> {
    let lists = ["initContainers", "containers"].map(|list| pod[list].as_array());
    lists.into_iter().flatten().flatten().collect()
}

fn is_harmless(volume: &Value) -> bool {
    volume.as_object().unwrap().keys().all(|key| key == "name" || VOLUMES.contains(&key.as_str()))
}

fn gate_pods() -> Vec<Value> {
    of_kind("Job").into_iter().map(|job| job["spec"]["template"]["spec"].clone()).collect()
}

#[test]
fn the_gates_pod_keeps_every_control_of_restricted() {
    for pod in gate_pods() {
        assert_eq!(broken(&pod), Vec::<&str>::new(), "{pod:#}");
        assert!(text("Dockerfile").contains("USER 65532"), "the image's user is the manifest's");
    }
}

#[test]
fn the_gates_container_can_write_nowhere_but_into_its_termination_message() {
    for pod in gate_pods() {
        for container in containers(&pod) {
            assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
            let mounts = container["volumeMounts"].as_array().into_iter().flatten();
            assert!(mounts.into_iter().all(|mount| mount["readOnly"] == true), "{container}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{container}");
        }
    }
}

#[track_caller]
fn breaks(control: &str, pointer: &str, value: Value) {
    let mut pod = gate_pods().remove(0);
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    pod.pointer_mut(parent).unwrap()[field] = value;
    assert_eq!(broken(&pod), [control]);
}

#[test]
fn each_control_can_be_broken() {
    let container = "/containers/0/securityContext";
    breaks("hostNetwork", "/hostNetwork", json!(true));
    breaks("hostPID", "/hostPID", json!(true));
    breaks("hostIPC", "/hostIPC", json!(true));
    breaks("volumes", "/volumes", json!([{"name": "root", "hostPath": {"path": "/"}}]));
    breaks("sysctls", "/securityContext/sysctls", json!([{"name": "kernel.msgmax", "value": "1"}]));
    breaks("hostPorts", "/containers/0/ports", json!([{"hostPort": 80}]));
    breaks("hostProbes", "/containers/0/lifecycle", json!({"preStop": {"tcpSocket": {"host": "10.0.0.1"}}}));
    breaks("privileged", &format!("{container}/privileged"), json!(true));
    breaks("procMount", &format!("{container}/procMount"), json!("Unmasked"));
    breaks("seLinux", "/securityContext/seLinuxOptions", json!({"type": "spc_t"}));
    breaks("appArmor", "/securityContext/appArmorProfile", json!({"type": "Unconfined"}));
    breaks("allowPrivilegeEscalation", &format!("{container}/allowPrivilegeEscalation"), Value::Null);
    breaks(
        "capabilities",
        &format!("{container}/capabilities"),
        json!({"add": ["NET_RAW"], "drop": ["ALL"]}),
    );
    breaks("runAsNonRoot", "/securityContext/runAsNonRoot", Value::Null);
    breaks("runAsUser", &format!("{container}/runAsUser"), json!(0));
    breaks("seccompProfile", "/securityContext/seccompProfile", json!({"type": "Unconfined"}));
}
