//! How a list of known fields is written, and how it is applied.
//!
//! Shapes are kept even where they are wrong: what could not be decoded live cannot be decoded afterwards either.

use serde_json::{Map, Value};

use super::annotations;

/// What stands for a value that may be a secret.
pub const HIDDEN: &str = "redacted";

/// What a field may hold, and what of it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// A scalar that holds no secret: kept.
    Plain,
    /// A scalar that may hold one.
    Hidden,
    /// A URL or a path: kept without user, password, query and fragment.
    Address,
    /// Annotations: only known ones are kept.
    Annotations,
    /// A list.
    List(&'static Self),
    /// Anything by name.
    Map(&'static Self),
    /// These fields; others are dropped.
    Object(&'static [(&'static str, Self)]),
}

/// A list of scalars that hold no secret.
pub(super) const PLAIN_LIST: Shape = Shape::List(&Shape::Plain);
/// Scalars that hold no secret, by name.
pub(super) const PLAIN_MAP: Shape = Shape::Map(&Shape::Plain);
/// A list of scalars that may hold secrets.
pub(super) const HIDDEN_LIST: Shape = Shape::List(&Shape::Hidden);

/// Keeps what the shape names.
pub(super) fn keep(shape: Shape, value: &Value) -> Value {
    match (shape, value) {
        (Shape::Plain, Value::Bool(_) | Value::Number(_) | Value::String(_)) => value.clone(),
        (Shape::Address, Value::String(text)) => Value::String(address(text)),
        (Shape::List(item), Value::Array(items)) => items.iter().map(|value| keep(*item, value)).collect(),
        (Shape::Map(item), Value::Object(members)) => {
            let kept = members.iter().map(|(name, value)| (name.clone(), keep(*item, value)));
            Value::Object(kept.collect())
        }
        (Shape::Annotations, Value::Object(members)) => {
            let known = members.iter().filter(|(name, _)| annotations::is_known(name));
            Value::Object(known.map(|(name, value)| (name.clone(), keep(Shape::Plain, value))).collect())
        }
        (Shape::Object(fields), Value::Object(members)) => Value::Object(of_fields(fields, members)),
        // What is hidden, and what has another shape than it should have.
        _ => hide(value),
    }
}

fn of_fields(fields: &[(&str, Shape)], members: &Map<String, Value>) -> Map<String, Value> {
    let present = fields.iter().filter_map(|(name, shape)| Some((*name, *shape, members.get(*name)?)));
    let present = present.filter(|(_, _, value)| !value.is_null());
    let kept = present.map(|(name, shape, value)| (name.to_owned(), shape, keep(shape, value)));
    // Where no annotation is known there might as well be none.
    let kept = kept.filter(|(_, shape, value)| {
        !(matches!(shape, Shape::Annotations) && *value == Value::Object(Map::new()))
    });
    kept.map(|(name, _, value)| (name, value)).collect()
}

/// The same shape without what it says.
fn hide(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => Value::Bool(false),
        Value::Number(_) => Value::from(0),
        Value::String(text) if text.is_empty() => Value::String(String::new()),
        Value::String(_) => Value::String(HIDDEN.to_owned()),
        Value::Array(items) => items.iter().map(hide).collect(),
        Value::Object(_) => Value::Object(Map::new()),
    }
}

/// Without user, password, query and fragment. The user of `git@host:path` is no secret.
fn address(text: &str) -> String {
    let end = text.find(['?', '#']).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') || !scheme.is_empty() => host,
        Some(_) | None => authority,
    };
    format!("{scheme}{host}{path}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const THING: Shape = Shape::Object(&[
        ("name", Shape::Plain),
        ("value", Shape::Hidden),
        ("list", HIDDEN_LIST),
        ("map", PLAIN_MAP),
    ]);

    #[test]
    fn only_what_is_named_is_kept_and_only_what_is_plain_is_shown() {
        let thing = json!({"name": "a", "value": "s3cret", "list": ["-p", "s3cret"], "map": {"k": "v"},
            "new": {"value": "s3cret"}, "s3cret": 1});
        let kept =
            json!({"name": "a", "value": "redacted", "list": ["redacted", "redacted"], "map": {"k": "v"}});
        assert_eq!(keep(THING, &thing), kept);
    }

    #[test]
    fn absence_stays_absence() {
        assert_eq!(keep(THING, &json!({"name": null, "value": ""})), json!({"value": ""}));
    }

    #[test]
    fn annotations_that_nobody_knows_leave_nothing_behind() {
        let shape = Shape::Object(&[("annotations", Shape::Annotations)]);
        let known = json!({"annotations": {"argocd.argoproj.io/hook": "PostSync"}});
        assert_eq!(keep(shape, &known), known);
        assert_eq!(keep(shape, &json!({"annotations": {"note": "s3cret"}})), json!({}));
    }

    #[test]
    fn a_wrong_shape_stays_wrong_and_says_nothing() {
        for (wrong, kept) in [
            (json!({"name": {"s3cret": "s3cret"}}), json!({"name": {}})),
            (json!({"name": ["s3cret", 7]}), json!({"name": ["redacted", 0]})),
            (json!({"list": "s3cret"}), json!({"list": "redacted"})),
            (json!({"list": {"s3cret": 1}}), json!({"list": {}})),
            (json!({"map": 7}), json!({"map": 0})),
            (json!({"value": {"s3cret": "s3cret"}}), json!({"value": {}})),
            (json!("s3cret"), json!("redacted")),
        ] {
            assert_eq!(keep(THING, &wrong), kept, "{wrong}");
        }
    }

    #[test]
    fn an_address_has_no_credentials() {
        for (text, kept) in [
            (
                "https://user:s3cret@git.example:8443/a/b.git?token=s3cret#s3cret",
                "https://git.example:8443/a/b.git",
            ),
            ("https://s3cret@git.example", "https://git.example"),
            ("git@git.example:a/b.git", "git@git.example:a/b.git"),
            ("u:s3cret@git.example:a/b.git", "git.example:a/b.git"),
            ("oci://registry.example/chart@sha256", "oci://registry.example/chart@sha256"),
            ("/healthz?key=s3cret", "/healthz"),
            ("", ""),
        ] {
            assert_eq!(keep(Shape::Address, &json!(text)), json!(kept));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_an_address(text in ".{0,20}[:/@?#]{0,4}.{0,20}") {
            let kept = address(&text);
            proptest::prop_assert!(!kept.contains('?') && !kept.contains('#'));
        }
    }
}
