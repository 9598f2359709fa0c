//! A namespace for each test, and what a test does in it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Mutex;

use futures::FutureExt as _;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Pod, ServiceAccount};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{self, Scope};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::failure;
use super::runtime::{PATIENCE, block_on};
use super::servers::ControlPlane;

const MANAGER: &str = "e2e";

/// A test's own namespace.
pub(crate) struct Ctx {
    pub(crate) plane: &'static ControlPlane,
    pub(crate) client: Client,
    pub(crate) ns: String,
    cleanup: Mutex<Vec<(ApiResource, Option<String>, String)>>,
}

/// Runs `test` in a namespace of that name; says what the cluster looks like if it fails.
pub(crate) fn with_namespace(name: &str, test: impl AsyncFnOnce(&Ctx)) {
    with_labelled_namespace(name, &[], test);
}

/// The same, with labels on the namespace.
pub(crate) fn with_labelled_namespace(name: &str, labels: &[(&str, &str)], test: impl AsyncFnOnce(&Ctx)) {
    block_on(async {
        let ctx = Ctx::create(name, labels).await;
        let outcome = AssertUnwindSafe(test(&ctx)).catch_unwind().await;
        if outcome.is_err() {
            eprintln!("{}", failure::picture(&ctx).await);
        }
        ctx.delete().await;
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
    });
}

impl Ctx {
    async fn create(name: &str, labels: &[(&str, &str)]) -> Self {
        // Also of one that is being removed: what is removed with it would be the other's.
        static TAKEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        let is_new = TAKEN.lock().expect("no panic while noting").insert(name.to_owned());
        assert!(is_new, "each test has a namespace of its own, and there are two with {name}");
        let plane = ControlPlane::shared().await;
        let ctx = Self { plane, client: plane.admin().await, ns: name.to_owned(), cleanup: Mutex::default() };
        let mut labels: serde_json::Map<_, _> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
        labels.insert("test.driftgate.dev/e2e".into(), json!("true"));
        let namespace = serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}}));
        let namespaces: Api<Namespace> = Api::all(ctx.client.clone());
        namespaces
            .create(&PostParams::default(), &namespace.expect("a Namespace"))
            .await
            .expect("each test has a namespace of its own");
        ctx.until::<ServiceAccount>("default", "exists, so that Pods can be created", |_| true).await;
        ctx
    }

    /// Asks for the removal of everything; the control plane ends with the tests, so nobody waits for it.
    async fn delete(&self) {
        let made = std::mem::take(&mut *self.cleanup.lock().expect("no panic while noting"));
        for (resource, namespace, name) in made.into_iter().rev() {
            let api = dynamic(&self.client, &resource, namespace.as_deref());
            if let Err(error) = api.delete(&name, &DeleteParams::default()).await {
                eprintln!("{}: {} {name} stays behind: {error}", self.ns, resource.kind);
            }
        }
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if let Err(error) = namespaces.delete(&self.ns, &DeleteParams::default()).await {
            eprintln!("namespace {} stays behind: {error}", self.ns);
        }
    }

    /// A client with the rights of a service account of the test's namespace.
    pub(crate) async fn client_of(&self, service_account: &str) -> Client {
        self.plane.endpoint.client(&self.token_of(service_account).await).await
    }

    /// A token of a service account of the test's namespace.
    pub(crate) async fn token_of(&self, service_account: &str) -> String {
        let accounts: Api<ServiceAccount> = self.api();
        let answer = accounts
            .create_token_request(service_account, &PostParams::default(), &TokenRequest::default())
            .await
            .unwrap_or_else(|error| panic!("no token for {service_account}: {error}"));
        answer.status.and_then(|status| status.token).expect("a token in the answer")
    }

    /// An API for the objects of the test's namespace.
    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.ns)
    }

    /// Applies any object, in the test's namespace unless it names another; what is not in the test's namespace is
    /// removed when the test ends.
    pub(crate) async fn apply(&self, object: Value) -> DynamicObject {
        let (applied, resource) = apply(&self.client, &self.ns, object).await;
        let (namespace, name) = (applied.metadata.namespace.clone(), applied.metadata.name.clone());
        if namespace.as_ref() != Some(&self.ns) {
            let made = (resource, namespace, name.expect("a name"));
            self.cleanup.lock().expect("no panic while noting").push(made);
        }
        applied
    }

    /// Applies each document of a YAML text.
    pub(crate) async fn apply_yaml(&self, text: &str) {
        let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("YAML");
        for document in documents {
            self.apply(document).await;
        }
    }

    /// Merges `patch` into an object of the test's namespace.
    pub(crate) async fn merge<K>(&self, name: &str, patch: Value) -> K
    where
        K: Clone + Debug + DeserializeOwned + Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let patched = self.api::<K>().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
        patched.unwrap_or_else(|error| panic!("patch {} {name}: {error}", K::kind(&())))
    }

    /// Watches an object of the test's namespace until it exists and `holds`.
    pub(crate) async fn until<K>(&self, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
    where
        K: Clone
            + Debug
            + DeserializeOwned
            + Send
            + Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + 'static,
    {
        until(self.api::<K>(), name, what, holds).await
    }

    /// Watches a Deployment until its rollout is complete.
    pub(crate) async fn rolled_out(&self, name: &str) -> Deployment {
        self.until(name, "is rolled out", |deployment: &Deployment| {
            let Some(status) = &deployment.status else { return false };
            let wanted = deployment.spec.replicas.unwrap_or(1);
            status.observed_generation == deployment.metadata.generation
                && status.updated_replicas.unwrap_or(0) == wanted
                && status.replicas.unwrap_or(0) == wanted
                && status.available_replicas.unwrap_or(0) == wanted
        })
        .await
    }

    /// Watches a Job until it has ended: `Ok` when complete, else the message of its failure.
    pub(crate) async fn job_ended(&self, name: &str) -> Result<(), String> {
        let job = self.until(name, "has ended", |job: &Job| job_outcome(job).is_some()).await;
        job_outcome(&job).expect("just seen")
    }

    /// The Pods of the test's namespace with these labels (all of them for an empty selector), by name.
    pub(crate) async fn pods(&self, selector: &str) -> Vec<Pod> {
        let list = self.api::<Pod>().list(&ListParams::default().labels(selector)).await;
        let mut pods = list.expect("Pods can be listed").items;
        pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        pods
    }
}

