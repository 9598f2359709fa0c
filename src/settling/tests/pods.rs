//! Workloads and their Pods.

use super::*;

/// The window starts again at that time.
#[track_caller]
fn restarts(change: impl FnOnce(&mut Cluster)) {
    let mut cluster = Cluster::with_web();
    change(&mut cluster);
    cluster.quiet_since(7_000);
}

/// The window goes on.
#[track_caller]
fn is_ignored(change: impl FnOnce(&mut Cluster)) {
    let mut cluster = Cluster::with_web();
    change(&mut cluster);
    cluster.quiet_since(0);
}

#[test]
fn a_rolled_out_deployment_settles_after_the_window() {
    Cluster::with_web().quiet_since(0);
}

#[test]
fn changes_of_a_pod_that_matter_restart_the_window() {
    let labelled = with(pod("web-1", "a"), "metadata.labels.role", "leader".into());
    restarts(|cluster| cluster.apply(7_000, &labelled));
    let resized = with(pod("web-1", "a"), "metadata.generation", 2.into());
    restarts(|cluster| cluster.apply(7_000, &resized));
    let debugged =
        with(pod("web-1", "a"), "spec.ephemeralContainers", json!([{ "name": "dbg", "image": "sh" }]));
    restarts(|cluster| cluster.apply(7_000, &debugged));
    let other = with(pod("web-1", "a"), "spec.containers", json!([{ "name": "app", "image": "app:2" }]));
    restarts(|cluster| cluster.apply(7_000, &other));
    restarts(|cluster| {
        cluster.delete(7_000, &pod("web-1", "a"));
        cluster.apply(7_000, &pod("web-3", "a"));
    });
}

#[test]
fn a_change_that_is_taken_back_restarts_the_window_too() {
    restarts(|cluster| {
        cluster.apply(6_000, &with(pod("web-1", "a"), "metadata.labels.role", "leader".into()));
        cluster.apply(7_000, &pod("web-1", "a"));
    });
}

#[test]
fn heartbeats_versions_and_annotations_are_ignored() {
    is_ignored(|cluster| {
        cluster.apply(7_000, &with(pod("web-1", "a"), "metadata.resourceVersion", "9".into()));
        cluster.apply(7_001, &with(pod("web-1", "a"), "metadata.annotations.leader", "me".into()));
        let beat =
            json!([{ "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z" }]);
        cluster.apply(7_002, &with(pod("web-1", "a"), "status.conditions", beat));
        let beat = json!([{ "type": "Available", "status": "True", "message": "still" }]);
        cluster.apply(7_003, &with(deployment(2), "status.conditions", beat));
    });
}

#[test]
fn what_belongs_to_others_is_ignored() {
    is_ignored(|cluster| {
        let mut other = pod("api-1", "z");
        other["status"]["phase"] = "Pending".into();
        cluster.apply(7_000, &other);
        let mut other = with(deployment(5), "metadata.labels", json!({}));
        other["metadata"]["uid"] = "Deployment/api".into();
        other["metadata"]["name"] = "api".into();
        cluster.apply(7_000, &other);
    });
}

#[test]
fn an_unready_moment_restarts_the_window() {
    let mut cluster = Cluster::with_web();
    cluster.apply(5_000, &with(deployment(2), "status.readyReplicas", 1.into()));
    cluster.waits(&["apps/Deployment shop/web: 1 of 2 replicas are ready"]);
    cluster.apply(7_000, &deployment(2));
    cluster.quiet_since(7_000);
}

#[test]
fn a_deployment_waits_for_pods_of_its_newest_replica_set_alone() {
    let mut cluster = Cluster::with_web();
    cluster.apply(1_000, &replica_set("b", 2));
    cluster.waits(&["apps/Deployment shop/web: 2 Pods are of an older template, for instance web-1"]);
    cluster.apply(2_000, &pod("web-3", "b"));
    cluster.delete(2_000, &pod("web-1", "a"));
    cluster.waits(&["apps/Deployment shop/web: Pod web-2 is of an older template"]);
    cluster.apply(3_000, &pod("web-4", "b"));
    let leaving = with(pod("web-2", "a"), "metadata.deletionTimestamp", "2026-01-01T00:00:00Z".into());
    cluster.apply(3_000, &leaving);
    cluster.waits(&["apps/Deployment shop/web: Pod web-2 is still terminating"]);
    cluster.delete(4_000, &leaving);
    cluster.quiet_since(4_000);
}

#[test]
fn the_number_of_pods_has_to_be_right() {
    let mut cluster = Cluster::with_web();
    cluster.apply(1_000, &pod("web-3", "a"));
    cluster.waits(&["apps/Deployment shop/web: 3 Pods exist where 2 are wanted"]);
    let evicted = with(pod("web-3", "a"), "status.phase", "Failed".into());
    cluster.apply(7_000, &evicted);
    cluster.quiet_since(7_000);
}

