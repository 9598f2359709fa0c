//! Flux's Kustomization and HelmRelease: what they consist of and where it comes from, not with which values.

use super::meta::{CONDITION, META};
use super::shape::{PLAIN_MAP, Shape};
use Shape::{Hidden, List, Object, Plain};

pub(super) const KUSTOMIZATION: Shape = Object(&[
    ("metadata", META),
    (
        "spec",
        Object(&[
            // Of these two only the presence matters.
            ("decryption", Hidden),
            ("kubeConfig", Hidden),
            ("dependsOn", List(&Object(&[("name", Plain), ("namespace", Plain), ("readyExpr", Plain)]))),
            ("force", Plain),
            (
                "healthChecks",
                List(&Object(&[
                    ("apiVersion", Plain),
                    ("kind", Plain),
                    ("name", Plain),
                    ("namespace", Plain),
                ])),
            ),
            ("interval", Plain),
            ("path", Plain),
            ("prune", Plain),
            ("retryInterval", Plain),
            ("serviceAccountName", Plain),
            ("sourceRef", Object(&[("kind", Plain), ("name", Plain), ("namespace", Plain)])),
            ("suspend", Plain),
            ("targetNamespace", Plain),
            ("timeout", Plain),
            ("wait", Plain),
        ]),
    ),
    (
        "status",
        Object(&[
            ("conditions", List(&CONDITION)),
            (
                "history",
                List(&Object(&[
                    ("digest", Plain),
                    ("firstReconciled", Plain),
                    ("lastReconciled", Plain),
                    ("lastReconciledStatus", Plain),
                    ("metadata", PLAIN_MAP),
                ])),
            ),
            ("inventory", INVENTORY),
            ("lastAppliedRevision", Plain),
            ("lastAttemptedRevision", Plain),
            ("lastHandledReconcileAt", Plain),
            ("observedGeneration", Plain),
        ]),
    ),
]);

const INVENTORY: Shape = Object(&[("entries", List(&Object(&[("id", Plain), ("v", Plain)])))]);

pub(super) const HELM_RELEASE: Shape = Object(&[
    ("metadata", META),
    (
        "spec",
        Object(&[
            ("chart", Object(&[("spec", Object(&[("chart", Plain)]))])),
            ("install", ACTION),
            ("kubeConfig", Hidden),
            ("maxHistory", Plain),
            (
                "test",
                Object(&[
                    ("enable", Plain),
                    ("filters", List(&Object(&[("exclude", Plain), ("name", Plain)]))),
                    ("ignoreFailures", Plain),
                    ("timeout", Plain),
                ]),
            ),
            ("timeout", Plain),
            ("upgrade", ACTION),
        ]),
    ),
    (
        "status",
        Object(&[
            (
                "history",
                List(&Object(&[
                    ("chartName", Plain),
                    ("chartVersion", Plain),
                    ("name", Plain),
                    ("namespace", Plain),
                    ("version", Plain),
                ])),
            ),
            ("inventory", INVENTORY),
        ]),
    ),
]);

const ACTION: Shape = Object(&[
    ("disableHooks", Plain),
    ("disableWait", Plain),
    (
        "remediation",
        Object(&[
            ("ignoreTestFailures", Plain),
            ("remediateLastFailure", Plain),
            ("retries", Plain),
            ("strategy", Plain),
        ]),
    ),
    ("strategy", Object(&[("name", Plain)])),
]);
