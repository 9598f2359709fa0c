//! Access to the objects without a request: for what was there before, for scripts and for tests.
//!
//! Owns seeding and the writes that no client could make, such as a status together with a specification. It does not
//! know access rules or faults: they befall requests alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::kinds::{Resource, Scope};
use super::object::{Key, Malformed, Object, Parts, Stamp};
use super::render::api_version;
use super::respond::Failure;
use super::state::State;
use super::write::{DeleteOptions, Effect, Fields, Part, Write, decode, metadata, new_name, text};
use super::{Api, UnknownKinds};

/// Recorded versions from here on are not kept, so that there is always a next one.
const LARGEST_VERSION: u64 = 1 << 62;

/// What names one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectRef {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; left out for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// Why an object cannot be stored, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes are no Kubernetes object.
    #[error("not a Kubernetes object")]
    Malformed(#[from] Malformed),
    /// One item of a list is at fault; the others were stored.
    #[error("item {index} of the list")]
    Item {
        /// Which item, from 0.
        index: usize,
        /// What is wrong with it.
        source: Box<Self>,
    },
    /// No such kind is served, and kinds are not registered on the fly.
    #[error("no kind {kind} is served at {api_version}")]
    UnknownKind {
        /// Group and version.
        api_version: String,
        /// Kind.
        kind: String,
    },
    /// What the API server would answer.
    #[error("{0}")]
    Refused(String),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure.message)
    }
}

/// The apiVersion and kind of an object, and whether it names a namespace.
struct Type<'a> {
    api_version: &'a str,
    kind: &'a str,
    scope: Scope,
}

fn scope(namespace: &str) -> Scope {
    if namespace.is_empty() { Scope::Cluster } else { Scope::Namespaced }
}

/// `apps/v1` as group and version.
fn group_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Whether an apiVersion and a kind can be those of an object.
fn check_type(api_version: &str, kind: &str) -> Result<(), Malformed> {
    let (group, version) = group_version(api_version);
    let is_name =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if version.is_empty() || !is_name(version) || !is_name(group) || api_version.starts_with('/') {
        return Err(Malformed::Invalid { field: "apiVersion", value: api_version.to_owned() });
    }
    if kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Malformed::Invalid { field: "kind", value: kind.to_owned() })
}

impl Api {
    /// Stores an object, or all the items of a list, as if it had been there before anybody looked; gives back how many.
    ///
    /// What is there under the same name is replaced. No event is sent: a running watch of an older version is told to
    /// start again, so seed first and use [`Api::apply`] once clients are connected. `metadata.uid`, `resourceVersion`
    /// and `creationTimestamp` are set where they are absent.
    pub fn seed(&self, json: &[u8]) -> Result<usize, Error> {
        let parts = Parts::parse(json)?;
        match parts.field("items") {
            Some(items) if parts.text("kind").is_some_and(|kind| kind.ends_with("List")) => {
                self.seed_items(&parts, items)
            }
            Some(_) | None => self.change(|state| self.place(state, &parts, None)).map(|()| 1),
        }
    }

    /// [`Api::seed`] for an object that is a tree already.
    pub fn seed_value(&self, object: &Value) -> Result<usize, Error> {
        self.seed(object.to_string().as_bytes())
    }

    fn seed_items(&self, list: &Parts<'_>, items: &RawValue) -> Result<usize, Error> {
        let items: Vec<&RawValue> = serde_json::from_str(items.get()).map_err(Malformed::from)?;
        let (api_version, kind) =
            (list.text("apiVersion").unwrap_or_default(), list.text("kind").unwrap_or_default());
        let item_kind = kind.strip_suffix("List").filter(|kind| !kind.is_empty());
        let default = item_kind.map(|kind| (&*api_version, kind));
        let mut failed = None;
        for (index, item) in items.iter().enumerate() {
            let parsed = Parts::parse(item.get().as_bytes()).map_err(Error::from);
            let placed = parsed.and_then(|parts| self.change(|state| self.place(state, &parts, default)));
            if let Err(error) = placed {
                failed.get_or_insert(Error::Item { index, source: Box::new(error) });
            }
        }
        failed.map_or(Ok(items.len()), Err)
    }

