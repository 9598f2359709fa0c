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
        if offered.as_deref() == Some(&rejected) {
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
    fn layout(&self, job: &ObjectRef) -> Layout {
        let (objects, _unreadable) = self.objects();
        let beside = |object: &&ObjectRef| {
            let kinds =
                ["ConfigMap", "Secret", "ServiceAccount", "Role", "RoleBinding", "ClusterRoleBinding"];
            *object != job && !kinds.contains(&object.kind.as_str())
        };
        let alone = !objects.iter().any(|object| beside(&object));
        if alone && !self.spec.depends_on.is_empty() { Layout::Separate } else { Layout::Same }
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
#[path = "discover/tests.rs"]
mod tests;
