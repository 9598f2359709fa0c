#![expect(clippy::needless_pass_by_value, reason = "literals of the cases read better")]

use serde_json::{Value, json};

use super::permission::{Names, Target};
use super::*;

const SECRETS: Target<'_> = Target::namespaced("", "secrets");
const PODS: Target<'_> = Target::namespaced("", "pods");

/// Roles, bindings and own objects of one case.
#[derive(Debug, Default)]
struct Case {
    roles: Vec<Role>,
    bindings: Vec<Binding>,
    owned: BTreeSet<ObjectRef>,
}

impl Case {
    fn role(mut self, name: &str, rules: Value) -> Self {
        self.roles.push(role(name, json!({}), rules));
        self
    }

    fn bind(mut self, name: &str, role: (&str, &str), subjects: Value) -> Self {
        self.bindings.push(binding(name, role, subjects));
        self
    }

    fn own(mut self, kind: &str, name: &str) -> Self {
        let (namespace, name) = split(name);
        let group = if kind == "ServiceAccount" { "" } else { RBAC_GROUP };
        self.owned.insert(ObjectRef::new(&GroupKind::new(group, kind), namespace, name));
        self
    }

    /// Access of all, with `shop/web` (token mounted) and `shop/batch` (not mounted) as the Pods' accounts.
    fn accesses(&self) -> Vec<Access> {
        accesses(&accounts(), &self.roles, &self.bindings, &self.owned)
    }

    fn of(&self, subject: &str) -> Access {
        let found = self.accesses().into_iter().find(|access| access.subject.to_string() == subject);
        found.unwrap_or_else(|| panic!("no access of {subject}"))
    }
}

fn accounts() -> Accounts {
    let used = |mounted| AccountUse { token_mounted: mounted };
    let key = |name: &str| ("shop".to_owned(), name.to_owned());
    Accounts::from([(key("web"), used(true)), (key("batch"), used(false))])
}

fn split(name: &str) -> (String, String) {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    (namespace.to_owned(), name.to_owned())
}

fn role(name: &str, labels: Value, rules: Value) -> Role {
    let (namespace, name) = split(name);
    let metadata = json!({"name": name, "namespace": namespace, "labels": labels});
    serde_json::from_value(json!({"metadata": metadata, "rules": rules})).unwrap()
}

fn binding(name: &str, (kind, role): (&str, &str), subjects: Value) -> Binding {
    let (namespace, name) = split(name);
    let metadata = json!({"name": name, "namespace": namespace});
    let role = json!({"kind": kind, "name": role});
    serde_json::from_value(json!({"metadata": metadata, "subjects": subjects, "roleRef": role})).unwrap()
}

fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": groups, "resources": resources})
}

fn named(verbs: &[&str], resources: &[&str], names: &[&str]) -> Value {
    json!({"verbs": verbs, "apiGroups": [""], "resources": resources, "resourceNames": names})
}

fn web() -> Value {
    json!([{"kind": "ServiceAccount", "name": "web", "namespace": "shop"}])
}

fn list_secrets() -> Value {
    json!([rule(&["list"], &[""], &["secrets"])])
}

/// Scopes in which the verb is permitted on the target, with names: `cluster`, `shop [a b]`.
fn permitted(access: &Access, verb: &str, target: Target<'_>) -> Vec<String> {
    let mut all = Vec::new();
    for held in access.held(&[verb, "create", "patch", "update"]) {
        for permission in held.permissions(verb, &target) {
            let scope = match held.scope {
                Scope::Cluster => "cluster",
                Scope::Namespace(namespace) => namespace,
            };
            all.push(match permission.names {
                Names::All => scope.to_owned(),
                Names::Only(names) => {
                    format!("{scope} [{}]", names.into_iter().collect::<Vec<_>>().join(" "))
                }
            });
        }
    }
    all
}

/// What `shop/web` may do through one ClusterRole that is bound in the whole cluster.
#[track_caller]
fn check(rules: Value, verb: &str, target: Target<'_>, expected: &[&str]) {
    let case = Case::default().role("r", rules).bind("b", ("ClusterRole", "r"), web());
    assert_eq!(permitted(&case.of("ServiceAccount shop/web"), verb, target), expected);
}

