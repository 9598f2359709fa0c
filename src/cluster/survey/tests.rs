//! Survey and judgement of applications in the in-memory API.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::survey;
use crate::cluster::{Cluster, Reason, Survey, judge};
use crate::engine::Evaluation;
use crate::finding::Severity;
use crate::memory::{Api, Fault, Matching, What, Where};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rules::{Check, Observation, Rule, Settings};
use crate::scope::{Application, Membership, Scope, TRACKING_ID, Tracking, TrackingMethod};

/// Says what it was shown.
static SPY: Rule = Rule {
    id: "spy",
    code: "SPY-001",
    title: "",
    severity: Severity::Info,
    reads: &[],
    consults: &[],
    help: "",
    page: "",
    sources: &[],
    checks: &[
        Check::Pod(|pod, _world, _settings, sink| {
            let template = if pod.template.is_some() { " with template" } else { "" };
            let seen = format!("{:?} {}{template}", pod.evidence, pod.object);
            sink.finding(Observation::new(Severity::Info, seen, "", ""));
        }),
        Check::Access(|access, _world, _settings, sink| {
            for grant in &access.grants {
                let seen = format!("{} through {:?}", grant.source.role, grant.way.binding);
                sink.finding(Observation::new(Severity::Info, seen, "", ""));
            }
        }),
        Check::Namespace(|namespace, _world, _settings, sink| {
            sink.finding(Observation::new(Severity::Info, namespace.metadata.name.clone(), "", ""));
        }),
    ],
};

fn tracked(namespaces: Option<&[&str]>) -> Scope {
    Scope {
        application: Application::default(),
        membership: Membership::Tracked(Tracking {
            instance: "web".into(),
            method: TrackingMethod::Annotation,
            installation: None,
        }),
        namespaces: namespaces.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        own_job: None,
    }
}

fn whole_namespace() -> Scope {
    Scope { membership: Membership::Namespace, ..tracked(Some(&["shop"])) }
}

/// An object of the namespace `shop`; its uid is `uid-NAME`.
fn object(api_version: &str, kind: &str, name: &str, spec: impl Into<Value>) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")},
        "spec": spec.into(),
    })
}

fn template() -> Value {
    json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}})
}

fn of_app(mut object: Value, app: &str) -> Value {
    let (group, _version) = object["apiVersion"].as_str().unwrap().rsplit_once('/').unwrap_or_default();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("shop");
    let kind = object["kind"].as_str().unwrap();
    let id = format!("{app}:{group}/{kind}:{namespace}/{}", object["metadata"]["name"].as_str().unwrap());
    object["metadata"]["annotations"] = json!({TRACKING_ID: id});
    object
}

fn owned_by(mut object: Value, api_version: &str, kind: &str, name: &str) -> Value {
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": api_version, "kind": kind, "name": name,
        "uid": format!("uid-{name}"), "controller": true}]);
    object
}

fn pod(name: &str) -> Value {
    object("v1", "Pod", name, template()["spec"].clone())
}

/// A Deployment of the application, its ReplicaSet and its Pods.
fn deployment(name: &str, app: &str, pods: usize) -> Vec<Value> {
    let spec = json!({"replicas": pods, "template": template()});
    let set = format!("{name}-1");
    let mut objects = vec![
        of_app(object("apps/v1", "Deployment", name, spec.clone()), app),
        owned_by(object("apps/v1", "ReplicaSet", &set, spec), "apps/v1", "Deployment", name),
    ];
    objects.extend((0..pods).map(|n| owned_by(pod(&format!("{set}-{n}")), "apps/v1", "ReplicaSet", &set)));
    objects
}

fn api(objects: impl IntoIterator<Item = Value>) -> Api {
    let api = Api::default();
    api.seed_value(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})).unwrap();
    for object in objects {
        api.seed_value(&object).unwrap();
    }
    api
}

async fn run(api: &Api, scope: &Scope) -> (Survey, Evaluation) {
    let cluster = Cluster::new(api.client());
    let mut seen = survey(&cluster, scope).await.unwrap();
    let evaluation = judge(&cluster, scope, &mut seen, &[&SPY], &Settings::default()).await.unwrap();
    (seen, evaluation)
}

