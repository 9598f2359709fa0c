//! Writes: what storing an object does to its metadata, and what a write may not touch.
//!
//! Owns creation, replacement and deletion of one object: names, uids, generations, conflicts, finalizers. It does not
//! know HTTP, nor how the new object was arrived at.

mod metadata;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::kinds::{Feature, Origin, Resource};
use super::object::{Key, Object, Parts, Stamp};
use super::render::api_version;
use super::respond::{Failure, Subject, qualified};
use super::state::State;
use metadata::{
    Preconditions, check_preconditions, count_generation, has_finalizers, keep_metadata, name_of_new, reset,
    set,
};
pub(super) use metadata::{metadata, new_name, text};

/// An object as a tree, without `apiVersion` and `kind`.
pub(super) type Fields = Map<String, Value>;

/// Which part of an object a write sets; the rest stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All but the status, where the kind has a status subresource.
    Main,
    /// The status alone.
    Status,
    /// All of it; clients cannot, scripts and tests can.
    Whole,
}

/// Whether a write takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Persist,
    DryRun,
}

/// How to write.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) part: Part,
    pub(super) effect: Effect,
    /// The timestamp of the write.
    pub(super) now: String,
}

/// The options of a deletion that are honoured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DeleteOptions {
    pub(super) preconditions: Option<Preconditions>,
    pub(super) dry_run: Vec<String>,
}

/// What a deletion did.
pub(super) enum Deleted {
    /// The object is gone.
    Gone(Arc<Object>),
    /// The object waits for its finalizers.
    Terminating(Arc<Object>),
}

pub(super) fn subject<'a>(resource: &'a Resource, name: &'a str) -> Subject<'a> {
    Subject { group: &resource.id.group, resource: &resource.id.plural, name }
}

/// A text that is not empty.
fn given(value: Value) -> Option<String> {
    if let Value::String(text) = value { Some(text).filter(|text| !text.is_empty()) } else { None }
}

/// Removes `apiVersion` and `kind`, which must fit where they are given.
pub(super) fn strip_type(fields: &mut Fields, resource: &Resource, version: &str) -> Result<(), Failure> {
    let (group, expected_kind) = (&resource.id.group, &resource.kind);
    let expected_version = api_version(group, version);
    let kind = fields.remove("kind").and_then(given).unwrap_or_else(|| expected_kind.clone());
    let version = fields.remove("apiVersion").and_then(given).unwrap_or_else(|| expected_version.clone());
    let fits = (kind == *expected_kind, version == expected_version);
    match (fits, resource.origin) {
        ((true, true), _) => Ok(()),
        (_, Origin::BuiltIn) => {
            let why = format!("{kind} in version \"{version}\" cannot be handled as a {expected_kind}");
            Err(Failure::bad_request(why))
        }
        ((_, false), _) => Err(Failure::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({expected_version})"
        ))),
        ((false, true), _) => {
            let name =
                fields.get("metadata").and_then(Value::as_object).map_or("", |fields| text(fields, "name"));
            let why = format!("Invalid value: \"{kind}\": must be {expected_kind}");
            Err(Failure::invalid(&qualified(group, &kind), name, "kind", &why))
        }
    }
}

/// Takes back what a write changed outside of its part.
fn confine(before: &Fields, after: &mut Fields, part: Part, resource: &Resource) {
    match part {
        Part::Whole => {}
        Part::Main if !resource.has(Feature::Status) => {}
        Part::Main => set(after, "status", before.get("status").cloned()),
        Part::Status => {
            let status = after.remove("status");
            after.clone_from(before);
            set(after, "status", status);
        }
    }
}

fn encode(fields: Fields, stamp: Stamp<'_>) -> Result<Object, Failure> {
    let json = Value::Object(fields).to_string();
    let parts = Parts::parse(json.as_bytes()).map_err(|error| Failure::bad_request(error.to_string()))?;
    Ok(Object::new(&parts, stamp))
}

