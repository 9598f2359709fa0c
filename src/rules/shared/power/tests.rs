use serde_json::json;

use super::*;
use crate::model::access::{AccountUse, Accounts, accesses};
use crate::model::rbac::{Binding, Role};

/// Access of `shop/web` with rules of a Role in `shop` and of a ClusterRole.
fn access(namespaced: &serde_json::Value, cluster: &serde_json::Value) -> Access {
    let role = |namespace: &str, rules: &serde_json::Value| -> Role {
        serde_json::from_value(json!({"metadata": {"name": "r", "namespace": namespace}, "rules": rules}))
            .unwrap()
    };
    let binding = |namespace: &str, kind: &str| -> Binding {
        let subject = json!({"kind": "ServiceAccount", "name": "web", "namespace": "shop"});
        let metadata = json!({"name": "b", "namespace": namespace});
        let role = json!({"kind": kind, "name": "r"});
        serde_json::from_value(json!({"metadata": metadata, "subjects": [subject], "roleRef": role})).unwrap()
    };
    let accounts = Accounts::from([(("shop".to_owned(), "web".to_owned()), AccountUse::default())]);
    let roles = [role("shop", namespaced), role("", cluster)];
    let bindings = [binding("shop", "Role"), binding("", "ClusterRole")];
    let mut found = accesses(&accounts, &roles, &bindings, &BTreeSet::new());
    let mut access = found.remove(0);
    access.holder = Holder::Mounted;
    access
}

const DEPLOYMENTS: Target<'_> = Target::namespaced("apps", "deployments");
const STATEFUL_SETS: Target<'_> = Target::namespaced("apps", "statefulsets");
const SCALE: Target<'_> = Target::namespaced("apps", "deployments/scale");

/// How powers over three resources are written, scope by scope, for rules of a ClusterRole.
#[track_caller]
fn check(rules: &serde_json::Value, expected: &str) {
    let access = access(&json!([]), rules);
    let values = values(&access);
    assert_eq!(values.join(" | "), expected);
}

fn values(access: &Access) -> Vec<String> {
    let (world, settings) = (World::default(), Settings::default());
    let cases = cases(access, WRITE, &world, &settings);
    let value = |case: &Case<'_>| {
        let targets = [DEPLOYMENTS, STATEFUL_SETS, SCALE];
        let powers: Vec<_> =
            targets.into_iter().flat_map(|target| case.over_any(target, WRITE, Severity::High)).collect();
        Wording::of(&powers).value(case.held.scope)
    };
    cases.iter().map(value).collect()
}

#[test]
fn verbs_of_the_same_resources_are_written_together() {
    let rules = json!([
        {"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["statefulsets", "deployments"]},
        {"verbs": ["create"], "apiGroups": ["apps"], "resources": ["deployments", "statefulsets"]},
    ]);
    check(&rules, "create,patch deployments.apps,statefulsets.apps cluster-wide");
}

#[test]
fn the_spelling_of_rules_does_not_matter() {
    let apart = json!([
        {"verbs": ["create"], "apiGroups": ["apps"], "resources": ["deployments"]},
        {"verbs": ["patch", "create", "get"], "apiGroups": ["apps", ""], "resources": ["deployments", "pods"]},
    ]);
    check(&apart, "create,patch deployments.apps cluster-wide");
}

#[test]
fn a_wildcard_stands_for_what_it_covers() {
    let rules = json!([
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["deployments"]},
        {"verbs": ["create"], "apiGroups": ["apps"], "resources": ["*", "deployments"]},
        {"verbs": ["update"], "apiGroups": ["apps"], "resources": ["*/scale"]},
    ]);
    check(&rules, "create *.apps; create,patch,update deployments.*; update *.apps/scale cluster-wide");
}

#[test]
fn names_are_written_unless_all_are_meant() {
    let patch = |names: &[&str]| json!({"verbs": ["patch"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": names});
    check(&json!([patch(&["b"]), patch(&["a"])]), "patch deployments.apps[a,b] cluster-wide");
    check(&json!([patch(&["b"]), patch(&[])]), "patch deployments.apps cluster-wide");
}

#[test]
fn each_scope_has_a_value_of_its_own() {
    let rule = |verb: &str| json!([{"verbs": [verb], "apiGroups": ["apps"], "resources": ["deployments"]}]);
    let access = access(&rule("patch"), &rule("create"));
    assert_eq!(
        values(&access),
        ["create deployments.apps cluster-wide", "patch deployments.apps in namespace shop"]
    );
}

#[test]
fn each_verb_on_each_resource_is_a_part_within_wider_ones() {
    let rule = json!([{"verbs": ["create", "patch"], "apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["a"]}]);
    let access = access(&rule, &json!([]));
    let (world, settings) = (World::default(), Settings::default());
    let cases = cases(&access, WRITE, &world, &settings);
    let powers = cases[0].over_any(DEPLOYMENTS, &["patch"], Severity::High);
    let parts = Wording::of(&powers).parts(cases[0].held.scope);
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].value, "patch deployments.apps[a] in namespace shop");
    for wider in [
        "patch deployments.apps in namespace shop",
        "patch deployments.apps[a] cluster-wide",
        "patch *.apps cluster-wide",
        "patch *.* in namespace shop",
    ] {
        assert!(parts[0].within.iter().any(|within| within == wider), "{wider}: {:?}", parts[0].within);
    }
    assert!(!parts[0].within.contains(&parts[0].value));
}

#[test]
fn sensitive_and_privileged_namespaces_are_as_good_as_the_cluster() {
    let mut world = World::default();
    let settings = Settings::default();
    let namespace = |name: &str| Scope::Namespace(name.to_owned());
    assert!(is_wide(&Scope::Cluster, &world, &settings));
    assert!(is_wide(&namespace("kube-system"), &world, &settings));
    assert!(!is_wide(&namespace("shop"), &world, &settings));
    let labels = json!({"metadata": {"name": "shop", "labels": {ENFORCE: "privileged"}}});
    world.namespaces.insert("shop".to_owned(), serde_json::from_value(labels).unwrap());
    assert!(is_wide(&namespace("shop"), &world, &settings));
}

#[test]
fn many_ways_are_counted() {
    let rules = json!([{"verbs": ["create"], "apiGroups": ["apps"], "resources": ["deployments"]}]);
    let one = access(&rules, &rules);
    let grants: Vec<&Grant> = one.grants.iter().collect();
    assert_eq!(
        way::all(&grants),
        "ClusterRoleBinding b to ClusterRole r rules[0], RoleBinding shop/b to Role shop/r rules[0]"
    );
    assert_eq!(way::path(&grants), "ClusterRole r rules[0]");
}