/// Subject and what was seen of it, for everything that the rule was shown.
async fn shown(api: &Api, scope: &Scope) -> Vec<String> {
    let (_survey, evaluation) = run(api, scope).await;
    assert_eq!(gaps(&evaluation), [""; 0]);
    findings(&evaluation)
}

fn findings(evaluation: &Evaluation) -> Vec<String> {
    let shown = evaluation.findings.keys().filter(|identity| identity.subject.kind != "Namespace");
    shown.map(|identity| format!("{}: {}", identity.subject, identity.value)).collect()
}

fn gaps(evaluation: &Evaluation) -> Vec<String> {
    evaluation.gaps.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_bare_pod_that_the_application_lists_is_looked_for_where_nothing_else_is() {
    let mut alone = pod("alone");
    alone["metadata"]["namespace"] = json!("elsewhere");
    let listed = ObjectRef::new(&GroupKind::new("", "Pod"), "elsewhere", "alone");
    let scope = Scope { membership: Membership::Listed([listed].into()), ..tracked(None) };
    let shown = shown(&api([alone]), &scope).await;
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].starts_with("Pod elsewhere/alone: "), "{shown:?}");
}

#[tokio::test]
async fn a_bare_pod_that_is_marked_is_found_where_nothing_else_is() {
    let elsewhere = |mut pod: Value| {
        pod["metadata"]["namespace"] = json!("elsewhere");
        pod
    };
    let by_annotation = of_app(elsewhere(pod("alone")), "web");
    let mut by_label = elsewhere(pod("labelled"));
    by_label["metadata"]["labels"] = json!({"instance": "web"});
    let theirs = of_app(elsewhere(pod("theirs")), "api");
    let api = api([by_annotation, by_label, theirs]);
    let expected = |name: &str| [format!("Pod elsewhere/{name}: Live Pod elsewhere/{name}")];
    assert_eq!(shown(&api, &tracked(None)).await, expected("alone"));
    let mut scope = tracked(None);
    if let Membership::Tracked(tracking) = &mut scope.membership {
        tracking.method = TrackingMethod::Label("instance".into());
    }
    assert_eq!(shown(&api, &scope).await, expected("labelled"));
    let asked = api.requests();
    let mut selected = asked.iter().filter(|request| request.path == "/api/v1/pods");
    assert_eq!(selected.next_back().unwrap().query, "limit=500&labelSelector=instance%3Dweb");
}

#[tokio::test]
async fn marked_pods_that_may_not_be_looked_for_are_a_gap() {
    let api = api(deployment("front", "web", 1));
    api.forbid(&["list"], "", "pods", Some(""));
    let (_survey, evaluation) = run(&api, &tracked(None)).await;
    let gaps = gaps(&evaluation);
    assert!(gaps.len() == 1 && gaps[0].starts_with("all Pod objects: forbidden: "), "{gaps:?}");
    assert_eq!(findings(&evaluation).len(), 1, "the rest is judged");
}

#[tokio::test]
async fn a_pod_is_judged_under_its_outermost_owner_with_its_template() {
    let api = api(deployment("front", "web", 2));
    let front = "apps/Deployment shop/front: Live Pod shop/front-1";
    let expected = [format!("{front}-0 with template"), format!("{front}-1 with template")];
    assert_eq!(shown(&api, &tracked(Some(&["shop"]))).await, expected);
    assert_eq!(shown(&api, &tracked(None)).await, expected);
    assert_eq!(shown(&api, &whole_namespace()).await, expected);
}

#[tokio::test]
async fn an_application_is_not_judged_for_another_in_its_namespace() {
    let mut objects = deployment("front", "web", 1);
    objects.extend(deployment("other", "api", 2));
    objects.extend([pod("stray"), of_app(pod("theirs"), "api"), of_app(pod("ours"), "web")]);
    let (survey, evaluation) = run(&api(objects), &tracked(Some(&["shop"]))).await;
    assert_eq!(
        findings(&evaluation),
        [
            "Pod shop/ours: Live Pod shop/ours",
            "apps/Deployment shop/front: Live Pod shop/front-1-0 with template",
        ]
    );
    assert_eq!(evaluation.counts.pods, 2);
    let owned: Vec<_> = survey.world.owned.iter().map(ToString::to_string).collect();
    assert_eq!(owned, ["Pod shop/ours", "apps/Deployment shop/front"]);
    let declared: Vec<_> = survey.declared.keys().map(ToString::to_string).collect();
    assert_eq!(declared, owned);
}

