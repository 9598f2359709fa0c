//! Finds the application that the gate runs for, and its objects.
//!
//! The gate's own Job carries Argo CD's mark. Where the Application can be read, and shows the operation that the Job
//! belongs to, its list of objects is used; else objects are told by their mark.

use std::collections::BTreeSet;

use crate::cluster::{ApiError, ApiKind, Cluster, Kinds, Query, Reason};
use crate::finding::{Gap, GapScope};
use crate::gitops::argocd::application::{ArgoApplication, HistoryEntry, OperationState};
use crate::gitops::argocd::hook::{HookJob, HookName, application_of};
pub use crate::gitops::discovery::Discovery;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rules::resources;
use crate::scope::{Application, HookPhase, Membership, Scope, Tracking, TrackingMethod};

/// How Argo CD is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Namespace of Argo CD itself.
    pub namespace: String,
    /// Label of label tracking.
    pub instance_label: String,
}

/// Why no application was found.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The cluster does not serve a kind.
    #[error("the cluster serves no {0}")]
    NoKind(GroupKind),
    /// The object is not there.
    #[error("{0} is not there")]
    Missing(ObjectRef),
    /// The Job carries no mark of Argo CD.
    #[error(
        "{job} carries neither the annotation {annotation} nor the label {label}: Argo CD did not make it; \
         name the application with --app NAMESPACE/NAME"
    )]
    Unmarked {
        /// The Job.
        job: ObjectRef,
        /// Key of the tracking annotation.
        annotation: &'static str,
        /// Key of the tracking label.
        label: String,
    },
}

/// Finds the application of the Job that the gate runs in.
pub async fn of_job(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    options: &Options,
) -> Result<Discovery, Error> {
    let kinds = cluster.kinds().await?;
    let jobs = kinds.resource(&resources::JOBS).ok_or_else(|| Error::NoKind(job_kind()))?;
    let own = ObjectRef::new(&job_kind(), namespace, name);
    let job: HookJob =
        cluster.get(jobs, namespace, name).await?.ok_or_else(|| Error::Missing(own.clone()))?;
    let tracking = job.tracking(&options.instance_label).ok_or_else(|| Error::Unmarked {
        job: own.clone(),
        annotation: crate::scope::TRACKING_ID,
        label: options.instance_label.clone(),
    })?;
    let phase = job.phase();
    let (mut discovery, hooks) = of_tracking(cluster, &kinds, tracking, Some(&job), options).await?;
    discovery.phase = phase;
    discovery.scope.own_job = Some(own);
    if phase == HookPhase::SyncFail {
        let is_sibling = |other: &HookJob| {
            let ran = |hooks: &BTreeSet<_>| hooks.contains(&other.metadata.reference(&job_kind()));
            job.follows(other, &options.instance_label) && hooks.as_ref().is_none_or(ran)
        };
        discovery.sibling = sibling(cluster, jobs, namespace, is_sibling, &mut discovery.gaps).await?;
    }
    Ok(discovery)
}

/// Finds an application by the name of its Application.
pub async fn of_application(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    options: &Options,
) -> Result<Discovery, Error> {
    let kinds = cluster.kinds().await?;
    let instance =
        if namespace == options.namespace { name.to_owned() } else { format!("{namespace}_{name}") };
    let tracking = Tracking { instance, method: TrackingMethod::Annotation, installation: None };
    let (discovery, _hooks) = of_tracking(cluster, &kinds, tracking, None, options).await?;
    Ok(discovery)
}

/// With it, the PostSync hooks of the operation, where the Application tells.
async fn of_tracking(
    cluster: &Cluster,
    kinds: &Kinds,
    tracking: Tracking,
    job: Option<&HookJob>,
    options: &Options,
) -> Result<(Discovery, Option<BTreeSet<ObjectRef>>), Error> {
    let (namespace, name) = application_of(&tracking.instance, &options.namespace);
    let hint = job.and_then(|job| HookName::parse(&job.metadata.name)?.short_revision().map(String::from));
    let application = Application { name: format!("{namespace}/{name}"), revision: hint };
    let membership = Membership::Tracked(tracking);
    let mut discovery =
        Discovery::of_selection(Scope { application, membership, namespaces: None, own_job: None });
    let hooks = match read_application(cluster, kinds, &namespace, &name).await? {
        Ok(application) => discovery.use_application(&application, job, kinds),
        Err(note) => {
            discovery.note = Some(by_mark(&note));
            None
        }
    };
    Ok((discovery, hooks))
}

