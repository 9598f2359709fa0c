//! Kinds we know nothing about: the conventions of kstatus, read leniently because nobody has to keep them.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::reference::GroupKind;
use crate::rollout::{Rollout, explained, unseen};

/// Any object, as far as the conventions reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct CustomResource {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Observed state.
    #[serde(deserialize_with = "or_default")]
    pub status: CustomStatus,
}

/// `status` of any object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CustomStatus {
    /// Generation the controller has acted on; some kinds write it as text.
    #[serde(deserialize_with = "number")]
    pub observed_generation: Option<i64>,
    /// Conditions; anything that is not shaped like one is left out.
    #[serde(deserialize_with = "conditions")]
    pub conditions: Vec<CustomCondition>,
    /// One word, in kinds that have it.
    #[serde(deserialize_with = "or_default")]
    pub phase: String,
    /// Text for people beside the phase.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

/// A condition of any object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CustomCondition {
    /// Name.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub type_: String,
    /// `True`, `False`, `Unknown`.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// Reason in CamelCase.
    #[serde(deserialize_with = "or_default")]
    pub reason: String,
    /// Text for people.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
    /// Generation that this condition is about.
    #[serde(deserialize_with = "number")]
    pub observed_generation: Option<i64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Either<T> {
    Shaped(T),
    Other(IgnoredAny),
}

impl<T> Either<T> {
    fn shaped(self) -> Option<T> {
        match self {
            Self::Shaped(value) => Some(value),
            Self::Other(_) => None,
        }
    }
}

/// Another shape is taken as absence: the object does not follow the convention.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<Either<T>>::deserialize(deserializer)?.and_then(Either::shaped).unwrap_or_default())
}

fn conditions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CustomCondition>, D::Error> {
    let conditions: Vec<Either<CustomCondition>> = or_default(deserializer)?;
    Ok(conditions.into_iter().filter_map(Either::shaped).collect())
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Option::<Written>::deserialize(deserializer)? {
        Some(Written::Number(number)) => Some(number),
        Some(Written::Text(text)) => text.parse().ok(),
        Some(Written::Other(_)) | None => None,
    })
}

impl Rollout {
    /// How far an object of a kind is that we have no rules for. Without a status it counts as done: whoever asks
    /// waits a while before believing it.
    pub fn of_custom(kind: &GroupKind, object: &CustomResource) -> Self {
        if let Some(unseen) = unseen(&object.metadata, object.status.observed_generation) {
            return unseen;
        }
        match (kind.group.as_str(), kind.kind.as_str()) {
            ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(&object.status),
            ("argoproj.io", "Rollout") => argo_rollout(&object.status),
            _ => conventional(&object.metadata, &object.status),
        }
    }
}

fn conventional(meta: &Meta, status: &CustomStatus) -> Rollout {
    if let Some(busy) = find(status, "Reconciling").filter(|condition| condition.status == "True") {
        return Rollout::waiting(explained(&busy.reason, &busy.message));
    }
    if let Some(stalled) = find(status, "Stalled").filter(|condition| condition.status == "True") {
        return Rollout::Failed(explained(&stalled.reason, &stalled.message));
    }
    match find(status, "Ready") {
        Some(ready) if ready.observed_generation.is_some() && ready.observed_generation < meta.generation => {
            Rollout::waiting("its Ready condition is about an older generation")
        }
        Some(ready) if ready.status != "True" => {
            Rollout::waiting(format!("is not ready: {}", explained(&ready.reason, &ready.message)))
        }
        Some(_) | None => Rollout::DONE,
    }
}

fn definition(status: &CustomStatus) -> Rollout {
    if let Some(taken) = find(status, "NamesAccepted").filter(|condition| condition.status == "False") {
        return Rollout::Failed(explained(&taken.reason, &taken.message));
    }
    match find(status, "Established") {
        Some(established) if established.status == "True" => Rollout::DONE,
        Some(_) | None => Rollout::waiting("is not established yet"),
    }
}

/// Phases: <https://argo-rollouts.readthedocs.io/en/stable/features/specification/>.
fn argo_rollout(status: &CustomStatus) -> Rollout {
    match status.phase.as_str() {
        "" | "Healthy" => Rollout::DONE,
        "Paused" => {
            Rollout::noted("its rollout is paused between two steps, so two templates run side by side")
        }
        "Degraded" => Rollout::Failed(explained("Degraded", &status.message)),
        phase => Rollout::waiting(explained(phase, &status.message)),
    }
}