    fn place(
        &self,
        state: &mut State,
        parts: &Parts<'_>,
        default: Option<(&str, &str)>,
    ) -> Result<(), Error> {
        let (default_version, default_kind) = default.unzip();
        let (api_version, kind) = (parts.text("apiVersion"), parts.text("kind"));
        let api_version =
            api_version.as_deref().or(default_version).ok_or(Malformed::Missing("apiVersion"))?;
        let kind = kind.as_deref().or(default_kind).ok_or(Malformed::Missing("kind"))?;
        check_type(api_version, kind)?;
        let namespace = parts.metadata_text("namespace").unwrap_or_default();
        let resource = self.resource(state, &Type { api_version, kind, scope: scope(&namespace) })?;
        let next = state.store.next_version();
        let name = match (parts.metadata_text("name"), parts.metadata_text("generateName")) {
            (Some(name), _) => name.into_owned(),
            (None, Some(prefix)) => new_name(&prefix, next),
            (None, None) => return Err(Malformed::Missing("metadata.name").into()),
        };
        let key = self.key(&resource, &namespace, &name);
        let version = parts.metadata_text("resourceVersion").and_then(|version| version.parse().ok());
        let version = version.filter(|version| *version < LARGEST_VERSION);
        let uid = parts.metadata_text("uid").map_or_else(|| state.store.uid(&resource.id, &key), Into::into);
        let created = parts.metadata_text("creationTimestamp").map_or_else(|| self.stamp(), Into::into);
        let version = version.unwrap_or(next);
        let name_is_a_label = resource.is_namespaces();
        let stamp = Stamp { key, uid: &uid, version, created: &created, name_is_a_label };
        let object = Object::new(parts, stamp);
        if resource.is_definition() {
            state.define(&object);
        }
        state.store.place(&resource.id, object);
        Ok(())
    }

    fn resource(&self, state: &mut State, wanted: &Type<'_>) -> Result<Arc<Resource>, Error> {
        let (group, version) = group_version(wanted.api_version);
        if self.settings().unknown_kinds == UnknownKinds::Register {
            return Ok(state.kinds.learn(group, version, wanted.kind, wanted.scope));
        }
        let known = state.kinds.of_kind(group, wanted.kind);
        known.filter(|known| known.versions.iter().any(|served| served == version)).ok_or_else(|| {
            Error::UnknownKind { api_version: wanted.api_version.to_owned(), kind: wanted.kind.to_owned() }
        })
    }

    /// Where an object goes: namespaced ones that do not say so, into the default namespace.
    fn key(&self, resource: &Resource, namespace: &str, name: &str) -> Key {
        match (resource.is_namespaced(), namespace) {
            (false, _) => Key::new("", name),
            (true, "") => Key::new(&self.settings().namespace, name),
            (true, namespace) => Key::new(namespace, name),
        }
    }

    fn whole(&self) -> Write {
        Write { part: Part::Whole, effect: Effect::Persist, now: self.stamp() }
    }

    /// Creates an object, or merges into the one that is there, status and generation included.
    pub fn apply(&self, object: Value) -> Result<(), Error> {
        let Value::Object(mut fields) = object else { return Err(Malformed::Missing("metadata").into()) };
        let given = |name: &'static str| {
            let text = fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or(Malformed::Missing(name))
        };
        let (api_version, kind) = (given("apiVersion")?, given("kind")?);
        check_type(&api_version, &kind)?;
        fields.retain(|name, _| name != "apiVersion" && name != "kind");
        let metadata = metadata(&mut fields)?;
        let (namespace, name) = (text(metadata, "namespace").to_owned(), text(metadata, "name").to_owned());
        self.change(|state| {
            let resource = self.resource(
                state,
                &Type { api_version: &api_version, kind: &kind, scope: scope(&namespace) },
            )?;
            let key = self.key(&resource, &namespace, &name);
            match state.store.get(&resource.id, &key).cloned() {
                Some(old) => merge(state, &resource, &old, &Value::Object(fields), &self.whole()),
                None => state.create(&resource, &key.namespace, fields, &self.whole()).map(|_| ()),
            }
            .map_err(Error::from)
        })
    }

    /// Merges a patch (RFC 7396) into an object that must be there, status and generation included.
    pub fn patch(&self, object: &ObjectRef, merge_patch: &Value) -> Result<(), Error> {
        self.change(|state| {
            let (resource, old) = self.find(state, object)?;
            merge(state, &resource, &old, merge_patch, &self.whole()).map_err(Error::from)
        })
    }

    /// Removes an object that must be there, whatever its finalizers.
    pub fn delete(&self, object: &ObjectRef) -> Result<(), Error> {
        self.change(|state| {
            let (resource, old) = self.find(state, object)?;
            state.delete(&resource, &old, &DeleteOptions::default(), &self.whole())?;
            Ok(())
        })
    }

    /// An object as it is stored now.
    pub fn get(&self, object: &ObjectRef) -> Option<Value> {
        let state = self.lock();
        let (resource, found) = self.find(&state, object).ok()?;
        let mut fields = found.decode().ok()?;
        let (_, version) = group_version(&object.api_version);
        fields.insert("apiVersion".to_owned(), api_version(&resource.id.group, version).into());
        fields.insert("kind".to_owned(), object.kind.as_str().into());
        Some(Value::Object(fields))
    }

    /// How many objects are stored.
    pub fn len(&self) -> usize {
        let state = self.lock();
        state.kinds.all().map(|resource| state.store.objects(&resource.id).count()).sum()
    }

    /// Whether no object is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, state: &State, object: &ObjectRef) -> Result<(Arc<Resource>, Arc<Object>), Error> {
        let (group, _) = group_version(&object.api_version);
        let resource = state.kinds.of_kind(group, &object.kind).ok_or_else(|| Error::UnknownKind {
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
        })?;
        let key = self.key(&resource, object.namespace.as_deref().unwrap_or_default(), &object.name);
        let found = state.store.get(&resource.id, &key).cloned();
        let found =
            found.ok_or_else(|| Failure::not_found(super::write::subject(&resource, &object.name)))?;
        Ok((resource, found))
    }
}