#[track_caller]
fn check_subject(bound: &str, subject: Value, expected: &[&str]) {
    let case = Case::default()
        .role("shop/r", list_secrets())
        .role("other/r", list_secrets())
        .role("r", list_secrets())
        .bind(bound, (if bound.contains('/') { "Role" } else { "ClusterRole" }, "r"), json!([subject]));
    assert_eq!(permitted(&case.of("ServiceAccount shop/web"), "list", SECRETS), expected);
    assert_eq!(reaches(&case.bindings[0], &accounts()), !expected.is_empty());
}

#[test]
fn wildcards_match_as_the_authorizer_does() {
    let exec = Target::namespaced("", "pods/exec");
    let all = ["cluster"];
    check(json!([rule(&["*"], &["*"], &["*"])]), "create", exec, &all);
    check(json!([rule(&["create"], &[""], &["*"])]), "create", exec, &all);
    check(json!([rule(&["create"], &[""], &["*/exec"])]), "create", exec, &all);
    check(json!([rule(&["create"], &[""], &["pods/exec"])]), "create", exec, &all);
    check(json!([rule(&["create"], &[""], &["pods"])]), "create", exec, &[]);
    check(json!([rule(&["create"], &[""], &["pods/*"])]), "create", exec, &[]);
    check(json!([rule(&["create"], &[""], &["pods/*"])]), "create", PODS, &[]);
    check(json!([rule(&["create"], &[""], &["*/exec"])]), "create", PODS, &[]);
    check(json!([rule(&["*"], &[""], &["*/*"])]), "create", PODS, &[]);
    check(json!([rule(&["create"], &["apps"], &["*"])]), "create", PODS, &[]);
    check(json!([rule(&["get"], &[""], &["*"])]), "create", PODS, &[]);
    check(json!([rule(&[], &[], &[])]), "create", PODS, &[]);
}

#[test]
fn what_is_not_installed_matches_all_the_same() {
    let unknown = Target::namespaced("example.com", "foos");
    check(json!([rule(&["frob"], &["example.com"], &["foos"])]), "frob", unknown, &["cluster"]);
}

#[test]
fn names_restrict_requests_that_carry_a_name() {
    for verb in ["get", "update", "patch", "delete", "list", "watch", "impersonate"] {
        check(json!([named(&[verb], &["secrets"], &["a", "b"])]), verb, SECRETS, &["cluster [a b]"]);
    }
    let token = Target::namespaced("", "serviceaccounts/token");
    check(json!([named(&["create"], &["serviceaccounts/token"], &["a"])]), "create", token, &["cluster [a]"]);
}

#[test]
fn names_make_plain_create_and_deletecollection_inert() {
    check(json!([named(&["create"], &["pods"], &["a"])]), "create", PODS, &[]);
    check(json!([named(&["deletecollection"], &["pods"], &["a"])]), "deletecollection", PODS, &[]);
    check(json!([named(&["create", "get", "delete"], &["pods"], &["a"])]), "create", PODS, &[]);
}

#[test]
fn named_create_is_effective_with_patch_or_update_of_the_same_name() {
    let create = || named(&["create"], &["pods"], &["a", "b"]);
    check(json!([named(&["create", "patch"], &["pods"], &["a"])]), "create", PODS, &["cluster [a]"]);
    check(json!([named(&["*"], &["pods"], &["a"])]), "create", PODS, &["cluster [a]"]);
    check(json!([create(), named(&["update"], &["pods"], &["b", "c"])]), "create", PODS, &["cluster [b]"]);
    check(
        json!([create(), rule(&["patch"], &[""], &["*"])]),
        "create",
        PODS,
        &["cluster [a]", "cluster [b]"],
    );
    check(json!([create(), named(&["patch"], &["pods"], &["c"])]), "create", PODS, &[]);
    check(json!([create(), rule(&["patch"], &[""], &["secrets"])]), "create", PODS, &[]);
}

#[test]
fn two_bindings_together_permit_what_neither_does() {
    let create = json!([named(&["create"], &["pods"], &["a"])]);
    let patch = json!([rule(&["patch"], &[""], &["pods"])]);
    let both = |create_at: &str, patch_at: &str| {
        let case = Case::default()
            .role("c", create.clone())
            .role("p", patch.clone())
            .bind(create_at, ("ClusterRole", "c"), web())
            .bind(patch_at, ("ClusterRole", "p"), web());
        permitted(&case.of("ServiceAccount shop/web"), "create", PODS)
    };
    assert_eq!(both("shop/c", "shop/p"), ["shop [a]"]);
    assert_eq!(both("shop/c", "p"), ["shop [a]"]);
    assert_eq!(both("c", "shop/p"), ["shop [a]"]);
    assert_eq!(both("c", "p"), ["cluster [a]"]);
    assert!(both("shop/c", "other/p").is_empty());
}

