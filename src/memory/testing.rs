//! What the tests of this module share.

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api as KubeApi;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};

use super::{Api, ObjectRef};

/// An API with pods of the given names in the namespace `shop`, labelled by their position.
pub(super) fn with_pods(names: &[&str]) -> Api {
    let api = Api::default();
    for (index, name) in names.iter().enumerate() {
        let parity = if index % 2 == 0 { "even" } else { "odd" };
        let mut object = pod(name);
        object["metadata"]["labels"] = json!({ "parity": parity });
        api.seed_value(&object).unwrap();
    }
    api
}

pub(super) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": "shop" },
        "spec": { "containers": [{ "name": "app", "image": "registry.example/app:1" }] },
    })
}

pub(super) fn deployment(replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": "web", "namespace": "shop" },
        "spec": { "replicas": replicas },
    })
}

pub(super) fn pods(api: &Api) -> KubeApi<Pod> {
    KubeApi::namespaced(api.client(), "shop")
}

pub(super) fn config_maps(api: &Api) -> KubeApi<ConfigMap> {
    KubeApi::namespaced(api.client(), "shop")
}

/// Objects of any kind in the namespace `shop`.
pub(super) fn dynamic(api: &Api, group: &str, version: &str, kind: &str) -> KubeApi<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    KubeApi::namespaced_with(api.client(), "shop", &resource)
}

pub(super) fn reference(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.to_owned(),
        kind: kind.to_owned(),
        namespace: Some("shop".to_owned()),
        name: name.to_owned(),
    }
}

/// The `Status` of a refused request.
pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> kube::core::Status {
    let error = result.unwrap_err();
    let kube::Error::Api(status) = error else { panic!("{error:?} is no refusal") };
    *status
}
