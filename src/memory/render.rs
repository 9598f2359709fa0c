//! Stored objects as responses show them.
//!
//! Owns the step from a stored body to the JSON of one object, of an item of a list, and of metadata alone; always by
//! putting bytes together. It does not know which objects a request selects.

use serde_json::Value;

use super::kinds::{Origin, Resource};
use super::object::Object;
use super::route::Form;

/// How the objects of one request are shown.
#[derive(Debug, Clone)]
pub(super) struct Render {
    form: Form,
    kind: String,
    api_version: String,
    list_kind: String,
    /// Whether items do not say their kind, as those of built-in kinds.
    bare_items: bool,
    /// Whether lists say with an empty token that there is no more, as those of custom resources.
    pub(super) says_no_more: bool,
}

/// `apps` and `v1` as `apiVersion` writes them.
pub(super) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

impl Render {
    pub(super) fn new(resource: &Resource, version: &str, form: Form) -> Self {
        let (kind, api_version) = match form {
            Form::Full => (resource.kind.clone(), api_version(&resource.id.group, version)),
            Form::Metadata => ("PartialObjectMetadata".to_owned(), "meta.k8s.io/v1".to_owned()),
        };
        let bare_items = form == Form::Full && resource.origin == Origin::BuiltIn;
        let says_no_more = form == Form::Full && resource.origin != Origin::BuiltIn;
        Self { form, list_kind: format!("{kind}List"), kind, api_version, bare_items, says_no_more }
    }

    /// `{"kind":…,"apiVersion":…`, still open.
    fn open(&self, out: &mut Vec<u8>, kind: &str) {
        let (kind, api_version) = (Value::from(kind), Value::from(self.api_version.as_str()));
        out.extend_from_slice(format!(r#"{{"kind":{kind},"apiVersion":{api_version}"#).as_bytes());
    }

    /// Appends an object with its kind.
    pub(super) fn object(&self, out: &mut Vec<u8>, object: &Object) {
        self.open(out, &self.kind);
        out.push(b',');
        match self.form {
            Form::Full => out.extend_from_slice(object.body().get(1..).unwrap_or_default()),
            Form::Metadata => {
                out.extend_from_slice(br#""metadata":"#);
                out.extend_from_slice(object.metadata());
                out.push(b'}');
            }
        }
    }

    /// Appends an item of a list; those of built-in kinds do not say their kind.
    pub(super) fn item(&self, out: &mut Vec<u8>, object: &Object) {
        if self.bare_items {
            out.extend_from_slice(object.body());
        } else {
            self.object(out, object);
        }
    }

    /// Appends a list up to its first item.
    pub(super) fn open_list(&self, out: &mut Vec<u8>, metadata: &Value) {
        self.open(out, &self.list_kind);
        out.extend_from_slice(format!(r#","metadata":{metadata},"items":["#).as_bytes());
    }

    /// Appends an object of this kind that has nothing but metadata.
    pub(super) fn bookmark(&self, out: &mut Vec<u8>, metadata: &Value) {
        self.open(out, &self.kind);
        out.extend_from_slice(format!(r#","metadata":{metadata}}}"#).as_bytes());
    }

    /// One object with its kind.
    pub(super) fn bytes(&self, object: &Object) -> Vec<u8> {
        let mut out = Vec::with_capacity(object.body().len() + 64);
        self.object(&mut out, object);
        out
    }
}
