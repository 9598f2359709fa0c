//! An Application of a test: created, refreshed, and followed through its operations.

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{ArgoCd, GitRepo};
use crate::harness::cluster::Ctx;
use crate::harness::runtime::PATIENCE;

/// How an Application syncs.
#[derive(Clone, Debug, Default)]
pub(crate) struct AppOptions {
    /// Where the Application is; Argo CD's own namespace by default.
    pub(crate) namespace: Option<String>,
    pub(crate) self_heal: bool,
    /// How often a failed sync is tried again; Argo CD itself would do so five times.
    pub(crate) retries: u32,
    /// What is merged into the Application besides.
    pub(crate) also: Value,
}

/// An Application that deploys the root folder of a repository's `main` to its test's namespace, and syncs by itself.
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) namespace: String,
    api: Api<DynamicObject>,
}

impl App {
    /// `name` is free among all tests, such as the test's namespace with a suffix.
    pub(crate) async fn create(
        ctx: &Ctx,
        argo: &ArgoCd,
        name: &str,
        repo: &GitRepo,
        options: &AppOptions,
    ) -> Self {
        let application = Self::object(ctx, argo, name, repo, options);
        let namespace = application["metadata"]["namespace"].as_str().expect("a namespace").to_owned();
        ctx.apply(application).await;
        Self::existing(ctx, &namespace, name)
    }

    /// What `create` applies.
    pub(crate) fn object(
        ctx: &Ctx,
        argo: &ArgoCd,
        name: &str,
        repo: &GitRepo,
        options: &AppOptions,
    ) -> Value {
        let namespace = options.namespace.clone().unwrap_or_else(|| argo.namespace.to_owned());
        let mut application = json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "project": "default",
                "source": {"repoURL": repo.url(), "path": ".", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": ctx.ns},
                "syncPolicy": {
                    "automated": {"prune": true, "selfHeal": options.self_heal},
                    "retry": {"limit": options.retries, "backoff": {"duration": "1s", "factor": 1}},
                },
            },
        });
        merge(&mut application, &options.also);
        application
    }

    /// One that somebody else has created, or will.
    pub(crate) fn existing(ctx: &Ctx, namespace: &str, name: &str) -> Self {
        let resource =
            ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
        let api = Api::namespaced_with(ctx.client.clone(), namespace, &resource);
        Self { name: name.to_owned(), namespace: namespace.to_owned(), api }
    }

    /// Makes Argo CD look at the repository now.
    pub(crate) async fn refresh(&self) {
        self.merge(json!({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "normal"}}})).await;
    }

    /// Merges a patch into the Application.
    pub(crate) async fn merge(&self, patch: Value) {
        let outcome = self.api.patch(&self.name, &PatchParams::default(), &Patch::Merge(patch)).await;
        outcome.unwrap_or_else(|error| panic!("patch Application {}: {error}", self.name));
    }

    /// All of the Application but its metadata.
    pub(crate) async fn now(&self) -> Value {
        let app = self.api.get(&self.name).await;
        app.unwrap_or_else(|error| panic!("get Application {}: {error}", self.name)).data
    }

    /// Watches the Application until it `holds`, and returns all of it but its metadata.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let condition = |app: Option<&DynamicObject>| app.is_some_and(|app| holds(&app.data));
        let watch = await_condition(self.api.clone(), &self.name, condition);
        let Ok(outcome) = timeout(PATIENCE, watch).await else {
            panic!("Application {} {what}: not after {PATIENCE:?}", self.name)
        };
        outcome.expect("a watch that goes on").expect("the condition holds for Applications that exist").data
    }

    /// Waits until the sync to `revision` has ended for good, and returns its operation state.
    pub(crate) async fn synced_to(&self, revision: &str) -> Operation {
        let app = self
            .until(&format!("has ended its sync to {revision}"), |app| {
                let operation = &app["status"]["operationState"];
                let ended = matches!(operation["phase"].as_str(), Some("Succeeded" | "Failed" | "Error"));
                ended && operation["syncResult"]["revision"] == revision
            })
            .await;
        Operation(app["status"]["operationState"].clone())
    }
}

/// As a JSON merge patch, but for `null`, which stays.
pub(crate) fn merge(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(object.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (object, patch) => *object = patch.clone(),
    }
}

/// An operation state of an Application.
#[derive(Debug)]
pub(crate) struct Operation(pub(crate) Value);

impl Operation {
    pub(crate) fn phase(&self) -> &str {
        self.0["phase"].as_str().unwrap_or_default()
    }

    /// The rows of the sync result that are of hooks of this type, such as `PostSync`.
    pub(crate) fn hooks(&self, hook_type: &str) -> Vec<&Value> {
        let rows = self.0["syncResult"]["resources"].as_array();
        rows.into_iter().flatten().filter(|row| row["hookType"] == hook_type).collect()
    }
}