fn kafka(app: &str, name: &str) -> Vec<Value> {
    let set = format!("{name}-set");
    let pods =
        (0..3).map(|n| owned_by(pod(&format!("{name}-{n}")), "core.strimzi.io/v1", "StrimziPodSet", &set));
    let kafka =
        of_app(object("kafka.strimzi.io/v1", "Kafka", name, json!({"template": "another shape"})), app);
    let set = object("core.strimzi.io/v1", "StrimziPodSet", &set, json!({}));
    let set = owned_by(set, "kafka.strimzi.io/v1", "Kafka", name);
    pods.chain([kafka, set]).collect()
}

#[tokio::test]
async fn owners_of_kinds_that_nobody_knows_are_looked_up_once_a_kind() {
    let mut objects = kafka("web", "events");
    objects.extend(kafka("api", "others"));
    let api = api(objects);
    let (survey, evaluation) = run(&api, &tracked(Some(&["shop"]))).await;
    let events = "kafka.strimzi.io/Kafka shop/events: Live Pod shop/events";
    assert_eq!(findings(&evaluation), [format!("{events}-0"), format!("{events}-1"), format!("{events}-2")]);
    assert_eq!(gaps(&evaluation), [""; 0]);
    let kafka = ObjectRef::new(&GroupKind::new("kafka.strimzi.io", "Kafka"), "shop", "events");
    assert!(survey.world.owns(&kafka) && survey.declared.contains_key(&kafka));
    let lists = api.requests().iter().filter(|request| request.path.contains("strimzi.io")).count();
    assert_eq!(lists, 2);
}

#[tokio::test]
async fn pods_of_an_owner_that_cannot_be_seen_are_a_gap_and_not_judged() {
    let api = api(kafka("web", "events"));
    api.forbid(&["list"], "core.strimzi.io", "*", None);
    let (_survey, evaluation) = run(&api, &tracked(Some(&["shop"]))).await;
    assert_eq!(findings(&evaluation), [""; 0]);
    let gaps = gaps(&evaluation);
    let start = "Pod objects in namespace shop: forbidden: events-0, events-1, events-2 may belong to the \
                 application, but the owner, a core.strimzi.io/StrimziPodSet, is not known: listing ";
    assert!(gaps.len() == 1 && gaps[0].starts_with(start), "{gaps:#?}");
    assert!(gaps[0].contains("grant the verb list on "), "{gaps:#?}");
}

#[tokio::test]
async fn pods_whose_owner_is_gone_are_a_gap_unless_the_whole_namespace_is_meant() {
    let lost = owned_by(pod("lost"), "apps/v1", "ReplicaSet", "gone");
    let api = api([lost]);
    let (_survey, evaluation) = run(&api, &tracked(Some(&["shop"]))).await;
    assert_eq!(
        gaps(&evaluation),
        ["Pod objects in namespace shop: missing: lost may belong to the application, but the owner, a \
          apps/ReplicaSet, is not known: there is no such object"]
    );
    assert_eq!(shown(&api, &whole_namespace()).await, ["apps/ReplicaSet shop/gone: Live Pod shop/lost"]);
}

#[tokio::test]
async fn templates_stand_for_pods_that_do_not_exist_now() {
    let mut objects = deployment("idle", "web", 0);
    let cron = json!({"jobTemplate": {"spec": {"template": template()}}});
    let done = json!({"template": template()});
    let mut job =
        owned_by(object("batch/v1", "Job", "nightly-1", done.clone()), "batch/v1", "CronJob", "nightly");
    job["status"] = json!({"conditions": [{"type": "Complete", "status": "True"}]});
    let mut ended = owned_by(pod("nightly-1-x"), "batch/v1", "Job", "nightly-1");
    ended["status"] = json!({"phase": "Succeeded"});
    objects.extend([of_app(object("batch/v1", "CronJob", "nightly", cron), "web"), job, ended]);
    objects.push(of_app(object("batch/v1", "Job", "migrate", done), "web"));
    let mut leaving = deployment("leaving", "web", 0);
    leaving[0]["metadata"]["deletionTimestamp"] = json!("2026-11-24T10:00:00Z");
    objects.extend(leaving);
    assert_eq!(
        shown(&api(objects), &tracked(Some(&["shop"]))).await,
        [
            "apps/Deployment shop/idle: Template apps/Deployment shop/idle",
            "batch/CronJob shop/nightly: Template batch/CronJob shop/nightly",
            "batch/Job shop/migrate: Template batch/Job shop/migrate",
        ]
    );
}

