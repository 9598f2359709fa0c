//! What of a live object may be written down: a list of what is kept, never of what is left out.
//!
//! Owns which fields of which kind are known, and which of those may hold a secret. A field that is not named here is
//! dropped; one that may hold a secret stays with [`HIDDEN`] for its value, so that one sees that something is there.
//! Owns no rule's needs: a test holds every field that the model reads to be named here.

mod access;
mod annotations;
mod argocd;
mod cluster;
mod definition;
mod flux;
mod meta;
mod network;
mod pod;
mod shape;
#[cfg(test)]
mod tests;
mod workload;

use serde_json::Value;

use crate::model::reference::GroupKind;
use shape::Shape;

pub use shape::HIDDEN;

/// What may be written down of an object of a kind.
///
/// Of a kind that is not known, that is its metadata, and what it has in common with workloads: many custom resources
/// carry a pod template where a Deployment does.
pub fn redact(kind: &GroupKind, object: &Value) -> Value {
    if kind.group == "apiextensions.k8s.io" && kind.kind == "CustomResourceDefinition" {
        return definition::reduce(object);
    }
    shape::keep(shape_of(kind), object)
}

fn shape_of(kind: &GroupKind) -> Shape {
    match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "Pod") => pod::POD,
        ("", "Node") => cluster::NODE,
        ("", "Service") => network::SERVICE,
        ("", "ServiceAccount") => access::SERVICE_ACCOUNT,
        ("" | "apps" | "batch", "ControllerRevision") => workload::REVISION,
        ("", "Namespace" | "ConfigMap" | "Secret") => meta::ALONE,
        ("node.k8s.io", "RuntimeClass") => cluster::RUNTIME_CLASS,
        ("networking.k8s.io", "NetworkPolicy") => network::POLICY,
        ("networking.k8s.io", "ServiceCIDR") => network::SERVICE_CIDR,
        ("discovery.k8s.io", "EndpointSlice") => network::ENDPOINT_SLICE,
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => access::ROLE,
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => access::BINDING,
        (
            "admissionregistration.k8s.io",
            "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration",
        ) => access::WEBHOOKS,
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy" | "MutatingAdmissionPolicyBinding") => {
            access::POLICY
        }
        ("argoproj.io", "Application") => argocd::APPLICATION,
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => flux::KUSTOMIZATION,
        ("helm.toolkit.fluxcd.io", "HelmRelease") => flux::HELM_RELEASE,
        _ => workload::WORKLOAD,
    }
}
