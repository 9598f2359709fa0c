//! What the model reads is kept: every field of it, by asking the decoders themselves which ones there are.

mod sample;

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::gitops::argocd::application::ArgoApplication;
use crate::gitops::argocd::hook::HookJob;
use crate::gitops::flux::helm_release::HelmRelease;
use crate::gitops::flux::kustomization::Kustomization;
use crate::model::admission::{AdmissionPolicy, AdmissionPolicyBinding, WebhookConfiguration};
use crate::model::meta::Partial;
use crate::model::namespace::Namespace;
use crate::model::network::{NetworkPolicy, Service, ServiceCidr};
use crate::model::node::{Node, RuntimeClass};
use crate::model::pod::Pod;
use crate::model::rbac::{Binding, Role};
use crate::model::selector::LabelSelector;
use crate::model::workload::Workload;
use crate::settling::{EndpointSlice, PodSeen, Revision};

const ADMISSION: &str = "admissionregistration.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Fields that decoding a `T` asks for, and that are not kept as they are.
fn lost<T: DeserializeOwned>(group: &str, kind: &str) -> BTreeSet<String> {
    let whole = sample::of::<T>();
    let mut lost = BTreeSet::new();
    compare("", &whole, &redact(&GroupKind::new(group, kind), &whole), &mut lost);
    lost
}

/// Paths of the leaves that differ.
fn compare(path: &str, whole: &Value, kept: &Value, lost: &mut BTreeSet<String>) {
    match (whole, kept) {
        (Value::Object(whole), Value::Object(kept)) => {
            for (name, value) in whole {
                compare(&format!("{path}/{name}"), value, kept.get(name).unwrap_or(&Value::Null), lost);
            }
        }
        (Value::Array(whole), Value::Array(kept)) => {
            for (index, value) in whole.iter().enumerate() {
                compare(&format!("{path}/{index}"), value, kept.get(index).unwrap_or(&Value::Null), lost);
            }
        }
        _ if whole == kept => {}
        _ => drop(lost.insert(path.to_owned())),
    }
}

/// What is read but not kept as it is: texts for people, a certificate of which only the presence matters, and what
/// says nothing on its own. A rule or an edge that reads another field needs a line in the shapes, or a reason here.
#[test]
fn every_field_that_the_model_reads_is_kept() {
    let workloads = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"];
    let mut all: BTreeSet<String> = [
        lost::<Pod>("", "Pod"),
        lost::<PodSeen>("", "Pod"),
        lost::<Workload>("batch", "Job"),
        lost::<Workload>("batch", "CronJob"),
        lost::<Workload>("", "ReplicationController"),
        lost::<Workload>("argoproj.io", "Rollout"),
        lost::<Revision>("apps", "ControllerRevision"),
        lost::<HookJob>("batch", "Job"),
        lost::<Namespace>("", "Namespace"),
        lost::<Node>("", "Node"),
        lost::<RuntimeClass>("node.k8s.io", "RuntimeClass"),
        lost::<Service>("", "Service"),
        lost::<NetworkPolicy>("networking.k8s.io", "NetworkPolicy"),
        lost::<ServiceCidr>("networking.k8s.io", "ServiceCIDR"),
        lost::<EndpointSlice>("discovery.k8s.io", "EndpointSlice"),
        lost::<Role>(RBAC, "Role"),
        lost::<Role>(RBAC, "ClusterRole"),
        lost::<Binding>(RBAC, "RoleBinding"),
        lost::<Binding>(RBAC, "ClusterRoleBinding"),
        lost::<WebhookConfiguration>(ADMISSION, "MutatingWebhookConfiguration"),
        lost::<WebhookConfiguration>(ADMISSION, "ValidatingWebhookConfiguration"),
        lost::<AdmissionPolicy>(ADMISSION, "MutatingAdmissionPolicy"),
        lost::<AdmissionPolicyBinding>(ADMISSION, "MutatingAdmissionPolicyBinding"),
        lost::<ArgoApplication>("argoproj.io", "Application"),
        lost::<Kustomization>("kustomize.toolkit.fluxcd.io", "Kustomization"),
        lost::<HelmRelease>("helm.toolkit.fluxcd.io", "HelmRelease"),
        lost::<Partial>("", "ServiceAccount"),
        lost::<Partial>("", "ConfigMap"),
        lost::<Partial>("apiextensions.k8s.io", "CustomResourceDefinition"),
        lost::<Partial>("example.com", "Foo"),
    ]
    .into_iter()
    .flatten()
    .collect();
    all.extend(workloads.into_iter().flat_map(|kind| lost::<Workload>("apps", kind)));
    let expected = [
        "/apiVersion",
        "/kind",
        "/metadata/resourceVersion",
        "/spec/jobTemplate/spec/template/metadata/resourceVersion",
        "/spec/template/metadata/resourceVersion",
        "/status/conditions/0/message",
        "/status/containerStatuses/0/state/waiting/message",
        "/status/ephemeralContainerStatuses/0/state/waiting/message",
        "/status/initContainerStatuses/0/state/waiting/message",
        "/status/message",
        "/webhooks/0/clientConfig/caBundle",
    ];
    assert_eq!(all, expected.map(String::from).into());
}

