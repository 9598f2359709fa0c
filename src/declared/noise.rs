//! What is on an object without its source having declared it, or says nothing about what it does.
//!
//! Sources: <https://kubernetes.io/docs/reference/labels-annotations-taints/>, the controllers of Argo CD and Flux.

use serde_json::{Map, Value};

/// Members that hold values of Secrets and ConfigMaps.
pub(super) const VALUES: [&str; 3] = ["data", "stringData", "binaryData"];

/// Members that desired state is made of, where nobody says who declared what.
const DESIRED: [&str; 9] = [
    "spec",
    "rules",
    "aggregationRule",
    "subjects",
    "roleRef",
    "webhooks",
    "automountServiceAccountToken",
    "imagePullSecrets",
    "metadata",
];

/// Members of `spec` that the cluster fills in: autoscalers, the Service and volume controllers, the scheduler.
const FILLED_IN: [&str; 6] =
    ["replicas", "clusterIP", "clusterIPs", "healthCheckNodePort", "volumeName", "nodeName"];

/// Labels that only name a version or a tool: every object of a chart carries them, so they would make each new
/// version look as if it had changed everything.
const NAMING: [&str; 3] = ["app.kubernetes.io/managed-by", "app.kubernetes.io/version", "helm.sh/chart"];

/// Labels by controllers, which they also select by.
const BY_CONTROLLERS: [&str; 5] = [
    "batch.kubernetes.io/controller-uid",
    "controller-revision-hash",
    "controller-uid",
    "pod-template-generation",
    "pod-template-hash",
];

/// Annotations by GitOps tools, `kubectl` and controllers.
const ANNOTATIONS: [&str; 2] =
    ["deployment.kubernetes.io/revision", "autoscaling.alpha.kubernetes.io/conditions"];

/// Keys of labels and annotations that the tools keep for themselves begin so.
const PREFIXES: [&str; 7] = [
    "argocd.argoproj.io/",
    "kubectl.kubernetes.io/",
    "kustomize.toolkit.fluxcd.io/",
    "helm.toolkit.fluxcd.io/",
    "meta.helm.sh/",
    "reconcile.fluxcd.io/",
    "driftgate.dev/",
];

/// Removes what no source declares: status, identity, the tools' own marks. Labels and annotations stay.
pub(super) fn strip(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    for key in ["apiVersion", "kind", "status"].iter().chain(&VALUES) {
        map.remove(*key);
    }
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _value| key == "labels" || key == "annotations");
        if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
            // Argo CD's default key when it tracks by label; a Pod template keeps its own.
            labels.remove("app.kubernetes.io/instance");
        }
    }
    strip_within(object);
}

fn strip_within(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("caBundle");
            if map.get("creationTimestamp").is_some_and(Value::is_null) {
                map.remove("creationTimestamp");
            }
            retain(map.get_mut("labels"), &NAMING);
            for key in ["labels", "matchLabels", "selector"] {
                retain(map.get_mut(key), &BY_CONTROLLERS);
            }
            retain(map.get_mut("annotations"), &ANNOTATIONS);
            map.values_mut().for_each(strip_within);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn retain(map: Option<&mut Value>, noise: &[&str]) {
    if let Some(map) = map.and_then(Value::as_object_mut) {
        map.retain(|key, _value| {
            !noise.contains(&key.as_str()) && !PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        });
    }
}

/// Keeps desired state and labels of a stripped object, without what the cluster fills in.
pub(super) fn keep_desired_state(object: &mut Value) {
    let Some(map) = object.as_object_mut() else { return };
    map.retain(|key, _value| DESIRED.contains(&key.as_str()));
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _value| key == "labels");
    }
    if let Some(spec) = map.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|key, _value| !FILLED_IN.contains(&key.as_str()));
        drop_api_access(spec);
    }
}

/// The ServiceAccount admission gives each bare Pod a token volume of a random name.
fn drop_api_access(spec: &mut Map<String, Value>) {
    let random =
        |item: &Value| item["name"].as_str().is_some_and(|name| name.starts_with("kube-api-access-"));
    if let Some(volumes) = spec.get_mut("volumes").and_then(Value::as_array_mut) {
        volumes.retain(|volume| !random(volume));
    }
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(mounts) = container.get_mut("volumeMounts").and_then(Value::as_array_mut) {
                mounts.retain(|mount| !random(mount));
            }
        }
    }
}
