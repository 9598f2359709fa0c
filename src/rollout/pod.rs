//! Pods: where they are placed, and why they do not run.

use crate::model::meta::Meta;
use crate::model::pod_status::{ContainerStatus, PodStatus};
use crate::rollout::{Rollout, explained, unseen};

/// Whether a Pod has a node. Its labels are final only from then on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Placement {
    /// It has one.
    Assigned,
    /// The scheduler has not decided.
    Pending,
    /// The scheduler found none, for this reason.
    Unschedulable(String),
    /// Held back by a scheduling gate.
    Gated,
}

impl Placement {
    /// Where a Pod stands.
    pub fn of(node: &str, status: &PodStatus) -> Self {
        if !node.is_empty() {
            return Self::Assigned;
        }
        let scheduled = status.conditions.iter().find(|condition| condition.type_ == "PodScheduled");
        match scheduled {
            Some(condition) if condition.reason == "Unschedulable" => {
                Self::Unschedulable(explained(&condition.reason, &condition.message))
            }
            Some(condition) if condition.reason == "SchedulingGated" => Self::Gated,
            Some(_) | None => Self::Pending,
        }
    }
}

impl Rollout {
    /// How far a Pod is that no controller looks after.
    pub fn of_pod(meta: &Meta, node: &str, status: &PodStatus) -> Self {
        if let Some(unseen) = unseen(meta, None) {
            return unseen;
        }
        match status.phase.as_str() {
            "Succeeded" => return Self::DONE,
            "Failed" => return Self::Failed(explained(&status.reason, &status.message)),
            _ => {}
        }
        if let Some(trouble) = trouble(node, status) {
            return Self::Failed(trouble);
        }
        match Placement::of(node, status) {
            Placement::Assigned => ready(status),
            Placement::Pending | Placement::Unschedulable(_) => Self::waiting("has no node yet"),
            Placement::Gated => Self::waiting("is held back by a scheduling gate"),
        }
    }
}

fn ready(status: &PodStatus) -> Rollout {
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
    match ready {
        Some(condition) if condition.status == "True" => Rollout::DONE,
        Some(condition) => {
            Rollout::waiting(format!("is not ready: {}", explained(&condition.reason, &condition.message)))
        }
        None => Rollout::waiting("is not ready"),
    }
}

/// What keeps a Pod from running, named by container: an image that cannot be pulled, a configuration that is
/// missing, a process that keeps crashing, a Pod that fits on no node. A debug container keeps nothing from running.
pub fn trouble(node: &str, status: &PodStatus) -> Option<String> {
    if let Placement::Unschedulable(why) = Placement::of(node, status) {
        return Some(why);
    }
    let mut containers = status.init_container_statuses.iter().chain(&status.container_statuses);
    containers.find_map(stuck)
}

fn stuck(container: &ContainerStatus) -> Option<String> {
    let waiting = container.state.waiting.as_ref()?;
    let on_its_way = matches!(waiting.reason.as_str(), "" | "ContainerCreating" | "PodInitializing");
    (!on_its_way)
        .then(|| format!("container {}: {}", container.name, explained(&waiting.reason, &waiting.message)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::pod::Pod;

    fn judge(pod: &str) -> Rollout {
        let pod: Pod = serde_json::from_str(pod).unwrap();
        Rollout::of_pod(&pod.metadata, &pod.spec.node_name, &pod.status)
    }

    #[track_caller]
    fn check(pod: &str, expected: &Rollout) {
        assert_eq!(&judge(pod), expected);
    }

    #[track_caller]
    fn fails(pod: &str, why: &str) {
        check(pod, &Rollout::Failed(why.into()));
    }

    #[track_caller]
    fn waits(pod: &str, why: &str) {
        check(pod, &Rollout::Waiting(why.into()));
    }

    #[test]
    fn a_ready_or_finished_pod_is_done() {
        check(
            r#"{"spec":{"nodeName":"n"},
            "status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}"#,
            &Rollout::DONE,
        );
        check(r#"{"spec":{"nodeName":"n"},"status":{"phase":"Succeeded"}}"#, &Rollout::DONE);
    }

    #[test]
    fn a_pod_without_a_node_waits_and_says_why() {
        waits(r#"{"status":{"phase":"Pending"}}"#, "has no node yet");
        waits(
            r#"{"status":{"phase":"Pending","conditions":[
            {"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}}"#,
            "is held back by a scheduling gate",
        );
    }

    #[test]
    fn an_unschedulable_pod_says_what_the_scheduler_said() {
        fails(
            r#"{"status":{"phase":"Pending","conditions":[
            {"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/3 nodes: cpu"}]}}"#,
            "Unschedulable: 0/3 nodes: cpu",
        );
    }

    #[test]
    fn a_stuck_container_is_named_with_its_message() {
        fails(
            r#"{"spec":{"nodeName":"n"},"status":{"phase":"Pending","containerStatuses":[
            {"name":"web","state":{"running":{}}},
            {"name":"app","state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off\nnginx:nope"}}}]}}"#,
            "container app: ImagePullBackOff: Back-off nginx:nope",
        );
        fails(
            r#"{"spec":{"nodeName":"n"},"status":{"phase":"Running","initContainerStatuses":[
            {"name":"mig","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}"#,
            "container mig: CrashLoopBackOff",
        );
    }

    #[test]
    fn a_container_that_is_being_created_only_waits() {
        waits(
            r#"{"spec":{"nodeName":"n"},"status":{"phase":"Pending",
            "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"web"}],
            "containerStatuses":[{"name":"web","state":{"waiting":{"reason":"ContainerCreating"}}}]}}"#,
            "is not ready: ContainersNotReady: web",
        );
    }

    #[test]
    fn a_stuck_debug_container_is_no_trouble() {
        check(
            r#"{"spec":{"nodeName":"n"},"status":{"phase":"Running",
            "conditions":[{"type":"Ready","status":"True"}],
            "ephemeralContainerStatuses":[{"name":"dbg","state":{"waiting":{"reason":"ErrImagePull"}}}]}}"#,
            &Rollout::DONE,
        );
    }

    #[test]
    fn an_evicted_pod_and_a_deleted_one_are_not_done() {
        fails(
            r#"{"spec":{"nodeName":"n"},"status":{"phase":"Failed","reason":"Evicted","message":"low on memory"}}"#,
            "Evicted: low on memory",
        );
        waits(
            r#"{"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"},"status":{"phase":"Running"}}"#,
            "is being deleted",
        );
    }
}
