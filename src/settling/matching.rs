//! Whether admission of Pods goes through a webhook or a policy.
//!
//! Semantics: <https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/>. CEL match
//! conditions are not evaluated: what has them counts as matching.

use crate::model::admission::RuleWithOperations;
use crate::model::meta::Map;
use crate::model::selector::LabelSelector;

/// True if one of the rules takes in requests that create or change Pods.
pub(super) fn takes_pods(rules: &[RuleWithOperations]) -> bool {
    rules.iter().any(|rule| {
        holds(&rule.operations, &["CREATE", "UPDATE"])
            && holds(&rule.api_groups, &[""])
            && holds(&rule.api_versions, &["v1"])
            && rule.resources.iter().any(|resource| is_pods(resource))
            && rule.scope != "Cluster"
    })
}

fn holds(list: &[String], any_of: &[&str]) -> bool {
    list.iter().any(|entry| entry == "*" || any_of.contains(&entry.as_str()))
}

/// `pods`, `*`, and patterns of subresources that take in the resource itself.
fn is_pods(resource: &str) -> bool {
    let (name, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    matches!(name, "pods" | "*") && matches!(subresource, "" | "*")
}

/// Which objects of which namespaces a webhook or policy takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selectors {
    pub(super) namespaces: LabelSelector,
    pub(super) objects: LabelSelector,
}

impl Selectors {
    /// True for Pods of these labels; a namespace whose labels we may not see counts as selected.
    pub(super) fn take(&self, namespace: Option<&Map>, pod: &Map) -> bool {
        namespace.is_none_or(|labels| self.namespaces.matches(labels)) && self.objects.matches(pod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: &str, expected: bool) {
        let rule: RuleWithOperations = serde_json::from_str(rule).unwrap();
        assert_eq!(takes_pods(&[rule]), expected);
    }

    #[test]
    fn rules_take_pods_by_name_and_by_wildcard() {
        let rule = |resource: &str| {
            format!(
                r#"{{"operations":["CREATE"],"apiGroups":[""],"apiVersions":["v1"],"resources":["{resource}"]}}"#
            )
        };
        for resource in ["pods", "*", "*/*", "pods/*"] {
            check(&rule(resource), true);
        }
        for resource in ["services", "pods/status", "*/scale", "podtemplates"] {
            check(&rule(resource), false);
        }
    }

    #[test]
    fn every_part_of_a_rule_counts() {
        let any =
            r#"{"operations":["*"],"apiGroups":["*"],"apiVersions":["*"],"resources":["*"],"scope":"*"}"#;
        check(any, true);
        for (from, to) in [
            (r#""operations":["*"]"#, r#""operations":["DELETE","CONNECT"]"#),
            (r#""apiGroups":["*"]"#, r#""apiGroups":["apps"]"#),
            (r#""apiVersions":["*"]"#, r#""apiVersions":["v2"]"#),
            (r#""scope":"*""#, r#""scope":"Cluster""#),
        ] {
            check(&any.replace(from, to), false);
        }
    }
}
