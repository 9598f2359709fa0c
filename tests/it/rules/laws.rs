//! Laws of the rules about access: no input makes them panic, a binding more never makes a subject look better, and
//! whatever is left of a grant was on record.

use std::collections::{BTreeMap, BTreeSet};

use driftgate::engine::{Engine, Evaluation};
use driftgate::finding::Severity;
use driftgate::model::access::{Accounts, RBAC_GROUP, accesses};
use driftgate::model::meta::Map;
use driftgate::model::pod::PodSpec;
use driftgate::model::rbac::{Binding, Role};
use driftgate::model::reference::{GroupKind, ObjectRef};
use driftgate::model::world::{Evidence, PodView, World};
use driftgate::record::Record;
use driftgate::rules::{RULES, Settings};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
struct Input {
    roles: Vec<Role>,
    bindings: Vec<Binding>,
    owned: BTreeSet<ObjectRef>,
}

impl Input {
    fn judge(&self) -> Evaluation {
        let world = World { owned: self.owned.clone(), ..World::default() };
        let settings = Settings::default();
        let rules = RULES.iter().copied().filter(|rule| rule.code.starts_with("RBAC-"));
        let mut engine = Engine::new(rules, &settings, &world);
        let pod = ObjectRef::new(&GroupKind::new("", "Pod"), "shop", "web");
        let spec: PodSpec = serde_json::from_value(json!({"serviceAccountName": "web"})).unwrap();
        engine.pod(&PodView {
            evidence: Evidence::Template,
            object: &pod,
            root: &pod,
            labels: &Map::default(),
            annotations: &Map::default(),
            spec: &spec,
            status: None,
            template: None,
        });
        let accounts: Accounts = engine.accounts().clone();
        engine.finish(&accesses(&accounts, &self.roles, &self.bindings, &self.owned))
    }
}

fn words(all: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(all, 0..=all.len().min(3))
}

fn any_rule() -> impl Strategy<Value = Value> {
    let verbs = words(&["*", "get", "list", "create", "patch", "update", "delete", "deletecollection"]);
    let groups = words(&["*", "", "apps", "admissionregistration.k8s.io", "argoproj.io"]);
    let resources = words(&[
        "*",
        "pods",
        "pods/*",
        "*/scale",
        "*/",
        "/",
        "secrets",
        "services",
        "deployments",
        "mutatingwebhookconfigurations",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ]);
    let names = prop_oneof![Just(Vec::new()), words(&["a", "b", ""])];
    (verbs, groups, resources, names).prop_map(|(verbs, groups, resources, names)| {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
    })
}

fn metadata(name: &str) -> Value {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    json!({"namespace": namespace, "name": name})
}

fn any_role() -> impl Strategy<Value = Role> {
    let name = select(&["r", "s", "shop/r", "kube-system/r"][..]);
    (name, proptest::collection::vec(any_rule(), 0..4)).prop_map(|(name, rules)| {
        serde_json::from_value(json!({"metadata": metadata(name), "rules": rules})).unwrap()
    })
}

fn any_binding() -> impl Strategy<Value = Binding> {
    let name = select(&["b", "shop/b", "kube-system/b"][..]);
    let kind = select(&["Role", "ClusterRole"][..]);
    let role = select(&["r", "s", "edit", "cluster-admin"][..]);
    let account = || json!({"kind": "ServiceAccount", "namespace": "shop", "name": "web"});
    let subject = prop_oneof![
        Just(account()),
        Just(json!({"kind": "Group", "name": "system:authenticated"})),
        Just(json!({"kind": "Group", "name": "system:masters"})),
        Just(json!({"kind": "User", "name": "ann"})),
    ];
    (name, kind, role, proptest::collection::vec(subject, 0..3)).prop_map(|(name, kind, role, subjects)| {
        let role = json!({"kind": kind, "name": role});
        serde_json::from_value(json!({"metadata": metadata(name), "roleRef": role, "subjects": subjects}))
            .unwrap()
    })
}

fn any_input() -> impl Strategy<Value = Input> {
    let roles = proptest::collection::vec(any_role(), 0..4);
    let bindings = proptest::collection::vec(any_binding(), 0..4);
    let own = words(&["ClusterRole r", "Role shop/r", "RoleBinding shop/b", "ClusterRoleBinding b"]);
    (roles, bindings, own).prop_map(|(roles, bindings, own)| {
        let reference = |own: &str| -> ObjectRef {
            let (kind, name) = own.split_once(' ').unwrap();
            let (namespace, name) = name.split_once('/').unwrap_or(("", name));
            ObjectRef::new(&GroupKind::new(RBAC_GROUP, kind), namespace, name)
        };
        Input { roles, bindings, owned: own.into_iter().map(reference).collect() }
    })
}

