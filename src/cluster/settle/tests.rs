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

const LABELLED: &str = "[{after: 5s, patch: {object: {apiVersion: v1, kind: Pod, namespace: shop, name: web-a-1}, \
     merge: {metadata: {labels: {mesh: enabled}}}}}]";

/// A change that no watch tells of is found by the last listing, and the window starts again.
#[tokio::test(start_paused = true)]
async fn a_dead_watch_hides_no_change() {
    for what in [What::SilentAfter(0), What::DropAfter(0), What::ExpireAfter(0)] {
        let api = api(&[deployment(1), replica_set(), pod(&running())]);
        api.add_fault(fault("watch", "pods", None, what.clone()));
        api.schedule(steps(LABELLED));
        let after = seconds(&outcome(&api).await);
        assert!((15..=20).contains(&after), "{what:?}: {after}");
        assert!(api.requests().len() < 150, "{what:?}: {}", api.requests().len());
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_goes_away_for_good_is_unavailable_and_never_settled() {
    for ready in [0, 1] {
        let api = api(&[deployment(ready), replica_set(), pod(&running())]);
        api.schedule(steps("[{after: 3s, addFault: {at: {every: {}}, what: {status: 503}}}]"));
        let start = Instant::now();
        let error = settler(&api).await.unwrap().settled(|_| {}).await.unwrap_err();
        assert_eq!(error.reason(), crate::cluster::Reason::Unavailable);
        assert!(start.elapsed() < Duration::from_secs(180), "{:?}", start.elapsed());
    }
}

/// A list that hangs is no rollout that hangs, however short the time to settle is.
#[tokio::test(start_paused = true)]
async fn an_api_that_hangs_is_unavailable_and_not_unsettled() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    api.add_fault(fault("list", "pods", None, What::Hang));
    let mut settler = settler(&api).await.unwrap();
    settler.options.timeout = Duration::from_secs(20);
    let error = settler.settled(|_| {}).await.unwrap_err();
    assert_eq!(error.reason(), crate::cluster::Reason::Unavailable);
    assert!(error.to_string().starts_with("listing pods in namespace shop: no answer within"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_may_not_be_opened_is_named_with_what_to_grant() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    api.forbid(&["watch"], "apps", "replicasets", None);
    let why = why(&outcome(&api).await);
    assert!(
        why.starts_with("apps/ReplicaSet objects in namespace shop: cannot be watched: forbidden: "),
        "{why}"
    );
    assert!(why.ends_with("grant the verb watch on replicasets.apps in namespace shop"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_decoded_is_named() {
    let mut odd = pod(&running());
    odd["spec"]["containers"] = 5.into();
    let listed = api(&[deployment(1), replica_set(), odd]);
    let named = "Pod shop/web-a-1: cannot be watched: undecodable: invalid type: integer `5`";
    assert!(why(&outcome(&listed).await).starts_with(named));
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    api.schedule(steps(&LABELLED.replace("metadata: {labels: {mesh: enabled}}", "spec: {containers: 5}")));
    assert!(why(&outcome(&api).await).starts_with(named));
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_pods_are_listed_by_pages_and_judged_together() {
    let mut objects = vec![with_replicas(deployment(1), 1200), with_replicas(replica_set(), 1200)];
    for number in 0..1200 {
        let mut pod = pod(&running());
        pod["metadata"]["name"] = format!("web-a-{number}").into();
        pod["metadata"]["uid"] = format!("p{number}").into();
        objects.push(pod);
    }
    let api = api(&objects);
    assert_eq!(seconds(&outcome(&api).await), 10);
    let lists = api.requests().iter().filter(|request| request.query.contains("limit=500")).count();
    assert!(lists < 60, "{lists}");
}

fn with_replicas(mut workload: Value, replicas: i64) -> Value {
    workload["spec"]["replicas"] = replicas.into();
    for counter in
        ["replicas", "updatedReplicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"]
    {
        workload["status"][counter] = replicas.into();
    }
    workload
}

#[tokio::test(start_paused = true)]
async fn a_ca_bundle_that_is_patched_late_is_waited_for() {
    let hook = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "mesh"}, "webhooks": [{"name": "w.mesh.example", "rules": [{"operations": ["CREATE"],
        "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}], "clientConfig": {"service":
        {"namespace": "mesh", "name": "injector"}}}]});
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "injector", "namespace":
        "mesh"}, "spec": {"ports": [{"port": 443}]}});
    let slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name":
        "injector-1", "namespace": "mesh", "labels": {"kubernetes.io/service-name": "injector"}},
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}]});
    let mut patched = hook.clone();
    patched["webhooks"][0]["clientConfig"]["caBundle"] = "QQ==".into();
    let api = api(&[deployment(1), replica_set(), pod(&running()), hook, service, slice]);
    api.schedule(vec![crate::memory::Step {
        after: Duration::from_secs(22),
        action: crate::memory::Action::Apply(patched),
    }]);
    assert_eq!(seconds(&outcome(&api).await), 32);
}

