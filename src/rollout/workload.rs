//! The built-in workloads. Field semantics: the Kubernetes API reference, apps/v1, batch/v1, core/v1.

use crate::model::pod_status::Condition;
use crate::model::workload::{Workload, WorkloadStatus};
use crate::rollout::{Maker, Rollout, explained, unseen};

impl Rollout {
    /// How far a workload is, by its own counters.
    pub fn of_workload(maker: Maker, workload: &Workload) -> Self {
        let observed = workload.status.observed_generation;
        if let Some(unseen) = unseen(&workload.metadata, observed) {
            return unseen;
        }
        let numbered = !matches!(maker, Maker::Job | Maker::CronJob);
        if numbered && workload.metadata.generation.is_some() && observed.is_none() {
            return Self::waiting("its controller has not seen it yet");
        }
        match maker {
            Maker::Deployment => deployment(workload),
            Maker::ReplicaSet | Maker::ReplicationController => replica_set(workload),
            Maker::StatefulSet => stateful_set(workload),
            Maker::DaemonSet => daemon_set(workload),
            Maker::Job => job(workload),
            Maker::CronJob => Self::DONE,
        }
    }
}

fn deployment(workload: &Workload) -> Rollout {
    let (spec, status) = (&workload.spec, &workload.status);
    if spec.paused {
        return Rollout::noted("its rollout is paused, so Pods of an older template may stay");
    }
    if let Some(failure) = replica_failure(status) {
        return failure;
    }
    let progressing = condition(status, "Progressing");
    if let Some(exceeded) = progressing.filter(|condition| condition.reason == "ProgressDeadlineExceeded") {
        return Rollout::Failed(explained(&exceeded.reason, &exceeded.message));
    }
    let wanted = spec.replicas.unwrap_or(1);
    let updated = count(status.updated_replicas);
    let behind = short(updated, wanted, "updated")
        .or_else(|| extra(count(status.replicas), updated, "of an older template"))
        .or_else(|| extra(count(status.replicas), wanted, "more than wanted"))
        .or_else(|| short(count(status.ready_replicas), wanted, "ready"))
        .or_else(|| short(count(status.available_replicas), wanted, "available"))
        .or_else(|| terminating(status));
    if let Some(behind) = behind {
        return behind;
    }
    match progressing {
        Some(condition) if condition.reason != "NewReplicaSetAvailable" => {
            Rollout::waiting(explained(&condition.reason, &condition.message))
        }
        Some(_) | None => untrue(condition(status, "Available")).unwrap_or(Rollout::DONE),
    }
}

fn replica_set(workload: &Workload) -> Rollout {
    let (wanted, status) = (workload.spec.replicas.unwrap_or(1), &workload.status);
    replica_failure(status)
        .or_else(|| short(count(status.fully_labeled_replicas), wanted, "labelled like the template"))
        .or_else(|| short(count(status.ready_replicas), wanted, "ready"))
        .or_else(|| short(count(status.available_replicas), wanted, "available"))
        .or_else(|| extra(count(status.replicas), wanted, "more than wanted"))
        .or_else(|| terminating(status))
        .unwrap_or(Rollout::DONE)
}

fn stateful_set(workload: &Workload) -> Rollout {
    let (spec, status) = (&workload.spec, &workload.status);
    let wanted = spec.replicas.unwrap_or(1);
    let counted = short(count(status.replicas), wanted, "created")
        .or_else(|| extra(count(status.replicas), wanted, "more than wanted"))
        .or_else(|| short(count(status.ready_replicas), wanted, "ready"))
        .or_else(|| status.available_replicas.and_then(|available| short(available, wanted, "available")));
    if let Some(behind) = counted {
        return behind;
    }
    if spec.update_strategy.type_ == "OnDelete" {
        return Rollout::noted("its Pods keep their template until someone deletes them (OnDelete)");
    }
    let partition = spec.update_strategy.rolling_update.partition.unwrap_or(0);
    if partition > 0 {
        let updated = count(status.updated_replicas);
        return short(updated, (wanted - partition).max(0), "updated").unwrap_or_else(|| {
            Rollout::noted(format!("Pods with an ordinal below {partition} keep their template (partition)"))
        });
    }
    if status.current_revision != status.update_revision {
        return Rollout::waiting(format!(
            "{} of {wanted} replicas are at its newest revision {}",
            count(status.updated_replicas),
            status.update_revision
        ));
    }
    short(count(status.current_replicas), wanted, "at its current revision").unwrap_or(Rollout::DONE)
}