#[test]
fn an_account_is_reached_by_name_user_and_group() {
    let account =
        |name: &str, namespace: &str| json!({"kind": "ServiceAccount", "name": name, "namespace": namespace});
    let user = |name: &str| json!({"kind": "User", "name": name});
    let group = |name: &str| json!({"kind": "Group", "name": name});
    check_subject("b", account("web", "shop"), &["cluster"]);
    check_subject("b", account("web", "other"), &[]);
    check_subject("b", account("web", ""), &[]);
    check_subject("shop/b", account("web", ""), &["shop"]);
    check_subject("other/b", account("web", ""), &[]);
    check_subject("other/b", account("web", "shop"), &["other"]);
    check_subject("b", user("system:serviceaccount:shop:web"), &["cluster"]);
    check_subject("b", user("web"), &[]);
    check_subject("b", group("system:serviceaccounts"), &["cluster"]);
    check_subject("b", group("system:serviceaccounts:shop"), &["cluster"]);
    check_subject("b", group("system:serviceaccounts:other"), &[]);
    check_subject("b", group("system:serviceaccounts:"), &[]);
    check_subject("b", group("system:authenticated"), &["cluster"]);
    check_subject("b", group("system:unauthenticated"), &[]);
    check_subject("b", group("system:masters"), &[]);
    check_subject("b", json!({"kind": "Robot", "name": "web"}), &[]);
}

#[test]
fn a_subject_named_twice_gets_the_role_once() {
    let twice = json!([
        {"kind": "ServiceAccount", "name": "web", "namespace": "shop"},
        {"kind": "Group", "name": "system:authenticated"},
    ]);
    let case = Case::default().role("r", list_secrets()).bind("b", ("ClusterRole", "r"), twice);
    assert_eq!(case.of("ServiceAccount shop/web").grants.len(), 1);
}

#[test]
fn a_role_binding_gives_a_cluster_role_in_its_namespace_only() {
    let rules = json!([
        rule(&["*"], &["*"], &["*"]),
        {"verbs": ["get"], "nonResourceURLs": ["*"]},
    ]);
    let case = Case::default().role("r", rules).bind("shop/b", ("ClusterRole", "r"), web());
    let access = case.of("ServiceAccount shop/web");
    assert_eq!(permitted(&access, "list", SECRETS), ["shop"]);
    let nodes = Target::cluster("", "nodes");
    assert!(permitted(&access, "get", nodes).is_empty(), "cluster-scoped resources are dead in a namespace");
    assert_eq!(access.grants.len(), 1, "so are paths that are not resources");
}

#[test]
fn a_role_binding_reaches_the_namespace_object_itself() {
    let namespaces = Target::cluster("", "namespaces");
    let of = |rules: Value, verb: &str| {
        let case = Case::default().role("r", rules).bind("shop/b", ("ClusterRole", "r"), web());
        permitted(&case.of("ServiceAccount shop/web"), verb, namespaces)
    };
    let all = json!([rule(&["*"], &[""], &["namespaces"])]);
    for verb in ["get", "update", "patch", "delete"] {
        assert_eq!(of(all.clone(), verb), ["shop"]);
    }
    for verb in ["list", "watch", "create", "deletecollection"] {
        assert!(of(all.clone(), verb).is_empty(), "{verb} carries no namespace");
    }
    assert_eq!(of(json!([named(&["patch"], &["namespaces"], &["shop", "x"])]), "patch"), ["shop [shop x]"]);
    assert!(of(json!([named(&["patch"], &["namespaces"], &["other"])]), "patch").is_empty());
}

#[test]
fn a_binding_to_a_missing_role_gives_nothing() {
    let case = Case::default()
        .role("r", list_secrets())
        .role("other/r", list_secrets())
        .bind("a", ("ClusterRole", "gone"), web())
        .bind("shop/b", ("Role", "r"), web())
        .bind("c", ("Role", "r"), web())
        .bind("d", ("Recipe", "r"), web());
    assert!(case.of("ServiceAccount shop/web").grants.is_empty());
}

