//! Discovery: what the API serves, in the legacy and in the aggregated form.
//!
//! Owns these documents and `/version`. It does not know the objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::access::VERBS;
use super::kinds::{Feature, Kinds, Origin, Resource};
use super::mutate::has_subresource;
use super::render::api_version;
use super::respond::{Answer, Body, Failure, json_response, respond, whole};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The served versions of each group, the preferred one first.
fn groups(kinds: &Kinds) -> BTreeMap<Arc<str>, Vec<&str>> {
    let mut groups: BTreeMap<Arc<str>, Vec<&str>> = BTreeMap::new();
    for resource in kinds.all() {
        let versions = groups.entry(resource.id.group.clone()).or_default();
        for version in &resource.versions {
            if !versions.contains(&version.as_str()) {
                versions.push(version);
            }
        }
    }
    groups
}

fn resources<'a>(kinds: &'a Kinds, group: &str, version: &str) -> impl Iterator<Item = &'a Arc<Resource>> {
    kinds.all().filter(move |resource| {
        *resource.id.group == *group && resource.versions.iter().any(|served| served == version)
    })
}

fn verbs(resource: &Resource) -> &'static [&'static str] {
    if resource.has(Feature::Review) { &["create"] } else { &VERBS }
}

fn subresources(resource: &Resource) -> impl Iterator<Item = &'static str> {
    ["scale", "status"].into_iter().filter(|name| has_subresource(resource, name))
}

fn ok(document: &Value) -> Response<Body> {
    json_response(StatusCode::OK, document.to_string())
}

/// `/api` and `/apis` for clients that ask for everything at once.
pub(super) fn aggregated(kinds: &Kinds, wanted: impl Fn(&str) -> bool) -> Response<Body> {
    let groups: Vec<Value> = groups(kinds)
        .into_iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> =
                versions.into_iter().map(|version| aggregated_version(kinds, &group, version)).collect();
            json!({ "metadata": { "name": &*group }, "versions": versions })
        })
        .collect();
    let document = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": groups,
    });
    respond(StatusCode::OK, AGGREGATED, whole(document.to_string()))
}

fn aggregated_version(kinds: &Kinds, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = resources(kinds, group, version)
        .map(|resource| {
            let (group, version) = match resource.origin {
                Origin::BuiltIn => ("", ""), // as the API server leaves them out
                Origin::Definition | Origin::Guess => (group, version),
            };
            let kind = json!({ "group": group, "version": version, "kind": resource.kind });
            let mut document = json!({
                "resource": &*resource.id.plural,
                "responseKind": kind,
                "scope": if resource.is_namespaced() { "Namespaced" } else { "Cluster" },
                "singularResource": resource.singular,
                "verbs": verbs(resource),
            });
            if !resource.short_names.is_empty() {
                document["shortNames"] = json!(resource.short_names);
            }
            let subresources: Vec<Value> = subresources(resource)
                .map(|name| {
                    let kind = if name == "scale" { scale_kind() } else { kind.clone() };
                    json!({ "subresource": name, "responseKind": kind, "verbs": ["get", "patch", "update"] })
                })
                .collect();
            if !subresources.is_empty() {
                document["subresources"] = subresources.into();
            }
            document
        })
        .collect();
    json!({ "version": version, "freshness": "Current", "resources": resources })
}

fn scale_kind() -> Value {
    json!({ "group": "autoscaling", "version": "v1", "kind": "Scale" })
}

/// `/api` for clients of the legacy form.
pub(super) fn core_versions() -> Response<Body> {
    ok(&json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
}

/// `/apis` for clients of the legacy form.
pub(super) fn group_list(kinds: &Kinds) -> Response<Body> {
    let groups: Vec<Value> = groups(kinds)
        .into_iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| Value::Object(group_document(&group, &versions)))
        .collect();
    ok(&json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups }))
}

/// `/apis/GROUP`.
pub(super) fn group(kinds: &Kinds, name: &str) -> Answer {
    let groups = groups(kinds);
    let versions = groups.get(name).ok_or_else(Failure::no_such_path)?;
    let mut document = group_document(name, versions);
    document.insert("kind".to_owned(), "APIGroup".into());
    document.insert("apiVersion".to_owned(), "v1".into());
    Ok(ok(&Value::Object(document)))
}

