//! What an installation of Argo CD consists of besides its processes.

use std::fs;

use futures::future::join_all;
use http::Request;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind, PartialObjectMeta};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::{APPLICATION_NAMESPACES, Tracking};
use crate::harness::binaries::argocd_dir;
use crate::harness::runtime::eventually;

/// Kinds that the released settings leave out too: they change all the time.
const EXCLUSIONS: &str = r#"
- apiGroups: ["", "discovery.k8s.io"]
  kinds: [Endpoints, EndpointSlice]
- apiGroups: [coordination.k8s.io]
  kinds: [Lease]
- apiGroups: [authentication.k8s.io, authorization.k8s.io]
  kinds: [SelfSubjectReview, TokenReview, LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview]
"#;

/// Files with definitions, and the resources that they define.
const DEFINITIONS: [(&str, &str); 3] = [
    ("application-crd.yaml", "applications"),
    ("applicationset-crd.yaml", "applicationsets"),
    ("appproject-crd.yaml", "appprojects"),
];

/// Makes the API server know Argo CD's resources.
pub(super) async fn define(client: &Client) {
    join_all(DEFINITIONS.map(|(file, _)| create_definition(client, file))).await;
    eventually("Argo CD's resources are served", async || {
        let request = Request::get("/apis/argoproj.io/v1alpha1").body(Vec::new()).expect("a request");
        let served = client.request_text(request).await.map_err(|error| error.to_string())?;
        let known = DEFINITIONS.iter().all(|(_, name)| served.contains(&format!("\"{name}\"")));
        if known { Ok(()) } else { Err(served) }
    })
    .await;
}

/// The files are megabytes: they are sent as they are, and nothing of them comes back.
async fn create_definition(client: &Client, file: &str) {
    let yaml = fs::read(argocd_dir().join("crds").join(file)).expect("the build has the definitions");
    let create = Request::post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
        .header("content-type", "application/yaml")
        .header("accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1")
        .body(yaml)
        .expect("a request");
    let created = client.request::<PartialObjectMeta>(create).await;
    created.unwrap_or_else(|error| panic!("create {file}: {error}"));
}

/// Creates one installation's namespace and settings.
pub(super) async fn install(client: &Client, namespace: &str, tracking: Tracking) {
    apply(client, None, "", "Namespace", json!({"metadata": {"name": namespace}})).await;
    let namespaced = Some(namespace);
    for (name, data) in config_maps(tracking) {
        apply(client, namespaced, "", "ConfigMap", json!({"metadata": part_of_argocd(name), "data": data}))
            .await;
    }
    let secret =
        json!({"metadata": part_of_argocd("argocd-secret"), "stringData": {"server.secretkey": "e2e"}});
    apply(client, namespaced, "", "Secret", secret).await;
    apply(client, namespaced, "argoproj.io", "AppProject", project()).await;
}

fn part_of_argocd(name: &str) -> Value {
    json!({"name": name, "labels": {"app.kubernetes.io/part-of": "argocd"}})
}

fn config_maps(tracking: Tracking) -> [(&'static str, Value); 4] {
    let method = match tracking {
        Tracking::Annotation => "annotation",
        Tracking::Label => "label",
    };
    let settings = json!({
        "application.resourceTrackingMethod": method,
        "resource.exclusions": EXCLUSIONS,
        // Only projects that name accounts are synced in their names.
        "application.sync.impersonation.enabled": "true",
        "application.sync.impersonation.enforced": "false",
    });
    [
        ("argocd-cm", settings),
        ("argocd-rbac-cm", json!({})),
        ("argocd-gpg-keys-cm", json!({})),
        ("argocd-cmd-params-cm", json!({})),
    ]
}

/// The project of every Application: it allows everything.
fn project() -> Value {
    json!({
        "metadata": {"name": "default"},
        "spec": {
            "sourceRepos": ["*"],
            "sourceNamespaces": [APPLICATION_NAMESPACES],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    })
}

async fn apply(client: &Client, namespace: Option<&str>, group: &str, kind: &str, mut object: Value) {
    let version = if group == "argoproj.io" { "v1alpha1" } else { "v1" };
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    object["apiVersion"] = json!(resource.api_version);
    object["kind"] = json!(kind);
    let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
    let api: Api<DynamicObject> = match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
        None => Api::all_with(client.clone(), &resource),
    };
    let outcome = api.patch(&name, &PatchParams::apply("e2e").force(), &Patch::Apply(&object)).await;
    outcome.unwrap_or_else(|error| panic!("apply {kind} {name}: {error}"));
}
