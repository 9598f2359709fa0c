//! Kubernetes Events (events.k8s.io/v1) on the gate's Job and on the worst workload.
//!
//! Owns what an Event says. Deterministic but for what the caller stamps it with. Does not know when one is written.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

use crate::cluster::{ApiError, ApiKind, Cluster};
use crate::exit::Exit;
use crate::model::meta::Partial;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::report::wire::{Evidence, Finding, Object};
use crate::report::{Report, brief};

/// Who reports.
pub const REPORTING_CONTROLLER: &str = "driftgate.dev/gate";

/// Where Events about cluster-scoped objects are.
const DEFAULT_NAMESPACE: &str = "default";
/// The kind of Flux's applications.
const KUSTOMIZATION: &str = "Kustomization";
/// Most bytes of an object's name in the Event's; the whole name may have 253.
const NAME_BYTES: usize = 180;
/// Most bytes of `reportingInstance`.
const INSTANCE_BYTES: usize = 128;

/// What makes Events of one run differ from those of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When the verdict was reached.
    pub time: Timestamp,
    /// Ends the Events' names, so it is in lower case, with digits and `-`, at most 64 bytes.
    pub suffix: String,
    /// Name of the Pod that runs the gate.
    pub instance: String,
}

/// Why an Event could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The API server failed or refused.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// There are no Events in this cluster.
    #[error("writing an Event: the cluster does not serve events.k8s.io")]
    NotServed,
    /// It cannot be written as JSON.
    #[error("writing an Event")]
    Encoding(#[from] serde_json::Error),
}

/// Writes one Event on each object that [`regarding`] names and returns what went wrong.
pub async fn publish(
    cluster: &Cluster,
    report: &Report,
    job: Option<&ObjectRef>,
    stamp: &Stamp,
) -> Vec<EventError> {
    let mut errors = Vec::new();
    for object in regarding(report, job) {
        errors.extend(write(cluster, report, &object, stamp).await.err());
    }
    errors
}

/// The gate's Job, the Kustomization where Flux deploys the application, so that `flux events` shows it, and the
/// workload with the worst finding, else one that has not settled.
pub fn regarding(report: &Report, job: Option<&ObjectRef>) -> Vec<ObjectRef> {
    let worst = report.drift.iter().find(|finding| is_of_pods(finding)).map(|finding| &finding.subject);
    let workload = worst.or_else(|| report.unsettled.first().map(|unsettled| &unsettled.object));
    let mut objects: Vec<ObjectRef> = job.cloned().into_iter().collect();
    objects.extend(kustomization(report.application.name.as_str()));
    objects.extend(workload.map(reference).filter(|workload| Some(workload) != job));
    objects
}

/// The Event on one object; the object's version and uid, where they are known, let `kubectl describe` find it.
pub fn event(report: &Report, object: &ObjectRef, api_version: &str, uid: &str, stamp: &Stamp) -> Event {
    let namespace = if object.namespace.is_empty() { DEFAULT_NAMESPACE } else { &object.namespace };
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{}", title(object), stamp.suffix)),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(stamp.time)),
        reporting_controller: Some(REPORTING_CONTROLLER.to_owned()),
        reporting_instance: Some(stamp.instance.chars().take(INSTANCE_BYTES).collect()),
        action: Some("Judge".to_owned()),
        reason: Some(reason(report.exit()).to_owned()),
        type_: Some(if report.exit() == Exit::Pass { "Normal" } else { "Warning" }.to_owned()),
        note: Some(brief::note(report)),
        regarding: Some(ObjectReference {
            api_version: known(api_version),
            kind: known(&object.kind),
            namespace: known(&object.namespace),
            name: known(&object.name),
            uid: known(uid),
            ..ObjectReference::default()
        }),
        ..Event::default()
    }
}

async fn write(
    cluster: &Cluster,
    report: &Report,
    object: &ObjectRef,
    stamp: &Stamp,
) -> Result<(), EventError> {
    let kinds = cluster.kinds().await?;
    let events = kinds.find(&GroupKind::new("events.k8s.io", "Event")).ok_or(EventError::NotServed)?;
    let kind = kinds.find(&object.group_kind());
    let uid = uid(cluster, kind, object).await;
    let api_version = kind.map(ApiKind::api_version).unwrap_or_default();
    let event = event(report, object, &api_version, &uid, stamp);
    let namespace = event.metadata.namespace.clone().unwrap_or_default();
    cluster.create(events, &namespace, &serde_json::to_value(event)?).await?;
    Ok(())
}

/// Empty where the object cannot be read: an Event without it is still found by the object's name.
async fn uid(cluster: &Cluster, kind: Option<&ApiKind>, object: &ObjectRef) -> String {
    let Some(kind) = kind else { return String::new() };
    match cluster.get::<Partial>(kind, &object.namespace, &object.name).await {
        Ok(found) => found.map(|found| found.metadata.uid).unwrap_or_default(),
        Err(error) => {
            tracing::debug!(%error, "writing an Event without the object's uid");
            String::new()
        }
    }
}

/// The Kustomization of an application named `kustomization/NAMESPACE/NAME`.
fn kustomization(application: &str) -> Option<ObjectRef> {
    let (namespace, name) = application.strip_prefix("kustomization/")?.split_once('/')?;
    let kind = GroupKind::new("kustomize.toolkit.fluxcd.io", KUSTOMIZATION);
    Some(ObjectRef::new(&kind, namespace, name))
}

fn is_of_pods(finding: &Finding) -> bool {
    finding.evidence == Evidence::Template
        || (finding.object.kind.as_str() == "Pod" && finding.object.group.is_empty())
}

fn reference(object: &Object) -> ObjectRef {
    let Object { group, kind, namespace, name } = object;
    ObjectRef::new(&GroupKind::new(group.as_str(), kind.as_str()), namespace.as_str(), name.as_str())
}

/// What tells the objects of one run apart: a Kustomization often has its workload's name.
fn title(object: &ObjectRef) -> String {
    let prefix = if object.kind == KUSTOMIZATION { "kustomization-" } else { "" };
    format!("{prefix}{}", label(&object.name))
}

/// The part of an Event's name that comes from its object: what a DNS name may begin with.
fn label(name: &str) -> String {
    let dns = |char: char| if char.is_ascii_lowercase() || char.is_ascii_digit() { char } else { '-' };
    let label: String = name.chars().map(dns).take(NAME_BYTES).collect();
    match label.trim_matches('-') {
        "" => "gate".to_owned(),
        label => label.to_owned(),
    }
}

/// The verdict in one word.
pub(super) fn reason(exit: Exit) -> &'static str {
    match exit {
        Exit::Pass => "GatePassed",
        Exit::Bug => "GateBroken",
        Exit::Usage => "GateMisused",
        Exit::Invalid => "GateInputInvalid",
        Exit::Blocked => "GateBlocked",
        Exit::Inconclusive => "GateInconclusive",
        Exit::NotSettled => "GateNotSettled",
        Exit::Unavailable => "GateUnavailable",
        Exit::Critical => "GateCritical",
        Exit::Terminated => "GateTerminated",
    }
}