#[test]
fn a_pod_without_a_node_is_waited_for_unless_it_fits_nowhere() {
    let mut cluster = Cluster::with_web();
    let pending = with(pod("web-1", "a"), "spec.nodeName", Value::Null);
    cluster.apply(1_000, &pending);
    cluster.waits(&["apps/Deployment shop/web: Pod web-1 has no node yet"]);
    let nowhere =
        json!([{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "cpu" }]);
    cluster.apply(2_000, &with(pending, "status.conditions", nowhere));
    cluster.quiet_since(2_000);
    cluster.apply(30_000, &with(deployment(2), "status.readyReplicas", 1.into()));
    cluster.waits(&["apps/Deployment shop/web: 1 of 2 replicas are ready; Pod web-1: Unschedulable: cpu"]);
}

#[test]
fn a_stuck_pod_is_named_with_its_container() {
    let mut cluster = Cluster::with_web();
    cluster.apply(1_000, &with(deployment(2), "status.updatedReplicas", 1.into()));
    let stuck = json!([{ "name": "app", "state": { "waiting": { "reason": "ErrImagePull", "message": "no such tag" } } }]);
    cluster.apply(1_000, &with(pod("web-2", "a"), "status.containerStatuses", stuck));
    cluster.waits(&["apps/Deployment shop/web: 1 of 2 replicas are updated; \
         Pod web-2: container app: ErrImagePull: no such tag"]);
}

#[test]
fn a_paused_deployment_keeps_old_pods() {
    let mut cluster = Cluster::with_web();
    cluster.apply(7_000, &replica_set("b", 2));
    cluster.apply(7_000, &with(deployment(2), "spec.paused", true.into()));
    cluster.quiet_since(7_000);
}

fn stateful_set(update_revision: &str) -> Value {
    let mut object = object("StatefulSet", "db", None);
    object["spec"] = json!({ "replicas": 2 });
    object["status"] = json!({
        "observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2,
        "currentRevision": update_revision, "updateRevision": update_revision,
    });
    object
}

fn revisioned(name: &str, owner: &str, hash: &str) -> Value {
    let mut pod = pod(name, "a");
    pod["metadata"]["labels"] = json!({ "controller-revision-hash": hash });
    pod["metadata"]["ownerReferences"][0]["uid"] = owner.into();
    pod
}

#[test]
fn a_stateful_set_waits_for_pods_of_its_update_revision() {
    let mut cluster = Cluster::new();
    for object in [stateful_set("db-2"), revisioned("db-0", "StatefulSet/db", "db-1")] {
        cluster.apply(0, &object);
    }
    cluster.apply(0, &revisioned("db-1", "StatefulSet/db", "db-2"));
    cluster.waits(&["apps/StatefulSet shop/db: Pod db-0 is of an older template"]);
    cluster.apply(7_000, &with(stateful_set("db-2"), "spec.updateStrategy", json!({ "type": "OnDelete" })));
    cluster.quiet_since(7_000);
}

#[test]
fn pods_below_the_partition_may_be_old() {
    let mut cluster = Cluster::new();
    let strategy = json!({ "rollingUpdate": { "partition": 1 } });
    cluster.apply(0, &with(stateful_set("db-2"), "spec.updateStrategy", strategy));
    cluster.apply(0, &revisioned("db-0", "StatefulSet/db", "db-1"));
    cluster.apply(0, &revisioned("db-1", "StatefulSet/db", "db-1"));
    cluster.waits(&["apps/StatefulSet shop/db: Pod db-1 is of an older template"]);
    cluster.apply(7_000, &revisioned("db-1", "StatefulSet/db", "db-2"));
    cluster.quiet_since(7_000);
}

#[test]
fn a_daemon_set_waits_for_pods_of_its_newest_revision() {
    let mut cluster = Cluster::new();
    let mut daemons = object("DaemonSet", "log", None);
    daemons["status"] = json!({
        "observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1,
        "updatedNumberScheduled": 1, "numberReady": 1, "numberAvailable": 1,
    });
    cluster.apply(0, &daemons);
    cluster.apply(0, &revisioned("log-x", "DaemonSet/log", "h1"));
    cluster.waits(&["apps/DaemonSet shop/log: its newest ControllerRevision is not there yet"]);
    let revision = |number: i64, hash: &str| {
        let mut revision = object("ControllerRevision", hash, Some("DaemonSet/log"));
        revision["metadata"]["labels"] = json!({ "controller-revision-hash": hash });
        with(revision, "revision", number.into())
    };
    cluster.apply(0, &revision(1, "h1"));
    cluster.apply(0, &revision(2, "h2"));
    cluster.waits(&["apps/DaemonSet shop/log: Pod log-x is of an older template"]);
    cluster.delete(7_000, &revisioned("log-x", "DaemonSet/log", "h1"));
    cluster.apply(7_000, &revisioned("log-y", "DaemonSet/log", "h2"));
    cluster.quiet_since(7_000);
    cluster.apply(30_000, &revisioned("log-on-a-tainted-node", "DaemonSet/log", "h2"));
    cluster.quiet_since(30_000);
}

