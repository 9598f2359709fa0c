//! The kinds that every cluster serves, as one table.

use super::Feature::{self, Generation, Review, Scale, Status};
use super::Scope::{self, Cluster, Namespaced};

/// One built-in kind at one version.
pub(super) struct Row {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) scope: Scope,
    pub(super) features: &'static [Feature],
    pub(super) short_names: &'static [&'static str],
}

const fn row(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    scope: Scope,
    features: &'static [Feature],
    short_names: &'static [&'static str],
) -> Row {
    Row { group, version, kind, plural, scope, features, short_names }
}

/// A workload: versioned by `metadata.generation`, with a status.
const BOTH: &[Feature] = &[Status, Generation];
/// The same, and its replicas can be read and set through the scale subresource.
const SCALED: &[Feature] = &[Status, Generation, Scale];

const ADMISSION: &str = "admissionregistration.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";

#[rustfmt::skip]
pub(super) const BUILT_IN: &[Row] = &[
    row("", "v1", "ConfigMap", "configmaps", Namespaced, &[], &["cm"]),
    row("", "v1", "Endpoints", "endpoints", Namespaced, &[], &["ep"]),
    row("", "v1", "Event", "events", Namespaced, &[], &["ev"]),
    row("", "v1", "LimitRange", "limitranges", Namespaced, &[], &["limits"]),
    row("", "v1", "Namespace", "namespaces", Cluster, &[Status], &["ns"]),
    row("", "v1", "Node", "nodes", Cluster, &[Status], &["no"]),
    row("", "v1", "PersistentVolume", "persistentvolumes", Cluster, &[Status], &["pv"]),
    row("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", Namespaced, &[Status], &["pvc"]),
    row("", "v1", "Pod", "pods", Namespaced, BOTH, &["po"]),
    row("", "v1", "PodTemplate", "podtemplates", Namespaced, &[Generation], &[]),
    row("", "v1", "ReplicationController", "replicationcontrollers", Namespaced, SCALED, &["rc"]),
    row("", "v1", "ResourceQuota", "resourcequotas", Namespaced, &[Status], &["quota"]),
    row("", "v1", "Secret", "secrets", Namespaced, &[], &[]),
    row("", "v1", "Service", "services", Namespaced, &[Status], &["svc"]),
    row("", "v1", "ServiceAccount", "serviceaccounts", Namespaced, &[], &["sa"]),
    row(ADMISSION, "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", Cluster, &[Generation], &[]),
    row(ADMISSION, "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", Cluster, &[Generation], &[]),
    row(ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", Cluster, &[Generation], &[]),
    row(ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", Cluster, BOTH, &[]),
    row(ADMISSION, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", Cluster, &[Generation], &[]),
    row(ADMISSION, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", Cluster, &[Generation], &[]),
    row("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", Cluster, BOTH, &["crd", "crds"]),
    row("apiregistration.k8s.io", "v1", "APIService", "apiservices", Cluster, &[Status], &[]),
    row("apps", "v1", "ControllerRevision", "controllerrevisions", Namespaced, &[], &[]),
    row("apps", "v1", "DaemonSet", "daemonsets", Namespaced, BOTH, &["ds"]),
    row("apps", "v1", "Deployment", "deployments", Namespaced, SCALED, &["deploy"]),
    row("apps", "v1", "ReplicaSet", "replicasets", Namespaced, SCALED, &["rs"]),
    row("apps", "v1", "StatefulSet", "statefulsets", Namespaced, SCALED, &["sts"]),
    row(AUTHORIZATION, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", Namespaced, &[Review], &[]),
    row(AUTHORIZATION, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", Cluster, &[Review], &[]),
    row(AUTHORIZATION, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", Cluster, &[Review], &[]),
    row(AUTHORIZATION, "v1", "SubjectAccessReview", "subjectaccessreviews", Cluster, &[Review], &[]),
    row("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", Namespaced, &[Status], &["hpa"]),
    row("batch", "v1", "CronJob", "cronjobs", Namespaced, BOTH, &["cj"]),
    row("batch", "v1", "Job", "jobs", Namespaced, BOTH, &[]),
    row("coordination.k8s.io", "v1", "Lease", "leases", Namespaced, &[], &[]),
    row("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", Namespaced, &[Generation], &[]),
    row("events.k8s.io", "v1", "Event", "events", Namespaced, &[], &["ev"]),
    row("networking.k8s.io", "v1", "Ingress", "ingresses", Namespaced, BOTH, &["ing"]),
    row("networking.k8s.io", "v1", "IngressClass", "ingressclasses", Cluster, &[Generation], &[]),
    row("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", Namespaced, &[Generation], &["netpol"]),
    row("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", Cluster, &[], &[]),
    row("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", Namespaced, BOTH, &["pdb"]),
    row(RBAC, "v1", "ClusterRole", "clusterroles", Cluster, &[], &[]),
    row(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", Cluster, &[], &[]),
    row(RBAC, "v1", "Role", "roles", Namespaced, &[], &[]),
    row(RBAC, "v1", "RoleBinding", "rolebindings", Namespaced, &[], &[]),
    row("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", Cluster, &[Generation], &["pc"]),
    row(STORAGE, "v1", "CSIDriver", "csidrivers", Cluster, &[], &[]),
    row(STORAGE, "v1", "CSINode", "csinodes", Cluster, &[], &[]),
    row(STORAGE, "v1", "CSIStorageCapacity", "csistoragecapacities", Namespaced, &[], &[]),
    row(STORAGE, "v1", "StorageClass", "storageclasses", Cluster, &[], &["sc"]),
    row(STORAGE, "v1", "VolumeAttachment", "volumeattachments", Cluster, &[Status], &[]),
];
