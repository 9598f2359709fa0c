//! What an admission rule takes: its resources in words, and whether whole-cluster control of Pods is among them.
//!
//! Matching: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>. Versions are
//! not looked at, because requests are converted to the version that a rule names; only what is left out must be left out
//! in version v1.

use std::collections::BTreeSet;

use crate::model::access::permission::Place;
use crate::model::admission::RuleWithOperations;
use crate::model::selector::LabelSelector;
use crate::model::world::World;

/// A resource that makes Pods or gives rights.
#[derive(Clone, Copy, Debug)]
struct Powerful<'a> {
    group: &'a str,
    resource: &'a str,
    namespaced: bool,
}

const POWERFUL: &[(&str, &[&str], bool)] = &[
    ("", &["pods", "pods/ephemeralcontainers", "replicationcontrollers", "podtemplates"], true),
    ("apps", &["daemonsets", "deployments", "replicasets", "statefulsets"], true),
    ("batch", &["cronjobs", "jobs"], true),
    ("rbac.authorization.k8s.io", &["rolebindings", "roles"], true),
    ("rbac.authorization.k8s.io", &["clusterrolebindings", "clusterroles"], false),
];
/// How many resources a message lists.
const LISTED: usize = 6;

/// Which objects a webhook or a policy takes, apart from their kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selectors<'a> {
    /// By the labels of their namespace.
    pub(crate) namespace: &'a LabelSelector,
    /// By their own labels.
    pub(crate) object: &'a LabelSelector,
}

/// True if all lists of rules take Pods, what makes Pods, or RBAC, in every namespace but those that are left out.
/// Labels of a namespace do not hold back objects outside of all namespaces.
pub(crate) fn is_cluster_wide(
    rules: &[&[RuleWithOperations]],
    excluded: &[RuleWithOperations],
    selectors: &[Selectors<'_>],
    world: &World,
) -> bool {
    if selectors.iter().any(|selectors| selectors.object.asks_for_a_label()) {
        return false;
    }
    let everywhere = !selectors.iter().any(|selectors| selectors.namespace.asks_for_a_label());
    let takes = |what: Powerful<'_>| {
        OPERATIONS.iter().any(|operation| {
            let matches = |rule: &RuleWithOperations| matches(rule, what, operation);
            let leaves_out = |rule: &RuleWithOperations| matches(rule) && has(&rule.api_versions, "v1");
            rules.iter().all(|rules| rules.iter().any(matches)) && !excluded.iter().any(leaves_out)
        })
    };
    powerful(world).filter(|what| everywhere || !what.namespaced).any(takes)
}

/// Operations with an object that can be changed.
const OPERATIONS: [&str; 2] = ["CREATE", "UPDATE"];

fn powerful(world: &World) -> impl Iterator<Item = Powerful<'_>> {
    let built_in = POWERFUL.iter().flat_map(|(group, resources, namespaced)| {
        resources.iter().map(|resource| Powerful { group, resource, namespaced: *namespaced })
    });
    let custom = world.pod_producers.iter().map(|((group, plural), producer)| Powerful {
        group,
        resource: plural,
        namespaced: producer.place == Place::Namespaced,
    });
    built_in.chain(custom)
}

fn matches(rule: &RuleWithOperations, what: Powerful<'_>, operation: &str) -> bool {
    // By name, neither a rule nor an exclusion is about everybody's objects.
    if !rule.resource_names.is_empty() {
        return false;
    }
    let in_scope = match rule.scope.as_str() {
        "Cluster" => !what.namespaced,
        "Namespaced" => what.namespaced,
        _ => true,
    };
    in_scope
        && has(&rule.operations, operation)
        && has(&rule.api_groups, what.group)
        && rule.resources.iter().any(|pattern| covers(pattern, what.resource))
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|it| it == "*" || it == wanted)
}

/// `*` stands for all resources without subresources, `*/*` for all with them, `pods/*` for Pods with theirs.
fn covers(pattern: &str, resource: &str) -> bool {
    let (pattern, below) = pattern.split_once('/').unwrap_or((pattern, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    (pattern == "*" || pattern == resource) && (below == "*" || below == subresource)
}

/// `pods, deployments.apps (CREATE, UPDATE)`: what the rules take, for people.
pub(crate) fn in_words(rules: &[RuleWithOperations]) -> String {
    let mut resources = BTreeSet::new();
    let mut operations = BTreeSet::new();
    for rule in rules {
        operations.extend(rule.operations.iter().map(String::as_str));
        for group in &rule.api_groups {
            resources.extend(rule.resources.iter().map(|resource| match group.as_str() {
                "" => resource.clone(),
                group => format!("{resource}.{group}"),
            }));
        }
    }
    if resources.is_empty() {
        return "nothing".to_owned();
    }
    let more = resources.len().saturating_sub(LISTED);
    let listed: Vec<String> = resources.into_iter().take(LISTED).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let operations: Vec<&str> = operations.into_iter().collect();
    format!("{}{more} ({})", listed.join(", "), operations.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_cover_subresources_only_after_a_slash() {
        for (pattern, resource, expected) in [
            ("*", "pods", true),
            ("*", "pods/ephemeralcontainers", false),
            ("*/*", "pods", true),
            ("pods/*", "pods", true),
            ("pods/*", "pods/ephemeralcontainers", true),
            ("*/ephemeralcontainers", "pods", false),
            ("services", "pods", false),
        ] {
            assert_eq!(covers(pattern, resource), expected, "{pattern} {resource}");
        }
    }
}
