//! The life of one Pod on our Node.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::behaviour::{Behaviour, Kind, gate_of};
use super::gate::{Ending, Gate};
use super::status::{self, Birth, Phase};
use super::{Host, NODE};

/// How soon something is tried again that the API server refused, or that waits for a `ConfigMap`.
const RETRY: Duration = Duration::from_millis(300);

/// Follows a Pod until its object has gone.
pub(super) async fn live(host: Arc<Host>, mut updates: watch::Receiver<Pod>) {
    let mut life = Life { host, birth: None, gate: None, ended: None, reported: None };
    loop {
        let pod = updates.borrow_and_update().clone();
        let wake = if pod.metadata.deletion_timestamp.is_some() {
            life.finish(&pod).await
        } else {
            life.step(&pod).await
        };
        tokio::select! {
            changed = updates.changed() => if changed.is_err() { return },
            ending = exit_of(life.gate.as_mut()) => life.gate_ended(ending),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
    }
}

async fn exit_of(gate: Option<&mut Gate>) -> Ending {
    match gate {
        Some(gate) => gate.ending().await,
        None => std::future::pending().await,
    }
}

struct Life {
    host: Arc<Host>,
    birth: Option<(Birth, Instant)>,
    gate: Option<Gate>,
    ended: Option<Phase>,
    reported: Option<(Phase, Option<i64>)>,
}

impl Life {
    /// Brings the Pod as far as it can come now, and says when to look again if nothing changes before.
    async fn step(&mut self, pod: &Pod) -> Option<Instant> {
        let behaviour = Behaviour::of(pod);
        if phase_is_final(pod) {
            return None;
        }
        if node_of(pod).is_none() {
            return self.schedule(pod, &behaviour).await;
        }
        let (phase, wake) = self.phase(pod, &behaviour).await;
        self.report(pod, phase).await.or(wake)
    }

    async fn schedule(&self, pod: &Pod, behaviour: &Behaviour) -> Option<Instant> {
        let (name, namespace) = identity(pod);
        let pods = self.host.pods(namespace);
        let outcome = if behaviour.kind == Kind::Unschedulable {
            let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/1 nodes are available: 1 Insufficient cpu."});
            let patch = Patch::Strategic(json!({"status": {"phase": "Pending", "conditions": [condition]}}));
            pods.patch_status(name, &PatchParams::default(), &patch).await.map(drop)
        } else {
            let binding = json!({
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": name},
                "target": {"kind": "Node", "name": NODE},
            });
            let bound: kube::Result<serde_json::Value> =
                pods.create_subresource("binding", name, &PostParams::default(), &binding).await;
            bound.map(drop)
        };
        match outcome {
            Err(kube::Error::Api(status)) if status.code == 409 => None, // an earlier try has bound it
            other => retry_unless_gone(other),
        }
    }

    /// Where the containers stand, with the time at which that changes by itself.
    async fn phase(&mut self, pod: &Pod, behaviour: &Behaviour) -> (Phase, Option<Instant>) {
        if let Some(ended) = &self.ended {
            return (ended.clone(), None);
        }
        if let Kind::Waiting { reason, message } = behaviour.kind {
            return (Phase::Waiting { reason: reason.into(), message: message.into() }, None);
        }
        if gate_of(pod).is_some() {
            return self.run_gate(pod).await;
        }
        let due = self.birth().1 + behaviour.after;
        let is_due = Instant::now() >= due;
        let wake = (!is_due).then_some(due);
        match behaviour.exit_code {
            Some(code) if is_due => (Phase::Ended { code, message: String::new() }, None),
            Some(_) => (Phase::Running { ready: true }, wake),
            None => (Phase::Running { ready: is_due && behaviour.kind != Kind::NeverReady }, wake),
        }
    }

    async fn run_gate(&mut self, pod: &Pod) -> (Phase, Option<Instant>) {
        if self.gate.is_none() {
            let address = self.birth().0.address.clone();
            match Gate::start(&self.host, pod, &address).await {
                Ok(gate) => self.gate = Some(gate),
                Err(message) => {
                    let phase = Phase::Waiting { reason: "CreateContainerConfigError".into(), message };
                    return (phase, Some(Instant::now() + RETRY));
                }
            }
        }
        (Phase::Running { ready: true }, None)
    }

    fn birth(&mut self) -> &(Birth, Instant) {
        let host = &self.host;
        self.birth.get_or_insert_with(|| {
            (Birth { address: host.next_address(), at: Timestamp::now() }, Instant::now())
        })
    }

    fn gate_ended(&mut self, ending: Ending) {
        self.gate = None;
        self.ended = Some(Phase::Ended { code: ending.code, message: ending.message });
    }

    /// Patches the status if it says something new.
    async fn report(&mut self, pod: &Pod, phase: Phase) -> Option<Instant> {
        let news = (phase, pod.metadata.generation);
        if self.reported.as_ref() == Some(&news) {
            return None;
        }
        let patch = Patch::Strategic(status::patch(pod, &self.birth().0.clone(), &news.0, Timestamp::now()));
        let (name, namespace) = identity(pod);
        let outcome = self.host.pods(namespace).patch_status(name, &PatchParams::default(), &patch).await;
        if outcome.is_ok() {
            self.reported = Some(news);
        }
        retry_unless_gone(outcome.map(drop))
    }

    /// Ends what runs, as gently as the Pod asks for, says how it ended, and lets the object go.
    async fn finish(&mut self, pod: &Pod) -> Option<Instant> {
        if let Some(mut gate) = self.gate.take() {
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(30).unsigned_abs();
            gate.terminate();
            let ending = match timeout(Duration::from_secs(grace), gate.ending()).await {
                Ok(ending) => ending,
                Err(_elapsed) => Ending { code: 137, message: String::new() },
            };
            self.gate_ended(ending);
        }
        if node_of(pod).is_some() && !phase_is_final(pod) {
            let killed = Phase::Ended { code: 143, message: String::new() };
            let phase = self.ended.clone().unwrap_or(killed);
            if let Some(retry) = self.report(pod, phase).await {
                return Some(retry);
            }
        }
        let (name, namespace) = identity(pod);
        let preconditions = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
        let now =
            DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() }.grace_period(0);
        match self.host.pods(namespace).delete(name, &now).await.map(drop) {
            Err(kube::Error::Api(status)) if status.code == 409 => None, // another Pod of that name by now
            other => retry_unless_gone(other),
        }
    }
}

fn phase_is_final(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

fn node_of(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref()
}

pub(super) fn identity(pod: &Pod) -> (&str, &str) {
    let name = pod.metadata.name.as_deref().expect("a Pod has a name");
    (name, pod.metadata.namespace.as_deref().expect("a Pod has a namespace"))
}

/// A Pod that has gone needs no further try.
fn retry_unless_gone(outcome: kube::Result<()>) -> Option<Instant> {
    match outcome {
        Ok(()) => None,
        Err(kube::Error::Api(status)) if status.code == 404 => None,
        Err(error) => {
            eprintln!("kubelet: {error}");
            Some(Instant::now() + RETRY)
        }
    }
}
