//! Argo CD's end of the executor: Applications.

mod hold;
mod projects;

use serde_json::Value;
use tokio::sync::OnceCell;

use projects::Marks;

use crate::app::Clock;
use crate::app::rollback::{Done, Failure, Name, Options};
use crate::cluster::{ApiKind, Cluster, Kinds, Reason};
use crate::gitops::argocd::rollback::generator::{ApplicationSet, Generator};
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::argocd::rollback::observe::{Around, generator_of, observe};
use crate::gitops::argocd::rollback::probe::{Knows, knows, probe};
use crate::gitops::argocd::rollback::write;
use crate::gitops::wanted::{Mark, OptIn};
use crate::model::reference::GroupKind;
use crate::rollback::{Case, Gate, Keeper, Observed, Settings, State, Step, step};

/// Group of Argo CD's kinds.
const GROUP: &str = "argoproj.io";
/// Why the API server of Argo CD itself is no way around a missing right. Its rollback call is refused while auto-sync is
/// on and takes no mark of ours, and its patch call drops `operation` and `status`.
///
/// Source: `Rollback`, `updateApp` and `Patch` in `server/application/application.go` of Argo CD 3.5.
const NO_OTHER_WAY: &str = "there is no way around it through Argo CD's own API server, which cannot switch auto-sync off, \
                            end an operation and roll back in one guarded write";

/// Looks at Applications and writes to them.
pub(in crate::app) struct Argo {
    cluster: Cluster,
    applications: ApiKind,
    projects: Option<ApiKind>,
    generators: Option<ApiKind>,
    /// Namespace of Argo CD itself.
    namespace: String,
    opt_in: OptIn,
    settings: Settings,
    closely: bool,
    clock: Clock,
    knows: OnceCell<Knows>,
    marks: Marks,
}

impl Argo {
    /// None where there is no Argo CD.
    pub(super) fn new(cluster: &Cluster, kinds: &Kinds, options: &Options, clock: Clock) -> Option<Self> {
        let find = |kind: &str| kinds.find(&GroupKind::new(GROUP, kind)).cloned();
        Some(Self {
            cluster: cluster.clone(),
            applications: find("Application")?,
            projects: find("AppProject"),
            generators: find("ApplicationSet"),
            namespace: options.argocd_namespace.clone(),
            opt_in: options.opt_in,
            settings: options.settings,
            closely: options.closely,
            clock,
            knows: OnceCell::new(),
            marks: Marks::default(),
        })
    }

    /// The kind of what it deploys.
    pub(in crate::app) fn kind(&self) -> &ApiKind {
        &self.applications
    }

    /// What would follow from what a watch shows, without asking anything else: whether there is work.
    pub(in crate::app) fn glance(&self, live: &Live, state: &State) -> Step {
        let knows = self.knows.get().copied().unwrap_or(Knows::ALL);
        let seen = observe(live, &self.around(self.known_mark(live), knows, Generator::Unknown));
        step(&seen, state, &self.settings)
    }

    /// The Application now, and what is seen of it; none if it does not exist.
    pub(super) async fn look(&self, name: &Name, state: &State) -> Result<Option<(Live, Observed)>, Failure> {
        let found = self.cluster.get::<Live>(&self.applications, &name.namespace, &name.name).await?;
        let Some(live) = found else { return Ok(None) };
        let project = self.mark(&live).await?;
        let seen = observe(&live, &self.around(project, Knows::ALL, Generator::Unknown));
        let critical = seen.operation.as_ref().is_some_and(|it| it.gate == Gate::Critical);
        if !critical && state.case.is_none() && !self.closely {
            return Ok(Some((live, seen)));
        }
        let knows = self.knows(&live).await?;
        let generator = self.generator(&live).await?;
        let seen = observe(&live, &self.around(project, knows, generator));
        Ok(Some((live, seen)))
    }

