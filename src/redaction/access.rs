//! Who may do what, and what changes objects on their way in.

use super::meta::{META, SELECTOR};
use super::shape::{PLAIN_LIST, Shape};
use Shape::{Address, Hidden, List, Object, Plain};

pub(super) const SERVICE_ACCOUNT: Shape = Object(&[
    ("metadata", META),
    ("automountServiceAccountToken", Plain),
    ("imagePullSecrets", List(&Object(&[("name", Plain)]))),
]);

pub(super) const ROLE: Shape = Object(&[
    ("metadata", META),
    ("aggregationRule", Object(&[("clusterRoleSelectors", List(&SELECTOR))])),
    (
        "rules",
        List(&Object(&[
            ("apiGroups", PLAIN_LIST),
            ("nonResourceURLs", PLAIN_LIST),
            ("resourceNames", PLAIN_LIST),
            ("resources", PLAIN_LIST),
            ("verbs", PLAIN_LIST),
        ])),
    ),
]);

pub(super) const BINDING: Shape = Object(&[
    ("metadata", META),
    ("roleRef", Object(&[("apiGroup", Plain), ("kind", Plain), ("name", Plain)])),
    (
        "subjects",
        List(&Object(&[("apiGroup", Plain), ("kind", Plain), ("name", Plain), ("namespace", Plain)])),
    ),
]);

pub(super) const WEBHOOKS: Shape = Object(&[("metadata", META), ("webhooks", List(&WEBHOOK))]);

const WEBHOOK: Shape = Object(&[
    ("admissionReviewVersions", PLAIN_LIST),
    (
        "clientConfig",
        Object(&[
            ("caBundle", Hidden),
            ("service", Object(&[("name", Plain), ("namespace", Plain), ("path", Address), ("port", Plain)])),
            ("url", Address),
        ]),
    ),
    ("failurePolicy", Plain),
    ("matchConditions", CONDITIONS),
    ("matchPolicy", Plain),
    ("name", Plain),
    ("namespaceSelector", SELECTOR),
    ("objectSelector", SELECTOR),
    ("reinvocationPolicy", Plain),
    ("rules", List(&RULE)),
    ("sideEffects", Plain),
    ("timeoutSeconds", Plain),
]);

/// Conditions in CEL: that there are some matters, what they say does not.
const CONDITIONS: Shape = List(&Object(&[("expression", Hidden), ("name", Plain)]));

const RULE: Shape = Object(&[
    ("apiGroups", PLAIN_LIST),
    ("apiVersions", PLAIN_LIST),
    ("operations", PLAIN_LIST),
    ("resourceNames", PLAIN_LIST),
    ("resources", PLAIN_LIST),
    ("scope", Plain),
]);

/// A mutating admission policy or its binding, without the changes that it makes.
pub(super) const POLICY: Shape = Object(&[
    ("metadata", META),
    (
        "spec",
        Object(&[
            ("failurePolicy", Plain),
            ("matchConditions", CONDITIONS),
            ("matchConstraints", MATCH),
            ("matchResources", MATCH),
            ("paramKind", Object(&[("apiVersion", Plain), ("kind", Plain)])),
            ("policyName", Plain),
            ("reinvocationPolicy", Plain),
        ]),
    ),
]);

const MATCH: Shape = Object(&[
    ("excludeResourceRules", List(&RULE)),
    ("matchPolicy", Plain),
    ("namespaceSelector", SELECTOR),
    ("objectSelector", SELECTOR),
    ("resourceRules", List(&RULE)),
]);