#[tokio::test(start_paused = true)]
async fn pods_of_an_owner_of_any_kind_are_waited_for() {
    let rollout = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop", "uid": "d", "generation": 1},
        "status": {"observedGeneration": "1", "phase": "Progressing", "message": "more replicas"}});
    let mut replicas = replica_set();
    replicas["metadata"]["ownerReferences"][0]["kind"] = "Rollout".into();
    replicas["metadata"]["ownerReferences"][0]["apiVersion"] = "argoproj.io/v1alpha1".into();
    let api = api(&[rollout, replicas, pod(&running())]);
    api.schedule(steps(
        "[{after: 20s, patch: {object: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, namespace: shop, name: \
         web}, merge: {status: {phase: Healthy}}}}]",
    ));
    assert_eq!(seconds(&outcome(&api).await), 30);
}

/// Whatever befalls any single request: it settles after the change, or says why it cannot say so.
#[tokio::test(start_paused = true)]
async fn a_fault_of_any_request_is_survived_or_told() {
    let faults = [
        What::Status(403),
        What::Status(404),
        What::Status(410),
        What::Status(500),
        What::Status(503),
        What::TooManyRequests { retry_after: Some(3) },
        What::Hang,
        What::Reset,
        What::TruncatedBody,
        What::GarbageBody,
        What::DropAfter(0),
        What::DropAfter(1),
        What::ExpireAfter(0),
        What::SilentAfter(0),
    ];
    let objects = [deployment(1), replica_set(), pod(&running())];
    let calm = api(&objects);
    calm.schedule(steps(LABELLED));
    assert_eq!(seconds(&outcome(&calm).await), 15);
    let requests = calm.requests();
    let discovery = requests.iter().position(|request| request.query.contains("limit=")).unwrap();
    for (number, request) in requests.iter().enumerate().skip(discovery) {
        let of_watches =
            |what: &What| matches!(what, What::DropAfter(_) | What::ExpireAfter(_) | What::SilentAfter(_));
        for what in faults.iter().filter(|what| request.verb == "watch" || !of_watches(what)) {
            let api = api(&objects);
            api.add_fault(Fault { at: Where::Nth(number), what: what.clone() });
            api.schedule(steps(LABELLED));
            let start = Instant::now();
            match outcome(&api).await {
                Outcome::Settled { after } => {
                    assert!((15..=90).contains(&after.as_secs()), "{number} {what:?}: {after:?}");
                }
                Outcome::Deadline(unsettled) => {
                    let refused = matches!(what, What::Status(403 | 404));
                    assert!(refused, "{number} {what:?}: {unsettled:?}");
                }
            }
            assert!(start.elapsed() < Duration::from_secs(100), "{number} {what:?}: {:?}", start.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_that_goes_away_disturbs() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    let mut settler = settler(&api).await.unwrap();
    assert!(matches!(settler.settled(|_| {}).await.unwrap(), Outcome::Settled { .. }));
    api.add_fault(Fault { at: Where::Every(Matching::default()), what: What::Reset });
    settler.disturbed().await;
    assert_eq!(settler.settled(|_| {}).await.unwrap_err().reason(), crate::cluster::Reason::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_never_rests_is_named_at_the_deadline() {
    let api = api(&[deployment(1), replica_set(), pod(&running())]);
    let step = |second: u64| {
        let mut labelled = pod(&running());
        labelled["metadata"]["labels"]["turn"] = second.to_string().into();
        let after = Duration::from_secs(second);
        crate::memory::Step { after, action: crate::memory::Action::Apply(labelled) }
    };
    api.schedule((1..100).map(|turn| step(turn * 4)).collect());
    assert_eq!(why(&outcome(&api).await), "apps/Deployment shop/web: it kept changing: never quiet for 10s");
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
