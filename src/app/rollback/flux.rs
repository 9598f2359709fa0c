//! Flux's end of the executor: Kustomizations.

mod index;

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::app::Clock;
use crate::app::rollback::{Done, Failure, Name, Options};
use crate::cluster::{ApiKind, Cluster, Kinds, Query, Reason};
use crate::gitops::flux::job::GateJob;
use crate::gitops::flux::kustomization::{self, CASE, Kustomization, SOURCE_GROUP};
use crate::gitops::flux::rollback::clone::{self, Was, Yield};
use crate::gitops::flux::rollback::gate::jobs;
use crate::gitops::flux::rollback::live::Live;
use crate::gitops::flux::rollback::observe::{Around, observe};
use crate::gitops::flux::rollback::write;
use crate::gitops::flux::source::Source;
use crate::gitops::wanted::OptIn;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::rollback::{Case, Hold, Observed, State, Step};
use crate::rules::resources;
use index::Index;

/// Kinds of source that are followed.
const SOURCES: [&str; 2] = ["GitRepository", "OCIRepository"];

/// Looks at Kustomizations and writes to them.
pub(in crate::app) struct Flux {
    cluster: Cluster,
    kustomizations: ApiKind,
    jobs: Option<ApiKind>,
    sources: Vec<ApiKind>,
    opt_in: OptIn,
    clock: Clock,
    index: Index,
    learnt: OnceCell<()>,
}

impl Flux {
    /// None where there is no Flux.
    pub(super) fn new(cluster: &Cluster, kinds: &Kinds, options: &Options, clock: Clock) -> Option<Self> {
        let sources = SOURCES.iter().filter_map(|kind| kinds.find(&GroupKind::new(SOURCE_GROUP, *kind)));
        Some(Self {
            cluster: cluster.clone(),
            kustomizations: kinds.find(&kustomization::kind())?.clone(),
            jobs: kinds.resource(&resources::JOBS).cloned(),
            sources: sources.cloned().collect(),
            opt_in: options.opt_in,
            clock,
            index: Index::default(),
            learnt: OnceCell::new(),
        })
    }

    /// The kind of what it deploys.
    pub(in crate::app) fn kind(&self) -> &ApiKind {
        &self.kustomizations
    }

    /// The kinds of source that are followed.
    pub(in crate::app) fn sources(&self) -> &[ApiKind] {
        &self.sources
    }

    /// The applications about which a Kustomization says something new.
    pub(in crate::app) fn hear(&self, said: &Kustomization) -> Vec<Name> {
        self.index.hear(said, self.opt_in)
    }

    /// A Kustomization has gone.
    pub(in crate::app) fn forget(&self, gone: &Kustomization) {
        self.index.forget(gone);
    }

    /// True if a source is the one that a case has replaced, or ours.
    pub(in crate::app) fn concerns(case: &Case, kind: &str, namespace: &str, name: &str) -> bool {
        let Some(was) = Was::of(case) else { return false };
        let is =
            |object: &ObjectRef| object.kind == kind && object.namespace == namespace && object.name == name;
        is(&was.source()) || is(&was.clone_of(case))
    }

    /// Finds out which Kustomizations gate which, before the first look: a watch tells only later.
    async fn learn(&self) -> Result<(), Failure> {
        let query = Query::new(&self.kustomizations);
        let gaps = self.cluster.list::<Kustomization>(&query, |item| self.index.note(&item.value)).await?;
        for gap in gaps {
            tracing::warn!("a Kustomization is left alone: {gap}");
        }
        Ok(())
    }

    /// The Kustomization now, and what is seen of it; none if it does not exist.
    pub(super) async fn look(&self, name: &Name, state: &State) -> Result<Option<(Live, Observed)>, Failure> {
        let found = self.cluster.get::<Value>(&self.kustomizations, &name.namespace, &name.name).await?;
        let Some(object) = found else { return Ok(None) };
        let mut live =
            Live::read(&object).map_err(|error| Failure::Undecodable(name.words(), error.to_string()))?;
        let case = state.case.as_ref();
        let marked = live.app.metadata.annotations.contains_key(CASE);
        if case.is_some() || marked || self.opt_in.wants(&live.app.metadata, None) {
            self.find_gate(name, &mut live).await?;
            let was = case.and_then(|case| Some((case, Was::of(case)?)));
            let source = was.as_ref().map_or_else(|| live.app.own_source(), |(_, was)| was.source());
            live.source = self.source(&source).await?;
            if let Some((case, was)) = was.filter(|(case, _)| matches!(case.hold, Hold::Source { .. })) {
                live.clone = self.source(&was.clone_of(case)).await?;
            } else if case.is_none() && live.app.held().is_some() {
                live.clone = self.source(&live.app.source()).await?;
            }
        }
        let around = Around { opt_in: self.opt_in, state, now: self.clock.now() };
        let seen = observe(&live, &around);
        Ok(Some((live, seen)))
    }

