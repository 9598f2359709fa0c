//! Requests that change objects: create, update, patch, delete, deletecollection, and the subresources.
//!
//! Owns the reading of their bodies and options and the form of their answers. It does not know what storing does to an
//! object.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::Value;

use super::kinds::{Feature, Origin, Resource};
use super::list::{of_objects, select};
use super::object::{Key, Object};
use super::patch::Patch;
use super::render::{Render, api_version};
use super::respond::{Answer, Body, Failure, deleted, json_response, qualified};
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
        let effect = if self.call.is_dry_run()? { Effect::DryRun } else { Effect::Persist };
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

    fn respond(&self, code: StatusCode, object: &Object) -> Response<Body> {
        let render = Render::new(self.resource, &self.target.version, self.call.form());
        json_response(code, render.bytes(object))
    }

    /// The object that was sent: of this kind and in this namespace.
    fn sent(&self) -> Result<Fields, Failure> {
        let mut fields = self.fields()?;
        if self.resource.origin != Origin::BuiltIn {
            self.require_type(&fields)?;
        }
        self.check_place(&mut fields)?;
        Ok(fields)
    }

    /// Of a custom resource, objects must say their type.
    fn require_type(&self, fields: &Fields) -> Result<(), Failure> {
        let missing = [("apiVersion", "apiVersion"), ("kind", "Kind")];
        let missing = missing.into_iter().rev().find(|(field, _)| text(fields, field).is_empty());
        let Some((_, field)) = missing else { return Ok(()) };
        let kind = &self.resource.kind;
        let why = format!(
            "the object provided is unrecognized (must be of type {kind}): Object '{field}' is missing"
        );
        Err(Failure::bad_request(why))
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
        Ok(self.respond(StatusCode::CREATED, &object))
    }

    fn update(&self, state: &mut State, name: &str, part: Part) -> Answer {
        let old = self.stored(state, name)?;
        let mut fields = self.sent()?;
        if needs_version(self.resource) && text(metadata(&mut fields)?, "resourceVersion").is_empty() {
            let why = "Invalid value: 0: must be specified for an update";
            let resource = qualified(&self.resource.id.group, &self.resource.id.plural);
            return Err(Failure::invalid(&resource, name, "metadata.resourceVersion", why));
        }
        let object = state.replace(self.resource, &old, fields, &self.write(part)?)?;
        Ok(self.respond(StatusCode::OK, &object))
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
        let mut fields = decode(&old)?;
        fields.insert("apiVersion".to_owned(), api_version(&self.target.group, &self.target.version).into());
        fields.insert("kind".to_owned(), self.resource.kind.as_str().into());
        let mut object = Value::Object(fields);
        patch.apply(&mut object)?;
        let Value::Object(mut fields) = object else {
            return Err(Failure::bad_request("the patched object is not an object"));
        };
        self.check_place(&mut fields)?;
        let object = state.replace(self.resource, &old, fields, &write)?;
        Ok(self.respond(StatusCode::OK, &object))
    }

    fn check_apply(&self, applied: &Value) -> Result<(), Failure> {
        if self.call.query.text("fieldManager").is_none() {
            let why = "Required value: is required for apply patch";
            return Err(Failure::invalid("PatchOptions.meta.k8s.io", "", "fieldManager", why));
        }
        if applied["apiVersion"].is_string() && applied["kind"].is_string() {
            return Ok(());
        }
        Err(Failure::bad_request("invalid object type: /, Kind="))
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
        Ok(self.respond(StatusCode::CREATED, &object))
    }

    fn scale(&self, state: &mut State, name: &str) -> Answer {
        let old = self.stored(state, name)?;
        let mut scale = scale::of(&old)?;
        if self.call.verb == "patch" {
            let patch = Patch::parse(&self.call.content_type, self.body, self.resource)?;
            patch.apply(&mut scale)?;
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
            Deleted::Terminating(object) => Ok(self.respond(StatusCode::OK, &object)),
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

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{ConfigMap, Pod};
    use kube::ResourceExt as _;
    use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions};
    use serde_json::{Value, json};

    use crate::memory::Api;
    use crate::memory::testing::{
        config_maps, deployment, dynamic, pod, pods, reference, refusal, with_pods,
    };

    fn typed<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }

    fn config_map(metadata: &Value) -> ConfigMap {
        typed(json!({ "metadata": metadata, "data": { "a": "1" } }))
    }

    fn deployments(api: &Api) -> kube::Api<DynamicObject> {
        dynamic(api, "apps", "v1", "Deployment")
    }

    fn with_deployment() -> Api {
        let api = Api::default();
        api.apply(deployment(1)).unwrap();
        api
    }

    #[tokio::test(start_paused = true)]
    async fn a_created_object_gets_what_the_server_sets() {
        let api = Api::default();
        let created: Pod = pods(&api).create(&PostParams::default(), &typed(pod("a"))).await.unwrap();
        assert_eq!(created.metadata.generation, Some(1));
        assert_eq!(created.uid().map(|uid| uid.len()), Some(36));
        assert_eq!(created.resource_version().as_deref(), Some("2"));
        assert_eq!(json!(created.creation_timestamp()), "2026-01-01T00:00:00Z");
        let refused = refusal(pods(&api).create(&PostParams::default(), &typed(pod("a"))).await);
        assert!(refused.is_already_exists(), "{refused:?}");
        assert_eq!(refused.message, "pods \"a\" already exists");
    }

    #[tokio::test(start_paused = true)]
    async fn generated_names_do_not_repeat() {
        let api = Api::default();
        for count in 1..=50 {
            let new = config_map(&json!({ "generateName": "gate-" }));
            let name = config_maps(&api).create(&PostParams::default(), &new).await.unwrap().name_any();
            assert_eq!((name.len(), &name[..5]), (10, "gate-"));
            assert_eq!(api.len(), count);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_update_is_a_conflict() {
        let api = Api::default();
        let first = config_maps(&api)
            .create(&PostParams::default(), &config_map(&json!({ "name": "a" })))
            .await
            .unwrap();
        let mut newer = first.clone();
        newer.data = None;
        config_maps(&api).replace("a", &PostParams::default(), &newer).await.unwrap();
        let refused = refusal(config_maps(&api).replace("a", &PostParams::default(), &first).await);
        assert!(
            refused.is_conflict() && refused.message.contains("the object has been modified"),
            "{refused:?}"
        );
        let stale =
            Patch::Merge(json!({ "metadata": { "resourceVersion": first.resource_version() }, "data": {} }));
        assert!(refusal(config_maps(&api).patch("a", &PatchParams::default(), &stale).await).is_conflict());
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_that_changes_nothing_makes_no_version() {
        let api = with_deployment();
        let before = deployments(&api).get("web").await.unwrap();
        let same = Patch::Merge(json!({ "spec": { "replicas": 1 } }));
        assert_eq!(deployments(&api).patch("web", &PatchParams::default(), &same).await.unwrap(), before);
    }

    #[tokio::test(start_paused = true)]
    async fn status_and_specification_are_written_apart() {
        let api = with_deployment();
        let both = Patch::Merge(json!({ "spec": { "replicas": 3 }, "status": { "replicas": 3 } }));
        let main = deployments(&api).patch("web", &PatchParams::default(), &both).await.unwrap();
        assert_eq!((&main.data["spec"]["replicas"], main.data.get("status")), (&json!(3), None));
        assert_eq!(main.metadata.generation, Some(2));
        let both = Patch::Merge(json!({ "spec": { "replicas": 9 }, "status": { "replicas": 3 } }));
        let status = deployments(&api).patch_status("web", &PatchParams::default(), &both).await.unwrap();
        assert_eq!(status.data, json!({ "spec": { "replicas": 3 }, "status": { "replicas": 3 } }));
        assert_eq!(status.metadata.generation, Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_scale_is_an_object_of_its_own() {
        let api = with_deployment();
        let scaled = Patch::Merge(json!({ "spec": { "replicas": 5 } }));
        let scale = deployments(&api).patch_scale("web", &PatchParams::default(), &scaled).await.unwrap();
        assert_eq!(scale.spec.unwrap().replicas, Some(5));
        let scaled = deployments(&api).get("web").await.unwrap();
        assert_eq!((&scaled.data["spec"]["replicas"], scaled.metadata.generation), (&json!(5), Some(2)));
        assert_eq!(refusal(pods(&with_pods(&["a"])).get_scale("a").await).code, 404);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dry_run_persists_nothing() {
        let api = with_pods(&["a"]);
        let dry = PostParams { dry_run: true, ..PostParams::default() };
        let created: Pod = pods(&api).create(&dry, &typed(pod("b"))).await.unwrap();
        assert!(created.uid().is_some());
        let dry = PatchParams { dry_run: true, ..PatchParams::default() };
        let patched =
            pods(&api).patch("a", &dry, &Patch::Merge(json!({ "spec": { "nodeName": "n" } }))).await.unwrap();
        assert_eq!(patched.spec.unwrap().node_name.as_deref(), Some("n"));
        pods(&api).delete("a", &DeleteParams { dry_run: true, ..DeleteParams::default() }).await.unwrap();
        assert_eq!((api.len(), pods(&api).get("a").await.unwrap().spec.unwrap().node_name), (1, None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_apply_creates_and_merges() {
        let api = Api::default();
        let params = PatchParams::apply("gate");
        let apply = |replicas| Patch::Apply(deployment(replicas));
        deployments(&api).patch("web", &params, &apply(1)).await.unwrap();
        let merged = deployments(&api).patch("web", &params, &apply(2)).await.unwrap();
        assert_eq!((&merged.data["spec"]["replicas"], merged.metadata.generation), (&json!(2), Some(2)));
        let unnamed = PatchParams { field_manager: None, ..PatchParams::default() };
        assert_eq!(refusal(deployments(&api).patch("web", &unnamed, &apply(1)).await).code, 422);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deletion_keeps_its_preconditions() {
        let api = with_pods(&["a"]);
        let uid = |uid: &str| Preconditions { uid: Some(uid.to_owned()), ..Preconditions::default() };
        let params = |wanted| DeleteParams { preconditions: Some(wanted), ..DeleteParams::background() };
        assert!(refusal(pods(&api).delete("a", &params(uid("other"))).await).is_conflict());
        let found = pods(&api).get("a").await.unwrap().uid().unwrap();
        let status = pods(&api).delete("a", &params(uid(&found))).await.unwrap().right().unwrap();
        assert_eq!(status.details.unwrap().uid, found);
        assert!(refusal(pods(&api).get("a").await).is_not_found());
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_waits_for_its_finalizers() {
        let api = Api::default();
        let held = config_map(&json!({ "name": "a", "finalizers": ["x.example/hold"] }));
        config_maps(&api).create(&PostParams::default(), &held).await.unwrap();
        let terminating =
            config_maps(&api).delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
        assert!(terminating.metadata.deletion_timestamp.is_some());
        let release = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
        config_maps(&api).patch("a", &PatchParams::default(), &release).await.unwrap();
        assert!(api.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_collection_is_deleted_as_selected() {
        let api = with_pods(&["a", "b", "c"]);
        let odd = ListParams::default().labels("parity=even");
        let deleted =
            pods(&api).delete_collection(&DeleteParams::default(), &odd).await.unwrap().left().unwrap();
        assert_eq!((deleted.items.len(), api.len()), (2, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_its_path_is_refused() {
        let api = with_pods(&["a"]);
        let mut elsewhere = pod("b");
        elsewhere["metadata"]["namespace"] = "other".into();
        let wrong = dynamic(&api, "", "v1", "Pod");
        assert_eq!(refusal(wrong.create(&PostParams::default(), &typed(elsewhere)).await).code, 400);
        let refused = refusal(wrong.create(&PostParams::default(), &typed(deployment(1))).await);
        assert!(refused.message.contains("cannot be handled as a Pod"), "{refused:?}");
        let renamed = Patch::Merge(json!({ "metadata": { "name": "b" } }));
        assert_eq!(refusal(wrong.patch("a", &PatchParams::default(), &renamed).await).code, 400);
        assert!(api.get(&reference("v1", "Pod", "b")).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn server_set_metadata_cannot_be_written() {
        let api = with_pods(&["a"]);
        let before = pods(&api).get("a").await.unwrap();
        let forged = Patch::Merge(
            json!({ "metadata": { "generation": 9, "creationTimestamp": null, "labels": null } }),
        );
        let after = pods(&api).patch("a", &PatchParams::default(), &forged).await.unwrap();
        assert_eq!(after.metadata.generation, before.metadata.generation);
        assert_eq!(after.creation_timestamp(), before.creation_timestamp());
        assert!(after.labels().is_empty());
    }
}