#[test]
fn the_user_facing_roles_are_known_without_a_cluster() {
    let of = |role: &str, verb: &str, target: Target<'_>| {
        let case = Case::default().bind("shop/b", ("ClusterRole", role), web());
        !permitted(&case.of("ServiceAccount shop/web"), verb, target).is_empty()
    };
    let role_bindings = Target::namespaced(RBAC_GROUP, "rolebindings");
    assert!(of("cluster-admin", "delete", SECRETS));
    assert!(
        of("edit", "list", SECRETS) && of("edit", "create", PODS) && !of("edit", "create", role_bindings)
    );
    assert!(of("admin", "create", role_bindings) && of("admin", "list", SECRETS));
    assert!(of("view", "list", PODS) && !of("view", "list", SECRETS));
    let case = Case::default().role("view", list_secrets()).bind("b", ("ClusterRole", "view"), web());
    assert_eq!(case.of("ServiceAccount shop/web").grants.len(), 1, "the live role wins");
}

#[test]
fn aggregation_counts_copies_and_originals() {
    let mut sum = role(
        "sum",
        json!({}),
        json!([rule(&["list"], &[""], &["secrets"]), rule(&["get"], &[""], &["pods"])]),
    );
    sum.aggregation_rule = serde_json::from_value(json!({
        "clusterRoleSelectors": [{"matchExpressions": [{"key": "add", "operator": "In", "values": ["yes"]}]}]
    }))
    .unwrap();
    let mut case = Case::default().bind("b", ("ClusterRole", "sum"), web()).own("ClusterRole", "fresh");
    case.roles.push(sum);
    case.roles.push(role("copied", json!({"add": "yes"}), list_secrets()));
    case.roles.push(role("fresh", json!({"add": "yes"}), json!([rule(&["create"], &[""], &["pods"])])));
    case.roles.push(role("shop/fresh", json!({"add": "yes"}), json!([rule(&["delete"], &[""], &["pods"])])));
    let access = case.of("ServiceAccount shop/web");
    let from = |access: &Access| -> Vec<String> {
        let all = access.grants.iter();
        all.map(|grant| format!("{} {:?}", grant.source.role.name, grant.origin)).collect()
    };
    assert_eq!(from(&access), ["sum Others", "copied Others", "fresh Application"]);
    assert!(access.grants.iter().all(|grant| grant.way.role.name == "sum"));
    let others: Vec<_> =
        case.accesses().into_iter().filter(|access| access.holder == Holder::UnboundRole).collect();
    assert!(others.is_empty(), "an aggregated role of a bound one is bound: {others:?}");
}

#[test]
fn aggregation_cycles_end() {
    let aggregate = |name: &str, label: &str, selects: &str| {
        let mut role = role(name, json!({label: "yes"}), json!([]));
        role.aggregation_rule =
            serde_json::from_value(json!({"clusterRoleSelectors": [{"matchLabels": {selects: "yes"}}]}))
                .unwrap();
        role
    };
    let mut case = Case::default().bind("b", ("ClusterRole", "x"), web());
    case.roles = vec![
        aggregate("x", "x", "y"),
        aggregate("y", "y", "z"),
        role("z", json!({"z": "yes"}), list_secrets()),
    ];
    case.roles.push(aggregate("w", "z", "x"));
    assert_eq!(permitted(&case.of("ServiceAccount shop/web"), "list", SECRETS), ["cluster"]);
}

#[test]
fn what_kubernetes_makes_for_its_own_accounts_does_not_count() {
    let account = |name: &str| json!([{"kind": "ServiceAccount", "name": name, "namespace": "kube-system"}]);
    let of = |case: Case, name: &str| {
        let used = AccountUse { token_mounted: true };
        let accounts = Accounts::from([(("kube-system".to_owned(), name.to_owned()), used)]);
        let accesses = accesses(&accounts, &case.roles, &case.bindings, &case.owned);
        accesses.iter().map(|access| access.grants.len()).sum::<usize>()
    };
    let case = |binding: &str, name: &str| {
        Case::default().role("r", list_secrets()).bind(binding, ("ClusterRole", "r"), account(name))
    };
    assert_eq!(of(case("system:controller:job-controller", "job-controller"), "job-controller"), 0);
    assert_eq!(of(case("gke-metrics", "agent"), "agent"), 0);
    assert_eq!(of(case("system:controller:job-controller", "extra"), "extra"), 1, "an extra subject counts");
    assert_eq!(of(case("cluster-admin", "extra"), "extra"), 1);
    let own = case("gke-metrics", "agent").own("ClusterRoleBinding", "gke-metrics");
    assert_eq!(of(own, "agent"), 1, "whatever the application brings counts");
}