    /// The gate's Job: among what it has applied itself, or what a Kustomization has that depends on it.
    async fn find_gate(&self, name: &Name, live: &mut Live) -> Result<(), Failure> {
        live.job = self.gate_of(&live.app).await?;
        if live.job.is_some() {
            return Ok(());
        }
        self.learnt.get_or_try_init(|| self.learn()).await?;
        for gate in self.index.gates_of(name) {
            let found = self.cluster.get::<Kustomization>(&self.kustomizations, &gate.namespace, &gate.name);
            let Some(gate) = found.await? else { continue };
            live.job = self.gate_of(&gate).await?;
            live.gate = Some(gate);
            if live.job.is_some() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn gate_of(&self, kustomization: &Kustomization) -> Result<Option<GateJob>, Failure> {
        let Some(kind) = self.jobs.as_ref().filter(|_| kustomization.spec.kube_config.is_none()) else {
            return Ok(None);
        };
        for job in jobs(kustomization) {
            let found = self.cluster.get::<GateJob>(kind, &job.namespace, &job.name).await?;
            if let Some(job) = found.filter(GateJob::runs_gate) {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    async fn source(&self, source: &ObjectRef) -> Result<Option<Source>, Failure> {
        let Some(kind) = self.source_kind(source) else { return Ok(None) };
        Ok(self.cluster.get(kind, &source.namespace, &source.name).await?)
    }

    fn source_kind(&self, source: &ObjectRef) -> Option<&ApiKind> {
        self.sources.iter().find(|kind| kind.kind == source.kind)
    }

    /// Carries a step out; `ours` if the Kustomization is still the one that the case is about.
    pub(super) async fn act(
        &self,
        step: &Step,
        name: &Name,
        live: &Live,
        case: &Case,
        ours: bool,
    ) -> Result<Done, Failure> {
        let Some(was) = Was::of(case) else {
            return Ok(Done::Never("what is kept of its source cannot be read".to_owned()));
        };
        match step {
            Step::Hold => self.place(name, live, case, &was).await,
            Step::RollBack => match self.yields(live, case) {
                Done::Written => self.patch(name, &write::swap(&live.app, case, &was)).await,
                not_yet @ (Done::Outdated | Done::Waits(_) | Done::Never(_)) => Ok(not_yet),
            },
            Step::Freeze => self.patch(name, &write::freeze(&live.app, case)).await,
            Step::Lift => {
                if let Some(patch) = write::lift(&live.app, case, &was, self.clock.now()).filter(|_| ours) {
                    let restored = self.patch(name, &patch).await?;
                    if restored != Done::Written {
                        return Ok(restored);
                    }
                }
                self.remove(case).await
            }
            Step::End | Step::Rest(_) | Step::Keep(_) => Ok(Done::Written),
        }
    }

    /// Makes our source, and waits until it yields the target.
    async fn place(&self, name: &Name, live: &Live, case: &Case, was: &Was) -> Result<Done, Failure> {
        if live.clone.is_some() {
            return Ok(self.yields(live, case));
        }
        let Some(original) = &live.source else {
            return Ok(Done::Never("its source has been deleted".to_owned()));
        };
        let clone = was.clone_of(case);
        let Some(kind) = self.source_kind(&clone) else {
            return Ok(Done::Never(format!("the cluster serves no {}", clone.kind)));
        };
        let mut copy = clone::copy(original, &clone, case, &name.to_string());
        copy["apiVersion"] = kind.api_version().into();
        match self.cluster.create(kind, &clone.namespace, &copy).await {
            Ok(_) => Ok(Done::Outdated),
            Err(error) if error.reason() == Reason::AlreadyExists => Ok(Done::Outdated),
            Err(error) if error.is_final() => Ok(Done::Never(format!(
                "its {} cannot be copied in namespace {}: {error}",
                clone.kind, clone.namespace
            ))),
            Err(error) => Err(error.into()),
        }
    }

    fn yields(&self, live: &Live, case: &Case) -> Done {
        let target = &case.target.1;
        let Some(clone) = &live.clone else { return Done::Never("our source has been deleted".to_owned()) };
        match clone::yields(clone, &target.name, self.clock.now()) {
            Yield::Target => Done::Written,
            Yield::Waits(until) => Done::Waits(until),
            Yield::Never(why) => {
                Done::Never(format!("a copy of its source does not yield {}: {why}", target.short()))
            }
        }
    }

    /// Deletes our source.
    pub(super) async fn remove(&self, case: &Case) -> Result<Done, Failure> {
        let Some(was) = Was::of(case).filter(|_| matches!(case.hold, Hold::Source { .. })) else {
            return Ok(Done::Written);
        };
        let clone = was.clone_of(case);
        if let Some(kind) = self.source_kind(&clone) {
            self.cluster.delete(kind, &clone.namespace, &clone.name).await?;
        }
        Ok(Done::Written)
    }

    async fn patch(&self, name: &Name, patch: &Value) -> Result<Done, Failure> {
        let written =
            self.cluster.merge_patch(&self.kustomizations, &name.namespace, &name.name, patch).await;
        match written {
            Ok(_) => Ok(Done::Written),
            Err(error) if matches!(error.reason(), Reason::Conflict | Reason::NotFound) => Ok(Done::Outdated),
            Err(error) => Err(error.into()),
        }
    }
}
