//! Waiting on the in-memory API, on virtual time.

use serde_json::{Value, json};

use super::*;
use crate::memory::{Api, Fault, Matching, What, Where};
use crate::scope::{Application, Membership};

fn deployment(ready: u32) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "uid": "d", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready,
            "availableReplicas": ready, "conditions": [
                {"type": "Available", "status": if ready == 1 { "True" } else { "False" }},
                {"type": "Progressing", "status": "True",
                 "reason": if ready == 1 { "NewReplicaSetAvailable" } else { "ReplicaSetUpdated" }}]}})
}

fn replica_set() -> Value {
    json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": "web-a", "namespace": "shop", "uid": "r", "generation": 1,
            "labels": {"app": "web", "pod-template-hash": "a"},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "d",
                "controller": true}]},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web", "pod-template-hash": "a"}},
            "template": {"metadata": {"labels": {"app": "web", "pod-template-hash": "a"}}, "spec": {}}},
        "status": {"observedGeneration": 1, "replicas": 1, "fullyLabeledReplicas": 1, "readyReplicas": 1,
            "availableReplicas": 1}})
}

fn pod(state: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "web-a-1", "namespace": "shop", "uid": "p", "generation": 1,
            "labels": {"app": "web", "pod-template-hash": "a"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-a", "uid": "r",
                "controller": true}]},
        "spec": {"nodeName": "n", "containers": [{"name": "web", "image": "web:1"}]},
        "status": {"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "web", "ready": true, "state": state}]}})
}

fn running() -> Value {
    json!({"running": {}})
}

fn api(objects: &[Value]) -> Api {
    let api = Api::default();
    let shop = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    for object in objects.iter().chain([&shop]) {
        api.seed_value(object).unwrap();
    }
    api
}

async fn settler(api: &Api) -> Result<Settler, ApiError> {
    let shop: BTreeSet<String> = ["shop".to_owned()].into();
    let scope = Scope {
        application: Application::default(),
        membership: Membership::Namespace,
        namespaces: Some(shop.clone()),
        own_job: None,
    };
    let options = Options { quiet: Duration::from_secs(10), timeout: Duration::from_secs(300) };
    Settler::new(&Cluster::new(api.client()), &scope, &shop, options).await
}

async fn outcome(api: &Api) -> Outcome {
    settler(api).await.unwrap().settled(|_| {}).await.unwrap()
}

#[track_caller]
fn seconds(outcome: &Outcome) -> u64 {
    let Outcome::Settled { after } = outcome else { panic!("{outcome:?}") };
    after.as_secs()
}

#[track_caller]
fn why(outcome: &Outcome) -> String {
    let Outcome::Deadline(unsettled) = outcome else { panic!("{outcome:?}") };
    unsettled.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn fault(verb: &str, resource: &str, first: Option<u64>, what: What) -> Fault {
    let matching =
        Matching { verb: Some(verb.into()), resource: Some(resource.into()), first, ..Matching::default() };
    Fault { at: Where::Every(matching), what }
}

fn steps(yaml: &str) -> Vec<crate::memory::Step> {
    serde_saphyr::from_str(yaml).unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_has_rolled_out_settles_after_the_quiet_window() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    assert_eq!(seconds(&outcome(&api).await), 10);
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_proceeds_is_waited_for() {
    let api = api(&[deployment(0), replica_set(), pod(&running())]);
    api.schedule(steps(
        "[{after: 25s, patch: {object: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: web}, \
         merge: {status: {readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, status: \
         'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}}}}]",
    ));
    assert_eq!(seconds(&outcome(&api).await), 35);
}

#[tokio::test(start_paused = true)]
async fn a_changed_label_restarts_the_window() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    api.schedule(steps(
        "[{after: 6s, patch: {object: {apiVersion: v1, kind: Pod, namespace: shop, name: web-a-1}, \
         merge: {metadata: {labels: {mesh: enabled}}}}}]",
    ));
    assert_eq!(seconds(&outcome(&api).await), 16);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_names_what_did_not_settle_and_why() {
    let waiting =
        json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image web:2"}});
    let api = api(&[deployment(0), replica_set(), pod(&waiting)]);
    let why = why(&outcome(&api).await);
    assert!(why.contains("apps/Deployment shop/web"), "{why}");
    assert!(why.contains("ImagePullBackOff"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn dropped_expired_and_silent_watches_survive() {
    for what in [What::DropAfter(0), What::ExpireAfter(0), What::SilentAfter(0)] {
        let api = api(&[deployment(0), replica_set(), pod(&running())]);
        api.add_fault(fault("watch", "deployments", Some(1), what.clone()));
        api.schedule(steps(
            "[{after: 25s, patch: {object: {apiVersion: apps/v1, kind: Deployment, namespace: shop, name: \
             web}, merge: {status: {readyReplicas: 1, availableReplicas: 1, conditions: [{type: Available, \
             status: 'True'}, {type: Progressing, status: 'True', reason: NewReplicaSetAvailable}]}}}}]",
        ));
        let after = seconds(&outcome(&api).await);
        assert!((35..200).contains(&after), "{what:?}: {after}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_watched_has_not_settled() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    api.forbid(&["watch", "list"], "", "pods", None);
    let start = Instant::now();
    let why = why(&outcome(&api).await);
    assert!(why.contains("cannot be watched: forbidden"), "{why}");
    assert!(start.elapsed() < Duration::from_secs(60), "it can never settle, so it does not wait");
}

#[tokio::test(start_paused = true)]
async fn an_api_that_never_answers_is_unavailable() {
    let api = api(&[deployment(1)]);
    api.add_fault(fault("list", "pods", None, What::Status(503)));
    let error = settler(&api).await.unwrap().settled(|_| {}).await.unwrap_err();
    assert_eq!(error.reason(), crate::cluster::Reason::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_relevant_change_disturbs_and_a_heartbeat_does_not() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    let mut settler = settler(&api).await.unwrap();
    assert!(matches!(settler.settled(|_| {}).await.unwrap(), Outcome::Settled { .. }));
    api.schedule(steps(
        "[{after: 5s, patch: {object: {apiVersion: v1, kind: Pod, namespace: shop, name: web-a-1}, merge: \
         {status: {startTime: '2026-01-01T00:00:00Z'}}}}, {after: 50s, patch: {object: {apiVersion: v1, kind: \
         Pod, namespace: shop, name: web-a-1}, merge: {metadata: {labels: {mesh: enabled}}}}}]",
    ));
    let start = Instant::now();
    settler.disturbed().await;
    assert_eq!(start.elapsed().as_secs(), 50);
    assert_eq!(seconds(&settler.settled(|_| {}).await.unwrap()), 70);
}

#[tokio::test(start_paused = true)]
async fn a_webhook_without_endpoints_is_waited_for() {
    let hook = |ca: &str| {
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "mesh"}, "webhooks": [{"name": "w.mesh.example", "rules": [{"operations":
            ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}], "clientConfig":
            {"caBundle": ca, "service": {"namespace": "mesh", "name": "injector", "port": 443}}}]})
    };
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "injector", "namespace":
        "mesh"}, "spec": {"ports": [{"port": 443}]}});
    let objects = [deployment(1), replica_set(), pod(&running()), hook("QQ=="), service];
    let why = why(&outcome(&api(&objects)).await);
    assert!(why.contains("mesh"), "{why}");
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name":
        "injector-1", "namespace": "mesh", "labels": {"kubernetes.io/service-name": "injector"}},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}]});
    let ready = api(&objects);
    ready.seed_value(&slice).unwrap();
    assert!(matches!(outcome(&ready).await, Outcome::Settled { .. }));
}
