//! Reads what is written, and says everything that is wrong with its shape.

use super::{
    API_VERSION, KIND, RawBaseline, RawDelegation, RawExclusion, RawHelmRelease, RawMetadata, RawPolicy,
    RawRollback, RawRules, RawSeverity, RawSpec, RawSubject,
};
use crate::policy::fields::Members;
use crate::policy::injector::RawInjector;
#[cfg(test)]
use crate::policy::injector::{INJECTOR, PERMIT};
use crate::policy::problem::Problems;
use crate::policy::tree::Node;

const POLICY: &[&str] = &["apiVersion", "kind", "metadata", "spec"];
const METADATA: &[&str] = &["name", "namespace", "labels", "annotations"];
const SPEC: &[&str] = &[
    "failAt",
    "rollbackAt",
    "rollback",
    "helmRelease",
    "mode",
    "maxExclusionDays",
    "baseline",
    "rules",
    "delegation",
    "exclusions",
];
const ROLLBACK: &[&str] =
    &["mode", "withoutBaseline", "optIn", "allowOptOut", "unprovenTarget", "healthTimeout"];
const HELM_RELEASE: &[&str] = &["rollbackOn"];
const BASELINE: &[&str] = &["firstRun", "below"];
const RULES: &[&str] = &[
    "sensitiveNamespaces",
    "sandboxHandlers",
    "allowedCapabilities",
    "allowedHostPaths",
    "podProducers",
    "trustedInjectors",
    "off",
    "severities",
];
const SEVERITY: &[&str] = &["rule", "severity", "namespaces"];
const DELEGATION: &[&str] = &["rules", "upTo", "days", "namespaces"];
const EXCLUSION: &[&str] =
    &["rule", "subject", "container", "image", "value", "provenance", "reason", "owner", "ticket", "expires"];
const SUBJECT: &[&str] = &["kind", "namespace", "name", "owner"];

/// Fields of each mapping, by its name in the schema.
#[cfg(test)]
pub(in crate::policy) const FIELDS: [(&str, &[&str]); 13] = [
    ("GatePolicy", POLICY),
    ("Metadata", METADATA),
    ("Spec", SPEC),
    ("Rollback", ROLLBACK),
    ("HelmRelease", HELM_RELEASE),
    ("Baseline", BASELINE),
    ("Rules", RULES),
    ("RuleSeverity", SEVERITY),
    ("TrustedInjector", INJECTOR),
    ("Permit", PERMIT),
    ("Delegation", DELEGATION),
    ("Exclusion", EXCLUSION),
    ("Subject", SUBJECT),
];

impl RawPolicy {
    /// Reads one document. None if it is no mapping, or an object of which nothing can be said.
    pub(in crate::policy) fn read(document: &Node, problems: &mut Problems) -> Option<Self> {
        for (name, expected) in [("apiVersion", API_VERSION), ("kind", KIND)] {
            if let Some((at, other)) =
                document.member(name).and_then(Node::text).filter(|(_at, text)| *text != expected)
            {
                problems.add(at, format!("`{name}` must be {expected}, and this is {other}"));
                return None;
            }
        }
        let members = Members::open(document, "a policy", POLICY, problems)?;
        members.required(&["apiVersion", "kind", "spec"], problems);
        Some(Self {
            api_version: members.text("apiVersion", problems),
            kind: members.text("kind", problems),
            metadata: members.get("metadata").and_then(|node| RawMetadata::read(node, problems)),
            spec: members.get("spec").and_then(|node| RawSpec::read(node, problems)),
        })
    }
}

impl RawMetadata {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`metadata`", METADATA, problems)?;
        Some(Self {
            name: members.text("name", problems),
            namespace: members.text("namespace", problems),
            labels: None,
            annotations: None,
        })
    }
}

