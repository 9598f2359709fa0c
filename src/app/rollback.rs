//! The executor: looks at one application, decides, writes, and looks again until there is nothing left to do.
//!
//! The same for the controller and for the commands. It holds no state of its own: what it has to know is in the
//! application and in what is kept of it, so it can be ended at any point and begun anew.

mod acts;
mod failure;
mod hold;
mod options;

use jiff::Timestamp;
use tokio::sync::OnceCell;

pub(super) use failure::Failure;
pub(super) use options::{Name, Options};

use crate::app::Clock;
use crate::cluster::{ApiKind, Cluster, Query, Watching};
use crate::gitops::argocd::rollback::generator::{ApplicationSet, Generator};
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::argocd::rollback::observe::{Around, generator_of, observe};
use crate::gitops::argocd::rollback::write;
use crate::model::reference::GroupKind;
use crate::rollback::{Gate, Observed, Settings, State, Step, step};
use crate::store::states::{Kept, States};

/// Group of Argo CD's kinds.
const ARGO: &str = "argoproj.io";
/// Steps on one application before others get their turn; a rollback from verdict to release takes about ten.
const MOST_STEPS: usize = 40;

/// Carries out rollbacks.
pub(super) struct Executor {
    cluster: Cluster,
    states: States,
    applications: ApiKind,
    projects: Option<ApiKind>,
    generators: Option<ApiKind>,
    options: Options,
    clock: Clock,
    switch: OnceCell<bool>,
}

/// What has been written, for whoever counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrote {
    /// A state, and its version.
    State(Box<State>, Option<String>),
    /// A rollback operation.
    Rollback,
}

impl Executor {
    /// One for the applications of a cluster.
    ///
    /// # Errors
    /// The cluster has no Applications.
    pub(super) async fn new(cluster: &Cluster, options: Options, clock: Clock) -> Result<Self, Failure> {
        let kinds = cluster.kinds().await?;
        let find = |kind: &str| kinds.find(&GroupKind::new(ARGO, kind)).cloned();
        Ok(Self {
            cluster: cluster.clone(),
            states: States::new(cluster, &options.state_namespace).await?,
            applications: find("Application").ok_or(Failure::NoArgoCd)?,
            projects: find("AppProject"),
            generators: find("ApplicationSet"),
            options,
            clock,
            switch: OnceCell::new(),
        })
    }

    pub(super) fn applications(&self) -> &ApiKind {
        &self.applications
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.options.settings
    }

    pub(super) fn states(&self) -> &States {
        &self.states
    }

    /// Watches Applications.
    pub(super) fn watch(&self, query: Query) -> Watching<Live> {
        self.cluster.watch(query)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// What would follow from what a watch shows, without asking anything else: whether there is work.
    pub(super) fn glance(&self, live: &Live, state: &State) -> Step {
        let switch = self.switch.get().copied().unwrap_or(true);
        let seen = observe(live, &self.around(switch, Generator::Unknown));
        step(&seen, state, &self.options.settings)
    }

    /// The application now, and what is seen of it; none if it does not exist.
    pub(super) async fn look(&self, name: &Name, state: &State) -> Result<Option<(Live, Observed)>, Failure> {
        let found = self.cluster.get::<Live>(&self.applications, &name.namespace, &name.name).await?;
        let Some(live) = found else { return Ok(None) };
        let seen = observe(&live, &self.around(true, Generator::Unknown));
        let critical = seen.operation.as_ref().is_some_and(|it| it.gate == Gate::Critical);
        if !critical && state.case.is_none() {
            return Ok(Some((live, seen)));
        }
        let switch = self.knows_switch(&live).await?;
        let generator = self.generator(&live).await?;
        let seen = observe(&live, &self.around(switch, generator));
        Ok(Some((live, seen)))
    }

    fn around(&self, switch: bool, generator: Generator) -> Around {
        Around { opt_in: self.options.opt_in, switch, generator, now: self.clock.now() }
    }

    /// Goes on until there is nothing left to do; returns when to look again though nothing has changed.
    pub(super) async fn work(
        &self,
        name: &Name,
        kept: &mut Kept,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<Option<Timestamp>, Failure> {
        for _ in 0..MOST_STEPS {
            let Some((live, seen)) = self.look(name, &kept.state).await? else {
                self.forget(name, kept).await?;
                return Ok(None);
            };
            let next = step(&seen, &kept.state, &self.options.settings);
            tracing::debug!(application = %name, step = next.as_str(), "decided");
            match next {
                Step::Rest(until) => return Ok(until),
                Step::Keep(state) => self.keep(kept, *state, wrote).await?,
                Step::Hold | Step::End | Step::RollBack | Step::Lift => {
                    self.act(&next, name, &live, &seen, kept, wrote).await?;
                }
            }
        }
        Err(Failure::Restless(name.to_string()))
    }

    /// Keeps a state, unless somebody else has written one: then that one counts.
    pub(super) async fn keep(
        &self,
        kept: &mut Kept,
        state: State,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<(), Failure> {
        match self.states.save(kept, state).await {
            Ok(saved) => {
                *kept = saved;
                wrote(&Wrote::State(Box::new(kept.state.clone()), kept.version.clone()));
                Ok(())
            }
            Err(error) if error.is_outdated(kept.version.is_some()) => {
                *kept = self.states.get(&kept.state.application).await?;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The application is gone: nothing of ours stays behind.
    async fn forget(&self, name: &Name, kept: &mut Kept) -> Result<(), Failure> {
        if let Some(case) = &kept.state.case
            && !self.remove(name, case).await?
        {
            return Err(Failure::Restless(name.to_string()));
        }
        if kept.version.is_some() {
            self.states.forget(&name.to_string()).await?;
        }
        *kept = Kept::none(&name.to_string());
        Ok(())
    }

    /// Whether this Argo CD knows the switch of auto-sync. Asked once; without the right to ask, writes will be refused
    /// too, and say so.
    async fn knows_switch(&self, live: &Live) -> Result<bool, Failure> {
        if live.spec.sync_policy.automated.is_none() {
            return Ok(self.switch.get().copied().unwrap_or(true));
        }
        let ask = || async {
            let (namespace, name) = (&live.metadata.namespace, &live.metadata.name);
            let probe = write::probe();
            let asked = self.cluster.would_merge_patch(&self.applications, namespace, name, &probe);
            match asked.await {
                Ok(answer) => Ok(write::knows_switch(&answer)),
                Err(error) if error.is_final() => Ok(true),
                Err(error) => Err(error),
            }
        };
        Ok(*self.switch.get_or_try_init(ask).await?)
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

#[cfg(test)]
mod tests;
