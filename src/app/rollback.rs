//! The executor: looks at one application, decides, writes, and looks again until there is nothing left to do.
//!
//! The same for the controller and for the commands. It holds no state of its own: what it has to know is in the
//! application and in what is kept of it, so it can be ended at any point and begun anew.

mod acts;
mod argo;
mod failure;
mod flux;
mod foretold;
mod options;

use jiff::Timestamp;

use acts::Done;
use argo::Argo;
pub(super) use failure::Failure;
pub(super) use flux::Flux;
pub(super) use foretold::foretold;
pub(super) use options::{Name, Options, Tool};

use crate::app::Clock;
use crate::cluster::{ApiKind, Cluster};
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::flux::rollback::live as flux_live;
use crate::rollback::{Observed, Settings, State, Step, step};
use crate::store::states::{Kept, States};

/// Steps on one application before others get their turn; a rollback from verdict to release takes about ten.
const MOST_STEPS: usize = 40;

/// Carries out rollbacks. The loop is one; each GitOps tool has an end of its own, which looks and writes.
pub(super) struct Executor {
    cluster: Cluster,
    states: States,
    argo: Option<Argo>,
    flux: Option<Flux>,
    options: Options,
    clock: Clock,
}

/// What a look yields.
pub(super) struct Sight {
    /// What the decision needs of it.
    pub(super) seen: Observed,
    view: View,
}

/// What the writes need of it.
enum View {
    Argo(Box<Live>),
    Flux(Box<flux_live::Live>),
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
    /// The cluster has no GitOps tool.
    pub(super) async fn new(cluster: &Cluster, options: Options, clock: Clock) -> Result<Self, Failure> {
        let kinds = cluster.kinds().await?;
        let argo = Argo::new(cluster, &kinds, &options, clock).filter(|_| options.serves(Tool::ArgoCd));
        let flux = Flux::new(cluster, &kinds, &options, clock).filter(|_| options.serves(Tool::Flux));
        if argo.is_none() && flux.is_none() {
            return Err(Failure::NoTool);
        }
        Ok(Self {
            cluster: cluster.clone(),
            states: States::new(cluster, &options.state_namespace).await?,
            argo,
            flux,
            options,
            clock,
        })
    }

    /// Argo CD's end.
    ///
    /// # Errors
    /// There is no Argo CD here.
    pub(super) fn argo(&self) -> Result<&Argo, Failure> {
        self.argo.as_ref().ok_or(Failure::NoArgoCd)
    }

    /// Flux's end.
    ///
    /// # Errors
    /// There is no Flux here.
    pub(super) fn flux(&self) -> Result<&Flux, Failure> {
        self.flux.as_ref().ok_or(Failure::NoFlux)
    }

    /// The kind of an application.
    ///
    /// # Errors
    /// Its tool is not here.
    pub(super) fn kind(&self, tool: Tool) -> Result<&ApiKind, Failure> {
        match tool {
            Tool::ArgoCd => Ok(self.argo()?.kind()),
            Tool::Flux => Ok(self.flux()?.kind()),
        }
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.options.settings
    }

    pub(super) fn states(&self) -> &States {
        &self.states
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The application now, and what is seen of it; none if it does not exist.
    pub(super) async fn look(&self, name: &Name, state: &State) -> Result<Option<Sight>, Failure> {
        match name.tool {
            Tool::ArgoCd => {
                let found = self.argo()?.look(name, state).await?;
                Ok(found.map(|(live, seen)| Sight { seen, view: View::Argo(Box::new(live)) }))
            }
            Tool::Flux => {
                let found = self.flux()?.look(name, state).await?;
                Ok(found.map(|(live, seen)| Sight { seen, view: View::Flux(Box::new(live)) }))
            }
        }
    }

    /// Goes on until there is nothing left to do; returns when to look again though nothing has changed.
    pub(super) async fn work(
        &self,
        name: &Name,
        kept: &mut Kept,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<Option<Timestamp>, Failure> {
        for _ in 0..MOST_STEPS {
            let Some(sight) = self.look(name, &kept.state).await? else {
                self.forget(name, kept).await?;
                return Ok(None);
            };
            let next = step(&sight.seen, &kept.state, &self.options.settings);
            tracing::debug!(application = %name, step = next.as_str(), "decided");
            match next {
                Step::Rest(until) => return Ok(until),
                Step::Keep(state) => self.keep(kept, *state, wrote).await?,
                Step::Hold | Step::End | Step::RollBack | Step::Freeze | Step::Lift => {
                    if let Some(until) = self.act(&next, name, &sight, kept, wrote).await? {
                        return Ok(Some(until));
                    }
                }
            }
        }
        Err(Failure::Restless(name.words()))
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
        if let Some(case) = &kept.state.case {
            let removed = match name.tool {
                Tool::ArgoCd => self.argo()?.remove(name, case).await?,
                Tool::Flux => self.flux()?.remove(case).await?,
            };
            if removed != Done::Written {
                return Err(Failure::Restless(name.words()));
            }
        }
        if kept.version.is_some() {
            self.states.forget(&name.to_string()).await?;
        }
        *kept = Kept::none(&name.to_string());
        Ok(())
    }
}

#[cfg(test)]
pub(in crate::app) mod tests;