fn daemon_set(workload: &Workload) -> Rollout {
    let status = &workload.status;
    let on_delete = workload.spec.update_strategy.type_ == "OnDelete";
    let wanted = count(status.desired_number_scheduled);
    let updated = count(status.updated_number_scheduled);
    let behind = short(count(status.current_number_scheduled), wanted, "scheduled")
        .or_else(|| if on_delete { None } else { short(updated, wanted, "updated") })
        .or_else(|| short(count(status.number_ready), wanted, "ready"))
        .or_else(|| short(count(status.number_available), wanted, "available"));
    match behind {
        Some(behind) => behind,
        None if on_delete => {
            Rollout::noted("its Pods keep their template until someone deletes them (OnDelete)")
        }
        None => Rollout::DONE,
    }
}

/// Pods need not end: what they are is known once they exist.
fn job(workload: &Workload) -> Rollout {
    let status = &workload.status;
    if let Some(failed) = condition(status, "Failed").filter(|condition| condition.status == "True") {
        return Rollout::Failed(explained(&failed.reason, &failed.message));
    }
    if condition(status, "Complete").is_some_and(|condition| condition.status == "True") {
        return Rollout::DONE;
    }
    if workload.spec.suspend {
        return Rollout::noted("is suspended");
    }
    if status.start_time.is_none() {
        return Rollout::waiting("its controller has not started it yet");
    }
    let pods = count(status.active) + count(status.succeeded) + count(status.failed);
    let none_wanted = workload.spec.parallelism == Some(0) || workload.spec.completions == Some(0);
    if pods == 0 && !none_wanted { Rollout::waiting("it has no Pod yet") } else { Rollout::DONE }
}

fn condition<'a>(status: &'a WorkloadStatus, name: &str) -> Option<&'a Condition> {
    status.conditions.iter().find(|condition| condition.type_ == name)
}

/// The text of a webhook, a policy or a quota that refuses Pods.
fn replica_failure(status: &WorkloadStatus) -> Option<Rollout> {
    let failure = condition(status, "ReplicaFailure").filter(|condition| condition.status == "True")?;
    Some(Rollout::Failed(explained(&failure.reason, &failure.message)))
}

fn untrue(condition: Option<&Condition>) -> Option<Rollout> {
    let condition = condition.filter(|condition| condition.status != "True")?;
    Some(Rollout::waiting(explained(&condition.reason, &condition.message)))
}

fn terminating(status: &WorkloadStatus) -> Option<Rollout> {
    let left = count(status.terminating_replicas);
    let pods = if left == 1 { "Pod is" } else { "Pods are" };
    (left > 0).then(|| Rollout::waiting(format!("{left} {pods} still terminating")))
}

fn short(have: i64, wanted: i64, what: &str) -> Option<Rollout> {
    (have < wanted).then(|| Rollout::waiting(format!("{have} of {wanted} replicas are {what}")))
}

fn extra(have: i64, wanted: i64, what: &str) -> Option<Rollout> {
    let replicas = if have - wanted == 1 { "replica is" } else { "replicas are" };
    (have > wanted).then(|| Rollout::waiting(format!("{} {replicas} {what}", have - wanted)))
}

/// Counters that are zero may be left out.
fn count(counter: Option<i64>) -> i64 {
    counter.unwrap_or(0)
}

#[cfg(test)]
mod tests;
