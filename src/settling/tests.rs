//! A small cluster to tell the state machine about, and what holds for any event.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::finding::{GapReason, GapScope};
use crate::rollout::Maker;

mod admission;
mod laws;
mod pods;

/// The quiet window of these tests.
const QUIET: Millis = 10_000;

/// A cluster whose watches all say what they see at once.
struct Cluster {
    settling: Settling,
}

impl Cluster {
    /// One watch of everything, which has listed nothing.
    fn new() -> Self {
        let mut settling = Settling::new(QUIET);
        settling.open(
            0,
            Watched { kind: GroupKind::new("", "Pod"), namespace: "shop".into() },
            Importance::Bears,
        );
        settling.apply(0, 0, Event::Listing);
        settling.apply(0, 0, Event::Listed);
        Self { settling }
    }

    /// A Deployment that has rolled out, at time 0.
    fn with_web() -> Self {
        let mut cluster = Self::new();
        for object in [deployment(2), replica_set("a", 1), pod("web-1", "a"), pod("web-2", "a")] {
            cluster.apply(0, &object);
        }
        cluster
    }

    fn apply(&mut self, now: Millis, object: &Value) {
        self.settling.apply(now, 0, applied(object));
    }

    fn delete(&mut self, now: Millis, object: &Value) {
        self.settling.apply(now, 0, Event::Deleted(Box::new(seen(object))));
    }

    #[track_caller]
    fn settles(&mut self, now: Millis) {
        assert_eq!(self.settling.state(now), State::Settled);
    }

    #[track_caller]
    fn quiet_since(&mut self, since: Millis) {
        assert_eq!(self.settling.state(since), State::Quiet { since });
        assert_eq!(self.settling.state(since + QUIET - 1), State::Quiet { since });
        assert_eq!(self.settling.state(since + QUIET), State::Settled);
    }

    #[track_caller]
    fn waits(&mut self, expected: &[&str]) {
        let State::Waiting(unsettled) = self.settling.state(1_000_000) else {
            panic!("nothing is waited for")
        };
        let unsettled: Vec<String> = unsettled.iter().map(ToString::to_string).collect();
        assert_eq!(unsettled, expected);
    }
}

fn applied(object: &Value) -> Event {
    let owned = object["metadata"]["labels"]["instance"] == "shop";
    Event::Applied { owned, seen: Box::new(seen(object)) }
}

fn seen(object: &Value) -> Seen {
    fn of<T: DeserializeOwned>(object: &Value) -> T {
        serde_json::from_value(object.clone()).unwrap()
    }
    match object["kind"].as_str().unwrap() {
        "Pod" => Seen::Pod(of(object)),
        "Deployment" => Seen::Maker(Maker::Deployment, of(object)),
        "ReplicaSet" => Seen::Maker(Maker::ReplicaSet, of(object)),
        "StatefulSet" => Seen::Maker(Maker::StatefulSet, of(object)),
        "DaemonSet" => Seen::Maker(Maker::DaemonSet, of(object)),
        "Job" => Seen::Maker(Maker::Job, of(object)),
        "CronJob" => Seen::Maker(Maker::CronJob, of(object)),
        "ControllerRevision" => Seen::Revision(of(object)),
        "Namespace" => Seen::Namespace(of(object)),
        "MutatingWebhookConfiguration" => Seen::Webhooks(of(object)),
        "MutatingAdmissionPolicy" => Seen::Policy(of(object)),
        "MutatingAdmissionPolicyBinding" => Seen::Binding(of(object)),
        "Service" => Seen::Service(of(object)),
        "EndpointSlice" => Seen::Endpoints(of(object)),
        kind => Seen::Custom(GroupKind::new("example.com", kind), of(object)),
    }
}