impl RawSpec {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`spec`", SPEC, problems)?;
        let delegation = members.list("delegation", problems).map_or(&[][..], |list| list.value);
        let exclusions = members.list("exclusions", problems).map_or(&[][..], |list| list.value);
        Some(Self {
            fail_at: members.text("failAt", problems),
            rollback_at: members.text("rollbackAt", problems),
            rollback: members.get("rollback").and_then(|node| RawRollback::read(node, problems)),
            helm_release: members.get("helmRelease").and_then(|node| RawHelmRelease::read(node, problems)),
            mode: members.text("mode", problems),
            max_exclusion_days: members.text("maxExclusionDays", problems),
            baseline: members.get("baseline").and_then(|node| RawBaseline::read(node, problems)),
            rules: members.get("rules").and_then(|node| RawRules::read(node, problems)),
            delegation: delegation.iter().filter_map(|node| RawDelegation::read(node, problems)).collect(),
            exclusions: exclusions.iter().filter_map(|node| RawExclusion::read(node, problems)).collect(),
        })
    }
}

impl RawRollback {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`rollback`", ROLLBACK, problems)?;
        Some(Self {
            mode: members.text("mode", problems),
            without_baseline: members.flag("withoutBaseline", problems),
            opt_in: members.text("optIn", problems),
            allow_opt_out: members.flag("allowOptOut", problems),
            unproven_target: members.text("unprovenTarget", problems),
            health_timeout: members.text("healthTimeout", problems),
        })
    }
}

impl RawHelmRelease {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`helmRelease`", HELM_RELEASE, problems)?;
        Some(Self { rollback_on: members.texts("rollbackOn", problems) })
    }
}

impl RawBaseline {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`baseline`", BASELINE, problems)?;
        Some(Self { first_run: members.text("firstRun", problems), below: members.text("below", problems) })
    }
}

impl RawRules {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`rules`", RULES, problems)?;
        let injectors = members.list("trustedInjectors", problems).map_or(&[][..], |list| list.value);
        let severities = members.list("severities", problems).map_or(&[][..], |list| list.value);
        Some(Self {
            sensitive_namespaces: members.texts("sensitiveNamespaces", problems),
            sandbox_handlers: members.texts("sandboxHandlers", problems),
            allowed_capabilities: members.texts("allowedCapabilities", problems),
            allowed_host_paths: members.texts("allowedHostPaths", problems),
            pod_producers: members.texts("podProducers", problems),
            trusted_injectors: injectors
                .iter()
                .filter_map(|node| RawInjector::read(node, problems))
                .collect(),
            off: members.texts("off", problems),
            severities: severities.iter().filter_map(|node| RawSeverity::read(node, problems)).collect(),
        })
    }
}

impl RawSeverity {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "an entry of `severities`", SEVERITY, problems)?;
        members.required(&["rule", "severity"], problems);
        Some(Self {
            at: members.at,
            rule: members.text("rule", problems),
            severity: members.text("severity", problems),
            namespaces: members.texts("namespaces", problems),
        })
    }
}

impl RawDelegation {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "an entry of `delegation`", DELEGATION, problems)?;
        members.required(&["rules", "upTo", "days"], problems);
        Some(Self {
            rules: members.texts("rules", problems),
            up_to: members.text("upTo", problems),
            days: members.text("days", problems),
            namespaces: members.texts("namespaces", problems),
        })
    }
}

impl RawExclusion {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "an exclusion", EXCLUSION, problems)?;
        members.required(&["rule", "reason", "owner", "expires"], problems);
        Some(Self {
            at: members.at,
            rule: members.text("rule", problems),
            subject: members.get("subject").and_then(|node| RawSubject::read(node, problems)),
            container: members.text("container", problems),
            image: members.text("image", problems),
            value: members.text("value", problems),
            provenance: members.text("provenance", problems),
            reason: members.text("reason", problems),
            owner: members.text("owner", problems),
            ticket: members.text("ticket", problems),
            expires: members.text("expires", problems),
        })
    }
}

impl RawSubject {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let members = Members::open(node, "`subject`", SUBJECT, problems)?;
        Some(Self {
            at: members.at,
            kind: members.text("kind", problems),
            namespace: members.text("namespace", problems),
            name: members.text("name", problems),
            owner: members.text("owner", problems),
        })
    }
}
