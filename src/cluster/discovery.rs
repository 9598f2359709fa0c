//! Asks the API server which kinds it has: in two requests where it aggregates the answer, else group by group.
//!
//! Source: <https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api>.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::cluster::Cluster;
use crate::cluster::client::{json, read};
use crate::cluster::error::{ApiError, Doing};
use crate::cluster::kinds::{ApiKind, Kinds};
use crate::model::lenient::null_as_default;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
const JSON: &str = "application/json";

impl Cluster {
    pub(super) async fn discover(&self) -> Result<Kinds, ApiError> {
        let mut kinds = Kinds::default();
        for path in ["/api", "/apis"] {
            match self.ask(path, AGGREGATED).await? {
                Root::Aggregated { items } => items.iter().for_each(|group| group.add_to(&mut kinds)),
                Root::Core { versions } => {
                    for version in versions {
                        self.legacy(&mut kinds, "", &version).await?;
                    }
                }
                Root::Groups { groups } => {
                    for group in groups {
                        for version in group.by_preference() {
                            self.legacy(&mut kinds, &group.name, version).await?;
                        }
                    }
                }
            }
        }
        Ok(kinds)
    }

    /// The kinds of one version of one group. An extension server that is down silences its own group only.
    async fn legacy(&self, kinds: &mut Kinds, group: &str, version: &str) -> Result<(), ApiError> {
        let path =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match self.ask::<ResourceList>(&path, JSON).await {
            Ok(list) => list.add_to(kinds, group, version),
            Err(error) if group.is_empty() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, group, "a group does not say what is in it");
                kinds.add_silent(group);
            }
        }
        Ok(())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, accept: &'static str) -> Result<T, ApiError> {
        let doing = Doing::Discovery { path: path.to_owned() };
        self.require(&doing, read(&doing, path, accept)?, |body| json(&body)).await
    }
}

/// What stands at `/api` and `/apis`.
#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Root {
    #[serde(rename = "APIGroupDiscoveryList")]
    Aggregated { items: Vec<Group> },
    #[serde(rename = "APIVersions")]
    Core { versions: Vec<String> },
    #[serde(rename = "APIGroupList")]
    Groups { groups: Vec<LegacyGroup> },
}