/// An object of the namespace, with its kind and name as its uid.
fn object(kind: &str, name: &str, owner: Option<&str>) -> Value {
    let mut object = json!({
        "kind": kind,
        "metadata": { "namespace": "shop", "name": name, "uid": format!("{kind}/{name}"), "generation": 1 },
        "status": { "observedGeneration": 1 },
    });
    match owner {
        Some(uid) => {
            let (kind, name) = uid.split_once('/').unwrap();
            object["metadata"]["ownerReferences"] =
                json!([{ "apiVersion": "v1", "kind": kind, "name": name, "uid": uid, "controller": true }]);
        }
        None => object["metadata"]["labels"] = json!({ "instance": "shop" }),
    }
    object
}

fn with(mut object: Value, path: &str, value: Value) -> Value {
    let mut at = &mut object;
    for field in path.split('.') {
        at = &mut at[field];
    }
    *at = value;
    object
}

/// A Deployment with all its counters where they should be.
fn deployment(replicas: i64) -> Value {
    let mut object = object("Deployment", "web", None);
    object["spec"] =
        json!({ "replicas": replicas, "template": { "metadata": { "labels": { "app": "web" } } } });
    for counter in ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"] {
        object["status"][counter] = replicas.into();
    }
    object
}

fn replica_set(hash: &str, revision: i64) -> Value {
    let mut object = object("ReplicaSet", &format!("web-{hash}"), Some("Deployment/web"));
    object["metadata"]["labels"] = json!({ "app": "web", "pod-template-hash": hash });
    object["metadata"]["annotations"] = json!({ "deployment.kubernetes.io/revision": revision.to_string() });
    object
}

