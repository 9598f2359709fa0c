//! Label selectors as the API server evaluates them.
//!
//! Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>.

use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Map;

/// `LabelSelector`: an empty one selects everything, all parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LabelSelector {
    /// Exact pairs.
    #[serde(deserialize_with = "null_as_default")]
    pub match_labels: Map,
    /// Set-based requirements.
    #[serde(deserialize_with = "null_as_default")]
    pub match_expressions: Vec<Requirement>,
}

/// One entry of `matchExpressions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// Label key.
    #[serde(deserialize_with = "null_as_default")]
    pub key: String,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    #[serde(deserialize_with = "null_as_default")]
    pub operator: String,
    /// Values of `In` and `NotIn`.
    #[serde(deserialize_with = "null_as_default")]
    pub values: Vec<String>,
}

impl LabelSelector {
    /// True if an object with these labels is selected.
    pub fn matches(&self, labels: &Map) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }

    /// Keys of the labels that it looks at; one may come more than once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let exact = self.match_labels.keys();
        exact.chain(self.match_expressions.iter().map(|requirement| &requirement.key)).map(String::as_str)
    }

    /// True if only objects with a label of somebody's choice are selected: to leave some out is not enough.
    pub fn asks_for_a_label(&self) -> bool {
        !self.match_labels.is_empty() || self.match_expressions.iter().any(Requirement::asks_for_a_label)
    }
}

impl Requirement {
    /// `NotIn` holds when the key is absent; an unknown operator selects nothing.
    fn matches(&self, labels: &Map) -> bool {
        let value = labels.get(&self.key);
        match self.operator.as_str() {
            "In" => value.is_some_and(|value| self.values.contains(value)),
            "NotIn" => value.is_none_or(|value| !self.values.contains(value)),
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => false,
        }
    }

    /// All namespaces have their name as a label; an unknown operator selects nothing.
    fn asks_for_a_label(&self) -> bool {
        match self.operator.as_str() {
            "NotIn" | "DoesNotExist" => false,
            "Exists" => self.key != "kubernetes.io/metadata.name",
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selector: &str, labels: &[(&str, &str)], expected: bool) {
        let selector: LabelSelector = serde_json::from_str(selector).unwrap();
        let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        assert_eq!(selector.matches(&labels), expected);
    }

    #[test]
    fn an_empty_selector_selects_everything() {
        check("{}", &[], true);
        check(r#"{"matchLabels":null}"#, &[("a", "b")], true);
    }

    #[test]
    fn not_in_holds_when_the_key_is_absent() {
        let selector = r#"{"matchExpressions":[{"key":"a","operator":"NotIn","values":["x"]}]}"#;
        check(selector, &[], true);
        check(selector, &[("a", "x")], false);
        check(selector, &[("a", "y")], true);
    }

    #[test]
    fn all_parts_must_hold() {
        let selector = r#"{"matchLabels":{"a":"x"},"matchExpressions":[{"key":"b","operator":"Exists"}]}"#;
        check(selector, &[("a", "x")], false);
        check(selector, &[("a", "x"), ("b", "")], true);
    }
}