/// Decoded by hand there, so the decoders cannot be asked.
#[test]
fn what_conventions_and_selectors_read_is_kept() {
    let condition = json!({"type": "Ready", "status": "True", "reason": "Done", "observedGeneration": 3});
    let selector = sample::of::<LabelSelector>();
    let object = json!({"spec": {"selector": selector},
        "status": {"observedGeneration": "3", "phase": "Healthy", "conditions": [condition]}});
    assert_eq!(redact(&GroupKind::new("example.com", "Foo"), &object), object);
}

#[test]
fn values_of_secrets_and_config_maps_are_dropped() {
    let object = json!({"metadata": {"name": "s"}, "data": {"k": "s3cret"}, "stringData": {"k": "s3cret"},
        "binaryData": {"k": "s3cret"}, "immutable": true});
    for kind in ["Secret", "ConfigMap"] {
        assert_eq!(redact(&GroupKind::new("", kind), &object), json!({"metadata": {"name": "s"}}));
    }
}

/// Wherever people have been seen to write secrets in the objects that a recording holds.
#[test]
fn secrets_do_not_get_through() {
    let get =
        json!({"path": "/live?key=s3cret", "httpHeaders": [{"name": "Authorization", "value": "s3cret"}]});
    let exec = json!({"exec": {"command": ["sh", "-c", "curl -u s3cret"]}});
    let container = json!({
        "name": "web", "image": "i", "command": ["run", "--password=s3cret"], "args": ["s3cret"],
        "env": [{"name": "TOKEN", "value": "s3cret"}, {"name": "REF", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}],
        "livenessProbe": exec, "readinessProbe": {"httpGet": get}, "startupProbe": exec,
        "lifecycle": {"postStart": exec, "preStop": {"httpGet": get}},
    });
    let spec = json!({"containers": [container], "initContainers": [container], "ephemeralContainers": [container],
        "volumes": [{"name": "v", "csi": {"driver": "d", "volumeAttributes": {"secret": "s3cret"}}},
            {"name": "w", "flexVolume": {"options": {"password": "s3cret"}}}]});
    let applied = json!({"kind": "Pod", "spec": spec}).to_string();
    let metadata = json!({"name": "web", "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": applied, "note": "s3cret"},
        "managedFields": [{"fieldsV1": {"v:\"s3cret\"": {}}}]});
    let state = json!({"waiting": {"reason": "CreateContainerError", "message": "exec: \"s3cret\""},
        "terminated": {"exitCode": 1, "message": "s3cret"}});
    let status = json!({"message": "s3cret", "conditions": [{"type": "Ready", "message": "s3cret"}],
        "containerStatuses": [{"name": "web", "state": state, "lastState": state}]});
    let pod = json!({"metadata": metadata, "spec": spec, "status": status});
    let workload = json!({"metadata": metadata, "spec": {"template": {"metadata": metadata, "spec": spec},
        "jobTemplate": {"spec": {"template": {"spec": spec}}}, "values": "s3cret"}, "status": status});
    let application = json!({"metadata": metadata, "spec": {"source": {
        "repoURL": "https://u:s3cret@git.example/r.git", "helm": {"parameters": [{"name": "p", "value": "s3cret"}]}}},
        "operation": {"info": [{"value": "s3cret"}]}, "status": {"operationState": {"message": "s3cret",
        "syncResult": {"resources": [{"kind": "Job", "message": "s3cret"}]}}}});
    let webhooks = json!({"metadata": metadata, "webhooks": [{"clientConfig": {"url": "https://u:s3cret@hook.example/?t=s3cret"}}]});
    let policy = json!({"metadata": metadata, "spec": {"mutations": [{"jsonPatch": {"expression": "s3cret"}}],
        "variables": [{"expression": "s3cret"}], "matchConditions": [{"name": "n", "expression": "s3cret"}]}});
    for (group, kind, object) in [
        ("", "Pod", &pod),
        ("apps", "Deployment", &workload),
        ("batch", "CronJob", &workload),
        ("example.com", "Foo", &workload),
        ("argoproj.io", "Application", &application),
        (ADMISSION, "MutatingWebhookConfiguration", &webhooks),
        (ADMISSION, "MutatingAdmissionPolicy", &policy),
        ("", "Service", &pod),
        ("", "Node", &pod),
    ] {
        let kept = redact(&GroupKind::new(group, kind), object).to_string();
        assert!(object.to_string().contains("s3cret"), "{kind}: nothing to hide");
        assert!(!kept.contains("s3cret"), "{kind}: {kept}");
        assert!(kept.contains(r#""name":"web""#), "{kind}: {kept}");
    }
}

proptest::proptest! {
    /// Once is enough, and nothing is added.
    #[test]
    fn what_is_redacted_stays_as_it_is(kind in "(Pod|Deployment|Service|Node|Role|Foo|CustomResourceDefinition)") {
        let group = if kind == "CustomResourceDefinition" { "apiextensions.k8s.io" } else { "" };
        let kind = GroupKind::new(group, kind);
        let once = redact(&kind, &sample::of::<Pod>());
        proptest::prop_assert_eq!(redact(&kind, &once), once);
    }
}
