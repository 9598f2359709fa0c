//! The status that the kubelet reports for a Pod.

use bytes::Bytes;
use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::behaviour::{GATE, image_uid};

/// How far a Pod's containers have come; all share one fate, but for the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting {
        reason: String,
        message: String,
    },
    Running {
        ready: bool,
    },
    /// `code` is of the gate, or of the first container; the others end with 0.
    Ended {
        code: i32,
        message: String,
    },
}

/// What does not change while a Pod lives.
#[derive(Clone, Debug)]
pub(super) struct Birth {
    pub(super) address: String,
    pub(super) at: Timestamp,
}

/// A strategic merge patch, so that conditions of others stay.
pub(super) fn patch(pod: &Pod, birth: &Birth, phase: &Phase, now: Timestamp) -> Value {
    let spec = pod.spec.as_ref().expect("a Pod has a spec");
    let report = Report { pod, spec, birth, phase, now };
    json!({"status": {
        "phase": report.phase_name(),
        "observedGeneration": pod.metadata.generation,
        "hostIP": "127.0.0.1",
        "hostIPs": [{"ip": "127.0.0.1"}],
        "podIP": birth.address,
        "podIPs": [{"ip": birth.address}],
        "startTime": birth.at,
        "conditions": report.conditions(),
        "initContainerStatuses": report.init_containers(),
        "containerStatuses": report.containers(),
        "ephemeralContainerStatuses": report.ephemeral_containers(),
    }})
}

struct Report<'a> {
    pod: &'a Pod,
    spec: &'a PodSpec,
    birth: &'a Birth,
    phase: &'a Phase,
    now: Timestamp,
}

impl Report<'_> {
    fn phase_name(&self) -> &'static str {
        match self.phase {
            Phase::Waiting { .. } => "Pending",
            Phase::Running { .. } => "Running",
            Phase::Ended { code: 0, .. } => "Succeeded",
            Phase::Ended { .. } => "Failed",
        }
    }

    fn conditions(&self) -> Vec<Value> {
        let (ready, reason) = match self.phase {
            Phase::Running { ready: true } => (true, None),
            Phase::Running { ready: false } | Phase::Waiting { .. } => (false, Some("ContainersNotReady")),
            Phase::Ended { code: 0, .. } => (false, Some("PodCompleted")),
            Phase::Ended { .. } => (false, Some("PodFailed")),
        };
        let gates_open = self.readiness_gates_open();
        let gates = (!gates_open && ready).then_some("ReadinessGatesNotReady");
        vec![
            self.condition("PodScheduled", true, None),
            self.condition("PodReadyToStartContainers", true, None),
            self.condition("Initialized", !matches!(self.phase, Phase::Waiting { .. }), None),
            self.condition("ContainersReady", ready, reason),
            self.condition("Ready", ready && gates_open, reason.or(gates)),
        ]
    }

    /// A condition that stays as it was keeps the time of its last change.
    fn condition(&self, kind: &str, holds: bool, reason: Option<&str>) -> Value {
        let status = if holds { "True" } else { "False" };
        let before = self.condition_before(kind).filter(|(was, _)| *was == status);
        let since = before.map_or(self.now, |(_, since)| since);
        json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": since})
    }

    fn condition_before(&self, kind: &str) -> Option<(&str, Timestamp)> {
        let conditions = self.pod.status.as_ref()?.conditions.as_ref()?;
        let condition = conditions.iter().find(|condition| condition.type_ == kind)?;
        Some((condition.status.as_str(), condition.last_transition_time.as_ref()?.0))
    }

    fn readiness_gates_open(&self) -> bool {
        let gates = self.spec.readiness_gates.iter().flatten();
        gates
            .into_iter()
            .all(|gate| self.condition_before(&gate.condition_type).is_some_and(|(is, _)| is == "True"))
    }

    fn init_containers(&self) -> Vec<Value> {
        let containers = self.spec.init_containers.iter().flatten();
        containers
            .map(|container| {
                if container.restart_policy.as_deref() == Some("Always") {
                    return self.container(container, &self.state(0));
                }
                match self.phase {
                    Phase::Waiting { .. } => self.container(container, &self.state(0)),
                    Phase::Running { .. } | Phase::Ended { .. } => {
                        self.container(container, &self.terminated(0, "", "Completed"))
                    }
                }
            })
            .collect()
    }

    fn containers(&self) -> Vec<Value> {
        let containers = &self.spec.containers;
        let speaker = containers.iter().position(|container| container.name == GATE).unwrap_or(0);
        let code = |index| match self.phase {
            Phase::Ended { code, .. } if index == speaker => *code,
            Phase::Waiting { .. } | Phase::Running { .. } | Phase::Ended { .. } => 0,
        };
        containers
            .iter()
            .enumerate()
            .map(|(index, container)| self.container(container, &self.state(code(index))))
            .collect()
    }

    fn ephemeral_containers(&self) -> Vec<Value> {
        let containers = self.spec.ephemeral_containers.iter().flatten();
        containers
            .map(|container| {
                let image = container.image.as_deref().unwrap_or_default();
                json!({
                    "name": container.name, "image": image, "imageID": image_id(image), "ready": false,
                    "restartCount": 0, "state": self.state(0),
                })
            })
            .collect()
    }

    fn container(&self, container: &Container, state: &Value) -> Value {
        let image = container.image.as_deref().unwrap_or_default();
        let running = state.get("running").is_some();
        let ready = running && *self.phase == Phase::Running { ready: true };
        let pulled = !matches!(self.phase, Phase::Waiting { .. });
        json!({
            "name": container.name,
            "image": image,
            "imageID": if pulled { image_id(image) } else { String::new() },
            "ready": ready,
            "started": running,
            "restartCount": 0,
            "state": state,
            "user": self.uid(container).filter(|_| pulled).map(|uid| json!({"linux": {"uid": uid, "gid": uid}})),
        })
    }

    fn uid(&self, container: &Container) -> Option<i64> {
        let own = container.security_context.as_ref().and_then(|context| context.run_as_user);
        let shared = self.spec.security_context.as_ref().and_then(|context| context.run_as_user);
        own.or(shared).or_else(|| image_uid(self.pod))
    }

    fn state(&self, code: i32) -> Value {
        match self.phase {
            Phase::Waiting { reason, message } => json!({"waiting": {"reason": reason, "message": message}}),
            Phase::Running { .. } => json!({"running": {"startedAt": self.birth.at}}),
            Phase::Ended { message, code: overall } => {
                let message = if code == *overall { message.as_str() } else { "" };
                self.terminated(code, message, if code == 0 { "Completed" } else { "Error" })
            }
        }
    }

    fn terminated(&self, code: i32, message: &str, reason: &str) -> Value {
        json!({"terminated": {
            "exitCode": code, "message": message, "reason": reason,
            "startedAt": self.birth.at, "finishedAt": self.now,
        }})
    }
}

/// What a container runtime would have resolved the image to: the same for the same reference.
fn image_id(image: &str) -> String {
    if image.contains('@') {
        return image.to_owned();
    }
    let digest = Bytes::copy_from_slice(&Sha256::digest(image));
    let repository = match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => image,
    };
    format!("{repository}@sha256:{digest:x}")
}