    /// Carries a step out; `ours` if the Application is still the one that the case is about.
    pub(super) async fn act(
        &self,
        step: &Step,
        name: &Name,
        (live, seen): (&Live, &Observed),
        case: &Case,
        ours: bool,
    ) -> Result<Done, Failure> {
        match step {
            Step::Hold => match self.place(name, case).await {
                Err(error) if error.is_final() => Ok(Done::Never(unheld(seen, &error))),
                placed => placed,
            },
            Step::End => self.patch(name, &write::end(live, case)).await.or_else(unwritten),
            Step::RollBack => match write::roll_back(live, case) {
                Some(patch) => self.patch(name, &patch).await.or_else(unwritten),
                None => Ok(Done::Never("the history no longer holds its target".to_owned())),
            },
            Step::Lift => match self.remove(name, case).await? {
                Done::Written if ours => self.patch(name, &write::lift(live, case)).await,
                removed @ (Done::Written | Done::Outdated | Done::Waits(_) | Done::Never(_)) => Ok(removed),
            },
            Step::Rest(_) | Step::Keep(_) | Step::Freeze => Ok(Done::Written),
        }
    }

    fn around(&self, project: Option<Mark>, knows: Knows, generator: Generator) -> Around {
        Around { opt_in: self.opt_in, project, knows, generator, now: self.clock.now() }
    }

    async fn patch(&self, name: &Name, patch: &Value) -> Result<Done, Failure> {
        let written = self.cluster.merge_patch(&self.applications, &name.namespace, &name.name, patch).await;
        match written {
            Ok(_) => Ok(Done::Written),
            Err(error) if matches!(error.reason(), Reason::Conflict | Reason::NotFound) => Ok(Done::Outdated),
            Err(error) => Err(error.into()),
        }
    }

    /// What this Argo CD knows. Asked once; without the right to ask, writes will be refused too, and say so.
    async fn knows(&self, live: &Live) -> Result<Knows, Failure> {
        let ask = || async {
            let (namespace, name) = (&live.metadata.namespace, &live.metadata.name);
            let probe = probe();
            let asked = self.cluster.would_merge_patch(&self.applications, namespace, name, &probe);
            match asked.await {
                Ok(answer) => Ok(knows(&answer)),
                Err(error) if error.reason() == Reason::Forbidden => Ok(Knows::ALL),
                // Taking auto-sync away altogether is right on every version.
                Err(error) if error.is_final() => Ok(Knows { switch: false, ..Knows::ALL }),
                Err(error) => Err(error),
            }
        };
        Ok(*self.knows.get_or_try_init(ask).await?)
    }

    async fn generator(&self, live: &Live) -> Result<Generator, Failure> {
        let (Some(name), Some(kind)) = (generator_of(live), &self.generators) else {
            return Ok(Generator::Unknown);
        };
        match self.cluster.get::<ApplicationSet>(kind, &live.metadata.namespace, name).await {
            Ok(Some(set)) => Ok(set.does(&live.metadata.name)),
            Ok(None) => Ok(Generator::Ignores),
            Err(error) if error.is_final() => Ok(Generator::Unknown),
            Err(error) => Err(error.into()),
        }
    }
}

/// Why there is no rollback where the Application may not be patched.
fn unwritten(error: Failure) -> Result<Done, Failure> {
    match &error {
        Failure::Api(refused) if refused.reason() == Reason::Forbidden => {
            Ok(Done::Never(format!("{error}; {NO_OTHER_WAY}")))
        }
        Failure::Api(_)
        | Failure::Store(_)
        | Failure::NoTool
        | Failure::NoArgoCd
        | Failure::NoFlux
        | Failure::Policy(_)
        | Failure::NoProject(_)
        | Failure::Undecodable(..)
        | Failure::Restless(_) => Err(error),
    }
}

/// Why a revision cannot be held, and what to do.
fn unheld(seen: &Observed, error: &Failure) -> String {
    let who = match &seen.keeper {
        Keeper::Reverts(who) | Keeper::Forbids(who) => who.as_str(),
        Keeper::Nobody => "whoever applies it",
    };
    format!(
        "{who} switches auto-sync on again, so only a sync window could hold it, and that cannot be written: {error}; \
         or let {who} ignore /spec/syncPolicy/automated (ignoreApplicationDifferences of an ApplicationSet)"
    )
}
