//! Finds the Kustomization that the gate judges, and its objects.
//!
//! The gate's own Job carries the labels of the Kustomization that applied it. In one layout that one is the
//! application; in the other it holds nothing but the gate and depends on the application. The gate never waits for
//! the Kustomization that waits for it.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cluster::{ApiError, Cluster, Reason};
use crate::gitops::discovery::Discovery;
use crate::gitops::flux::job::GateJob;
use crate::gitops::flux::kustomization::{self, Kustomization, Source};
use crate::gitops::flux::members::{EVERY, Members, Walk};
use crate::gitops::flux::source::commit;
use crate::gitops::flux::traps::{self, Trap};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rules::resources;
use crate::scope::{Application, HookPhase, Membership, Scope};

/// Which Kustomization is the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The one that applies the gate's Job.
    Same,
    /// The one that it depends on.
    Separate,
}

/// What is given besides the Job.
#[derive(Clone, Debug)]
pub struct Options {
    /// Told by what the Kustomization applies, if not given.
    pub layout: Option<Layout>,
    /// Namespace and name of the Kustomization to judge, if it is not to be found.
    pub app: Option<(String, String)>,
    /// How long is waited for what Flux is still about to do.
    pub timeout: Duration,
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
    /// A failed gate would do no harm to what it should stop.
    #[error("{}", lines(.0))]
    Traps(Vec<Trap>),
    /// It cannot be told which Kustomization is judged.
    #[error(
        "{gate} applies nothing but the gate and depends on {count} Kustomizations; say which is judged with \
         --app kustomization/NAMESPACE/NAME"
    )]
    Ambiguous {
        /// The Kustomization that applies the gate's Job.
        gate: ObjectRef,
        /// How many it depends on.
        count: usize,
    },
    /// The verdict on this revision was given before.
    #[error("{rejected} was rejected and is still what the source offers, so {application} is held at {at}")]
    Held {
        /// The application.
        application: String,
        /// The revision that must not come again.
        rejected: String,
        /// The one that is live.
        at: String,
    },
    /// What should have happened did not.
    #[error("{object} {what}: not within {} s", .timeout.as_secs())]
    Waited {
        /// The Kustomization.
        object: Box<ObjectRef>,
        /// What was waited for.
        what: String,
        /// For so long.
        timeout: Duration,
    },
}

