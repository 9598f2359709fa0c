//! Objects that make Pods: the built-in workloads, and anything else that carries a pod template.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::pod::PodTemplate;
use crate::model::pod_status::Condition;
use crate::model::selector::LabelSelector;

/// A Deployment, ReplicaSet, StatefulSet, DaemonSet, ReplicationController, Job or CronJob.
///
/// One shape for all of them: the fields that a kind does not have keep their defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Workload {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: WorkloadSpec,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: WorkloadStatus,
}

/// `spec` of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkloadSpec {
    /// Wanted Pods; absent means 1.
    pub replicas: Option<i64>,
    /// Pods that belong to the workload; a ReplicationController's plain map is not read.
    #[serde(deserialize_with = "lenient_selector")]
    pub selector: LabelSelector,
    /// Pods to make; of a CronJob, see `job_template`.
    pub template: Option<PodTemplate>,
    /// Jobs to make (CronJob).
    pub job_template: Option<JobTemplate>,
    /// Rollout is held (Deployment).
    #[serde(deserialize_with = "null_as_default")]
    pub paused: bool,
    /// Held (Job, CronJob).
    #[serde(deserialize_with = "null_as_default")]
    pub suspend: bool,
    /// Seconds without progress before a Deployment has failed.
    pub progress_deadline_seconds: Option<i64>,
    /// How a StatefulSet or DaemonSet is updated.
    #[serde(deserialize_with = "null_as_default")]
    pub update_strategy: UpdateStrategy,
    /// Wanted completions (Job).
    pub completions: Option<i64>,
    /// Pods at the same time (Job).
    pub parallelism: Option<i64>,
}

/// A selector, or nothing where the kind has another shape there (ReplicationController: a plain map).
fn lenient_selector<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<LabelSelector, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Selector(LabelSelector),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Option::<Either>::deserialize(deserializer)? {
        Some(Either::Selector(selector)) => selector,
        Some(Either::Other(_)) | None => LabelSelector::default(),
    })
}

/// `spec.jobTemplate` of a CronJob.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct JobTemplate {
    /// The Job's desired state.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: JobTemplateSpec,
}

/// `spec.jobTemplate.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct JobTemplateSpec {
    /// Pods to make.
    pub template: Option<PodTemplate>,
}

/// `spec.updateStrategy`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// `RollingUpdate` or `OnDelete`; empty means the former.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub type_: String,
    /// Settings of a rolling update.
    #[serde(deserialize_with = "null_as_default")]
    pub rolling_update: RollingUpdate,
}

/// `spec.updateStrategy.rollingUpdate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct RollingUpdate {
    /// Ordinals below it keep the old revision (StatefulSet).
    pub partition: Option<i64>,
}

/// `status` of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WorkloadStatus {
    /// Generation the controller has acted on.
    pub observed_generation: Option<i64>,
    /// Pods that exist.
    pub replicas: Option<i64>,
    /// Pods of the newest template.
    pub updated_replicas: Option<i64>,
    /// Ready Pods.
    pub ready_replicas: Option<i64>,
    /// Pods ready for long enough.
    pub available_replicas: Option<i64>,
    /// Pods whose labels match the template (ReplicaSet).
    pub fully_labeled_replicas: Option<i64>,
    /// Pods that are going away (Deployment).
    pub terminating_replicas: Option<i64>,
    /// Pods of the current revision (StatefulSet).
    pub current_replicas: Option<i64>,
    /// Revision before the update (StatefulSet).
    #[serde(deserialize_with = "null_as_default")]
    pub current_revision: String,
    /// Revision after it (StatefulSet).
    #[serde(deserialize_with = "null_as_default")]
    pub update_revision: String,
    /// Nodes that should run a Pod (DaemonSet).
    pub desired_number_scheduled: Option<i64>,
    /// Nodes that run one (DaemonSet).
    pub current_number_scheduled: Option<i64>,
    /// Nodes that run one of the newest template (DaemonSet).
    pub updated_number_scheduled: Option<i64>,
    /// Available ones (DaemonSet).
    pub number_available: Option<i64>,
    /// Ready ones (DaemonSet).
    pub number_ready: Option<i64>,
    /// Pods that have not ended (Job).
    pub active: Option<i64>,
    /// Pods that ended well (Job).
    pub succeeded: Option<i64>,
    /// Pods that ended badly (Job).
    pub failed: Option<i64>,
    /// When the controller took it up (Job).
    pub start_time: Option<Timestamp>,
    /// Conditions.
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
}

impl Workload {
    /// The template of the Pods that this workload makes.
    pub fn template(&self) -> Option<&PodTemplate> {
        let of_job = self.spec.job_template.as_ref().and_then(|job| job.spec.template.as_ref());
        self.spec.template.as_ref().or(of_job)
    }
}
