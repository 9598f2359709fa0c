//! The leader's desk: which applications there is work on, who works on which, and what is known of each.

mod entry;
mod flux;
mod marks;
mod news;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::stream::StreamExt as _;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::app::controller::metrics::Metrics;
use crate::app::controller::tell::Herald;
use crate::app::rollback::{Executor, Failure, Name};
use crate::cluster::{ApiError, Change, Reason, Watching};
use crate::gitops::argocd::rollback::live::Live;
use crate::rollback::Step;
use crate::store::states::{Holder, Kept};
use entry::{Entry, Told, Worked, tell, work};
pub(super) use news::Scope;
use news::{Listing, News, name, stream, watches};

/// The desk; whoever drops it ends all work on it.
pub(super) struct Desk {
    executor: Arc<Executor>,
    herald: Arc<Herald>,
    metrics: Arc<Metrics>,
    scope: Scope,
    entries: BTreeMap<Name, Entry>,
    timers: BTreeSet<(Instant, Name)>,
    working: JoinSet<Worked>,
    telling: JoinSet<Told>,
}

impl Desk {
    pub(super) fn new(
        executor: Arc<Executor>,
        herald: Arc<Herald>,
        metrics: Arc<Metrics>,
        scope: Scope,
    ) -> Self {
        Self {
            executor,
            herald,
            metrics,
            scope,
            entries: BTreeMap::new(),
            timers: BTreeSet::new(),
            working: JoinSet::new(),
            telling: JoinSet::new(),
        }
    }

    /// Works until a watch ends.
    pub(super) async fn run(&mut self) -> Failure {
        let mut states = self.executor.states().watch();
        if let Err(failure) = self.remember(&mut states).await {
            return failure;
        }
        let projects = match self.read_marks().await {
            Ok(projects) => projects,
            Err(failure) => return failure,
        };
        let (mut news, mut listings) = watches(&self.executor, &self.scope);
        news.push(stream(states, |change| News::State(Box::new(change))));
        if let Some(projects) = projects {
            news.push(stream(projects, |change| News::Project(Box::new(change))));
        }
        loop {
            let timer = self.timers.first().map(|(at, _)| *at);
            tokio::select! {
                Some(said) = news.next() => if let Err(failure) = self.hear(said, &mut listings) {
                    return failure;
                },
                Some(Ok(worked)) = self.working.join_next() => self.worked(worked),
                Some(Ok(told)) = self.telling.join_next() => self.told(told),
                () = sleep_until(timer.unwrap_or_else(Instant::now)), if timer.is_some() => self.ring(),
            }
        }
    }

    /// Reads all states before anything else: no decision is made without them.
    async fn remember(&mut self, states: &mut Watching<Holder>) -> Result<(), Failure> {
        while let Some(change) = states.next().await {
            if matches!(change, Change::Listed) {
                break;
            }
            self.hear_state(change)?;
        }
        Ok(())
    }

    fn hear(&mut self, news: News, listings: &mut [Listing]) -> Result<(), Failure> {
        match news {
            News::State(change) => self.hear_state(*change)?,
            News::Source(kind, change) => self.hear_source(&kind, *change)?,
            News::Project(change) => self.hear_project(*change)?,
            News::Application(index, change) => {
                if let Some(listing) = listings.get_mut(index) {
                    self.hear_application(*change, listing)?;
                }
            }
            News::Kustomization(index, change) => {
                if let Some(listing) = listings.get_mut(index) {
                    self.hear_kustomization(*change, listing)?;
                }
            }
        }
        if listings.iter().all(|listing| listing.complete) {
            self.metrics.set_ready(true);
        }
        Ok(())
    }

    fn hear_application(&mut self, change: Change<Live>, listing: &mut Listing) -> Result<(), Failure> {
        match change {
            Change::Listing => listing.restart(),
            Change::Listed => {
                listing.complete = true;
                self.look_for_gone(listing);
            }
            Change::Applied(live) => {
                let name = name(&live);
                if !listing.complete {
                    listing.names.insert(name.clone());
                }
                self.glance(&name, &live);
            }
            Change::Deleted(live) => {
                let name = name(&live);
                if self.entries.contains_key(&name) {
                    self.due(&name);
                }
            }
            Change::Hidden(gap) => tracing::warn!("an Application is left alone: {gap}"),
            Change::Ended(error) => return self.ended(error, Some(listing)),
        }
        Ok(())
    }

