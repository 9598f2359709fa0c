//! One stored object: its JSON as bytes, and the few fields that requests select by.
//!
//! Owns the stored form. Bodies are compact JSON that starts with `metadata` and leaves out `apiVersion` and `kind`:
//! those depend on the request (items of lists have none for built-in kinds, and a kind with several versions is stored
//! once). It does not know what the objects mean and never builds a tree of one that is only stored or listed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What every stored body starts with.
const PREFIX: &str = r#"{"metadata":"#;

/// Where an object lives within its resource; cluster-scoped objects have an empty namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
}

impl Key {
    pub(super) fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// One stored object at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: Key,
    pub(super) uid: Box<str>,
    /// The numeric `metadata.resourceVersion`.
    pub(super) version: u64,
    pub(super) labels: Box<[(Box<str>, Box<str>)]>,
    metadata_end: usize,
    body: Bytes,
}

/// Why bytes are not an object.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// Not JSON, or its top level or `metadata` is not an object.
    #[error("it is not a JSON object with metadata")]
    Json(#[from] serde_json::Error),
    /// A field that every Kubernetes object needs.
    #[error("it has no {0}")]
    Missing(&'static str),
    /// A field that cannot have this value.
    #[error("its {field} cannot be '{value}'")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// The outermost fields of an object and of its metadata, borrowed from its JSON.
pub(super) struct Parts<'a> {
    top: BTreeMap<String, &'a RawValue>,
    metadata: BTreeMap<String, &'a RawValue>,
}

impl<'a> Parts<'a> {
    pub(super) fn parse(json: &'a [u8]) -> Result<Self, Malformed> {
        let top: BTreeMap<String, &RawValue> = serde_json::from_slice(json)?;
        let metadata = match top.get("metadata") {
            Some(raw) => serde_json::from_str(raw.get())?,
            None => BTreeMap::new(),
        };
        Ok(Self { top, metadata })
    }

    /// A top-level field.
    pub(super) fn field(&self, name: &str) -> Option<&'a RawValue> {
        self.top.get(name).copied()
    }

    /// A top-level field that is text and not empty.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.field(name).and_then(text)
    }

    /// A field of the metadata that is text and not empty.
    pub(super) fn metadata_text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.metadata.get(name).copied().and_then(text)
    }

    fn labels(&self) -> BTreeMap<String, Value> {
        let raw = self.metadata.get("labels");
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }
}

/// The text of a JSON string; nothing for other values and for the empty string.
fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    let text = if inner.contains('\\') {
        Cow::Owned(serde_json::from_str::<String>(json).ok()?)
    } else {
        Cow::Borrowed(inner)
    };
    (!text.is_empty()).then_some(text)
}

/// The metadata that storage decides on.
pub(super) struct Stamp<'a> {
    pub(super) key: Key,
    pub(super) uid: &'a str,
    pub(super) version: u64,
    pub(super) created: &'a str,
    /// Whether the object bears its name as a label, which no Namespace is ever without.
    pub(super) name_is_a_label: bool,
}

impl Object {
    /// Stores the parts of an object under its stamp.
    pub(super) fn new(parts: &Parts<'_>, stamp: Stamp<'_>) -> Self {
        let mut metadata: BTreeMap<&str, Cow<'_, str>> =
            parts.metadata.iter().map(|(key, raw)| (key.as_str(), Cow::Borrowed(raw.get()))).collect();
        metadata.insert("name", quoted(&stamp.key.name));
        metadata.insert("uid", quoted(stamp.uid));
        metadata.insert("resourceVersion", quoted(&stamp.version.to_string()));
        metadata.insert("creationTimestamp", quoted(stamp.created));
        metadata.remove("namespace");
        if !stamp.key.namespace.is_empty() {
            metadata.insert("namespace", quoted(&stamp.key.namespace));
        }
        let mut labels = parts.labels();
        if stamp.name_is_a_label {
            labels.insert("kubernetes.io/metadata.name".to_owned(), (*stamp.key.name).into());
            metadata.insert("labels", Cow::Owned(json!(labels).to_string()));
        }
        let labels = labels.into_iter().filter_map(|(key, value)| Some((key.into(), value.as_str()?.into())));
        let mut body = PREFIX.as_bytes().to_vec();
        write_fields(&mut body, metadata.iter().map(|(&key, json)| (key, json.as_ref())), '{');
        body.push(b'}');
        let metadata_end = body.len();
        let rest =
            parts.top.iter().filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind" | "metadata"));
        write_fields(&mut body, rest.map(|(key, raw)| (key.as_str(), raw.get())), ',');
        body.push(b'}');
        Self {
            key: stamp.key,
            uid: stamp.uid.into(),
            version: stamp.version,
            labels: labels.collect(),
            metadata_end,
            body: Bytes::copy_from_slice(&body),
        }
    }