fn lines(traps: &[Trap]) -> String {
    traps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The gate's Job, if a Kustomization applied it.
///
/// # Errors
/// The API server is unavailable or refuses.
pub async fn job(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<GateJob>, ApiError> {
    let kinds = cluster.kinds().await?;
    let Some(jobs) = kinds.resource(&resources::JOBS) else { return Ok(None) };
    let job: Option<GateJob> = cluster.get(jobs, namespace, name).await?;
    Ok(job.filter(|job| job.kustomization().is_some()))
}

/// Finds the application of the Job that the gate runs in.
///
/// # Errors
/// [`Error::Traps`] if nothing would follow from a failed gate; else what could not be read, found or waited for.
pub async fn of_job(cluster: &Cluster, job: &GateJob, options: &Options) -> Result<Discovery, Error> {
    let finder = Finder { cluster, options, deadline: Instant::now() + options.timeout };
    let owner = job.kustomization().ok_or_else(|| Error::Missing(job.reference()))?;
    let gate = finder.kustomization(&owner).await?;
    refuse(traps::of_gate(&gate, job))?;
    let what = "has applied its revision, the gate's Job with it";
    let gate = finder.until(&owner, what, Kustomization::publishes_its_inventory).await?;
    let app = finder.judged(&gate, job).await?;
    refuse(traps::of_pair(&gate, &app))?;
    refuse(traps::circles([&gate, &app]))?;
    let same = app.reference() == owner;
    let app = if same { app } else { finder.released(app).await? };
    let walk = Walk { cluster, gate: Some(&owner), deadline: finder.deadline };
    let members = walk.of(&app).await?;
    let status = &app.status;
    let revision = if same { &status.last_attempted_revision } else { &status.last_applied_revision };
    let passed = gate.status.last_applied_revision.clone().filter(|passed| Some(passed) != revision.as_ref());
    let mut discovery = found(&app, revision.clone(), members);
    discovery.scope.own_job = Some(job.reference());
    discovery.previous = passed;
    Ok(discovery)
}

/// Finds an application by the name of its Kustomization; waits for nothing.
///
/// # Errors
/// What could not be read.
pub async fn of_kustomization(cluster: &Cluster, namespace: &str, name: &str) -> Result<Discovery, Error> {
    let options = Options { layout: None, app: None, timeout: Duration::ZERO };
    let finder = Finder { cluster, options: &options, deadline: Instant::now() };
    let app = finder.kustomization(&ObjectRef::new(&kustomization::kind(), namespace, name)).await?;
    let members = Walk { cluster, gate: None, deadline: finder.deadline }.of(&app).await?;
    Ok(found(&app, app.status.last_attempted_revision.clone(), members))
}

fn found(app: &Kustomization, revision: Option<String>, members: Members) -> Discovery {
    let application = Application { name: app.application(), revision };
    let membership = Membership::Listed(members.objects);
    let scope = Scope { application, membership, namespaces: None, own_job: None };
    let gaps = members.gaps;
    Discovery { phase: HookPhase::HealthCheck, gaps, ..Discovery::of_selection(scope) }
}

fn refuse(traps: Vec<Trap>) -> Result<(), Error> {
    if traps.is_empty() { Ok(()) } else { Err(Error::Traps(traps)) }
}

struct Finder<'a> {
    cluster: &'a Cluster,
    options: &'a Options,
    deadline: Instant,
}

impl Finder<'_> {
    async fn kustomization(&self, object: &ObjectRef) -> Result<Kustomization, Error> {
        let kinds = self.cluster.kinds().await?;
        let kind = kinds.find(&object.group_kind()).ok_or_else(|| Error::NoKind(object.group_kind()))?;
        let found = self.cluster.get(kind, &object.namespace, &object.name).await?;
        found.ok_or_else(|| Error::Missing(object.clone()))
    }

    /// Asks for a Kustomization until it `holds`.
    async fn until(
        &self,
        object: &ObjectRef,
        what: &str,
        holds: impl Fn(&Kustomization) -> bool,
    ) -> Result<Kustomization, Error> {
        loop {
            let seen = self.kustomization(object).await?;
            if holds(&seen) {
                return Ok(seen);
            }
            if Instant::now() + EVERY > self.deadline {
                let timeout = self.options.timeout;
                return Err(Error::Waited {
                    object: Box::new(object.clone()),
                    what: what.to_owned(),
                    timeout,
                });
            }
            sleep_until(Instant::now() + EVERY).await;
        }
    }

    /// The Kustomization that is judged.
    async fn judged(&self, gate: &Kustomization, job: &GateJob) -> Result<Kustomization, Error> {
        if let Some((namespace, name)) = &self.options.app {
            return self.kustomization(&ObjectRef::new(&kustomization::kind(), namespace, name)).await;
        }
        let layout = self.options.layout.unwrap_or_else(|| gate.layout(&job.reference()));
        if layout == Layout::Same {
            return Ok(gate.clone());
        }
        let mut dependencies = gate.dependencies();
        match (dependencies.next(), dependencies.count()) {
            (Some(only), 0) => self.kustomization(&only).await,
            (first, more) => {
                let count = more + usize::from(first.is_some());
                Err(Error::Ambiguous { gate: gate.reference(), count })
            }
        }
    }

    /// The application once it no longer is held at an earlier revision, if Git has moved on since.
    async fn released(&self, app: Kustomization) -> Result<Kustomization, Error> {
        let Some((source, rejected)) = app.held() else { return Ok(app) };
        let offered = self.revision(&source).await?;
        if offered.as_deref().map(commit) == Some(commit(&rejected)) {
            let at = app.status.last_applied_revision.as_deref().unwrap_or("an earlier revision");
            return Err(Error::Held { application: app.application(), rejected, at: at.to_owned() });
        }
        let what = "is released and has applied its source's revision";
        let released = |app: &Kustomization| {
            app.held().is_none() && offered.is_some() && app.status.last_applied_revision == offered
        };
        self.until(&app.reference(), what, released).await
    }

    /// What a source offers; none if it cannot be read, or offers nothing.
    async fn revision(&self, source: &ObjectRef) -> Result<Option<String>, Error> {
        let kinds = self.cluster.kinds().await?;
        let Some(kind) = kinds.find(&source.group_kind()) else { return Ok(None) };
        match self.cluster.get::<Source>(kind, &source.namespace, &source.name).await {
            Ok(found) => Ok(found.and_then(|found| found.status.artifact).map(|artifact| artifact.revision)),
            Err(error) if error.reason() == Reason::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl Kustomization {
    /// True once the inventory is of the revision that is being tried: it is written after everything was applied, with
    /// the beginning of the health checks; whatever is said of health is of an earlier revision until then.
    pub fn publishes_its_inventory(&self) -> bool {
        let Some(revision) = self.status.last_attempted_revision.as_deref() else { return false };
        let names = |kind: &str| self.condition(kind).is_some_and(|it| it.message.contains(revision));
        let is = |kind: &str, reason: &str| self.condition(kind).is_some_and(|it| it.reason == reason);
        let checking = self.condition("Healthy").is_some_and(|it| it.status == "Unknown") && names("Healthy");
        let ended = is("Ready", "HealthCheckFailed") || is("Ready", "ReconciliationSucceeded");
        self.status.inventory.is_some() && (checking || ended)
    }

    /// Whether it is the application itself: it is, unless it depends on others and applies nothing that runs but the
    /// gate's Job.
    pub fn layout(&self, job: &ObjectRef) -> Layout {
        let alone = !self.applies_beside(job);
        if alone && !self.spec.depends_on.is_empty() { Layout::Separate } else { Layout::Same }
    }

    /// True if it applies anything beside the gate's Job and what that needs.
    pub(super) fn applies_beside(&self, job: &ObjectRef) -> bool {
        let needed = ["ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRoleBinding"];
        let (objects, unreadable) = self.objects();
        let beside = |object: &ObjectRef| object != job && !needed.contains(&object.kind.as_str());
        !unreadable.is_empty() || objects.iter().any(beside)
    }

    /// True if everything that the application's revision asks of this nested Kustomization is done.
    pub(super) fn has_caught_up_with(&self, app: &Self) -> bool {
        let ready = self.condition("Ready").is_some_and(|it| it.status == "True");
        let seen = self.status.observed_generation == self.metadata.generation;
        let revision = &self.status.last_applied_revision;
        let same = self.source() != app.source() || *revision == app.status.last_attempted_revision;
        ready && seen && same
    }
}

#[cfg(test)]
mod tests {
    //! Both layouts on the in-memory API: what is judged, what is waited for, what is refused.

    use serde_json::{Value, json};

    use super::*;
    use crate::finding::GapReason;
    use crate::gitops::flux::job::FORCE;
    use crate::gitops::flux::kustomization::{CASE, ORIGINAL_SOURCE, REJECTED_REVISION};
    use crate::memory::Api;

    const REVISION: &str = "main@sha1:bad";

    fn gate_job(change: &Value) -> Value {
        let mut job = json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "driftgate", "namespace": "shop", "annotations": {FORCE: "enabled"}, "labels": {
                "kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "apps"}},
            "spec": {"activeDeadlineSeconds": 600, "template": {"spec": {"restartPolicy": "Never"}}}});
        json_patch::merge(&mut job, change);
        job
    }

    /// A Kustomization that waits for the health of what it has applied.
    fn checking(name: &str, ids: &[&str], spec: &Value) -> Value {
        let entries: Vec<_> = ids.iter().map(|id| json!({"id": id, "v": "v1"})).collect();
        let message = format!("Running health checks for revision {REVISION} with a timeout of 15m0s");
        let mut object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "apps", "generation": 1},
            "spec": {"interval": "1h", "timeout": "15m", "wait": true, "sourceRef": {"kind": "GitRepository", "name": "shop"}},
            "status": {"lastAttemptedRevision": REVISION, "lastAppliedRevision": "main@sha1:good",
                "inventory": {"entries": entries}, "conditions": [
                    {"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": message},
                    {"type": "Healthy", "status": "Unknown", "reason": "Progressing", "message": message}]}});
        json_patch::merge(&mut object, &json!({"spec": spec}));
        object
    }

    /// One that has become healthy.
    fn ready(name: &str, ids: &[&str], spec: &Value) -> Value {
        let mut object = checking(name, ids, spec);
        json_patch::merge(
            &mut object,
            &json!({"status": {"lastAppliedRevision": REVISION, "observedGeneration": 1,
            "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}]}}),
        );
        object
    }

    fn api(objects: &[Value]) -> Api {
        let api = Api::default();
        for object in objects {
            api.seed_value(object).unwrap();
        }
        api
    }

    async fn found(api: &Api, app: Option<(&str, &str)>) -> Result<Discovery, Error> {
        let cluster = Cluster::new(api.client());
        let job = job(&cluster, "shop", "driftgate").await?.unwrap();
        let app = app.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
        let options = Options { layout: None, app, timeout: Duration::from_secs(60) };
        of_job(&cluster, &job, &options).await
    }

    fn members(discovery: &Discovery) -> Vec<String> {
        let Membership::Listed(objects) = &discovery.scope.membership else { panic!("{discovery:?}") };
        objects.iter().map(ToString::to_string).collect()
    }

    const JOB_ID: &str = "shop_driftgate_batch_Job";
    const WEB_ID: &str = "shop_web_apps_Deployment";

    #[tokio::test(start_paused = true)]
    async fn the_kustomization_of_the_job_is_the_application() {
        let api = api(&[gate_job(&json!({})), checking("shop", &[JOB_ID, WEB_ID], &json!({}))]);
        let discovery = found(&api, None).await.unwrap();
        assert_eq!(members(&discovery), ["apps/Deployment shop/web", "batch/Job shop/driftgate"]);
        assert_eq!(discovery.scope.application.name, "kustomization/apps/shop");
        assert_eq!(discovery.scope.application.revision.as_deref(), Some(REVISION));
        assert_eq!(discovery.previous.as_deref(), Some("main@sha1:good"));
        assert_eq!(discovery.scope.own_job.unwrap().name, "driftgate");
        assert_eq!(discovery.phase, HookPhase::HealthCheck);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kustomization_of_nothing_but_the_gate_stands_for_what_it_depends_on() {
        let spec = json!({"dependsOn": [{"name": "web"}]});
        let ids = [JOB_ID, "shop_driftgate-content-4t2k__ConfigMap"];
        let objects =
            [gate_job(&json!({})), checking("shop", &ids, &spec), ready("web", &[WEB_ID], &json!({}))];
        let discovery = found(&api(&objects), None).await.unwrap();
        assert_eq!(members(&discovery), ["apps/Deployment shop/web"]);
        assert_eq!(discovery.scope.application.name, "kustomization/apps/web");
        let more = json!({"dependsOn": [{"name": "web"}, {"name": "db"}]});
        let two = [&objects[..1], &[checking("shop", &ids, &more), objects[2].clone()]].concat();
        let error = found(&api(&two), None).await.unwrap_err().to_string();
        assert!(error.contains("depends on 2 Kustomizations; say which is judged with --app"), "{error}");
        assert_eq!(
            found(&api(&two), Some(("apps", "web"))).await.unwrap().scope.application.name,
            "kustomization/apps/web"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_inventory_of_an_earlier_revision_is_not_used() {
        let mut early = checking("shop", &[JOB_ID], &json!({}));
        early["status"]["conditions"] = json!([
            {"type": "Ready", "status": "Unknown", "reason": "Progressing",
                "message": format!("Detecting drift for revision {REVISION} with a timeout of 15m0s")},
            {"type": "Healthy", "status": "True", "reason": "Succeeded"}]);
        let error = found(&api(&[gate_job(&json!({})), early]), None).await.unwrap_err().to_string();
        assert!(error.ends_with("the gate's Job with it: not within 60 s"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trap_is_refused_with_the_fix() {
        let trapped = gate_job(&json!({"spec": {"ttlSecondsAfterFinished": 300}}));
        let error =
            found(&api(&[trapped, checking("shop", &[JOB_ID, WEB_ID], &json!({}))]), None).await.unwrap_err();
        assert!(matches!(error, Error::Traps(_)));
        assert!(
            error.to_string().contains("spec.ttlSecondsAfterFinished: Flux takes a Job that is gone"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_nested_is_the_applications_too() {
        let nested = "apps_more_kustomize.toolkit.fluxcd.io_Kustomization";
        let own = "apps_shop_kustomize.toolkit.fluxcd.io_Kustomization";
        let release = "apps_db_helm.toolkit.fluxcd.io_HelmRelease";
        let far = "apps_far_kustomize.toolkit.fluxcd.io_Kustomization";
        let chart = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
            "metadata": {"name": "db", "namespace": "apps"}, "status": {"inventory": {"entries": [
                {"id": "shop_db_apps_StatefulSet", "v": "v1"}]}}});
        let api = api(&[
            gate_job(&json!({})),
            checking("shop", &[JOB_ID, nested, own], &json!({})),
            ready("more", &[WEB_ID, release, far], &json!({})),
            ready("far", &["x_y_apps_Deployment"], &json!({"kubeConfig": {"secretRef": {"name": "x"}}})),
            chart,
        ]);
        let discovery = found(&api, None).await.unwrap();
        let workloads: Vec<_> =
            members(&discovery).into_iter().filter(|it| it.starts_with("apps/")).collect();
        assert_eq!(workloads, ["apps/Deployment shop/web", "apps/StatefulSet shop/db"]);
        let gaps: Vec<_> = discovery.gaps.iter().map(ToString::to_string).collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert!(gaps[0].contains("Kustomization apps/far: unreadable: spec.kubeConfig"), "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_nested_kustomization_that_lags_behind_is_a_gap() {
        let nested = "apps_more_kustomize.toolkit.fluxcd.io_Kustomization";
        let mut behind = ready("more", &[WEB_ID], &json!({}));
        behind["status"]["lastAppliedRevision"] = json!("main@sha1:good");
        let objects = [gate_job(&json!({})), checking("shop", &[JOB_ID, nested], &json!({})), behind];
        let discovery = found(&api(&objects), None).await.unwrap();
        assert_eq!(discovery.gaps.len(), 1);
        assert_eq!(discovery.gaps[0].reason, GapReason::Changed);
        assert!(members(&discovery).contains(&"apps/Deployment shop/web".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_rejected_revision_stays_rejected_and_the_next_one_is_waited_for() {
        let spec =
            json!({"dependsOn": [{"name": "web"}], "sourceRef": {"kind": "GitRepository", "name": "shop"}});
        let source = |revision: &str| {
            json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": {"name": "shop", "namespace": "apps"}, "status": {"artifact": {"revision": revision}}})
        };
        let mut held = ready("web", &[WEB_ID], &json!({"sourceRef": {"name": "shop-rollback"}}));
        held["metadata"]["annotations"] =
            json!({CASE: "c", ORIGINAL_SOURCE: "shop", REJECTED_REVISION: REVISION});
        held["status"]["lastAppliedRevision"] = json!("main@sha1:good");
        let gate = checking("shop", &[JOB_ID], &spec);
        let objects = [gate_job(&json!({})), gate, held, source(REVISION)];
        let error = found(&api(&objects), None).await.unwrap_err().to_string();
        let held = "was rejected and is still what the source offers, so kustomization/apps/web is held at main@sha1:good";
        assert_eq!(error, format!("{REVISION} {held}"));
        let moved = [&objects[..3], &[source("main@sha1:fixed")]].concat();
        let error = found(&api(&moved), None).await.unwrap_err().to_string();
        assert!(
            error.contains("is released and has applied its source's revision: not within 60 s"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_flux_did_not_apply_is_somebody_elses() {
        let argo =
            json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "web:batch/Job:shop/x"}}});
        for change in [argo, json!({"metadata": {"labels": null}})] {
            let api = api(&[gate_job(&change)]);
            assert_eq!(job(&Cluster::new(api.client()), "shop", "driftgate").await.unwrap(), None);
        }
    }
}
