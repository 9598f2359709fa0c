//! What makes Pods: the built-in workloads and whatever is shaped like them.

use super::meta::{CONDITION, META, SELECTOR};
use super::pod::TEMPLATE;
use super::shape::Shape;
use Shape::{Hidden, List, Object, Plain};

/// Any workload, and a custom resource as far as it follows the same conventions.
pub(super) const WORKLOAD: Shape = Object(&[("metadata", META), ("spec", Object(&SPEC)), ("status", STATUS)]);

/// A ControllerRevision without the template that it keeps.
pub(super) const REVISION: Shape = Object(&[("metadata", META), ("revision", Plain)]);

const ROLLING: Shape = Object(&[("maxSurge", Plain), ("maxUnavailable", Plain), ("partition", Plain)]);
const STRATEGY: Shape = Object(&[("type", Plain), ("rollingUpdate", ROLLING)]);

const SPEC: [(&str, Shape); 22] = [
    ("activeDeadlineSeconds", Plain),
    ("backoffLimit", Plain),
    ("completionMode", Plain),
    ("completions", Plain),
    ("concurrencyPolicy", Plain),
    ("jobTemplate", Object(&[("metadata", META), ("spec", JOB)])),
    ("minReadySeconds", Plain),
    ("parallelism", Plain),
    ("paused", Plain),
    ("podManagementPolicy", Plain),
    ("progressDeadlineSeconds", Plain),
    ("replicas", Plain),
    ("revisionHistoryLimit", Plain),
    ("schedule", Plain),
    ("selector", SELECTOR),
    ("serviceName", Plain),
    ("strategy", STRATEGY),
    ("suspend", Plain),
    ("template", TEMPLATE),
    ("timeZone", Plain),
    ("ttlSecondsAfterFinished", Plain),
    ("updateStrategy", STRATEGY),
];

/// The Jobs of a CronJob.
const JOB: Shape = Object(&[
    ("activeDeadlineSeconds", Plain),
    ("backoffLimit", Plain),
    ("completionMode", Plain),
    ("completions", Plain),
    ("parallelism", Plain),
    ("suspend", Plain),
    ("template", TEMPLATE),
    ("ttlSecondsAfterFinished", Plain),
]);

const STATUS: Shape = Object(&[
    ("active", Plain),
    ("availableReplicas", Plain),
    ("conditions", List(&CONDITION)),
    ("currentNumberScheduled", Plain),
    ("currentReplicas", Plain),
    ("currentRevision", Plain),
    ("desiredNumberScheduled", Plain),
    ("failed", Plain),
    ("fullyLabeledReplicas", Plain),
    ("message", Hidden),
    ("numberAvailable", Plain),
    ("numberReady", Plain),
    ("observedGeneration", Plain),
    ("phase", Plain),
    ("readyReplicas", Plain),
    ("replicas", Plain),
    ("startTime", Plain),
    ("succeeded", Plain),
    ("terminatingReplicas", Plain),
    ("updateRevision", Plain),
    ("updatedNumberScheduled", Plain),
    ("updatedReplicas", Plain),
]);
