//! Each rule of each built-in kind.

use crate::model::workload::Workload;
use crate::rollout::{Maker, Rollout};

#[track_caller]
fn check(maker: Maker, object: &str, expected: &Rollout) {
    let workload: Workload = serde_json::from_str(object).unwrap();
    assert_eq!(&Rollout::of_workload(maker, &workload), expected);
}

#[track_caller]
fn done(maker: Maker, object: &str) {
    check(maker, object, &Rollout::DONE);
}

#[track_caller]
fn noted(maker: Maker, object: &str, note: &str) {
    check(maker, object, &Rollout::Done(Some(note.into())));
}

#[track_caller]
fn waits(maker: Maker, object: &str, why: &str) {
    check(maker, object, &Rollout::Waiting(why.into()));
}

#[track_caller]
fn fails(maker: Maker, object: &str, why: &str) {
    check(maker, object, &Rollout::Failed(why.into()));
}

/// A Deployment of three with these status fields.
fn deployment(status: &str) -> String {
    format!(
        r#"{{"metadata":{{"generation":2}},"spec":{{"replicas":3}},
        "status":{{"observedGeneration":2,{status}}}}}"#
    )
}

const AVAILABLE: &str = r#""conditions":[
    {"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"},
    {"type":"Available","status":"True"}]"#;

#[test]
fn every_kind_waits_for_its_controller_to_see_the_newest_generation() {
    for maker in Maker::ALL {
        let stale = r#"{"metadata":{"generation":2},"status":{"observedGeneration":1}}"#;
        waits(maker, stale, "its controller has acted on generation 1, the newest is 2");
        let deleted = r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}}"#;
        waits(maker, deleted, "is being deleted");
    }
    for maker in Maker::ALL {
        if !matches!(maker, Maker::Job | Maker::CronJob) {
            waits(maker, r#"{"metadata":{"generation":1}}"#, "its controller has not seen it yet");
        }
    }
}