    /// A watch has ended. Where another tool is served, one that we have no rights for is not.
    fn ended(&self, error: ApiError, listing: Option<&mut Listing>) -> Result<(), Failure> {
        let both = self.executor.argo().is_ok() && self.executor.flux().is_ok();
        if !both || error.reason() != Reason::Forbidden {
            return Err(error.into());
        }
        tracing::warn!(%error, "a GitOps tool is not served; grant that, or leave it out by --tool");
        if let Some(listing) = listing {
            listing.complete = true;
        }
        Ok(())
    }

    /// Applications with a state that the complete list does not have: they went while nobody looked.
    fn look_for_gone(&mut self, listing: &Listing) {
        let gone: Vec<Name> = self
            .entries
            .keys()
            .filter(|name| name.tool == listing.tool && self.scope.covers(name))
            .filter(|name| !listing.names.contains(name))
            .cloned()
            .collect();
        for name in gone {
            self.due(&name);
        }
    }

    fn glance(&mut self, name: &Name, live: &Live) {
        let unknown = Kept::none(&name.to_string());
        let state = self.entries.get(name).map_or(&unknown.state, |entry| &entry.kept.state);
        let busy = self.entries.get(name).is_some_and(|entry| entry.busy);
        let idle = self.executor.argo().is_ok_and(|argo| argo.glance(live, state) == Step::Rest(None));
        if busy || !idle {
            self.due(name);
        }
    }

    fn hear_state(&mut self, change: Change<Holder>) -> Result<(), Failure> {
        match change {
            Change::Applied(holder) => match holder.read() {
                Ok(kept) => self.learn(kept),
                Err(error) => tracing::warn!(%error, "nothing is done for an application without its state"),
            },
            Change::Deleted(holder) => {
                if let Ok(kept) = holder.read()
                    && let Some(name) = Name::parse(&kept.state.application)
                    && let Some(entry) = self.entries.get_mut(&name)
                {
                    entry.stale = true;
                    self.due(&name);
                }
            }
            Change::Listing | Change::Listed => {}
            Change::Hidden(gap) => tracing::warn!("a state cannot be read: {gap}"),
            Change::Ended(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// A state that we have not written ourselves counts more than what we remember.
    fn learn(&mut self, kept: Kept) {
        let Some(name) = Name::parse(&kept.state.application) else { return };
        let Some(entry) = self.entries.get_mut(&name) else {
            let waits = kept.state.case.is_some() || !kept.state.untold.is_empty();
            self.entries.insert(name.clone(), Entry::new(kept));
            if waits {
                self.due(&name);
            }
            return;
        };
        if entry.accounts_for(kept.version.as_deref()) {
            return;
        }
        entry.stale = true;
        self.due(&name);
    }

    /// There may be work on it.
    fn due(&mut self, name: &Name) {
        let entry =
            self.entries.entry(name.clone()).or_insert_with(|| Entry::new(Kept::none(&name.to_string())));
        if entry.busy {
            entry.again = true;
            return;
        }
        let order = entry.begin();
        self.working.spawn(work(self.executor.clone(), self.metrics.clone(), name.clone(), order));
    }

    fn ring(&mut self) {
        while let Some((at, name)) = self.timers.first().cloned() {
            if at > Instant::now() {
                return;
            }
            self.timers.remove(&(at, name.clone()));
            self.due(&name);
        }
    }

    fn worked(&mut self, worked: Worked) {
        let name = worked.name.clone();
        let Some(entry) = self.entries.get_mut(&name) else { return };
        if let Err(failure) = &worked.outcome {
            tracing::warn!(application = %name, %failure, "trying again later");
            self.metrics.failed(failure);
        }
        let (again, at) = entry.end(worked, self.executor.clock());
        self.timers.retain(|(_, other)| *other != name);
        if let Some(at) = at {
            self.timers.insert((at, name.clone()));
        }
        let untold = entry.untold();
        if !untold.is_empty() {
            let uid = entry.kept.state.uid.clone();
            self.telling.spawn(tell(self.herald.clone(), name.clone(), uid, untold));
        }
        let empty = entry.is_empty();
        if again {
            self.due(&name);
        } else if empty {
            self.entries.remove(&name);
        }
        let quarantined = self.entries.values().filter(|entry| entry.kept.state.case.is_some()).count();
        self.metrics.quarantined(quarantined);
    }

    fn told(&mut self, told: Told) {
        let Some(entry) = self.entries.get_mut(&told.name) else { return };
        let name = told.name.clone();
        match entry.told(told) {
            None => self.due(&name),
            Some(later) => {
                self.timers.insert((later, name));
            }
        }
    }
}

#[cfg(test)]
mod tests;
