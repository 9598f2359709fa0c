//! The ApplicationSet that generates an Application: would it undo a switch of auto-sync?

use serde::Deserialize;

use crate::model::lenient::null_as_default;

/// What a generator is known to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// It may not be read.
    Unknown,
    /// It leaves the switch alone: it never updates, or ignores this field.
    Ignores,
    /// It puts the switch back.
    Reverts,
    /// It starts syncs by itself, step by step: whatever is rolled back may be synced again at its next step.
    Steps,
}

/// `argoproj.io/v1alpha1` ApplicationSet, as far as the question goes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ApplicationSet {
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "null_as_default")]
    sync_policy: SyncPolicy,
    #[serde(deserialize_with = "null_as_default")]
    strategy: Strategy,
    #[serde(deserialize_with = "null_as_default")]
    ignore_application_differences: Vec<Ignored>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SyncPolicy {
    #[serde(deserialize_with = "null_as_default")]
    applications_sync: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Strategy {
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    kind: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Ignored {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    json_pointers: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    jq_path_expressions: Vec<String>,
}

impl ApplicationSet {
    /// What it does with this Application.
    pub fn does(&self, application: &str) -> Generator {
        let Spec { sync_policy, strategy, ignore_application_differences } = &self.spec;
        if strategy.kind == "RollingSync" {
            return Generator::Steps;
        }
        let creates_only = matches!(sync_policy.applications_sync.as_str(), "create-only" | "create-delete");
        let mut differences = ignore_application_differences.iter();
        let ignores =
            differences.any(|it| (it.name.is_empty() || it.name == application) && it.covers_the_switch());
        if creates_only || ignores { Generator::Ignores } else { Generator::Reverts }
    }
}

impl Ignored {
    fn covers_the_switch(&self) -> bool {
        let pointers =
            ["/spec", "/spec/syncPolicy", "/spec/syncPolicy/automated", "/spec/syncPolicy/automated/enabled"];
        let paths =
            [".spec", ".spec.syncPolicy", ".spec.syncPolicy.automated", ".spec.syncPolicy.automated.enabled"];
        self.json_pointers.iter().any(|pointer| pointers.contains(&pointer.as_str()))
            || self.jq_path_expressions.iter().any(|path| paths.contains(&path.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn does(spec: &Value) -> Generator {
        serde_json::from_value::<ApplicationSet>(json!({"spec": spec})).unwrap().does("shop")
    }

    #[test]
    fn a_generator_reverts_unless_it_says_otherwise() {
        assert_eq!(does(&json!({})), Generator::Reverts);
        assert_eq!(does(&json!({"syncPolicy": {"applicationsSync": "create-update"}})), Generator::Reverts);
        assert_eq!(does(&json!({"syncPolicy": {"applicationsSync": "create-only"}})), Generator::Ignores);
        assert_eq!(does(&json!({"strategy": {"type": "RollingSync"}})), Generator::Steps);
        for (ignored, generator) in [
            (json!({"jsonPointers": ["/spec/syncPolicy"]}), Generator::Ignores),
            (json!({"jqPathExpressions": [".spec.syncPolicy.automated.enabled"]}), Generator::Ignores),
            (json!({"name": "shop", "jsonPointers": ["/spec/syncPolicy/automated"]}), Generator::Ignores),
            (json!({"name": "other", "jsonPointers": ["/spec/syncPolicy"]}), Generator::Reverts),
            (json!({"jsonPointers": ["/spec/source/targetRevision"]}), Generator::Reverts),
        ] {
            assert_eq!(does(&json!({"ignoreApplicationDifferences": [ignored]})), generator, "{ignored}");
        }
    }
}
