//! A Kustomization of a test: created, changed, and followed through its reconciliations.

use std::sync::Mutex;

use kube::Api;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::await_condition;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::source::{SourceKind, digest_of};
use crate::harness::argocd::merge;
use crate::harness::cluster::Ctx;
use crate::harness::runtime::PATIENCE;

/// A Kustomization of the test's namespace.
pub(crate) struct Kustomization {
    pub(crate) name: String,
    api: Api<DynamicObject>,
}

impl Kustomization {
    /// One that applies the root folder of a source of the test's namespace; `spec` is merged into its spec.
    pub(crate) async fn create(ctx: &Ctx, name: &str, kind: SourceKind, source: &str, spec: &Value) -> Self {
        ctx.apply(Self::object(name, kind, source, spec)).await;
        Self::existing(ctx, name)
    }

    /// What `create` applies.
    pub(crate) fn object(name: &str, kind: SourceKind, source: &str, spec: &Value) -> Value {
        let mut object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": {"name": name},
            "spec": {
                "interval": "1h", "retryInterval": "5s", "timeout": "90s", "prune": true, "path": "./",
                "sourceRef": {"kind": kind.as_str(), "name": source},
            },
        });
        merge(&mut object["spec"], spec);
        object
    }

    /// One that somebody else has created, or will.
    pub(crate) fn existing(ctx: &Ctx, name: &str) -> Self {
        let kind = GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
        let api = Api::namespaced_with(ctx.client.clone(), &ctx.ns, &ApiResource::from_gvk(&kind));
        Self { name: name.to_owned(), api }
    }

    /// Merges a patch into it, as the field manager `e2e`.
    pub(crate) async fn merge(&self, patch: Value) {
        let params = PatchParams { field_manager: Some("e2e".to_owned()), ..PatchParams::default() };
        let outcome = self.api.patch(&self.name, &params, &Patch::Merge(patch)).await;
        outcome.unwrap_or_else(|error| panic!("patch Kustomization {}: {error}", self.name));
    }

    /// All of it, as it is now.
    pub(crate) async fn now(&self) -> Value {
        let object = self.api.get(&self.name).await;
        whole(&object.unwrap_or_else(|error| panic!("get Kustomization {}: {error}", self.name)))
    }

    /// Watches it until it `holds`, and returns all of it.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let seen = Mutex::new(Value::Null);
        let condition = |object: Option<&DynamicObject>| {
            object.is_some_and(|object| {
                let object = whole(object);
                let yes = holds(&object);
                *seen.lock().expect("no panic while noting") = object;
                yes
            })
        };
        let Ok(outcome) = timeout(PATIENCE, await_condition(self.api.clone(), &self.name, condition)).await
        else {
            let seen = seen.lock().expect("no panic while noting");
            panic!("Kustomization {} {what}: not after {PATIENCE:?}, last seen: {seen:#}", self.name)
        };
        whole(&outcome.expect("a watch that goes on").expect("the condition holds for what exists"))
    }

    /// Waits until this commit is applied and healthy, by what Ready says: `lastAppliedRevision` can stay behind it.
    pub(crate) async fn ready_at(&self, commit: &str) -> Value {
        self.until("is ready", |it| {
            let Some(applied) = applied(it) else { return false };
            let current = it["status"]["observedGeneration"] == it["metadata"]["generation"];
            is_of(applied, commit) && current && ready(it, "True")
        })
        .await
    }

    /// Waits until this commit has failed its health checks.
    pub(crate) async fn failed_at(&self, commit: &str) -> Value {
        self.until("has failed", |it| {
            let failed = condition(it, "Ready")["reason"] == "HealthCheckFailed";
            let attempted = it["status"]["lastAttemptedRevision"].as_str().unwrap_or_default();
            is_of(attempted, commit) && failed && ready(it, "False")
        })
        .await
    }
}

/// The revision that its Ready condition tells of.
pub(crate) fn applied(object: &Value) -> Option<&str> {
    condition(object, "Ready")["message"].as_str()?.strip_prefix("Applied revision: ")
}

/// True if a revision is of this commit, from Git or from the registry.
fn is_of(revision: &str, commit: &str) -> bool {
    revision.ends_with(&format!("sha1:{commit}")) || revision.ends_with(&digest_of(commit))
}

fn whole(object: &DynamicObject) -> Value {
    serde_json::to_value(object).expect("an object is JSON")
}

/// A condition of an object; null if it has none of this type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().find(|it| it["type"] == kind).unwrap_or(&Value::Null)
}

/// True if its Ready condition has this status.
pub(crate) fn ready(object: &Value, status: &str) -> bool {
    condition(object, "Ready")["status"] == status
}