#[tokio::test]
async fn a_custom_resource_with_a_template_stands_for_its_pods() {
    let spec = json!({"template": template()});
    let rollout = of_app(object("argoproj.io/v1alpha1", "Rollout", "canary", spec), "web");
    let set = json!({"replicas": 0, "template": template()});
    let set = owned_by(
        object("apps/v1", "ReplicaSet", "canary-1", set),
        "argoproj.io/v1alpha1",
        "Rollout",
        "canary",
    );
    assert_eq!(
        shown(&api([rollout, set]), &tracked(Some(&["shop"]))).await,
        ["argoproj.io/Rollout shop/canary: Template argoproj.io/Rollout shop/canary"]
    );
}

#[tokio::test]
async fn pods_that_are_going_away_are_judged_only_if_nobody_replaces_them() {
    let going = |mut pod: Value| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        pod["metadata"]["finalizers"] = json!(["example.com/stay"]);
        pod
    };
    let mut objects = deployment("front", "web", 1);
    let replaced = objects.pop().unwrap();
    objects.extend([going(replaced), of_app(going(pod("bare")), "web")]);
    assert_eq!(
        shown(&api(objects), &tracked(Some(&["shop"]))).await,
        [
            "Pod shop/bare: Live Pod shop/bare",
            "apps/Deployment shop/front: Template apps/Deployment shop/front",
        ]
    );
}

#[tokio::test]
async fn the_gates_own_job_and_its_pod_are_never_judged() {
    let job = object("batch/v1", "Job", "gate", json!({"template": template()}));
    let own = owned_by(pod("gate-x"), "batch/v1", "Job", "gate");
    let scope = Scope {
        own_job: Some(ObjectRef::new(&GroupKind::new("batch", "Job"), "shop", "gate")),
        ..whole_namespace()
    };
    assert_eq!(shown(&api([job, own, pod("other")]), &scope).await, ["Pod shop/other: Live Pod shop/other"]);
}

#[tokio::test]
async fn an_old_pod_of_a_stateful_set_was_not_made_from_its_template() {
    let mut set = of_app(object("apps/v1", "StatefulSet", "db", json!({"template": template()})), "web");
    set["status"] = json!({"updateRevision": "db-2"});
    let member = |n: usize| {
        let mut pod = owned_by(pod(&format!("db-{n}")), "apps/v1", "StatefulSet", "db");
        pod["metadata"]["labels"] = json!({"controller-revision-hash": format!("db-{n}")});
        pod
    };
    assert_eq!(
        shown(&api([set, member(1), member(2)]), &tracked(Some(&["shop"]))).await,
        [
            "apps/StatefulSet shop/db: Live Pod shop/db-1",
            "apps/StatefulSet shop/db: Live Pod shop/db-2 with template",
        ]
    );
}

#[tokio::test]
async fn a_kind_that_may_not_be_listed_is_a_gap_and_the_rest_is_judged() {
    let api = api(deployment("front", "web", 1));
    api.forbid(&["list"], "networking.k8s.io", "networkpolicies", None);
    let (survey, evaluation) = run(&api, &tracked(Some(&["shop"]))).await;
    assert_eq!(findings(&evaluation).len(), 1);
    let gaps = gaps(&evaluation);
    let start = "networking.k8s.io/NetworkPolicy objects in namespace shop: forbidden: 403 Forbidden: ";
    assert!(gaps.len() == 1 && gaps[0].starts_with(start), "{gaps:#?}");
    let policy = GroupKind::new("networking.k8s.io", "NetworkPolicy");
    assert!(!survey.world.sees(&policy, "shop"));
}

