//! What the gate must be allowed to read, as the ClusterRole that the platform installs.
//!
//! Follows from what rules declare and from the list of what edges need besides. Does not know who is bound to it.
//! There are no Secrets in it, and no wildcards: a custom kind that owns Pods is a gap until somebody adds it.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{RULES, Resource, Rule, resources};

/// Where the generated manifest is committed.
pub const PATH: &str = "manifests/platform/clusterrole.yaml";

/// What surveying lists, whatever the rules.
const LISTED: &[&[Resource]] = &[
    resources::POD_MAKERS,
    resources::PLATFORM,
    resources::ACCESS,
    &[
        resources::CONTROLLER_REVISIONS,
        resources::CUSTOM_RESOURCE_DEFINITIONS,
        resources::MUTATING_POLICIES,
        resources::MUTATING_POLICY_BINDINGS,
        resources::MUTATING_WEBHOOKS,
        resources::NAMESPACES,
        resources::NETWORK_POLICIES,
        resources::SERVICES,
        resources::SERVICE_CIDRS,
        resources::VALIDATING_WEBHOOKS,
    ],
];

/// What settling watches; a watch begins with a list.
const WATCHED: &[&[Resource]] = &[
    resources::POD_MAKERS,
    &[
        resources::CONTROLLER_REVISIONS,
        resources::ENDPOINT_SLICES,
        resources::MUTATING_POLICIES,
        resources::MUTATING_POLICY_BINDINGS,
        resources::MUTATING_WEBHOOKS,
        resources::NAMESPACES,
        resources::SERVICES,
    ],
];

/// What is fetched by its name: the gate's own Job, and what an Event may be about.
const FETCHED: &[&[Resource]] = &[resources::POD_MAKERS];

/// A group, a resource, the only verb that is needed: the Application of the gate's own Job is fetched by name, and
/// an Event is written beside the object that it is about.
const BESIDES: &[(&str, &str, &str)] =
    &[("argoproj.io", "applications", "get"), ("events.k8s.io", "events", "create")];

/// Where the manifest with what Flux needs besides is committed.
pub const FLUX_PATH: &str = "manifests/platform-flux/clusterrole.yaml";

/// What the gate fetches by its name under Flux: Kustomizations and what is nested in them, and the source of one
/// that is held at an earlier revision.
const FLUX: &[(&str, &str, &str)] = &[
    ("helm.toolkit.fluxcd.io", "helmreleases", "get"),
    ("kustomize.toolkit.fluxcd.io", "kustomizations", "get"),
    ("source.toolkit.fluxcd.io", "gitrepositories", "get"),
    ("source.toolkit.fluxcd.io", "ocirepositories", "get"),
];

const FLUX_HEAD: &str = "\
# What the gate reads of Flux besides, generated from what its edges declare: a test keeps it so.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: driftgate-gate-flux
  labels:
    app.kubernetes.io/name: driftgate
rules:
";

const HEAD: &str = "\
# What the gate may read, generated from what its rules and edges declare: a test keeps it so.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: driftgate-gate
  labels:
    app.kubernetes.io/name: driftgate
rules:
";

/// The ClusterRole of the gate, as YAML.
pub fn cluster_role() -> String {
    render(RULES.iter().copied())
}

/// The ClusterRole of what the gate reads of Flux besides, as YAML.
pub fn flux_cluster_role() -> String {
    FLUX.iter().fold(FLUX_HEAD.to_owned(), |text, (group, resource, verb)| {
        text + &entry(group, &[*resource].into(), &[*verb].into())
    })
}

fn render<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> String {
    let rights = |verb: &'static str, resources: &[&'static [Resource]]| -> Vec<(&str, &str, &str)> {
        let all = resources.iter().copied().flatten();
        all.map(|resource| (resource.group, resource.plural, verb)).collect()
    };
    let of_rules = rules.into_iter().flat_map(Rule::resources);
    let of_rules = of_rules.map(|resource| (resource.group, resource.plural, "list"));
    let edges =
        [rights("list", LISTED), rights("list", WATCHED), rights("watch", WATCHED), rights("get", FETCHED)];
    let mut verbs: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (group, resource, verb) in of_rules.chain(edges.concat()).chain(BESIDES.iter().copied()) {
        verbs.entry((group, resource)).or_default().insert(verb);
    }
    let mut entries: BTreeMap<(&str, BTreeSet<&str>), BTreeSet<&str>> = BTreeMap::new();
    for ((group, resource), verbs) in verbs {
        entries.entry((group, verbs)).or_default().insert(resource);
    }
    let entries = entries.into_iter().map(|((group, verbs), resources)| entry(group, &resources, &verbs));
    entries.fold(HEAD.to_owned(), |text, entry| text + &entry)
}

/// One resource a line, for small diffs.
fn entry(group: &str, resources: &BTreeSet<&str>, verbs: &BTreeSet<&str>) -> String {
    let resources: String = resources.iter().map(|resource| ["  - ", resource, "\n"].concat()).collect();
    let verbs: Vec<String> = verbs.iter().map(|verb| format!("\"{verb}\"")).collect();
    let verbs = verbs.join(", ");
    format!("- apiGroups: [\"{group}\"]\n  resources:\n{resources}  verbs: [{verbs}]\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_a_rule_reads_is_in_it() {
        let text = cluster_role();
        for resource in RULES.iter().copied().flat_map(Rule::resources) {
            assert!(text.contains(&format!("  - {}\n", resource.plural)), "{resource:?}");
        }
    }

    #[test]
    fn a_rule_adds_what_it_reads() {
        const COOKBOOKS: Resource = Resource { group: "example.com", plural: "cookbooks", kind: "Cookbook" };
        static RULE: Rule = Rule { consults: &[COOKBOOKS], ..EMPTY };
        assert!(!render([]).contains("cookbooks"));
        let added = "- apiGroups: [\"example.com\"]\n  resources:\n  - cookbooks\n  verbs: [\"list\"]\n";
        assert!(render([&RULE]).contains(added));
    }

    #[test]
    fn there_are_no_secrets_and_no_wildcards_in_it() {
        let text = cluster_role();
        for word in ["secrets", "configmaps", "*", "delete", "patch", "update", "impersonate"] {
            assert!(!text.contains(word), "{word}");
        }
    }

    const EMPTY: Rule = Rule {
        id: "empty",
        code: "X-001",
        title: "",
        severity: crate::finding::Severity::Info,
        reads: &[],
        consults: &[],
        help: "",
        page: "",
        sources: &[],
        checks: &[],
    };
}