/// Merges a patch into a stored object.
fn merge(
    state: &mut State,
    resource: &Resource,
    old: &Arc<Object>,
    patch: &Value,
    write: &Write,
) -> Result<(), Failure> {
    let mut merged = Value::Object(decode(old)?);
    json_patch::merge(&mut merged, patch);
    let fields: Fields = match merged {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    state.replace(resource, old, fields, write).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Settings;
    use crate::memory::testing::{pod, reference};
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn what_a_recorded_object_says_of_itself_is_kept() {
        let api = Api::default();
        let mut recorded = pod("a");
        recorded["metadata"]["uid"] = "recorded".into();
        recorded["metadata"]["resourceVersion"] = "4711".into();
        recorded["metadata"]["creationTimestamp"] = "2025-05-05T05:05:05Z".into();
        api.seed_value(&recorded).unwrap();
        assert_eq!(api.get(&reference("v1", "Pod", "a")), Some(recorded));
        api.seed_value(&pod("b")).unwrap();
        assert_eq!(api.get(&reference("v1", "Pod", "b")).unwrap()["metadata"]["resourceVersion"], "4712");
    }

    #[test]
    fn lists_are_seeded_item_by_item() {
        let api = Api::default();
        let list = json!({ "apiVersion": "v1", "kind": "PodList", "metadata": {}, "items": [
            { "metadata": { "name": "a", "namespace": "shop" } }, 7, { "metadata": {} },
        ]});
        let error = api.seed_value(&list).unwrap_err();
        assert!(matches!(error, Error::Item { index: 1, .. }), "{error:?}");
        assert!(api.get(&reference("v1", "Pod", "a")).is_some());
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": [pod("b"), pod("c")] });
        assert_eq!((api.seed_value(&list).unwrap(), api.len()), (2, 3));
    }

    #[test]
    fn objects_go_where_their_kind_lives() {
        let api = Api::default();
        api.seed(br#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#).unwrap();
        api.seed(br#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"n","namespace":"shop"}}"#).unwrap();
        let at = |kind: &str, name: &str, namespace: Option<&str>| {
            let namespace = namespace.map(str::to_owned);
            api.get(&ObjectRef { namespace, ..reference("v1", kind, name) })
                .map(|object| object["metadata"].clone())
        };
        assert_eq!(at("Pod", "a", Some("default")).unwrap()["namespace"], "default");
        assert_eq!(at("Node", "n", None).unwrap().get("namespace"), None);
        api.seed(br#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"shop","labels":{"a":"b"}}}"#)
            .unwrap();
        let labels = json!({ "a": "b", "kubernetes.io/metadata.name": "shop" });
        assert_eq!(at("Namespace", "shop", None).unwrap()["labels"], labels);
    }

    proptest! {
        #[test]
        fn nothing_that_is_seeded_panics(junk in any::<Vec<u8>>(), name in ".{1,9}", key in ".{0,9}", depth in 1..300_usize) {
            let api = Api::default();
            api.seed(&junk).unwrap_err();
            let nested = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            let metadata = json!({ "name": name, "labels": { &key: 7 }, "resourceVersion": key });
            let json = format!(r#"{{"apiVersion":"v1","kind":"Pod","metadata":{metadata},"spec":{nested}}}"#);
            api.seed(json.as_bytes()).unwrap();
            let merged = api.patch(&reference("v1", "Pod", &name), &json!({ "spec": null }));
            assert!(merged.is_err() || depth < 128);
        }
    }

    #[test]
    fn unknown_kinds_can_be_refused() {
        let api = Api::new(Settings { unknown_kinds: UnknownKinds::Refuse, ..Settings::default() });
        let thing = json!({ "apiVersion": "x.example/v1", "kind": "Thing", "metadata": { "name": "t" } });
        assert_eq!(
            api.seed_value(&thing).unwrap_err().to_string(),
            "no kind Thing is served at x.example/v1"
        );
        assert_eq!(Api::default().seed_value(&thing).unwrap(), 1);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let cases = [
            r#"{"apiVersion":"a/b/c","kind":"Pod","metadata":{"name":"a"}}"#,
            r#"{"apiVersion":"v1","kind":"{{ .Kind }}","metadata":{"name":"a"}}"#,
            "",
            "[]",
            "{}",
            r#"{"apiVersion":"v1","kind":"Pod"}"#,
            r#"{"apiVersion":"v1","kind":"Pod","metadata":3}"#,
        ];
        for json in cases {
            assert!(matches!(Api::default().seed(json.as_bytes()), Err(Error::Malformed(_))), "{json}");
        }
    }
}
