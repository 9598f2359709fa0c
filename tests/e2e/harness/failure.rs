//! What a failed test shows of its namespace.

use std::fmt::Write as _;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::{Api, ResourceExt as _};
use serde::Serialize;
use serde_json::Value;

use super::cluster::Ctx;

/// Kinds of Flux that tests make.
const FLUX: [(&str, &str); 3] = [
    ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ("source.toolkit.fluxcd.io", "GitRepository"),
    ("source.toolkit.fluxcd.io", "OCIRepository"),
];

/// Names and states, one object a line, events last.
pub(crate) async fn picture(ctx: &Ctx) -> String {
    let mut out = format!("---- namespace {} when its test failed\n", ctx.ns);
    for obituary in ctx.plane.obituaries() {
        writeln!(out, "{obituary}").ok();
    }
    states(&mut out, "Deployment", ctx.api::<Deployment>(), |it| json(&it.status)).await;
    states(&mut out, "Job", ctx.api::<Job>(), |it| json(&it.status)).await;
    states(&mut out, "Pod", ctx.api::<Pod>(), |it| json(&it.status)).await;
    let applications = application_resource();
    let api: Api<DynamicObject> = Api::all_with(ctx.client.clone(), &applications);
    let ours = |it: &DynamicObject| {
        let target = it.data.pointer("/spec/destination/namespace").and_then(Value::as_str);
        (target == Some(&ctx.ns) || it.namespace().as_deref() == Some(&ctx.ns))
            .then(|| it.data.get("status").cloned().unwrap_or_default())
    };
    states_of(&mut out, "Application", api, ours).await;
    for (group, kind) in FLUX {
        let resource = ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, "v1", kind));
        let api = Api::namespaced_with(ctx.client.clone(), &ctx.ns, &resource);
        let state = |it: &DynamicObject| Some(it.data.get("status").cloned().unwrap_or_default());
        states_of(&mut out, kind, api, state).await;
    }
    events(&mut out, ctx.api()).await;
    out
}

/// Without discovery: the definition may not even be there.
fn application_resource() -> ApiResource {
    ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"))
}

async fn states<K>(out: &mut String, kind: &str, api: Api<K>, state: impl Fn(&K) -> Value)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    states_of(out, kind, api, |it| Some(state(it))).await;
}

async fn states_of<K>(out: &mut String, kind: &str, api: Api<K>, state: impl Fn(&K) -> Option<Value>)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    match api.list(&ListParams::default()).await {
        Ok(list) => {
            for (object, state) in list.items.iter().filter_map(|it| state(it).map(|state| (it, state))) {
                writeln!(out, "{kind} {}: {state}", object.name_any()).ok();
            }
        }
        Err(error) => writeln!(out, "{kind}: {error}").unwrap_or_default(),
    }
}

async fn events(out: &mut String, api: Api<Event>) {
    let Ok(mut list) = api.list(&ListParams::default()).await else { return };
    list.items.sort_by_key(|event| event.metadata.creation_timestamp.clone());
    for event in &list.items {
        let about = &event.involved_object;
        let name = about.name.as_deref().unwrap_or_default();
        let kind = about.kind.as_deref().unwrap_or_default();
        let (reason, message) = (event.reason.as_deref(), event.message.as_deref());
        let (reason, message) = (reason.unwrap_or_default(), message.unwrap_or_default());
        writeln!(out, "Event {kind} {name}: {reason}: {message}").ok();
    }
}

fn json<T: Serialize>(state: &T) -> Value {
    serde_json::to_value(state).unwrap_or_default()
}