#[test]
fn a_pod_that_nobody_looks_after_has_to_be_ready() {
    let mut cluster = Cluster::new();
    let mut bare = pod("tool", "a");
    bare["metadata"]["ownerReferences"] = Value::Null;
    bare["metadata"]["labels"] = json!({ "instance": "shop" });
    cluster.apply(0, &with(bare.clone(), "status.conditions", json!([])));
    cluster.waits(&["Pod shop/tool: is not ready"]);
    cluster.apply(7_000, &bare);
    cluster.quiet_since(7_000);
    cluster.apply(30_000, &with(bare, "status.phase", "Succeeded".into()));
    cluster.quiet_since(30_000);
}

#[test]
fn a_failed_job_and_its_record_are_not_waited_for() {
    let mut cluster = Cluster::with_web();
    cluster.apply(0, &object("CronJob", "nightly", None));
    let mut job = object("Job", "nightly-1", Some("CronJob/nightly"));
    job["status"] = json!({ "conditions": [{ "type": "Failed", "status": "True" }] });
    cluster.apply(5_000, &job);
    let mut pod = pod("nightly-1-x", "a");
    pod["metadata"]["ownerReferences"][0]["uid"] = "Job/nightly-1".into();
    pod["status"]["phase"] = "Failed".into();
    cluster.apply(6_000, &pod);
    cluster.delete(7_000, &pod);
    cluster.delete(8_000, &job);
    cluster.quiet_since(0);
}

#[test]
fn a_new_run_of_a_cron_job_restarts_the_window() {
    let mut cluster = Cluster::new();
    cluster.apply(0, &object("CronJob", "nightly", None));
    let mut job = object("Job", "nightly-1", Some("CronJob/nightly"));
    cluster.apply(5_000, &job);
    cluster.waits(&["batch/Job shop/nightly-1: its controller has not started it yet"]);
    job["status"] = json!({ "startTime": "2026-01-01T00:00:00Z", "active": 1 });
    cluster.apply(7_000, &job);
    cluster.quiet_since(7_000);
}

#[test]
fn pods_belong_through_owners_of_any_kind_in_any_order() {
    let mut cluster = Cluster::new();
    let mut pod = pod("db-1", "a");
    pod["spec"]["nodeName"] = Value::Null;
    pod["metadata"]["ownerReferences"] = json!([
        { "apiVersion": "example.com/v1", "kind": "Shard", "name": "s", "uid": "Shard/s", "controller": true },
    ]);
    cluster.apply(1_000, &pod);
    cluster.apply(2_000, &object("Shard", "s", Some("Cluster/main")));
    cluster.settles(50_000);
    let wanted = (GroupKind::new("example.com", "Shard"), "shop".to_owned());
    assert!(cluster.settling.owner_kinds().contains(&wanted));
    cluster.apply(60_000, &object("Cluster", "main", None));
    cluster.waits(&["example.com/Shard shop/s: Pod db-1 has no node yet"]);
    pod["spec"]["nodeName"] = "n".into();
    cluster.apply(70_000, &pod);
    cluster.quiet_since(70_000);
}

#[test]
fn owners_that_loop_have_no_root() {
    let mut cluster = Cluster::new();
    cluster.apply(0, &object("A", "a", Some("B/b")));
    cluster.apply(0, &object("B", "b", Some("A/a")));
    cluster.quiet_since(0);
}

#[test]
fn a_custom_resource_that_is_not_ready_is_waited_for() {
    let mut cluster = Cluster::new();
    let mut root = object("Cluster", "main", None);
    root["status"]["conditions"] = json!([{ "type": "Ready", "status": "False", "message": "no quorum" }]);
    cluster.apply(0, &root);
    cluster.waits(&["example.com/Cluster shop/main: is not ready: no quorum"]);
    root["status"]["conditions"][0]["status"] = "True".into();
    cluster.apply(7_000, &root);
    cluster.quiet_since(7_000);
    root["metadata"]["generation"] = 2.into();
    root["status"]["observedGeneration"] = 2.into();
    cluster.apply(30_000, &root);
    cluster.quiet_since(30_000);
}

#[test]
fn an_object_that_leaves_the_application_is_no_longer_waited_for() {
    let mut cluster = Cluster::with_web();
    cluster.apply(1_000, &with(deployment(2), "status.readyReplicas", 1.into()));
    cluster.apply(7_000, &with(deployment(2), "metadata.labels", json!({})));
    cluster.quiet_since(7_000);
}