/// The Application, or why it cannot be read. Absent is normal: it lives in another cluster.
async fn read_application(
    cluster: &Cluster,
    kinds: &Kinds,
    namespace: &str,
    name: &str,
) -> Result<Result<ArgoApplication, String>, ApiError> {
    let Some(kind) = kinds.find(&GroupKind::new("argoproj.io", "Application")) else {
        return Ok(Err("this cluster serves no Applications".to_owned()));
    };
    match cluster.get(kind, namespace, name).await {
        Ok(Some(application)) => Ok(Ok(application)),
        Ok(None) => Ok(Err(format!("Application {namespace}/{name} is not in this cluster"))),
        Err(error) if error.reason() == Reason::Unavailable => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

impl Discovery {
    /// Takes objects and revision from the Application if it shows the operation that the Job belongs to, and returns
    /// the PostSync hooks of that operation.
    fn use_application(
        &mut self,
        application: &ArgoApplication,
        job: Option<&HookJob>,
        kinds: &Kinds,
    ) -> Option<BTreeSet<ObjectRef>> {
        let state = application.status.operation_state.as_ref();
        if let (Some(job), Some(state)) = (job, state)
            && !same_operation(job, state)
        {
            self.note =
                Some(by_mark("the Application shows another operation than the one this Job belongs to"));
            return None;
        }
        if let Some(revision) = state.and_then(|state| state.sync_result.revision()) {
            self.previous = application.previous(&revision).and_then(HistoryEntry::revision);
            self.scope.application.revision = Some(revision);
        }
        let cluster_scoped = |kind: &GroupKind| kinds.find(kind).is_some_and(|kind| !kind.namespaced);
        let objects = application.objects(cluster_scoped);
        if objects.is_empty() {
            self.note = Some(by_mark("the Application lists no objects"));
        } else {
            self.scope.membership = Membership::Listed(objects);
        }
        state.map(|_| application.post_sync_hooks())
    }
}

fn by_mark(why: &str) -> String {
    format!("objects are told by Argo CD's mark on them: {why}")
}

/// Generated names hold the operation's start; for given names the operation must have begun before the Job.
fn same_operation(job: &HookJob, state: &OperationState) -> bool {
    match HookName::parse(&job.metadata.name) {
        Some(name) => {
            state.started_at.is_some_and(|started| started.as_second() == name.started_at.as_second())
        }
        None => state.started_at <= job.metadata.creation_timestamp,
    }
}

/// The PostSync gate that has spoken in the operation in which this Job runs as SyncFail hook.
async fn sibling(
    cluster: &Cluster,
    jobs: &ApiKind,
    namespace: &str,
    is_sibling: impl Fn(&HookJob) -> bool,
    gaps: &mut Vec<Gap>,
) -> Result<Option<ObjectRef>, ApiError> {
    let mut found = None;
    let listed = cluster
        .list(&Query::new(jobs).namespace(namespace), |item: crate::cluster::Item<'_, HookJob>| {
            if is_sibling(&item.value) {
                found = Some(item.value.metadata.reference(&job_kind()));
            }
        })
        .await;
    match listed {
        Ok(more) => gaps.extend(more),
        Err(error) if error.reason() == Reason::Unavailable => return Err(error),
        Err(error) => gaps.push(error.gap(GapScope::Kind(job_kind(), namespace.to_owned()))),
    }
    Ok(found)
}

fn job_kind() -> GroupKind {
    GroupKind::new("batch", "Job")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::Api;

    const JOB: &str = "driftgate-0a1b2c3-postsync-1795514400";

    fn job(name: &str, annotations: &Value, status: &Value) -> Value {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "shop",
            "creationTimestamp": "2026-11-24T10:01:00Z", "annotations": annotations,
            "labels": {"app.kubernetes.io/component": "gate"}}, "status": status})
    }

    fn marked() -> Value {
        json!({"argocd.argoproj.io/tracking-id": "web:batch/Job:shop/", "argocd.argoproj.io/hook": "PostSync,SyncFail"})
    }

    fn application(started: &str) -> Value {
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "web", "namespace": "argocd"},
            "status": {"operationState": {"phase": "Running", "startedAt": started, "syncResult": {
                "revision": "0a1b2c3d", "resources": [
                    {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web", "status": "Synced"},
                    {"group": "", "kind": "Namespace", "namespace": "shop", "name": "shop", "status": "Synced"}]}},
                "history": [{"id": 3, "revision": "good"}]}})
    }

    async fn found(api: &Api, job: &str) -> Result<Discovery, Error> {
        let options =
            Options { namespace: "argocd".into(), instance_label: "app.kubernetes.io/instance".into() };
        of_job(&Cluster::new(api.client()), "shop", job, &options).await
    }

    fn api(objects: &[Value]) -> Api {
        let api = Api::default();
        for object in objects {
            api.seed_value(object).unwrap();
        }
        api
    }

    #[tokio::test(start_paused = true)]
    async fn the_operations_own_list_is_used_where_it_can_be_read() {
        let api = api(&[job(JOB, &marked(), &json!({})), application("2026-11-24T10:00:00Z")]);
        let discovery = found(&api, JOB).await.unwrap();
        let Membership::Listed(objects) = &discovery.scope.membership else { panic!("{discovery:?}") };
        let names: Vec<_> = objects.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["Namespace shop", "apps/Deployment shop/web"]);
        assert_eq!(discovery.scope.application.name, "argocd/web");
        assert_eq!(discovery.scope.application.revision.as_deref(), Some("0a1b2c3d"));
        assert_eq!(discovery.previous.as_deref(), Some("good"));
        assert_eq!(discovery.note, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_list_of_another_operation_is_not_used() {
        let api = api(&[job(JOB, &marked(), &json!({})), application("2026-11-24T10:30:00Z")]);
        let discovery = found(&api, JOB).await.unwrap();
        assert!(matches!(discovery.scope.membership, Membership::Tracked(_)));
        assert_eq!(discovery.scope.application.revision.as_deref(), Some("0a1b2c3"));
        assert!(discovery.note.unwrap().contains("another operation"));
    }

    #[tokio::test(start_paused = true)]
    async fn without_the_application_objects_are_told_by_their_mark() {
        let api = api(&[job(JOB, &marked(), &json!({}))]);
        let discovery = found(&api, JOB).await.unwrap();
        let Membership::Tracked(tracking) = &discovery.scope.membership else { panic!("{discovery:?}") };
        assert_eq!(tracking.instance, "web");
        assert!(discovery.note.unwrap().ends_with("this cluster serves no Applications"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_forbidden_application_is_a_note_and_a_down_api_an_error() {
        let objects = [job(JOB, &marked(), &json!({})), application("2026-11-24T10:00:00Z")];
        let forbidden = api(&objects);
        forbidden.forbid(&["get"], "argoproj.io", "applications", None);
        assert!(found(&forbidden, JOB).await.unwrap().note.unwrap().contains("403"));
        let down = api(&objects);
        down.add_fault(crate::memory::Fault {
            at: crate::memory::Where::Every(crate::memory::Matching::default()),
            what: crate::memory::What::Status(503),
        });
        let Err(Error::Api(error)) = found(&down, JOB).await else { panic!("must fail") };
        assert_eq!(error.reason(), Reason::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unmarked_job_is_refused_with_what_to_do() {
        let api = api(&[job("gate", &json!({}), &json!({}))]);
        let error = found(&api, "gate").await.unwrap_err();
        assert!(error.to_string().contains("name the application with --app"), "{error}");
        let error = found(&api, "other").await.unwrap_err();
        assert_eq!(error.to_string(), "batch/Job shop/other is not there");
    }

    #[tokio::test(start_paused = true)]
    async fn a_sync_fail_gate_finds_its_sibling() {
        let name = JOB.replace("postsync", "syncfail");
        let failed = json!({"conditions": [{"type": "Failed", "status": "True",
            "lastTransitionTime": "2026-11-24T10:00:50Z"}]});
        let api = api(&[job(&name, &marked(), &json!({})), job(JOB, &marked(), &failed)]);
        let discovery = found(&api, &name).await.unwrap();
        assert_eq!(discovery.phase, HookPhase::SyncFail);
        assert_eq!(discovery.sibling.unwrap().name, JOB);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_of_given_name_that_spoke_in_another_operation_is_no_sibling() {
        let failed = json!({"conditions": [{"type": "Failed", "status": "True",
            "lastTransitionTime": "2026-11-24T10:00:50Z"}]});
        let hook = |phase: &str| json!({"argocd.argoproj.io/tracking-id": "web:batch/Job:shop/x", "argocd.argoproj.io/hook": phase});
        let mut application = application("2026-11-24T10:00:55Z");
        let jobs =
            [job("gate-syncfail", &hook("SyncFail"), &json!({})), job("gate", &hook("PostSync"), &failed)];
        let api = api(&[&jobs[..], &[application.clone()]].concat());
        assert_eq!(found(&api, "gate-syncfail").await.unwrap().sibling, None);
        let row = json!({"group": "batch", "kind": "Job", "namespace": "shop", "name": "gate",
            "hookType": "PostSync"});
        let rows = application["status"]["operationState"]["syncResult"]["resources"].as_array_mut();
        rows.unwrap().push(row);
        let api = self::api(&[&jobs[..], &[application]].concat());
        assert_eq!(found(&api, "gate-syncfail").await.unwrap().sibling.unwrap().name, "gate");
    }
}
