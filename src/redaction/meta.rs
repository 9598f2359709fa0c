//! Metadata of any object, label selectors, and which annotations are known.

use super::shape::{PLAIN_LIST, PLAIN_MAP, Shape};
use crate::scope::{HOOK, INSTALLATION_ID, TRACKING_ID};
use Shape::{Annotations, List, Object, Plain};

pub(super) const META: Shape = Object(&[
    ("name", Plain),
    ("namespace", Plain),
    ("uid", Plain),
    ("generation", Plain),
    ("labels", PLAIN_MAP),
    ("annotations", Annotations),
    ("ownerReferences", List(&OWNER)),
    ("creationTimestamp", Plain),
    ("deletionTimestamp", Plain),
]);

const OWNER: Shape = Object(&[
    ("apiVersion", Plain),
    ("kind", Plain),
    ("name", Plain),
    ("uid", Plain),
    ("controller", Plain),
    ("blockOwnerDeletion", Plain),
]);

/// An object of which nothing but its metadata matters.
pub(super) const ALONE: Shape = Object(&[("metadata", META)]);

pub(super) const SELECTOR: Shape = Object(&[
    ("matchLabels", PLAIN_MAP),
    ("matchExpressions", List(&Object(&[("key", Plain), ("operator", Plain), ("values", PLAIN_LIST)]))),
]);

/// A condition; its text for people may quote anything.
pub(super) const CONDITION: Shape = Object(&[
    ("type", Plain),
    ("status", Plain),
    ("reason", Plain),
    ("message", Shape::Hidden),
    ("lastTransitionTime", Plain),
    ("observedGeneration", Plain),
]);

/// Annotations that say what an object is to Argo CD, to its controller, or to a load balancer's provider; those that
/// set a container's confinement begin with one of [`PREFIXES`]. None of them holds a secret.
const KNOWN: [&str; 17] = [
    TRACKING_ID,
    INSTALLATION_ID,
    HOOK,
    "argocd.argoproj.io/hook-delete-policy",
    "argocd.argoproj.io/sync-wave",
    "deployment.kubernetes.io/revision",
    "cloud.google.com/load-balancer-type",
    "networking.gke.io/load-balancer-type",
    "oci-network-load-balancer.oraclecloud.com/internal",
    "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type",
    "service.beta.kubernetes.io/alicloud-loadbalancer-address-type",
    "service.beta.kubernetes.io/aws-load-balancer-internal",
    "service.beta.kubernetes.io/aws-load-balancer-scheme",
    "service.beta.kubernetes.io/azure-load-balancer-internal",
    "service.beta.kubernetes.io/load-balancer-source-ranges",
    "service.beta.kubernetes.io/oci-load-balancer-internal",
    "service.beta.kubernetes.io/openstack-internal-load-balancer",
];
const PREFIXES: [&str; 1] = ["container.apparmor.security.beta.kubernetes.io/"];

/// True for an annotation that is kept.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