/// A running Pod of a ReplicaSet.
fn pod(name: &str, hash: &str) -> Value {
    let mut object = object("Pod", name, Some(&format!("ReplicaSet/web-{hash}")));
    object["metadata"]["labels"] = json!({ "app": "web", "pod-template-hash": hash });
    object["spec"] = json!({ "nodeName": "n1", "containers": [{ "name": "app", "image": "app:1" }] });
    object["status"] = json!({ "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] });
    object
}

#[test]
fn nothing_has_settled_before_every_watch_has_listed() {
    let mut settling = Settling::new(QUIET);
    let watched = Watched { kind: GroupKind::new("apps", "Deployment"), namespace: "shop".into() };
    settling.open(3, watched.clone(), Importance::Bears);
    let incomplete = Unsettled { object: Subject::Kind(watched), why: "the list is not complete yet".into() };
    assert_eq!(settling.state(60_000), State::Waiting(vec![incomplete.clone()]));
    settling.apply(60_000, 3, Event::Listing);
    settling.apply(61_000, 3, applied(&deployment(0)));
    assert_eq!(settling.state(62_000), State::Waiting(vec![incomplete]));
    settling.apply(63_000, 3, Event::Listed);
    assert_eq!(settling.state(63_000), State::Quiet { since: 63_000 });
    assert_eq!(settling.state(73_000), State::Settled);
}

#[test]
fn a_second_listing_that_brings_nothing_new_changes_nothing() {
    let mut cluster = Cluster::with_web();
    cluster.settling.apply(12_000, 0, Event::Listing);
    cluster.waits(&["Pod objects in namespace shop: the list is not complete yet"]);
    for object in [pod("web-2", "a"), pod("web-1", "a"), deployment(2), replica_set("a", 1)] {
        cluster.apply(12_000, &object);
    }
    cluster.settling.apply(12_001, 0, Event::Listed);
    cluster.settles(12_001);
}

#[test]
fn what_a_second_listing_leaves_out_has_gone() {
    let mut cluster = Cluster::with_web();
    cluster.settling.apply(12_000, 0, Event::Listing);
    for object in [pod("web-2", "a"), deployment(2), replica_set("a", 1)] {
        cluster.apply(12_000, &object);
    }
    cluster.settling.apply(12_001, 0, Event::Listed);
    cluster.waits(&["apps/Deployment shop/web: 1 Pods exist where 2 are wanted"]);
}

#[test]
fn a_kind_that_cannot_be_watched_is_a_gap_and_not_waited_for() {
    let mut cluster = Cluster::with_web();
    let watched = Watched { kind: GroupKind::new("apps", "ControllerRevision"), namespace: "shop".into() };
    cluster.settling.open(1, watched.clone(), Importance::Bears);
    let gap = Gap { scope: watched.gap_scope(), reason: GapReason::Forbidden, detail: "no".into() };
    cluster.settling.apply(0, 1, Event::Hidden(gap.clone()));
    cluster.settles(QUIET);
    assert_eq!(cluster.settling.gaps(), BTreeSet::from([gap]));
}

#[test]
fn pods_that_cannot_be_seen_are_not_counted() {
    let mut cluster = Cluster::new();
    let scope = GapScope::Kind(GroupKind::new("", "Pod"), "shop".into());
    cluster.apply(0, &deployment(2));
    cluster.apply(0, &replica_set("a", 1));
    cluster.waits(&["apps/Deployment shop/web: 0 Pods exist where 2 are wanted"]);
    let gap = Gap { scope, reason: GapReason::Forbidden, detail: String::new() };
    cluster.settling.apply(0, 0, Event::Hidden(gap));
    cluster.settles(QUIET);
}

#[test]
fn the_last_change_is_named() {
    let mut cluster = Cluster::with_web();
    cluster.apply(7_000, &with(pod("web-1", "a"), "metadata.labels.role", "leader".into()));
    let (at, object) = cluster.settling.last_change();
    assert_eq!((at, object.unwrap().to_string()), (7_000, "apps/Deployment shop/web".to_owned()));
}

#[test]
fn notes_tell_what_is_unusual() {
    let mut cluster = Cluster::with_web();
    cluster.apply(0, &with(deployment(2), "spec.paused", true.into()));
    cluster.settles(QUIET);
    let notes: Vec<_> = cluster.settling.notes().iter().map(ToString::to_string).collect();
    let paused = "its rollout is paused, so Pods of an older template may stay";
    assert_eq!(notes, [format!("apps/Deployment shop/web: {paused}")]);
}

#[test]
fn a_kind_that_may_make_pods_is_a_gap_only_once_something_names_it_as_owner() {
    let mut cluster = Cluster::with_web();
    let watched = Watched { kind: GroupKind::new("example.com", "Shard"), namespace: "shop".into() };
    cluster.settling.open(1, watched.clone(), Importance::May);
    let gap = Gap { scope: watched.gap_scope(), reason: GapReason::Forbidden, detail: "no".into() };
    cluster.settling.apply(0, 1, Event::Hidden(gap.clone()));
    cluster.settles(QUIET);
    assert!(cluster.settling.gaps().is_empty());
    let notes: Vec<_> = cluster.settling.notes().iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["example.com/Shard objects in namespace shop: not waited for: forbidden: no"]);
    let mut pod = pod("db-1", "a");
    pod["metadata"]["ownerReferences"][0] =
        json!({ "apiVersion": "example.com/v1", "kind": "Shard", "uid": "x" });
    cluster.apply(QUIET, &pod);
    assert_eq!(cluster.settling.gaps(), BTreeSet::from([gap]));
}

#[test]
fn what_can_be_watched_again_is_no_gap_any_more() {
    let mut cluster = Cluster::with_web();
    let scope = GapScope::Kind(GroupKind::new("", "Pod"), "shop".into());
    let gap = Gap { scope, reason: GapReason::Forbidden, detail: String::new() };
    cluster.settling.apply(0, 0, Event::Hidden(gap));
    cluster.settling.apply(1_000, 0, Event::Listing);
    for object in [deployment(2), replica_set("a", 1), pod("web-1", "a")] {
        cluster.apply(1_000, &object);
    }
    cluster.settling.apply(1_000, 0, Event::Listed);
    assert!(cluster.settling.gaps().is_empty());
    cluster.waits(&["apps/Deployment shop/web: 1 Pods exist where 2 are wanted"]);
}
