//! The gate's Job as Flux applied it, as far as we read it.

use serde::Deserialize;

use crate::exit::Exit;
use crate::gitops::flux::kustomization::{self, OWNER_NAME, OWNER_NAMESPACE};
use crate::gitops::flux::source::condition;
use crate::gitops::job::{GATE, exit_code};
use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::pod_status::Condition;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rollback::Gate;
use crate::scope::{HOOK, TRACKING_ID};

/// Label or annotation with which an object is made anew when an immutable field changes: `enabled`.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// Label or annotation that says how an object is applied: `Override`, `Merge`, `IfNotPresent`, `Ignore`.
pub const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";

/// ConfigMap of the application's manifests, as the shipped Job names it before kustomize adds the hash.
pub const CONTENT: &str = "driftgate-content";

/// A `batch/v1` Job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct GateJob {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: JobMeta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: JobSpec,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: JobStatus,
}

/// `metadata`, with what only manifests have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobMeta {
    /// Name that the API server completes; empty in live objects of Flux.
    #[serde(deserialize_with = "null_as_default")]
    pub generate_name: String,
    /// The rest.
    #[serde(flatten)]
    pub rest: Meta,
}

/// `spec`. Times are in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct JobSpec {
    /// No Pods are made.
    #[serde(deserialize_with = "null_as_default")]
    pub suspend: bool,
    /// The Job is deleted so long after its end.
    pub ttl_seconds_after_finished: Option<i64>,
    /// The Job fails after that.
    pub active_deadline_seconds: Option<i64>,
    /// Its Pods.
    #[serde(deserialize_with = "null_as_default")]
    pub template: Template,
}

/// `spec.template`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Template {
    /// Their desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: Pods,
}

/// `spec.template.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pods {
    /// `Never` or `OnFailure`.
    #[serde(deserialize_with = "null_as_default")]
    pub restart_policy: String,
    /// Containers.
    #[serde(deserialize_with = "null_as_default")]
    pub containers: Vec<Container>,
}

/// A container, with what ties it to the application's content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Container {
    /// The name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Arguments.
    #[serde(deserialize_with = "null_as_default")]
    pub args: Vec<String>,
    /// Variables.
    #[serde(deserialize_with = "null_as_default")]
    pub env: Vec<Variable>,
}

/// A variable of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Variable {
    /// Where its value comes from.
    #[serde(deserialize_with = "null_as_default")]
    pub value_from: Origin,
}

/// `valueFrom`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Origin {
    /// A key of a ConfigMap.
    #[serde(deserialize_with = "null_as_default")]
    pub config_map_key_ref: Named,
}

/// Whatever has a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Named {
    /// The name.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}

/// `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct JobStatus {
    /// `Complete`, `Failed`, …
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
}

/// The kind Job, without its version.
pub fn kind() -> GroupKind {
    GroupKind::new("batch", "Job")
}

impl GateJob {
    /// The Job of the shipped component, as far as anything depends on it.
    pub fn shipped() -> Self {
        let mut job = Self::default();
        GATE.clone_into(&mut job.metadata.rest.name);
        job.metadata.rest.annotations.insert(FORCE.to_owned(), "enabled".to_owned());
        job.spec.active_deadline_seconds = Some(600);
        "Never".clone_into(&mut job.spec.template.spec.restart_policy);
        job
    }

    /// This object.
    pub fn reference(&self) -> ObjectRef {
        self.metadata.rest.reference(&kind())
    }

    /// The Kustomization that applied the Job; none for a Job that Argo CD applied, whoever marked it before.
    pub fn kustomization(&self) -> Option<ObjectRef> {
        let Meta { labels, annotations, .. } = &self.metadata.rest;
        if annotations.contains_key(TRACKING_ID) {
            return None;
        }
        let (namespace, name) = (labels.get(OWNER_NAMESPACE)?, labels.get(OWNER_NAME)?);
        Some(ObjectRef::new(&kustomization::kind(), namespace, name))
    }

    /// True if it runs the gate.
    pub fn runs_gate(&self) -> bool {
        self.spec.template.spec.containers.iter().any(|container| container.name == GATE)
    }

    /// True if it runs the gate, and not as a hook of Argo CD.
    pub fn is_gate(&self) -> bool {
        self.runs_gate() && !self.metadata.rest.annotations.contains_key(HOOK)
    }

    /// True if it carries out a rollback, as a gate starts it.
    pub fn rolls_back(&self) -> bool {
        let args = self.spec.template.spec.containers.iter().flat_map(|container| &container.args);
        args.into_iter().any(|arg| arg == "rollback")
    }

    /// What it has said. A Job that runs, or that is being deleted, has not.
    pub fn said(&self) -> Gate {
        let ended = |name: &str| condition(&self.status.conditions, name).filter(|it| it.status == "True");
        if self.metadata.rest.is_deleting() {
            return Gate::Silent;
        }
        match (ended("Failed"), ended("Complete")) {
            (Some(failed), _) if exit_code(&failed.message) == Some(Exit::Critical.code()) => Gate::Critical,
            (Some(_), _) => Gate::Failed,
            (None, Some(_)) => Gate::Passed,
            (None, None) => Gate::Silent,
        }
    }

    /// True if it should be tied to the application's content and is not: kustomize ends the name of what it generates
    /// with a hash.
    pub fn is_adrift(&self) -> bool {
        let variables = self.spec.template.spec.containers.iter().flat_map(|container| &container.env);
        variables.map(|variable| &variable.value_from.config_map_key_ref.name).any(|name| name == CONTENT)
    }

    /// The value of a label or an annotation, annotations first.
    pub fn mark(&self, key: &str) -> Option<&str> {
        let Meta { labels, annotations, .. } = &self.metadata.rest;
        annotations.get(key).or_else(|| labels.get(key)).map(String::as_str)
    }
}