/// A group of the aggregated answer; versions by preference.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    #[serde(deserialize_with = "null_as_default")]
    metadata: Name,
    #[serde(deserialize_with = "null_as_default")]
    versions: Vec<GroupVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Name {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupVersion {
    version: String,
    #[serde(deserialize_with = "null_as_default")]
    resources: Vec<ApiResource>,
    /// `Stale` if the server behind it did not answer.
    #[serde(deserialize_with = "null_as_default")]
    freshness: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ApiResource {
    resource: String,
    /// Absent for a resource that has only subresources.
    response_kind: Option<ResponseKind>,
    #[serde(deserialize_with = "null_as_default")]
    scope: String,
    #[serde(deserialize_with = "null_as_default")]
    verbs: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResponseKind {
    kind: String,
}

impl Group {
    fn add_to(&self, kinds: &mut Kinds) {
        let group = &self.metadata.name;
        for version in &self.versions {
            if version.freshness == "Stale" {
                kinds.add_silent(group);
            }
            for resource in &version.resources {
                let Some(response) = &resource.response_kind else { continue };
                let kind = ApiKind {
                    group: group.clone(),
                    version: version.version.clone(),
                    plural: resource.resource.clone(),
                    kind: response.kind.clone(),
                    namespaced: resource.scope == "Namespaced",
                };
                kinds.add(kind, can_list(&resource.verbs));
            }
        }
    }
}

/// A group of `/apis` as it was before aggregation.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LegacyGroup {
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    versions: Vec<LegacyVersion>,
    #[serde(deserialize_with = "null_as_default")]
    preferred_version: LegacyVersion,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LegacyVersion {
    version: String,
}

impl LegacyGroup {
    fn by_preference(&self) -> impl Iterator<Item = &str> {
        let preferred = self.preferred_version.version.as_str();
        let others = self.versions.iter().map(|version| version.version.as_str());
        std::iter::once(preferred)
            .filter(|version| !version.is_empty())
            .chain(others.filter(move |version| *version != preferred))
    }
}

/// The kinds of one group and version.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ResourceList {
    #[serde(deserialize_with = "null_as_default")]
    resources: Vec<LegacyResource>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LegacyResource {
    name: String,
    namespaced: bool,
    kind: String,
    #[serde(deserialize_with = "null_as_default")]
    verbs: Vec<String>,
}

impl ResourceList {
    fn add_to(self, kinds: &mut Kinds, group: &str, version: &str) {
        let whole = self.resources.into_iter().filter(|resource| !resource.name.contains('/'));
        for resource in whole {
            let kind = ApiKind {
                group: group.to_owned(),
                version: version.to_owned(),
                plural: resource.name,
                kind: resource.kind,
                namespaced: resource.namespaced,
            };
            kinds.add(kind, can_list(&resource.verbs));
        }
    }
}

fn can_list(verbs: &[String]) -> bool {
    verbs.iter().any(|verb| verb == "list")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::cluster::fake::{Reply, cluster};
    use crate::cluster::{ApiKind, Reason};
    use crate::model::reference::GroupKind;

    fn aggregated(asked: &str) -> Reply {
        let pods = json!({"resource": "pods", "responseKind": {"group": "", "version": "v1", "kind": "Pod"},
            "scope": "Namespaced", "verbs": ["get", "list"], "subresources": [{"subresource": "log"}]});
        let widget = |version: &str| {
            json!({"version": version, "resources": [{"resource": "widgets",
            "responseKind": {"group": "example.com", "version": version, "kind": "Widget"},
            "scope": "Cluster", "verbs": ["get"]}]})
        };
        let items = match asked {
            "/api" => json!([{"metadata": {}, "versions": [{"version": "v1", "resources": [pods]}]}]),
            _ => json!([
                {"metadata": {"name": "example.com"}, "versions": [widget("v2"), widget("v1")]},
                {"metadata": {"name": "metrics.k8s.io"}, "versions": [{"version": "v1", "freshness": "Stale"}]},
            ]),
        };
        Reply::ok(json!({"kind": "APIGroupDiscoveryList", "items": items}).to_string())
    }

    fn legacy(asked: &str) -> Reply {
        let body = match asked {
            "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
            "/api/v1" => json!({"kind": "APIResourceList", "resources": [
                {"name": "pods", "namespaced": true, "kind": "Pod", "verbs": ["get", "list"]},
                {"name": "pods/log", "namespaced": true, "kind": "Pod", "verbs": ["get"]}]}),
            "/apis" => json!({"kind": "APIGroupList", "groups": [
                {"name": "example.com", "versions": [{"version": "v1"}, {"version": "v2"}],
                    "preferredVersion": {"version": "v2"}},
                {"name": "metrics.k8s.io", "versions": [{"version": "v1"}]}]}),
            "/apis/example.com/v1" | "/apis/example.com/v2" => json!({"resources": [
                {"name": "widgets", "namespaced": false, "kind": "Widget", "verbs": ["get"]}]}),
            _ => return Reply::status(503),
        };
        Reply::ok(body.to_string())
    }

    #[tokio::test(start_paused = true)]
    async fn aggregated_and_legacy_answers_say_the_same() {
        let (aggregating, log) = cluster(|_, asked| aggregated(&asked.target));
        let (older, _log) = cluster(|_, asked| legacy(&asked.target));
        let kinds = aggregating.kinds().await.unwrap();
        assert_eq!(log.lock().unwrap().len(), 2);
        assert_eq!(kinds, older.kinds().await.unwrap());
        let widget = kinds.find(&GroupKind::new("example.com", "Widget")).unwrap();
        assert_eq!(widget.api_version(), "example.com/v2");
        assert!(!widget.namespaced && kinds.is_silent("metrics.k8s.io") && !kinds.is_silent("example.com"));
        let listable: Vec<_> = kinds.listable().map(ApiKind::resource).collect();
        assert_eq!(listable, ["pods"]);
    }

    #[tokio::test]
    async fn clones_ask_once() {
        let (cluster, log) = cluster(|_, asked| aggregated(&asked.target));
        cluster.kinds().await.unwrap();
        cluster.clone().kinds().await.unwrap();
        assert_eq!(log.lock().unwrap().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn failing_discovery_is_an_error_not_absence() {
        for (fault, reason) in [(503, Reason::Unavailable), (403, Reason::Forbidden), (404, Reason::NotFound)]
        {
            let (cluster, _log) =
                cluster(
                    move |count, asked| {
                        if count == 0 { aggregated(&asked.target) } else { Reply::status(fault) }
                    },
                );
            assert_eq!(cluster.kinds().await.unwrap_err().reason(), reason);
        }
        let (cluster, _log) = cluster(|_, _| Reply::ok("{}"));
        let error = cluster.kinds().await.unwrap_err();
        assert_eq!(error.reason(), Reason::Undecodable);
        assert!(
            error.to_string().starts_with("asking the API server which kinds it has (/api): "),
            "{error}"
        );
    }
}