fn find<'a>(status: &'a CustomStatus, name: &str) -> Option<&'a CustomCondition> {
    status.conditions.iter().find(|condition| condition.type_ == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: (&str, &str), object: &str, expected: &Rollout) {
        let object: CustomResource = serde_json::from_str(object).unwrap();
        assert_eq!(Rollout::of_custom(&GroupKind::new(kind.0, kind.1), &object), *expected);
    }

    const CLUSTER: (&str, &str) = ("db.example.com", "Cluster");

    #[test]
    fn without_conditions_an_object_is_done() {
        check(CLUSTER, "{}", &Rollout::DONE);
        check(CLUSTER, r#"{"status":null}"#, &Rollout::DONE);
        check(CLUSTER, r#"{"status":"fine"}"#, &Rollout::DONE);
    }

    #[test]
    fn an_older_observed_generation_waits_even_when_written_as_text() {
        let why = "its controller has acted on generation 1, the newest is 2";
        let number = r#"{"metadata":{"generation":2},"status":{"observedGeneration":1,
            "conditions":[{"type":"Ready","status":"True"}]}}"#;
        check(CLUSTER, number, &Rollout::Waiting(why.into()));
        let text = r#"{"metadata":{"generation":2},"status":{"observedGeneration":"1","phase":"Healthy"}}"#;
        check(("argoproj.io", "Rollout"), text, &Rollout::Waiting(why.into()));
    }

    #[test]
    fn conditions_decide() {
        let ready = |status: &str| {
            format!(
                r#"{{"status":{{"conditions":[{{"type":"Ready","status":"{status}","reason":"R","message":"m"}}]}}}}"#
            )
        };
        check(CLUSTER, &ready("True"), &Rollout::DONE);
        check(CLUSTER, &ready("False"), &Rollout::Waiting("is not ready: R: m".into()));
        check(CLUSTER, &ready("Unknown"), &Rollout::Waiting("is not ready: R: m".into()));
        let stalled =
            r#"{"status":{"conditions":[{"type":"Stalled","status":"True","reason":"S"},{"type":"Ready"}]}}"#;
        check(CLUSTER, stalled, &Rollout::Failed("S".into()));
        let busy = r#"{"status":{"conditions":[{"type":"Reconciling","status":"True","message":"m"}]}}"#;
        check(CLUSTER, busy, &Rollout::Waiting("m".into()));
    }

    #[test]
    fn a_ready_condition_about_an_older_generation_does_not_count() {
        let object = r#"{"metadata":{"generation":3},"status":{"conditions":[
            {"type":"Ready","status":"True","observedGeneration":2}]}}"#;
        check(CLUSTER, object, &Rollout::Waiting("its Ready condition is about an older generation".into()));
    }

    #[test]
    fn conditions_of_another_shape_are_left_out() {
        let object = r#"{"status":{"observedGeneration":[],"conditions":[5,{"type":"Ready","status":"False",
            "reason":{},"message":"m","lastTransitionTime":""}]}}"#;
        check(CLUSTER, object, &Rollout::Waiting("is not ready: m".into()));
        check(CLUSTER, r#"{"status":{"conditions":{"Ready":true}}}"#, &Rollout::DONE);
    }

    #[test]
    fn a_definition_must_be_established() {
        let kind = ("apiextensions.k8s.io", "CustomResourceDefinition");
        check(kind, "{}", &Rollout::Waiting("is not established yet".into()));
        let established = r#"{"status":{"conditions":[{"type":"Established","status":"True"}]}}"#;
        check(kind, established, &Rollout::DONE);
        let taken = r#"{"status":{"conditions":[
            {"type":"NamesAccepted","status":"False","reason":"PluralConflict","message":"taken"}]}}"#;
        check(kind, taken, &Rollout::Failed("PluralConflict: taken".into()));
    }

    #[test]
    fn a_paused_canary_is_done_with_a_note() {
        let kind = ("argoproj.io", "Rollout");
        check(kind, r#"{"status":{"phase":"Healthy"}}"#, &Rollout::DONE);
        check(
            kind,
            r#"{"status":{"phase":"Paused"}}"#,
            &Rollout::Done(Some(
                "its rollout is paused between two steps, so two templates run side by side".into(),
            )),
        );
        let degraded = r#"{"status":{"phase":"Degraded","message":"aborted"}}"#;
        check(kind, degraded, &Rollout::Failed("Degraded: aborted".into()));
        let busy = r#"{"status":{"phase":"Progressing","message":"more replicas"}}"#;
        check(kind, busy, &Rollout::Waiting("Progressing: more replicas".into()));
    }
}
