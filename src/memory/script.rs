//! A script of events on tokio's clock: a rollout that proceeds, a webhook that changes, a fault that comes and goes.
//!
//! Owns the wire form of steps, which rehearsals hold in YAML, and their timing. It does not know what an action does.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::direct::{Error, ObjectRef};
use super::{Api, Fault};

/// One event of a script.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawStep")]
pub struct Step {
    /// How long after the start of the script it happens.
    pub after: Duration,
    /// What happens.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Creates an object, or merges into the one that is there; status and generation included.
    Apply(Value),
    /// Merges into an object that must be there; `null` removes a field.
    Patch {
        /// The object.
        object: ObjectRef,
        /// The merge patch (RFC 7396).
        merge: Value,
    },
    /// Removes an object that must be there, whatever its finalizers.
    Delete(ObjectRef),
    /// Puts a fault in force.
    AddFault(Fault),
    /// Takes all faults out of force.
    ClearFaults,
}

/// A step that could not be done.
#[derive(Debug, thiserror::Error)]
#[error("step {number} of the script, after {}", humantime::format_duration(*after))]
pub struct ScriptError {
    /// Which step, in the order given, from 1.
    pub number: usize,
    /// When it was due.
    pub after: Duration,
    /// Why it could not be done.
    pub source: Error,
}

/// A step as it is written: a time and one action by its name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawStep {
    #[serde(deserialize_with = "duration")]
    after: Duration,
    apply: Option<Value>,
    patch: Option<RawPatch>,
    delete: Option<ObjectRef>,
    add_fault: Option<Fault>,
    clear_faults: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPatch {
    object: ObjectRef,
    merge: Value,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(|error| {
        serde::de::Error::custom(format!("'{text}' is not a duration such as 10s or 2m: {error}"))
    })
}

impl TryFrom<RawStep> for Step {
    type Error = &'static str;

    fn try_from(raw: RawStep) -> Result<Self, Self::Error> {
        let patch = raw.patch.map(|RawPatch { object, merge }| Action::Patch { object, merge });
        let clear = raw.clear_faults.filter(|clear| *clear).map(|_| Action::ClearFaults);
        let actions = [
            raw.apply.map(Action::Apply),
            patch,
            raw.delete.map(Action::Delete),
            raw.add_fault.map(Action::AddFault),
            clear,
        ];
        let mut actions = actions.into_iter().flatten();
        match (actions.next(), actions.next()) {
            (Some(action), None) => Ok(Self { after: raw.after, action }),
            _ => Err("a step has exactly one of apply, patch, delete, addFault and clearFaults: true"),
        }
    }
}

impl Api {
    /// Runs a script from now on, as a task of the present tokio runtime; it ends at the first step that cannot be done.
    pub fn schedule(&self, steps: Vec<Step>) -> JoinHandle<Result<(), ScriptError>> {
        let (api, start) = (self.clone(), Instant::now());
        let mut steps: Vec<_> = steps.into_iter().zip(1..).collect();
        steps.sort_by_key(|(step, _)| step.after);
        tokio::spawn(async move {
            for (Step { after, action }, number) in steps {
                sleep_until(start + after).await;
                api.act(action).map_err(|source| ScriptError { number, after, source })?;
            }
            Ok(())
        })
    }

    fn act(&self, action: Action) -> Result<(), Error> {
        match action {
            Action::Apply(object) => self.apply(object),
            Action::Patch { object, merge } => self.patch(&object, &merge),
            Action::Delete(object) => self.delete(&object),
            Action::AddFault(fault) => {
                self.add_fault(fault);
                Ok(())
            }
            Action::ClearFaults => {
                self.clear_faults();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::testing::{pods, reference, refusal, with_pods};
    use serde_json::json;

    const SCRIPT: &str = "
- after: 10s
  delete: {apiVersion: v1, kind: Pod, namespace: shop, name: a}
- after: 5s
  patch:
    object: {apiVersion: v1, kind: Pod, namespace: shop, name: a}
    merge: {status: {phase: Running}, metadata: {generation: 4}}
- after: 5s
  apply: {apiVersion: v1, kind: Pod, metadata: {name: b, namespace: shop}}
- after: 20s
  addFault: {at: {every: {resource: pods}}, what: {status: 503}}
- after: 30s
  clearFaults: true
";

    #[tokio::test(start_paused = true)]
    async fn steps_happen_at_their_time() {
        let api = with_pods(&["a"]);
        let script = api.schedule(serde_saphyr::from_str(SCRIPT).unwrap());
        tokio::time::sleep(Duration::from_secs(6)).await;
        let pod = api.get(&reference("v1", "Pod", "a")).unwrap();
        assert_eq!((&pod["status"]["phase"], &pod["metadata"]["generation"]), (&json!("Running"), &json!(4)));
        let pod = pods(&api).get("b").await.unwrap();
        assert_eq!(json!(pod.metadata.creation_timestamp), "2026-01-01T00:00:05Z");
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(refusal(pods(&api).get("a").await).is_not_found());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(refusal(pods(&api).get("b").await).code, 503);
        script.await.unwrap().unwrap();
        pods(&api).get("b").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_cannot_be_done_is_named() {
        let steps: Vec<Step> = serde_saphyr::from_str(SCRIPT).unwrap();
        let error = with_pods(&[]).schedule(steps).await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), "step 2 of the script, after 5s");
        assert_eq!(error.source.to_string(), "pods \"a\" not found");
    }

    #[test]
    fn malformed_steps_are_refused() {
        let cases = [
            ("- {after: 1s}", "exactly one of apply, patch, delete"),
            ("- {after: 1s, clearFaults: true, apply: {}}", "exactly one of"),
            ("- {after: soon, clearFaults: true}", "'soon' is not a duration"),
            ("- {after: 1s, aply: {}}", "unknown field `aply`"),
            ("- {after: 1s, delete: {kind: Pod, name: a}}", "missing field `apiVersion`"),
        ];
        for (yaml, expected) in cases {
            let error = serde_saphyr::from_str::<Vec<Step>>(yaml).unwrap_err().to_string();
            assert!(error.contains(expected), "{yaml}: {error}");
        }
    }
}