#[tokio::test]
async fn an_object_that_cannot_be_decoded_hides_itself_unless_it_is_somebody_elses() {
    let mut objects = deployment("front", "web", 2);
    objects.extend(deployment("other", "api", 1));
    for broken in [3, 6] {
        objects[broken]["spec"]["containers"] = json!("none");
    }
    let broken = |app: &str| object("apps/v1", "DaemonSet", app, json!({"template": 1}));
    objects.extend([of_app(broken("web"), "web"), of_app(broken("api"), "api")]);
    let (_survey, evaluation) = run(&api(objects), &tracked(Some(&["shop"]))).await;
    assert_eq!(findings(&evaluation), ["apps/Deployment shop/front: Live Pod shop/front-1-0 with template"]);
    let gaps = gaps(&evaluation);
    assert_eq!(gaps.len(), 2, "{gaps:#?}");
    assert!(gaps[0].starts_with("Pod shop/front-1-1: undecodable: "), "{gaps:#?}");
    assert!(gaps[1].starts_with("apps/DaemonSet shop/web: undecodable: "), "{gaps:#?}");
}

#[tokio::test]
async fn without_namespaces_only_those_near_the_application_are_kept() {
    let mut objects = deployment("front", "web", 1);
    for namespace in ["shop", "elsewhere"] {
        let mut service = object("v1", "Service", "front", json!({}));
        service["metadata"]["namespace"] = json!(namespace);
        objects.push(service);
    }
    let elsewhere = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}});
    let mut role = object("rbac.authorization.k8s.io/v1", "Role", "reader", json!({}));
    role["metadata"]["namespace"] = json!("elsewhere");
    objects.extend([elsewhere, of_app(role, "web")]);
    let (survey, evaluation) = run(&api(objects), &tracked(None)).await;
    assert!(evaluation.findings.keys().any(|identity| identity.subject.to_string() == "Namespace shop"));
    let names: Vec<_> = survey.world.namespaces.keys().collect();
    assert_eq!(names, ["shop"]);
    assert_eq!(survey.world.services.len(), 1);
    assert_eq!(survey.namespaces, BTreeSet::from(["shop".to_owned()]));
}

#[tokio::test]
async fn an_orphan_where_the_application_is_not_hides_nothing() {
    let mut objects = deployment("front", "web", 1);
    let mut orphan = owned_by(
        object("apps/v1", "ReplicaSet", "left-1", json!({"replicas": 1, "template": template()})),
        "apps/v1",
        "Deployment",
        "left",
    );
    orphan["metadata"]["namespace"] = json!("elsewhere");
    objects.push(orphan);
    let (_survey, evaluation) = run(&api(objects), &tracked(None)).await;
    assert_eq!(gaps(&evaluation), [""; 0]);
}

#[tokio::test]
async fn a_namespace_without_pods_of_the_application_is_not_judged() {
    let mut objects = deployment("front", "web", 1);
    objects.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}}));
    let (_survey, evaluation) = run(&api(objects), &tracked(Some(&["shop", "other"]))).await;
    let subjects: Vec<_> = evaluation.findings.keys().map(|identity| identity.subject.to_string()).collect();
    assert_eq!(subjects, ["Namespace shop", "apps/Deployment shop/front"]);
}

#[tokio::test]
async fn manifests_without_uids_own_by_name() {
    let mut objects = deployment("front", "web", 1);
    for object in &mut objects {
        object["metadata"].as_object_mut().unwrap().remove("uid");
    }
    let scope = Scope { membership: Membership::Everything, ..tracked(None) };
    assert_eq!(
        shown(&api(objects), &scope).await,
        ["apps/Deployment shop/front: Live Pod shop/front-1-0 with template"]
    );
}

fn rbac(kind: &str, name: &str, namespace: Option<&str>, rest: &Value) -> Value {
    let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace}});
    object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    object
}

fn may_read(what: &str) -> Value {
    json!({"rules": [{"apiGroups": [""], "resources": [what], "verbs": ["get"]}]})
}

fn bound(role_kind: &str, role: &str, account: &str) -> Value {
    json!({"roleRef": {"kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": account}]})
}