#[test]
fn a_complete_deployment_is_done() {
    let counters = r#""replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":3"#;
    done(Maker::Deployment, &deployment(&format!("{counters},{AVAILABLE}")));
    done(Maker::Deployment, &deployment(&format!(r#"{counters},"terminatingReplicas":0,{AVAILABLE}"#)));
    done(Maker::Deployment, &deployment(counters));
}

#[test]
fn each_counter_of_a_deployment_counts() {
    let cases = [
        (r#""replicas":3,"updatedReplicas":2"#, "2 of 3 replicas are updated"),
        (r#""replicas":5,"updatedReplicas":3"#, "2 replicas are of an older template"),
        (r#""replicas":4,"updatedReplicas":4"#, "1 replica is more than wanted"),
        (r#""replicas":3,"updatedReplicas":3,"readyReplicas":1"#, "1 of 3 replicas are ready"),
        (
            r#""replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":2"#,
            "2 of 3 replicas are available",
        ),
        (
            r#""replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":3,"terminatingReplicas":2"#,
            "2 Pods are still terminating",
        ),
        ("\"replicas\":null", "0 of 3 replicas are updated"),
    ];
    for (status, why) in cases {
        waits(Maker::Deployment, &deployment(status), why);
    }
}

#[test]
fn conditions_of_a_deployment_count_beside_its_counters() {
    let counters = r#""replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":3"#;
    let with = |conditions: &str| deployment(&format!(r#"{counters},"conditions":[{conditions}]"#));
    waits(
        Maker::Deployment,
        &with(r#"{"type":"Progressing","status":"True","reason":"ReplicaSetUpdated","message":"busy"}"#),
        "ReplicaSetUpdated: busy",
    );
    waits(
        Maker::Deployment,
        &with(r#"{"type":"Available","status":"False","reason":"MinimumReplicasUnavailable"}"#),
        "MinimumReplicasUnavailable",
    );
}

#[test]
fn a_deployment_past_its_progress_deadline_has_failed() {
    let status = r#""replicas":3,"updatedReplicas":1,"conditions":[
        {"type":"Progressing","status":"False","reason":"ProgressDeadlineExceeded","message":"timed out"}]"#;
    fails(Maker::Deployment, &deployment(status), "ProgressDeadlineExceeded: timed out");
}

#[test]
fn refused_pods_are_told_in_the_words_of_whoever_refused_them() {
    let refused = r#""conditions":[{"type":"ReplicaFailure","status":"True","reason":"FailedCreate",
        "message":"admission webhook \"deny.example.com\" denied the request: no"}]"#;
    let why = "FailedCreate: admission webhook \"deny.example.com\" denied the request: no";
    fails(Maker::Deployment, &deployment(refused), why);
    fails(Maker::ReplicaSet, &deployment(refused), why);
    fails(Maker::ReplicationController, &deployment(refused), why);
}

#[test]
fn a_paused_deployment_is_done_with_a_note() {
    noted(
        Maker::Deployment,
        r#"{"metadata":{"generation":2},"spec":{"paused":true},"status":{"observedGeneration":2,"replicas":1}}"#,
        "its rollout is paused, so Pods of an older template may stay",
    );
    waits(
        Maker::Deployment,
        r#"{"metadata":{"generation":2},"spec":{"paused":true},"status":{"observedGeneration":1}}"#,
        "its controller has acted on generation 1, the newest is 2",
    );
}

#[test]
fn workloads_scaled_to_zero_are_done() {
    let zero = r#"{"metadata":{"generation":1},"spec":{"replicas":0},"status":{"observedGeneration":1,
        "currentRevision":"a","updateRevision":"a"}}"#;
    for maker in [Maker::Deployment, Maker::ReplicaSet, Maker::ReplicationController, Maker::StatefulSet] {
        done(maker, zero);
    }
}

#[test]
fn each_counter_of_a_replica_set_counts() {
    let all = r#""replicas":3,"fullyLabeledReplicas":3,"readyReplicas":3,"availableReplicas":3"#;
    done(Maker::ReplicaSet, &deployment(all));
    let cases = [
        (r#""replicas":3"#.to_owned(), "0 of 3 replicas are labelled like the template"),
        (r#""fullyLabeledReplicas":3"#.to_owned(), "0 of 3 replicas are ready"),
        (r#""fullyLabeledReplicas":3,"readyReplicas":3"#.to_owned(), "0 of 3 replicas are available"),
        (all.replace(r#""replicas":3"#, r#""replicas":4"#), "1 replica is more than wanted"),
        (format!(r#"{all},"terminatingReplicas":1"#), "1 Pod is still terminating"),
    ];
    for (status, why) in cases {
        waits(Maker::ReplicaSet, &deployment(&status), why);
    }
}

fn stateful_set(strategy: &str, status: &str) -> String {
    format!(
        r#"{{"metadata":{{"generation":2}},"spec":{{"replicas":3,"updateStrategy":{strategy}}},
        "status":{{"observedGeneration":2,{status}}}}}"#
    )
}

#[test]
fn a_stateful_set_is_done_when_its_newest_revision_is_its_current_one() {
    let at = |current: &str, rest: &str| {
        stateful_set(
            "null",
            &format!(
                r#""replicas":3,"readyReplicas":3,"currentRevision":"{current}","updateRevision":"b",{rest}"#
            ),
        )
    };
    done(Maker::StatefulSet, &at("b", r#""currentReplicas":3"#));
    waits(
        Maker::StatefulSet,
        &at("a", r#""updatedReplicas":1"#),
        "1 of 3 replicas are at its newest revision b",
    );
    waits(
        Maker::StatefulSet,
        &at("b", r#""currentReplicas":2"#),
        "2 of 3 replicas are at its current revision",
    );
    waits(
        Maker::StatefulSet,
        &at("b", r#""currentReplicas":3,"availableReplicas":2"#),
        "2 of 3 replicas are available",
    );
}

#[test]
fn a_stateful_set_has_exactly_the_wanted_replicas() {
    waits(Maker::StatefulSet, &stateful_set("{}", r#""replicas":2"#), "2 of 3 replicas are created");
    waits(Maker::StatefulSet, &stateful_set("{}", r#""replicas":4"#), "1 replica is more than wanted");
    waits(Maker::StatefulSet, &stateful_set("{}", r#""replicas":3"#), "0 of 3 replicas are ready");
}

#[test]
fn a_partition_leaves_old_pods_on_purpose() {
    let rolling = r#"{"rollingUpdate":{"partition":2}}"#;
    let status = r#""replicas":3,"readyReplicas":3,"currentRevision":"a","updateRevision":"b""#;
    waits(Maker::StatefulSet, &stateful_set(rolling, status), "0 of 1 replicas are updated");
    noted(
        Maker::StatefulSet,
        &stateful_set(rolling, &format!(r#"{status},"updatedReplicas":1"#)),
        "Pods with an ordinal below 2 keep their template (partition)",
    );
    let beyond = r#"{"rollingUpdate":{"partition":7}}"#;
    noted(
        Maker::StatefulSet,
        &stateful_set(beyond, status),
        "Pods with an ordinal below 7 keep their template (partition)",
    );
}

#[test]
fn on_delete_is_done_with_a_note_once_the_counts_are_right() {
    let note = "its Pods keep their template until someone deletes them (OnDelete)";
    let strategy = r#"{"type":"OnDelete"}"#;
    let status = r#""replicas":3,"readyReplicas":3,"currentRevision":"a","updateRevision":"b""#;
    noted(Maker::StatefulSet, &stateful_set(strategy, status), note);
    waits(Maker::StatefulSet, &stateful_set(strategy, r#""replicas":2"#), "2 of 3 replicas are created");
    let daemons =
        r#""desiredNumberScheduled":2,"currentNumberScheduled":2,"numberReady":2,"numberAvailable":2"#;
    noted(Maker::DaemonSet, &stateful_set(strategy, daemons), note);
    waits(Maker::DaemonSet, &stateful_set("{}", daemons), "0 of 2 replicas are updated");
}

#[test]
fn each_counter_of_a_daemon_set_counts() {
    let fields = ["currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"];
    let words = ["scheduled", "updated", "ready", "available"];
    let status = |short: Option<usize>| {
        let counters: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(index, field)| format!(r#""{field}":{}"#, if short == Some(index) { 1 } else { 2 }))
            .collect();
        stateful_set("{}", &format!(r#""desiredNumberScheduled":2,{}"#, counters.join(",")))
    };
    done(Maker::DaemonSet, &status(None));
    for (index, word) in words.iter().enumerate() {
        waits(Maker::DaemonSet, &status(Some(index)), &format!("1 of 2 replicas are {word}"));
    }
    done(Maker::DaemonSet, &stateful_set("{}", r#""desiredNumberScheduled":0"#));
}

#[test]
fn a_job_is_done_once_its_pods_exist() {
    let job = |spec: &str, status: &str| format!(r#"{{"spec":{{{spec}}},"status":{{{status}}}}}"#);
    let started = r#""startTime":"2026-01-01T00:00:00Z""#;
    waits(Maker::Job, &job("", ""), "its controller has not started it yet");
    waits(Maker::Job, &job("", started), "it has no Pod yet");
    done(Maker::Job, &job("", &format!(r#"{started},"active":1"#)));
    done(Maker::Job, &job("", &format!(r#"{started},"failed":2"#)));
    done(Maker::Job, &job(r#""completions":0"#, started));
    done(Maker::Job, &job("", r#""conditions":[{"type":"Complete","status":"True"}]"#));
    noted(Maker::Job, &job(r#""suspend":true"#, ""), "is suspended");
    fails(
        Maker::Job,
        &job("", r#""conditions":[{"type":"Failed","status":"True","reason":"BackoffLimitExceeded"}]"#),
        "BackoffLimitExceeded",
    );
}

#[test]
fn a_cron_job_is_always_done() {
    done(Maker::CronJob, r#"{"metadata":{"generation":4},"spec":{"suspend":true}}"#);
}

#[test]
fn a_long_message_is_cut() {
    let message = "x".repeat(5000);
    let refused = format!(
        r#""conditions":[{{"type":"ReplicaFailure","status":"True","reason":"R","message":"{message}"}}]"#
    );
    fails(Maker::Deployment, &deployment(&refused), &format!("R: {}…", "x".repeat(400)));
}
