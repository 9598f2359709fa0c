//! What a Pod's annotations say about containers that do not exist.
//!
//! | annotation | |
//! |---|---|
//! | `test.driftgate.dev/phase` | `running` (default), `never-ready`, `image-pull-backoff`, `crash-loop`, `unschedulable` |
//! | `test.driftgate.dev/after-ms` | how long until the Pod is ready, or has run to its end |
//! | `test.driftgate.dev/exit-code` | how its first container ends; without it 0, and only where `restartPolicy` is not `Always`; a gate is played then |
//! | `test.driftgate.dev/run-as-uid` | the user that the image names, reported where no `runAsUser` overrides it |
//!
//! They are read again on every change, so a test can let a stuck Pod proceed.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod};

const PREFIX: &str = "test.driftgate.dev/";

/// The container that is the real program.
pub(super) const GATE: &str = "driftgate";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Running,
    NeverReady,
    Waiting { reason: &'static str, message: &'static str },
    Unschedulable,
}

#[derive(Debug)]
pub(super) struct Behaviour {
    pub(super) kind: Kind,
    pub(super) after: Duration,
    pub(super) exit_code: Option<i32>,
}

impl Behaviour {
    pub(super) fn of(pod: &Pod) -> Self {
        let always = pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref()) == Some("Always");
        let exit_code = number(pod, "exit-code").map(|code| i32::try_from(code).expect("an exit code"));
        Self {
            kind: kind(pod),
            after: Duration::from_millis(number(pod, "after-ms").unwrap_or(0).unsigned_abs()),
            exit_code: exit_code.or((!always).then_some(0)),
        }
    }
}

fn kind(pod: &Pod) -> Kind {
    match annotation(pod, "phase").unwrap_or("running") {
        "running" => Kind::Running,
        "never-ready" => Kind::NeverReady,
        "image-pull-backoff" => {
            Kind::Waiting { reason: "ImagePullBackOff", message: "Back-off pulling image: not found" }
        }
        "crash-loop" => {
            Kind::Waiting { reason: "CrashLoopBackOff", message: "back-off 10s restarting failed container" }
        }
        "unschedulable" => Kind::Unschedulable,
        other => panic!("{PREFIX}phase: {other} is unknown"),
    }
}

/// The user that the image names.
pub(super) fn image_uid(pod: &Pod) -> Option<i64> {
    number(pod, "run-as-uid")
}

/// The container to run as a process, if the Pod has one; with a given exit code it is played instead.
pub(super) fn gate_of(pod: &Pod) -> Option<&Container> {
    if annotation(pod, "exit-code").is_some() {
        return None;
    }
    pod.spec.as_ref()?.containers.iter().find(|container| container.name == GATE)
}

fn annotation<'a>(pod: &'a Pod, name: &str) -> Option<&'a str> {
    pod.metadata.annotations.as_ref()?.get(&format!("{PREFIX}{name}")).map(String::as_str)
}

fn number(pod: &Pod, name: &str) -> Option<i64> {
    annotation(pod, name)
        .map(|value| value.parse().unwrap_or_else(|_| panic!("{PREFIX}{name}: no number: {value}")))
}