#[tokio::test]
async fn rbac_that_reaches_the_accounts_or_is_the_applications_is_read_wherever_it_is() {
    let mut objects = deployment("front", "web", 1);
    objects.extend([
        rbac("Role", "far", Some("elsewhere"), &may_read("pods")),
        rbac("RoleBinding", "far", Some("elsewhere"), &bound("Role", "far", "default")),
        rbac("Role", "not-ours", Some("elsewhere"), &may_read("pods")),
        rbac("RoleBinding", "not-ours", Some("elsewhere"), &bound("Role", "not-ours", "somebody")),
        rbac("ClusterRoleBinding", "sum", None, &bound("ClusterRole", "sum", "default")),
        of_app(rbac("ClusterRole", "own", None, &may_read("nodes")), "web"),
        rbac("ClusterRoleBinding", "foreign", None, &bound("ClusterRole", "own", "somebody")),
    ]);
    let selector = |label: &str| json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {label: "true"}}]}});
    objects.push(rbac("ClusterRole", "sum", None, &selector("to-sum")));
    let mut part = rbac("ClusterRole", "part", None, &selector("to-part"));
    part["metadata"]["labels"] = json!({"to-sum": "true"});
    let mut leaf = rbac("ClusterRole", "leaf", None, &may_read("secrets"));
    leaf["metadata"]["labels"] = json!({"to-part": "true"});
    objects.extend([part, leaf, rbac("ClusterRole", "unrelated", None, &may_read("events"))]);
    let shown = shown(&api(objects), &tracked(Some(&["shop"]))).await;
    let roles: BTreeSet<_> = shown
        .iter()
        .filter_map(|line| line.split_once(" through ")?.0.split_once(": "))
        .map(|(subject, role)| {
            (subject.to_owned(), role.trim_start_matches("rbac.authorization.k8s.io/").to_owned())
        })
        .collect();
    let expected = [
        ("ServiceAccount shop/default", "ClusterRole leaf"),
        ("ServiceAccount shop/default", "Role elsewhere/far"),
        ("ServiceAccount shop/somebody", "ClusterRole own"),
    ];
    assert_eq!(roles, expected.map(|(subject, role)| (subject.to_owned(), role.to_owned())).into());
}

#[tokio::test]
async fn roles_aggregated_too_deep_are_a_gap() {
    let mut objects = deployment("front", "web", 1);
    for level in 0..12 {
        let labels = json!({"matchLabels": {format!("to-{level}"): "true"}});
        let rest = json!({"aggregationRule": {"clusterRoleSelectors": [labels]}});
        let mut role = rbac("ClusterRole", &format!("level-{level}"), None, &rest);
        if level > 0 {
            role["metadata"]["labels"] = json!({format!("to-{}", level - 1): "true"});
        }
        objects.push(role);
    }
    objects.push(rbac("ClusterRoleBinding", "all", None, &bound("ClusterRole", "level-0", "default")));
    let (_survey, evaluation) = run(&api(objects), &tracked(Some(&["shop"]))).await;
    let gaps = gaps(&evaluation);
    assert!(gaps.iter().any(|gap| gap.contains("too deep to follow")), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_is_unavailable_ends_the_run() {
    let api = api(deployment("front", "web", 1));
    for resource in ["services", "pods", "clusterroles", "rolebindings"] {
        api.clear_faults();
        let at = Matching { resource: Some(resource.into()), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(at), what: What::Status(503) });
        let cluster = Cluster::new(api.client());
        let scope = tracked(Some(&["shop"]));
        let mut seen = match survey(&cluster, &scope).await {
            Ok(seen) => seen,
            Err(error) => {
                assert_eq!(error.reason(), Reason::Unavailable);
                assert!(error.to_string().contains(resource), "{error}");
                continue;
            }
        };
        let outcome = judge(&cluster, &scope, &mut seen, &[&SPY], &Settings::default()).await;
        assert_eq!(outcome.unwrap_err().reason(), Reason::Unavailable, "{resource}");
    }
}

#[tokio::test]
async fn requests_grow_by_pages_only() {
    for (scope, lists) in [(tracked(Some(&["shop"])), 1), (tracked(None), 2)] {
        let mut counts = Vec::new();
        for pods in [1, 1200] {
            let api = api(deployment("front", "web", pods));
            let (_survey, evaluation) = run(&api, &scope).await;
            assert_eq!(evaluation.counts.pods, pods as u64);
            counts.push(api.requests().len());
        }
        assert_eq!(counts[1] - counts[0], 2 * lists);
    }
}