/// Applies any object, namespaced ones in `home` unless they name another namespace.
pub(crate) async fn apply(client: &Client, home: &str, object: Value) -> (DynamicObject, ApiResource) {
    let mut object: DynamicObject = serde_json::from_value(object).expect("an object with a kind");
    let types = object.types.clone().expect("an object with apiVersion and kind");
    let kind = GroupVersionKind::try_from(&types).expect("a group, version and kind");
    let (resource, capabilities) =
        discovery::pinned_kind(client, &kind).await.expect("a kind that the API server knows");
    if capabilities.scope == Scope::Namespaced && object.metadata.namespace.is_none() {
        object.metadata.namespace = Some(home.to_owned());
    }
    let name = object.metadata.name.clone().expect("a name");
    let api = dynamic(client, &resource, object.metadata.namespace.as_deref());
    let params = PatchParams::apply(MANAGER).force();
    let applied = api.patch(&name, &params, &Patch::Apply(&object)).await;
    (applied.unwrap_or_else(|error| panic!("apply {} {name}: {error}", types.kind)), resource)
}

fn dynamic(client: &Client, resource: &ApiResource, namespace: Option<&str>) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// Watches an object until it exists and `holds`.
pub(crate) async fn until<K>(api: Api<K>, name: &str, what: &str, holds: impl Fn(&K) -> bool) -> K
where
    K: Clone + Debug + DeserializeOwned + Send + Resource + 'static,
{
    let seen = Mutex::new(None);
    let condition = |object: Option<&K>| {
        *seen.lock().expect("no panic while noting") = object.cloned();
        object.is_some_and(&holds)
    };
    let Ok(outcome) = timeout(PATIENCE, await_condition(api, name, condition)).await else {
        panic!("{name} {what}: not after {PATIENCE:?}, last seen: {:#?}", seen.lock().expect("no panic"))
    };
    outcome.expect("a watch that goes on").expect("the condition holds for objects that exist")
}

fn job_outcome(job: &Job) -> Option<Result<(), String>> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    let ended = conditions
        .iter()
        .find(|it| matches!(it.type_.as_str(), "Complete" | "Failed") && it.status == "True")?;
    Some(if ended.type_ == "Complete" { Ok(()) } else { Err(ended.message.clone().unwrap_or_default()) })
}
