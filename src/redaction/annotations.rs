//! Which annotations are known.

use crate::rules;
use crate::scope::{HOOK, INSTALLATION_ID, TRACKING_ID};

/// Annotations that say what an object is to Argo CD and to its controller. None of them holds a secret, nor do those
/// that rules read.
const KNOWN: [&str; 6] = [
    TRACKING_ID,
    INSTALLATION_ID,
    HOOK,
    "argocd.argoproj.io/hook-delete-policy",
    "argocd.argoproj.io/sync-wave",
    "deployment.kubernetes.io/revision",
];
/// Annotations that set how a container is confined begin so.
const CONFINEMENT: &str = "container.apparmor.security.beta.kubernetes.io/";

/// True for an annotation that is kept.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || name.starts_with(CONFINEMENT) || rules::annotations().any(|known| known == name)
}