fn group_document(group: &str, versions: &[&str]) -> Map<String, Value> {
    let versions: Vec<Value> = versions
        .iter()
        .map(|version| json!({ "groupVersion": api_version(group, version), "version": version }))
        .collect();
    Map::from_iter([
        ("name".to_owned(), group.into()),
        ("preferredVersion".to_owned(), versions.first().cloned().unwrap_or_default()),
        ("versions".to_owned(), versions.into()),
    ])
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
pub(super) fn group_version(kinds: &Kinds, group: &str, version: &str) -> Answer {
    let mut documents = Vec::new();
    for resource in resources(kinds, group, version) {
        let mut document = json!({
            "name": &*resource.id.plural,
            "singularName": resource.singular,
            "namespaced": resource.is_namespaced(),
            "kind": resource.kind,
            "verbs": verbs(resource),
        });
        if !resource.short_names.is_empty() {
            document["shortNames"] = json!(resource.short_names);
        }
        documents.push(document);
        for name in subresources(resource) {
            let mut document = json!({
                "name": format!("{}/{name}", resource.id.plural),
                "singularName": "",
                "namespaced": resource.is_namespaced(),
                "kind": resource.kind,
                "verbs": ["get", "patch", "update"],
            });
            if name == "scale"
                && let (Value::Object(document), Value::Object(kind)) = (&mut document, scale_kind())
            {
                document.extend(kind);
            }
            documents.push(document);
        }
    }
    if documents.is_empty() {
        return Err(kinds.missing(group));
    }
    let group_version = api_version(group, version);
    Ok(ok(&json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": documents,
    })))
}

/// `/version`.
pub(super) fn version(git_version: &str) -> Response<Body> {
    let mut numbers = git_version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    ok(&json!({
        "major": major,
        "minor": minor,
        "gitVersion": git_version,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }))
}

#[cfg(test)]
mod tests {
    use kube::api::{DynamicObject, ListParams};
    use kube::core::gvk::GroupVersionKind;
    use kube::discovery::{Discovery, Scope};

    use super::*;
    use crate::memory::Api;
    use crate::memory::testing::reference;

    fn definition() -> Value {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": "gadgets.x.example" },
            "spec": {
                "group": "x.example",
                "scope": "Namespaced",
                "names": { "plural": "gadgets", "kind": "Gadget" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "subresources": { "status": {} } }],
            },
        })
    }

    fn summary(discovery: &Discovery) -> Vec<String> {
        let groups = discovery.groups_alphabetical().into_iter();
        let of_group = |group: &kube::discovery::ApiGroup| {
            let mut kinds: Vec<_> = group.recommended_resources();
            kinds.sort_by(|(left, _), (right, _)| left.plural.cmp(&right.plural));
            kinds
        };
        let line = |(kind, can): (kube::discovery::ApiResource, kube::discovery::ApiCapabilities)| {
            let below: Vec<_> = can.subresources.iter().map(|(kind, _)| kind.plural.clone()).collect();
            format!(
                "{}/{} {:?} {} {:?} {below:?}",
                kind.api_version,
                kind.plural,
                kind.kind,
                can.operations.len(),
                can.scope
            )
        };
        groups.flat_map(of_group).map(line).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn both_forms_tell_the_same() {
        let api = Api::default();
        api.seed_value(&definition()).unwrap();
        let aggregated = Discovery::new(api.client()).run_aggregated().await.unwrap();
        assert_eq!(api.requests().len(), 2);
        let legacy = Discovery::new(api.client()).run().await.unwrap();
        assert_eq!(summary(&aggregated), summary(&legacy));
        let gadget = GroupVersionKind::gvk("x.example", "v1", "Gadget");
        let (_, can) = aggregated.resolve_gvk(&gadget).unwrap();
        assert_eq!((can.scope, can.subresources.len()), (Scope::Namespaced, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn objects_go_with_their_definition() {
        let api = Api::default();
        let gadget = json!({ "apiVersion": "x.example/v1", "kind": "Gadget", "metadata": { "name": "g", "namespace": "shop" } });
        api.seed_value(&gadget).unwrap();
        api.seed_value(&definition()).unwrap();
        let (kind, _) =
            kube::discovery::pinned_kind(&api.client(), &GroupVersionKind::gvk("x.example", "v1", "Gadget"))
                .await
                .unwrap();
        let gadgets: kube::Api<DynamicObject> = kube::Api::all_with(api.client(), &kind);
        assert_eq!(gadgets.list(&ListParams::default()).await.unwrap().items.len(), 1);
        let mut at = reference("apiextensions.k8s.io/v1", "CustomResourceDefinition", "gadgets.x.example");
        at.namespace = None;
        api.delete(&at).unwrap();
        let refused = crate::memory::testing::refusal(gadgets.list(&ListParams::default()).await);
        assert_eq!((refused.code, api.len()), (404, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_version_is_that_of_the_settings() {
        let info = Api::default().client().apiserver_version().await.unwrap();
        assert_eq!((info.git_version.as_str(), info.minor.as_str()), ("v1.36.0", "36"));
    }
}