    /// The same object at another version.
    pub(super) fn at_version(&self, version: u64) -> Self {
        let Ok(parts) = Parts::parse(&self.body) else { return self.clone() };
        let created = parts.metadata_text("creationTimestamp").unwrap_or_default();
        let key = self.key.clone();
        Self::new(&parts, Stamp { key, uid: &self.uid, version, created: &created, name_is_a_label: false })
    }

    /// The body without `apiVersion` and `kind`, in full.
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// The JSON of the metadata.
    pub(super) fn metadata(&self) -> &[u8] {
        self.body.get(PREFIX.len()..self.metadata_end).unwrap_or_default()
    }

    /// The object as a tree, without `apiVersion` and `kind`.
    pub(super) fn decode(&self) -> serde_json::Result<Map<String, Value>> {
        serde_json::from_slice(&self.body)
    }

    /// The text of the scalar at a path like `spec.nodeName`; empty where there is none, as field selectors see it.
    pub(super) fn field(&self, path: &str) -> String {
        let mut json = std::str::from_utf8(&self.body).unwrap_or_default();
        for segment in path.split('.') {
            let Ok(mut fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) else {
                return String::new();
            };
            let Some(raw) = fields.remove(segment) else { return String::new() };
            json = raw.get();
        }
        match serde_json::from_str(json) {
            Ok(Value::String(text)) => text,
            Ok(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.to_string(),
            Ok(Value::Null | Value::Array(_) | Value::Object(_)) | Err(_) => String::new(),
        }
    }
}

/// A JSON string literal.
fn quoted(text: &str) -> Cow<'static, str> {
    Cow::Owned(Value::from(text).to_string())
}

/// Appends `"key":value` for each field, `opening` before the first and a comma before the others.
fn write_fields<'a>(out: &mut Vec<u8>, fields: impl Iterator<Item = (&'a str, &'a str)>, opening: char) {
    let mut separator = opening;
    for (key, json) in fields {
        out.push(separator as u8);
        out.extend_from_slice(quoted(key).as_bytes());
        out.push(b':');
        compact(out, json);
        separator = ',';
    }
}

/// Appends JSON without the white space between its tokens.
fn compact(out: &mut Vec<u8>, json: &str) {
    out.reserve(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json.as_bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn store(value: &Value) -> Object {
        let json = serde_json::to_string_pretty(value).unwrap();
        let stamp = Stamp {
            key: Key::new("shop", "web"),
            uid: "u",
            version: 7,
            created: "2026-01-01T00:00:00Z",
            name_is_a_label: false,
        };
        Object::new(&Parts::parse(json.as_bytes()).unwrap(), stamp)
    }

    #[test]
    fn bodies_are_compact_and_stamped() {
        let object = store(&json!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": { "labels": { "app": "a \"b\" c" }, "name": "web" },
            "spec": { "nodeName": "n 1", "hostNetwork": true },
        }));
        let metadata = r#"{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"a \"b\" c"},"name":"web","namespace":"shop","resourceVersion":"7","uid":"u"}"#;
        assert_eq!(std::str::from_utf8(object.metadata()).unwrap(), metadata);
        let body = format!(r#"{{"metadata":{metadata},"spec":{{"hostNetwork":true,"nodeName":"n 1"}}}}"#);
        assert_eq!(object.body(), body.as_bytes());
        assert_eq!(object.field("spec.nodeName"), "n 1");
        assert_eq!(object.field("spec.hostNetwork"), "true");
        assert_eq!(object.field("spec.absent"), "");
        assert_eq!(&*object.labels, [("app".into(), "a \"b\" c".into())]);
    }

    #[test]
    fn another_version_changes_nothing_else() {
        let object = store(&json!({ "spec": { "a": [1, 2] } }));
        let later = object.at_version(9);
        assert_eq!(later.version, 9);
        assert_eq!(later.at_version(7), object);
    }

    proptest! {
        #[test]
        fn compacting_keeps_the_value(text in ".*", number in any::<i64>()) {
            let value = json!({ text.clone(): [text, number, { "x": null }] });
            let mut out = Vec::new();
            compact(&mut out, &serde_json::to_string_pretty(&value).unwrap());
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
