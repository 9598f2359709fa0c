//! Field selectors: equality on the fields that the API server can select by.

use super::super::kinds::{Origin, Resource};
use super::super::object::Object;

/// `path` must be, or must not be, `value`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    path: String,
    default: &'static str,
    value: String,
    wanted: bool,
}

/// All the terms of a selector; none of them selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::memory) struct FieldSelector(Vec<Term>);

/// The fields of a kind that can be selected by, with the value that an absent field counts as.
fn selectable(resource: &Resource) -> &'static [(&'static str, &'static str)] {
    match (&*resource.id.group, &*resource.id.plural) {
        ("", "pods") => &[
            ("spec.hostNetwork", "false"),
            ("spec.nodeName", ""),
            ("spec.restartPolicy", ""),
            ("spec.schedulerName", ""),
            ("spec.serviceAccountName", ""),
            ("status.nominatedNodeName", ""),
            ("status.phase", ""),
            ("status.podIP", ""),
        ],
        ("", "events") => &[
            ("involvedObject.apiVersion", ""),
            ("involvedObject.fieldPath", ""),
            ("involvedObject.kind", ""),
            ("involvedObject.name", ""),
            ("involvedObject.namespace", ""),
            ("involvedObject.resourceVersion", ""),
            ("involvedObject.uid", ""),
            ("reason", ""),
            ("reportingComponent", ""),
            ("source.component", ""),
            ("type", ""),
        ],
        ("events.k8s.io", "events") => &[
            ("reason", ""),
            ("regarding.apiVersion", ""),
            ("regarding.fieldPath", ""),
            ("regarding.kind", ""),
            ("regarding.name", ""),
            ("regarding.namespace", ""),
            ("regarding.resourceVersion", ""),
            ("regarding.uid", ""),
            ("reportingController", ""),
            ("type", ""),
        ],
        ("", "namespaces") => &[("status.phase", "")],
        ("", "nodes") => &[("spec.unschedulable", "false")],
        ("", "secrets") => &[("type", "")],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &[("status.replicas", "0")],
        ("batch", "jobs") => &[("status.successful", "0")],
        _ => &[],
    }
}

impl FieldSelector {
    /// Parses `metadata.name=a,status.phase!=Running`.
    pub(in crate::memory) fn parse(text: &str, resource: &Resource) -> Result<Self, String> {
        let terms = split(text).into_iter().filter(|term| !term.is_empty());
        terms.map(|term| Term::parse(&term, resource)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.0.iter().all(|term| term.matches(object))
    }
}

impl Term {
    fn parse(text: &str, resource: &Resource) -> Result<Self, String> {
        let (path, rest, wanted) = match text.split_once("!=") {
            Some((path, rest)) if !path.contains('=') => (path, rest, false),
            Some(_) | None => {
                let (path, rest) = text
                    .split_once('=')
                    .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{text}'"))?;
                (path, rest.strip_prefix('=').unwrap_or(rest), true)
            }
        };
        let known = selectable(resource);
        let default = match path {
            "metadata.name" => "",
            "metadata.namespace" if resource.is_namespaced() || known.is_empty() => "",
            _ => known.iter().find(|(known, _)| *known == path).ok_or_else(|| unknown(path, resource))?.1,
        };
        if has_bare_equals(rest) {
            return Err("invalid field selector: unescaped character in value: 61".to_owned());
        }
        Ok(Self { path: path.to_owned(), default, value: unescape(rest), wanted })
    }

    fn matches(&self, object: &Object) -> bool {
        let equal = match self.path.as_str() {
            "metadata.name" => *object.key.name == *self.value,
            "metadata.namespace" => *object.key.namespace == *self.value,
            path => {
                let found = object.field(path);
                if found.is_empty() { self.default == self.value } else { found == self.value }
            }
        };
        equal == self.wanted
    }
}

/// What is said of a field that cannot be selected by.
fn unknown(path: &str, resource: &Resource) -> String {
    if resource.origin == Origin::BuiltIn && selectable(resource).is_empty() {
        format!("\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
    } else {
        format!("field label not supported: {path}")
    }
}

/// Whether a value has an equals sign that is not escaped.
fn has_bare_equals(value: &str) -> bool {
    let mut escaped = false;
    value.chars().any(|c| {
        let bare = c == '=' && !escaped;
        escaped = c == '\\' && !escaped;
        bare
    })
}

/// Splits at commas that are not escaped.
fn split(text: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == ',' && !escaped {
            terms.push(String::new());
        } else if let Some(term) = terms.last_mut() {
            term.push(c);
        }
        escaped = c == '\\' && !escaped;
    }
    terms
}

/// Resolves `\\`, `\,` and `\=`.
fn unescape(value: &str) -> String {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        out.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::kinds::Kinds;
    use crate::memory::object::{Key, Parts, Stamp};
    use proptest::prelude::*;

    fn pod() -> Object {
        let json = br#"{"spec":{"nodeName":"n1"},"status":{"phase":"Running"}}"#;
        let stamp =
            Stamp { key: Key::new("shop", "web"), uid: "u", version: 1, created: "", name_is_a_label: false };
        Object::new(&Parts::parse(json).unwrap(), stamp)
    }

    fn selects(selector: &str) -> Result<bool, String> {
        let pods = Kinds::built_in().of_kind("", "Pod").ok_or("no pods")?;
        FieldSelector::parse(selector, &pods).map(|parsed| parsed.matches(&pod()))
    }

    #[test]
    fn terms_match_as_documented() {
        let cases = [
            ("", true),
            ("metadata.name=web,metadata.namespace==shop", true),
            ("metadata.name!=web", false),
            ("spec.nodeName=n1,status.phase=Running", true),
            ("status.phase!=Running", false),
            ("spec.nodeName=", false),
            ("status.podIP=", true),
            ("spec.hostNetwork=false", true),
            ("metadata.name=we\\,b", false),
        ];
        for (selector, expected) in cases {
            assert_eq!(selects(selector), Ok(expected), "{selector}");
        }
    }

    #[test]
    fn fields_that_cannot_be_selected_by_are_refused() {
        assert_eq!(selects("spec.replicas=1"), Err("field label not supported: spec.replicas".to_owned()));
        assert!(selects("metadata.name").is_err());
    }

    proptest! {
        #[test]
        fn no_selector_panics(text in any::<String>(), noise in "[a-z.,!=\\\\]*") {
            for selector in [text, noise] {
                prop_assert!(selects(&selector).is_ok() || selects(&selector).is_err());
            }
        }
    }
}
