//! Requests that change objects: create, update, patch, delete, deletecollection, and the subresources.
//!
//! Owns the reading of their bodies and options and the form of their answers. It does not know what storing does to an
//! object.

use std::sync::Arc;

use http::StatusCode;
use serde_json::Value;

use super::kinds::{Feature, Origin, Resource};
use super::list::{of_objects, select};
use super::object::{Key, Object};
use super::patch::Patch;
use super::render::Render;
use super::respond::{Answer, Failure, deleted, json_response};
use super::route::{Call, Form, Target};
use super::scale;
use super::selectors::Selectors;
use super::state::State;
use super::write::{
    DeleteOptions, Deleted, Effect, Fields, Part, Write, decode, metadata, needs_version, strip_type,
    subject, text,
};

/// A request that changes objects of one resource.
pub(super) struct Mutation<'a> {
    pub(super) resource: &'a Resource,
    pub(super) target: &'a Target,
    pub(super) call: &'a Call,
    pub(super) body: &'a [u8],
    pub(super) now: String,
}

impl Mutation<'_> {
    /// Answers the request.
    pub(super) fn answer(&self, state: &mut State) -> Answer {
        let subresource = self.target.subresource.as_deref();
        match (self.call.verb, self.target.name.as_deref(), subresource) {
            ("create", None, None) => self.create(state),
            ("update", Some(name), None) => self.update(state, name, Part::Main),
            ("patch", Some(name), None) => self.patch(state, name, Part::Main),
            ("update", Some(name), Some("status")) => self.update(state, name, Part::Status),
            ("patch", Some(name), Some("status")) => self.patch(state, name, Part::Status),
            ("update" | "patch", Some(name), Some("scale")) => self.scale(state, name),
            ("delete", Some(name), None) => self.delete(state, name),
            ("deletecollection", None, None) => self.delete_collection(state),
            _ => Err(Failure::method_not_allowed()),
        }
    }

    fn write(&self, part: Part) -> Result<Write, Failure> {
        let effect = if self.call.query.is_dry_run()? { Effect::DryRun } else { Effect::Persist };
        Ok(Write { part, effect, now: self.now.clone() })
    }

    fn namespace(&self) -> &str {
        self.target.namespace.as_deref().unwrap_or_default()
    }

    fn fields(&self) -> Result<Fields, Failure> {
        serde_json::from_slice(self.body)
            .map_err(|error| Failure::bad_request(format!("the object provided is unrecognized: {error}")))
    }

    fn stored(&self, state: &State, name: &str) -> Result<Arc<Object>, Failure> {
        let key = Key::new(self.namespace(), name);
        let object = state.store.get(&self.resource.id, &key).cloned();
        object.ok_or_else(|| Failure::not_found(subject(self.resource, name)))
    }

    fn respond(&self, code: StatusCode, object: &Object) -> Answer {
        let render = Render::new(self.resource, &self.target.version, self.call.form());
        Ok(json_response(code, render.bytes(object)))
    }

    /// The object that was sent: of this kind and in this namespace.
    fn sent(&self) -> Result<Fields, Failure> {
        let mut fields = self.fields()?;
        self.check_place(&mut fields)?;
        Ok(fields)
    }

    fn check_place(&self, fields: &mut Fields) -> Result<(), Failure> {
        strip_type(fields, self.resource, &self.target.version)?;
        let namespace = text(metadata(fields)?, "namespace");
        if namespace.is_empty() || namespace == self.namespace() {
            return Ok(());
        }
        Err(Failure::bad_request(
            "the namespace of the provided object does not match the namespace sent on the request",
        ))
    }

    fn create(&self, state: &mut State) -> Answer {
        if self.resource.is_namespaced() != self.target.namespace.is_some() {
            return Err(Failure::method_not_allowed());
        }
        let object = state.create(self.resource, self.namespace(), self.sent()?, &self.write(Part::Main)?)?;
        self.respond(StatusCode::CREATED, &object)
    }

    fn update(&self, state: &mut State, name: &str, part: Part) -> Answer {
        let old = self.stored(state, name)?;
        let mut fields = self.sent()?;
        if needs_version(self.resource) && text(metadata(&mut fields)?, "resourceVersion").is_empty() {
            let why = "Invalid value: 0: must be specified for an update";
            return Err(Failure::invalid(&self.resource.kind, name, "metadata.resourceVersion", why));
        }
        let object = state.replace(self.resource, &old, fields, &self.write(part)?)?;
        self.respond(StatusCode::OK, &object)
    }

    fn patch(&self, state: &mut State, name: &str, part: Part) -> Answer {
        let patch = Patch::parse(&self.call.content_type, self.body, self.resource)?;
        let write = self.write(part)?;
        if let Patch::Apply(applied) = &patch {
            self.check_apply(applied)?;
            if state.store.get(&self.resource.id, &Key::new(self.namespace(), name)).is_none() {
                return self.apply_new(state, name, applied, &write);
            }
        }
        let old = self.stored(state, name)?;
        let mut object = Value::Object(decode(&old)?);
        patch.apply(&mut object, &self.resource.kind, name)?;
        let Value::Object(mut fields) = object else {
            return Err(Failure::bad_request("the patched object is not an object"));
        };
        self.check_place(&mut fields)?;
        let object = state.replace(self.resource, &old, fields, &write)?;
        self.respond(StatusCode::OK, &object)
    }

    fn check_apply(&self, applied: &Value) -> Result<(), Failure> {
        if self.call.query.text("fieldManager").is_none() {
            let why = "Required value: is required for apply patch";
            return Err(Failure::invalid("PatchOptions.meta.k8s.io", "", "fieldManager", why));
        }
        if applied["apiVersion"].is_string() && applied["kind"].is_string() {
            return Ok(());
        }
        Err(Failure::bad_request("apiVersion and kind must be set in an apply patch"))
    }

    fn apply_new(&self, state: &mut State, name: &str, applied: &Value, write: &Write) -> Answer {
        if write.part == Part::Status {
            return Err(Failure::not_found(subject(self.resource, name)));
        }
        let Value::Object(mut fields) = applied.clone() else {
            return Err(Failure::bad_request("the applied object is not an object"));
        };
        self.check_place(&mut fields)?;
        metadata(&mut fields)?.insert("name".to_owned(), name.into());
        let object = state.create(self.resource, self.namespace(), fields, write)?;
        self.respond(StatusCode::CREATED, &object)
    }

    fn scale(&self, state: &mut State, name: &str) -> Answer {
        let old = self.stored(state, name)?;
        let mut scale = scale::of(&old)?;
        if self.call.verb == "patch" {
            let patch = Patch::parse(&self.call.content_type, self.body, self.resource)?;
            patch.apply(&mut scale, "Scale", name)?;
        } else {
            scale = Value::Object(self.fields()?);
        }
        let fields = scale::set(&old, &scale)?;
        let object = state.replace(self.resource, &old, fields, &self.write(Part::Main)?)?;
        Ok(json_response(StatusCode::OK, scale::of(&object)?.to_string()))
    }

    fn options(&self) -> Result<DeleteOptions, Failure> {
        if self.body.is_empty() {
            return Ok(DeleteOptions::default());
        }
        serde_json::from_slice(self.body)
            .map_err(|error| Failure::bad_request(format!("error decoding DeleteOptions: {error}")))
    }

    fn delete_write(&self, options: &DeleteOptions) -> Result<Write, Failure> {
        let mut write = self.write(Part::Main)?;
        if options.dry_run.iter().any(|option| option == "All") {
            write.effect = Effect::DryRun;
        }
        Ok(write)
    }

    fn delete(&self, state: &mut State, name: &str) -> Answer {
        let old = self.stored(state, name)?;
        let options = self.options()?;
        match state.delete(self.resource, &old, &options, &self.delete_write(&options)?)? {
            Deleted::Terminating(object) => self.respond(StatusCode::OK, &object),
            Deleted::Gone(object) => {
                let status = deleted(subject(self.resource, name), &object.uid);
                Ok(json_response(StatusCode::OK, status.to_string()))
            }
        }
    }

    fn delete_collection(&self, state: &mut State) -> Answer {
        let query = &self.call.query;
        let selectors =
            Selectors::parse(query.text("labelSelector"), query.text("fieldSelector"), self.resource)?;
        let options = self.options()?;
        let write = self.delete_write(&options)?;
        let mut objects = Vec::new();
        for object in select(&state.store, self.resource, self.target, &selectors) {
            objects.push(match state.delete(self.resource, &object, &options, &write)? {
                Deleted::Gone(object) | Deleted::Terminating(object) => object,
            });
        }
        let render = Render::new(self.resource, &self.target.version, Form::Full);
        Ok(of_objects(render, state.store.version(), objects))
    }
}

/// Whether a resource has a subresource; of a guessed kind, the status can be written although it is not set apart.
pub(super) fn has_subresource(resource: &Resource, name: &str) -> bool {
    match name {
        "status" => resource.has(Feature::Status) || resource.origin == Origin::Guess,
        "scale" => resource.has(Feature::Scale),
        _ => false,
    }
}