impl State {
    /// Stores a new object in a namespace (empty for cluster-scoped kinds).
    pub(super) fn create(
        &mut self,
        resource: &Resource,
        namespace: &str,
        mut fields: Fields,
        write: &Write,
    ) -> Result<Arc<Object>, Failure> {
        let version = self.store.next_version();
        let metadata = metadata(&mut fields)?;
        let name = name_of_new(metadata, &qualified(&resource.id.group, &resource.kind), version)?;
        let key = Key::new(namespace, &name);
        if self.store.get(&resource.id, &key).is_some() {
            return Err(Failure::already_exists(subject(resource, &name)));
        }
        if write.part != Part::Whole {
            reset(metadata)?;
        }
        let or = |given: &str, default: String| if given.is_empty() { default } else { given.to_owned() };
        let uid = or(text(metadata, "uid"), self.store.uid(&resource.id, &key));
        let created = or(text(metadata, "creationTimestamp"), write.now.clone());
        if resource.has(Feature::Generation) {
            metadata.entry("generation").or_insert_with(|| 1.into());
        }
        if resource.has(Feature::Status) && write.part == Part::Main {
            let empty = (resource.origin == Origin::BuiltIn).then(|| Value::Object(Map::new()));
            set(&mut fields, "status", empty);
        }
        let name_is_a_label = resource.is_namespaces();
        let stamp = Stamp { key, uid: &uid, version, created: &created, name_is_a_label };
        let object = encode(fields, stamp)?;
        Ok(self.commit(resource, object, write))
    }

    /// Replaces an object by `fields`, as far as `write.part` goes; an equal object is no change.
    pub(super) fn replace(
        &mut self,
        resource: &Resource,
        old: &Arc<Object>,
        mut fields: Fields,
        write: &Write,
    ) -> Result<Arc<Object>, Failure> {
        let mut before = decode(old)?;
        if write.part != Part::Whole {
            check_preconditions(resource, old, metadata(&mut fields)?)?;
        }
        confine(&before, &mut fields, write.part, resource);
        keep_metadata(metadata(&mut before)?, metadata(&mut fields)?, write.part);
        if fields == before {
            return Ok(Arc::clone(old));
        }
        if resource.has(Feature::Generation) {
            count_generation(&mut before, &mut fields)?;
        }
        let metadata = metadata(&mut fields)?;
        let created = text(metadata, "creationTimestamp").to_owned();
        let finalized = !text(metadata, "deletionTimestamp").is_empty() && !has_finalizers(metadata);
        let stamp = Stamp {
            key: old.key.clone(),
            uid: &old.uid,
            version: self.store.next_version(),
            created: &created,
            name_is_a_label: resource.is_namespaces(),
        };
        let object = encode(fields, stamp)?;
        if finalized && write.part != Part::Whole {
            self.take_away(resource, old, write);
            return Ok(Arc::new(object));
        }
        Ok(self.commit(resource, object, write))
    }

    /// Deletes an object, or marks it while it has finalizers.
    pub(super) fn delete(
        &mut self,
        resource: &Resource,
        old: &Arc<Object>,
        options: &DeleteOptions,
        write: &Write,
    ) -> Result<Deleted, Failure> {
        if let Some(wanted) = &options.preconditions {
            wanted.check_deletion(resource, old)?;
        }
        let mut fields = decode(old)?;
        let metadata = metadata(&mut fields)?;
        if !has_finalizers(metadata) || write.part == Part::Whole {
            self.take_away(resource, old, write);
            return Ok(Deleted::Gone(Arc::clone(old)));
        }
        if text(metadata, "deletionTimestamp").is_empty() {
            metadata.insert("deletionTimestamp".to_owned(), write.now.as_str().into());
            metadata.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
            let whole = Write { part: Part::Whole, ..write.clone() };
            return self.replace(resource, old, fields, &whole).map(Deleted::Terminating);
        }
        Ok(Deleted::Terminating(Arc::clone(old)))
    }

    fn commit(&mut self, resource: &Resource, object: Object, write: &Write) -> Arc<Object> {
        if write.effect == Effect::DryRun {
            return Arc::new(object);
        }
        if resource.is_definition() {
            self.define(&object);
        }
        self.store.put(&resource.id, object)
    }

    fn take_away(&mut self, resource: &Resource, old: &Object, write: &Write) {
        if write.effect == Effect::DryRun {
            return;
        }
        self.store.remove(&resource.id, &old.key);
        if resource.is_definition()
            && let Ok(fields) = old.decode()
            && let Some(id) = self.kinds.undefine(&Value::Object(fields))
        {
            self.store.drop_resource(&id);
        }
    }

    /// Serves what a stored CustomResourceDefinition defines.
    pub(super) fn define(&mut self, definition: &Object) {
        if let Ok(fields) = definition.decode()
            && let Some((resource, Some(replaced))) = self.kinds.define(&Value::Object(fields))
        {
            self.store.rename_resource(&replaced, &resource.id);
        }
    }
}

pub(super) fn decode(object: &Object) -> Result<Fields, Failure> {
    object.decode().map_err(|error| Failure::internal(format!("decoding {}: {error}", object.key.name)))
}

/// Whether a kind refuses updates that do not say which version they replace.
pub(super) fn needs_version(resource: &Resource) -> bool {
    resource.origin == Origin::Definition
}
