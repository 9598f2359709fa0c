//! Kubernetes' own roles and bindings, as far as they must not count, or must count without being seen.
//!
//! A label or a name is no proof that an object is Kubernetes' own, so it is the pair of binding and subject that is
//! recognised: an extra subject in such a binding counts. Sources:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>, kubeadm.

use crate::model::access::RBAC_GROUP;
use crate::model::rbac::{Binding, PolicyRule};
use crate::model::reference::{GroupKind, ObjectRef};

const SYSTEM_NAMESPACE: &str = "kube-system";
const CONTROLLER: &str = "system:controller:";

/// Binding and ServiceAccount of `kube-system` that it is made for.
const PAIRS: &[(&str, &str)] = &[
    ("system:kube-dns", "kube-dns"),
    ("system:coredns", "coredns"),
    ("kubeadm:node-proxier", "kube-proxy"),
    ("system::leader-locking-kube-controller-manager", "kube-controller-manager"),
    ("system::leader-locking-kube-scheduler", "kube-scheduler"),
];

/// How the bindings of cluster providers begin; they are made for ServiceAccounts in `kube-system`.
const PROVIDERS: &[&str] =
    &["eks:", "gce:", "gke-", "aks-", "system:openshift:", "k3s-", "rke2-", "cluster-api"];

/// True if Kubernetes or its provider makes this binding for exactly this subject. Discovery for Groups is not among
/// them: it harms nobody, and where it does it was changed.
pub(super) fn is_made_for(binding: &Binding, namespace: &str, account: &str) -> bool {
    let name = binding.metadata.name.as_str();
    namespace == SYSTEM_NAMESPACE
        && (name.strip_prefix(CONTROLLER) == Some(account)
            || PAIRS.contains(&(name, account))
            || PROVIDERS.iter().any(|prefix| name.starts_with(prefix)))
}

/// Rules of a user-facing ClusterRole, for manifests that bind it without a cluster to ask; only what a subject can
/// do harm with is listed. Empty for any other role.
pub(super) fn user_facing(role: &ObjectRef) -> Vec<PolicyRule> {
    if role.group_kind() != GroupKind::new(RBAC_GROUP, "ClusterRole") {
        return Vec::new();
    }
    match role.name.as_str() {
        "cluster-admin" => vec![
            rule(&["*"], &["*"], &["*"]),
            PolicyRule {
                verbs: strings(&["*"]),
                non_resource_urls: strings(&["*"]),
                ..PolicyRule::default()
            },
        ],
        "admin" => [edit(), admin_only(), view()].concat(),
        "edit" => [edit(), view()].concat(),
        "view" => view(),
        _ => Vec::new(),
    }
}

const READ: &[&str] = &["get", "list", "watch"];
const WRITE: &[&str] = &["create", "delete", "deletecollection", "patch", "update"];

fn admin_only() -> Vec<PolicyRule> {
    vec![
        rule(READ, &[RBAC_GROUP], &["roles", "rolebindings"]),
        rule(WRITE, &[RBAC_GROUP], &["roles", "rolebindings"]),
        rule(&["create"], &["authorization.k8s.io"], &["localsubjectaccessreviews"]),
    ]
}

fn edit() -> Vec<PolicyRule> {
    let streams = ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy"];
    let read = [&streams[..], &["secrets", "services/proxy"]].concat();
    let pods = [&streams[..], &["pods"]].concat();
    let core = [
        "configmaps",
        "events",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "replicationcontrollers/scale",
        "secrets",
        "serviceaccounts",
        "services",
        "services/proxy",
    ];
    let apps = [
        "daemonsets",
        "deployments",
        "deployments/rollback",
        "deployments/scale",
        "replicasets",
        "replicasets/scale",
        "statefulsets",
        "statefulsets/scale",
    ];
    vec![
        rule(READ, &[""], &read),
        rule(&["impersonate"], &[""], &["serviceaccounts"]),
        rule(&["create"], &[""], &["pods/eviction", "serviceaccounts/token"]),
        rule(WRITE, &[""], &pods),
        rule(WRITE, &[""], &core),
        rule(WRITE, &["apps"], &apps),
        rule(WRITE, &["autoscaling"], &["horizontalpodautoscalers"]),
        rule(WRITE, &["batch"], &["cronjobs", "jobs"]),
        rule(WRITE, &["networking.k8s.io"], &["ingresses", "networkpolicies"]),
        rule(WRITE, &["policy"], &["poddisruptionbudgets"]),
    ]
}

fn view() -> Vec<PolicyRule> {
    let core = [
        "configmaps",
        "endpoints",
        "events",
        "namespaces",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "replicationcontrollers",
        "serviceaccounts",
        "services",
    ];
    vec![
        rule(READ, &[""], &core),
        rule(READ, &["apps"], &["daemonsets", "deployments", "replicasets", "statefulsets"]),
        rule(READ, &["batch"], &["cronjobs", "jobs"]),
        rule(READ, &["networking.k8s.io"], &["ingresses", "networkpolicies"]),
    ]
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: strings(verbs),
        api_groups: strings(groups),
        resources: strings(resources),
        ..PolicyRule::default()
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
