//! Discovery: what the API serves, in the legacy and in the aggregated form.
//!
//! Owns these documents and `/version`. It does not know the objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::access::VERBS;
use super::kinds::{Feature, Kinds, Resource};
use super::mutate::has_subresource;
use super::render::api_version;
use super::respond::{Answer, Failure, json_response, respond, whole};

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
    ["status", "scale"].into_iter().filter(|name| has_subresource(resource, name))
}

fn ok(document: &Value) -> Answer {
    Ok(json_response(StatusCode::OK, document.to_string()))
}

/// `/api` and `/apis` for clients that ask for everything at once.
pub(super) fn aggregated(kinds: &Kinds, wanted: impl Fn(&str) -> bool) -> Answer {
    let groups: Vec<Value> = groups(kinds)
        .into_iter()
        .filter(|(group, _)| wanted(group))
        .map(|(group, versions)| {
            let versions: Vec<Value> =
                versions.into_iter().map(|version| aggregated_version(kinds, &group, version)).collect();
            json!({ "metadata": { "name": &*group, "creationTimestamp": null }, "versions": versions })
        })
        .collect();
    let document = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": groups,
    });
    Ok(respond(StatusCode::OK, AGGREGATED, whole(document.to_string())))
}

fn aggregated_version(kinds: &Kinds, group: &str, version: &str) -> Value {
    let resources: Vec<Value> = resources(kinds, group, version)
        .map(|resource| {
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
pub(super) fn core_versions() -> Answer {
    ok(&json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
}

/// `/apis` for clients of the legacy form.
pub(super) fn group_list(kinds: &Kinds) -> Answer {
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
    ok(&Value::Object(document))
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
        documents.push(json!({
            "name": &*resource.id.plural,
            "singularName": resource.singular,
            "namespaced": resource.is_namespaced(),
            "kind": resource.kind,
            "verbs": verbs(resource),
            "shortNames": resource.short_names,
        }));
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
        return Err(Failure::no_such_path());
    }
    let group_version = api_version(group, version);
    ok(&json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": documents,
    }))
}

/// `/version`.
pub(super) fn version(git_version: &str) -> Answer {
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
