//! The gate's Job among what a Kustomization has applied, and what it has said.

use serde::Deserialize;

use crate::exit::Exit;
use crate::gitops::flux::kustomization::Kustomization;
use crate::gitops::job::{GATE, exit_code};
use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::pod_status::Condition;
use crate::model::reference::ObjectRef;
use crate::rollback::Gate;

/// A `batch/v1` Job, as far as the question goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
    #[serde(deserialize_with = "null_as_default")]
    status: Status,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "null_as_default")]
    template: Template,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Template {
    #[serde(deserialize_with = "null_as_default")]
    spec: PodSpec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PodSpec {
    #[serde(deserialize_with = "null_as_default")]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Container {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "null_as_default")]
    conditions: Vec<Condition>,
}

impl Job {
    /// True for a gate.
    pub fn is_gate(&self) -> bool {
        self.spec.template.spec.containers.iter().any(|container| container.name == GATE)
    }

    /// What it has said. A Job that runs, or that is being deleted, has not.
    pub fn said(&self) -> Gate {
        let ended =
            |name: &str| self.status.conditions.iter().find(|it| it.type_ == name && it.status == "True");
        if self.metadata.is_deleting() {
            return Gate::Silent;
        }
        match (ended("Failed"), ended("Complete")) {
            (Some(failed), _) if exit_code(&failed.message) == Some(Exit::Critical.code()) => Gate::Critical,
            (Some(_), _) => Gate::Failed,
            (None, Some(_)) => Gate::Passed,
            (None, None) => Gate::Silent,
        }
    }
}

/// The Jobs that a Kustomization has applied: one of them may be a gate's.
pub fn jobs(of: &Kustomization) -> Vec<ObjectRef> {
    let (objects, _unreadable) = of.objects();
    objects.into_iter().filter(|object| object.group == "batch" && object.kind == "Job").collect()
}

/// What a Kustomization gates that has nothing but a gate: those that it depends on. Empty if it has an application of
/// its own.
pub fn gated(by: &Kustomization) -> Vec<ObjectRef> {
    let (objects, unreadable) = by.objects();
    let gate_only = unreadable.is_empty() && objects.iter().all(|object| object.name.contains(GATE));
    let has_job = objects.iter().any(|object| object.group == "batch" && object.kind == "Job");
    if gate_only && has_job { by.dependencies().collect() } else { Vec::new() }
}