/// Rules that grant something, bound to the Pod's account in its namespace or in the whole cluster.
fn any_grant() -> impl Strategy<Value = Input> {
    let some = |all: &'static [&'static str], most: usize| subsequence(all, 1..=most);
    let verbs = some(&["*", "create", "delete", "get", "list", "patch", "update", "watch"], 5);
    let groups = some(&["*", "", "admissionregistration.k8s.io", "apps"], 3);
    let resources =
        some(&["*", "deployments", "mutatingwebhookconfigurations", "pods", "secrets", "services"], 4);
    let names = prop_oneof![3 => Just(Vec::new()), 1 => some(&["a", "b"], 2)];
    let any_rule = (verbs, groups, resources, names).prop_map(|(verbs, groups, resources, names)| {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
    });
    let places = some(&["b", "kube-system/b", "shop/b"], 2);
    (proptest::collection::vec(any_rule, 1..4), places).prop_map(|(rules, places)| {
        let granted = json!({"metadata": metadata("r"), "rules": rules});
        let binding = |place: &str| -> Binding {
            let subjects = json!([{"kind": "ServiceAccount", "namespace": "shop", "name": "web"}]);
            let to = json!({"kind": "ClusterRole", "name": "r"});
            serde_json::from_value(json!({"metadata": metadata(place), "roleRef": to, "subjects": subjects}))
                .unwrap()
        };
        Input {
            roles: vec![serde_json::from_value(granted).unwrap()],
            bindings: places.into_iter().map(binding).collect(),
            owned: BTreeSet::new(),
        }
    })
}

/// The input with a binding, a rule, a verb or a resource less; the same if there is nothing at these places.
fn less(mut input: Input, what: usize, at: (usize, usize, usize)) -> Input {
    fn drop_at<T>(list: &mut Vec<T>, index: usize) {
        if !list.is_empty() {
            list.remove(index % list.len());
        }
    }
    if what == 0 {
        drop_at(&mut input.bindings, at.0);
    }
    for Role { rules, .. } in &mut input.roles {
        if what == 1 {
            drop_at(rules, at.0);
        }
        let count = rules.len();
        let Some(rule) = rules.get_mut(at.1 % count.max(1)) else { continue };
        match what {
            2 => drop_at(&mut rule.verbs, at.2),
            3 => drop_at(&mut rule.resources, at.2),
            _ => {}
        }
    }
    input
}

/// The worst that each rule says about each subject, without what nobody is bound to.
fn worst(evaluation: &Evaluation) -> BTreeMap<(&'static str, ObjectRef), Severity> {
    let mut worst = BTreeMap::new();
    for finding in evaluation.findings.values().filter(|finding| finding.severity > Severity::Info) {
        let key = (finding.identity.rule, finding.identity.subject.clone());
        let known = worst.entry(key).or_insert(finding.severity);
        *known = finding.severity.max(*known);
    }
    worst
}

proptest! {
    #[test]
    fn nothing_panics(input in any_input()) {
        prop_assert!(input.judge().gaps.is_empty());
    }

    #[test]
    fn a_binding_more_never_looks_better(mut input in any_input(), more in any_binding()) {
        let before = worst(&input.judge());
        input.bindings.push(more);
        let after = worst(&input.judge());
        for (key, severity) in before {
            prop_assert!(after.get(&key).is_some_and(|now| *now >= severity), "{key:?} was {severity}");
        }
    }

    #[test]
    fn what_is_left_of_a_grant_was_on_record(
        input in any_grant(),
        what in 0_usize..4,
        at in (0_usize..4, 0_usize..4, 0_usize..4),
    ) {
        let noted = |evaluation: &Evaluation| -> Vec<_> {
            evaluation.findings.values().filter(|finding| finding.severity > Severity::Info).cloned().collect()
        };
        let before = noted(&input.judge());
        let record = Record::new("argocd/shop", None, Timestamp::UNIX_EPOCH, &before, &BTreeMap::new());
        for finding in noted(&less(input, what, at).judge()) {
            prop_assert!(record.has(&finding), "{} is new against {:?}", finding.identity, record.findings);
        }
    }

    #[test]
    fn the_order_of_roles_and_bindings_does_not_matter(mut input in any_input()) {
        let mut names = BTreeSet::new();
        input.roles.retain(|role| names.insert((role.metadata.namespace.clone(), role.metadata.name.clone())));
        let before = input.judge();
        input.roles.reverse();
        input.bindings.reverse();
        let after = input.judge();
        let identities = |evaluation: &Evaluation| evaluation.findings.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(identities(&before), identities(&after));
    }
}