#[test]
fn own_bindings_and_roles_count_for_whomever_they_name() {
    let devs = json!([{"kind": "Group", "name": "devs"}, {"kind": "User", "name": "ann"}]);
    let case = Case::default()
        .role("r", list_secrets())
        .role("shop/mine", list_secrets())
        .bind("mine", ("ClusterRole", "r"), devs)
        .bind("shop/theirs", ("Role", "mine"), json!([{"kind": "User", "name": "bob"}]))
        .bind("theirs", ("ClusterRole", "r"), json!([{"kind": "User", "name": "eve"}]))
        .own("ClusterRoleBinding", "mine")
        .own("Role", "shop/mine");
    let subjects: Vec<String> = case.accesses().iter().map(|access| access.subject.name.clone()).collect();
    assert_eq!(subjects, ["batch", "web", "devs", "ann", "bob"]);
    assert_eq!(case.of("rbac.authorization.k8s.io/User bob").holder, Holder::Named);
    let concerning: Vec<bool> =
        case.bindings.iter().map(|binding| concerns(binding, &accounts(), &case.owned)).collect();
    assert_eq!(concerning, [true, true, false]);
}

#[test]
fn an_own_role_without_subjects_is_unbound() {
    let case = Case::default()
        .role("r", list_secrets())
        .role("shop/r", list_secrets())
        .role("foreign", list_secrets())
        .bind("b", ("ClusterRole", "r"), json!([]))
        .own("ClusterRole", "r")
        .own("Role", "shop/r")
        .own("ClusterRole", "gone");
    let unbound: Vec<String> = case
        .accesses()
        .into_iter()
        .filter(|access| access.holder == Holder::UnboundRole)
        .map(|access| format!("{} {:?}", access.subject.name, permitted(&access, "list", SECRETS)))
        .collect();
    assert_eq!(unbound, [r#"r ["cluster"]"#, r#"r ["shop"]"#]);
}

#[test]
fn a_holder_says_whether_its_token_is_mounted() {
    let subjects = json!([
        {"kind": "ServiceAccount", "name": "spare", "namespace": "shop"},
        {"kind": "ServiceAccount", "name": "stranger", "namespace": "other"},
    ]);
    let case = Case::default()
        .role("r", list_secrets())
        .bind("b", ("ClusterRole", "r"), subjects)
        .own("ClusterRoleBinding", "b")
        .own("ServiceAccount", "shop/spare");
    assert_eq!(case.of("ServiceAccount shop/web").holder, Holder::Mounted);
    assert_eq!(case.of("ServiceAccount shop/batch").holder, Holder::Unmounted);
    assert_eq!(case.of("ServiceAccount shop/spare").holder, Holder::Unmounted);
    assert_eq!(case.of("ServiceAccount other/stranger").holder, Holder::Named);
}

mod laws {
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    use super::*;

    fn words(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
        subsequence(all, 0..=all.len().min(3))
    }

    fn any_rule() -> impl Strategy<Value = Value> {
        let verbs = words(&["*", "get", "list", "create", "patch", "deletecollection"]);
        let groups = words(&["*", "", "apps"]);
        let resources = words(&["*", "pods", "pods/*", "*/exec", "secrets", "namespaces"]);
        let names = words(&["a", "b", "shop"]);
        let urls = words(&["*", "/metrics"]);
        (verbs, groups, resources, names, urls).prop_map(|(verbs, groups, resources, names, urls)| {
            json!({"verbs": verbs, "apiGroups": groups, "resources": resources,
                   "resourceNames": names, "nonResourceURLs": urls})
        })
    }

    fn any_role() -> impl Strategy<Value = Role> {
        let names = select(&["r", "s", "shop/r", "shop/s", "edit"][..]);
        let label = select(&["x", "y"][..]);
        let selects = proptest::option::of(select(&["x", "y"][..]));
        (names, label, selects, proptest::collection::vec(any_rule(), 0..3)).prop_map(
            |(name, label, selects, rules)| {
                let mut role = role(name, json!({label: ""}), json!(rules));
                role.aggregation_rule = selects.map(|selects| {
                    let selector = json!({"clusterRoleSelectors": [{"matchLabels": {selects: ""}}]});
                    serde_json::from_value(selector).unwrap()
                });
                role
            },
        )
    }

    fn any_subject() -> impl Strategy<Value = Value> {
        let kind = select(&["ServiceAccount", "User", "Group", "Robot"][..]);
        let name = select(
            &[
                "web",
                "system:authenticated",
                "system:serviceaccounts:shop",
                "system:serviceaccounts:",
                "system:serviceaccount:shop:web",
                "system:serviceaccount:",
            ][..],
        );
        let namespace = select(&["", "shop", "kube-system"][..]);
        (kind, name, namespace)
            .prop_map(|(kind, name, namespace)| json!({"kind": kind, "name": name, "namespace": namespace}))
    }

    fn any_binding() -> impl Strategy<Value = Binding> {
        let name = select(&["b", "shop/b", "other/b", "gke-b", "system:controller:web"][..]);
        let kind = select(&["Role", "ClusterRole", ""][..]);
        let role = select(&["r", "s", "edit", "view", "gone"][..]);
        (name, kind, role, proptest::collection::vec(any_subject(), 0..3))
            .prop_map(|(name, kind, role, subjects)| binding(name, (kind, role), json!(subjects)))
    }

    fn any_case() -> impl Strategy<Value = Case> {
        let roles = proptest::collection::vec(any_role(), 0..5);
        let bindings = proptest::collection::vec(any_binding(), 0..5);
        let own = subsequence(
            &["ClusterRole r", "Role shop/r", "RoleBinding shop/b", "ClusterRoleBinding b"],
            0..=4,
        );
        (roles, bindings, own).prop_map(|(roles, bindings, own)| {
            let case = Case { roles, bindings, owned: BTreeSet::new() };
            own.into_iter().fold(case, |case, own| {
                let (kind, name) = own.split_once(' ').unwrap();
                case.own(kind, name)
            })
        })
    }

    /// Everything that subjects may do; not what unbound roles would grant.
    fn permissions(case: &Case) -> BTreeSet<String> {
        let targets = [PODS, SECRETS, Target::cluster("", "namespaces"), Target::namespaced("", "pods/exec")];
        let mut all = BTreeSet::new();
        for access in case.accesses().iter().filter(|access| access.holder != Holder::UnboundRole) {
            for target in targets {
                for verb in ["get", "list", "create", "patch", "delete", "deletecollection"] {
                    let permitted = permitted(access, verb, target);
                    all.extend(
                        permitted.iter().map(|at| format!("{} {verb} {target:?} {at}", access.subject)),
                    );
                }
            }
        }
        all
    }

    proptest! {
        #[test]
        fn adding_a_binding_never_removes_a_permission(mut case in any_case(), more in any_binding()) {
            let before = permissions(&case);
            case.bindings.push(more);
            let after = permissions(&case);
            prop_assert!(before.is_subset(&after), "lost {:?}", before.difference(&after));
        }

        #[test]
        fn the_order_of_bindings_does_not_matter(mut case in any_case()) {
            let before = case.accesses();
            case.bindings.reverse();
            let after = case.accesses();
            let permitted = |accesses: &[Access]| -> Vec<(ObjectRef, usize)> {
                accesses.iter().map(|access| (access.subject.clone(), access.grants.len())).collect()
            };
            prop_assert_eq!(permitted(&before), permitted(&after));
            prop_assert_eq!(permissions(&case), {
                case.bindings.reverse();
                permissions(&case)
            });
        }

        #[test]
        fn every_account_has_exactly_one_access(case in any_case()) {
            let accesses = case.accesses();
            let subjects: BTreeSet<&ObjectRef> = accesses.iter().map(|access| &access.subject).collect();
            prop_assert_eq!(subjects.len(), accesses.len());
            for (namespace, name) in accounts().keys() {
                let reference = ObjectRef::new(&GroupKind::new("", "ServiceAccount"), namespace, name);
                prop_assert!(subjects.contains(&reference));
            }
        }
    }
}
