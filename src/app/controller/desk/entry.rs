//! One application on the desk: what is kept of it, whether somebody works on it, and whom that has been told.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::app::Clock;
use crate::app::controller::metrics::Metrics;
use crate::app::controller::tell::Herald;
use crate::app::rollback::{Executor, Failure, Name, Wrote};
use crate::rollback::{Notice, Stage, State};
use crate::store::states::Kept;

/// The longest pause after work that failed.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How many of our own writes are remembered, to know their echoes.
const ECHOES: usize = 32;

/// One application.
pub(super) struct Entry {
    pub(super) kept: Kept,
    /// Somebody works on it.
    pub(super) busy: bool,
    /// There may be more work when that has ended.
    pub(super) again: bool,
    /// Somebody else has written its state.
    pub(super) stale: bool,
    failures: u32,
    /// Versions of states that we have not written, as far as we knew when they were heard of.
    heard: Vec<String>,
    written: VecDeque<String>,
    telling: BTreeSet<String>,
    told: Vec<String>,
    opened: Option<Instant>,
}

/// What a worker is given.
pub(super) struct Order {
    kept: Kept,
    stale: bool,
    told: Vec<String>,
    opened: Option<Instant>,
}

/// What a worker brings back.
pub(super) struct Worked {
    pub(super) name: Name,
    pub(super) outcome: Result<Option<Timestamp>, Failure>,
    kept: Kept,
    written: Vec<String>,
    opened: Option<Instant>,
}

/// What has been told.
pub(super) struct Told {
    pub(super) name: Name,
    asked: Vec<String>,
    done: Vec<String>,
}

impl Entry {
    pub(super) fn new(kept: Kept) -> Self {
        Self {
            kept,
            busy: false,
            again: false,
            stale: false,
            failures: 0,
            heard: Vec::new(),
            written: VecDeque::new(),
            telling: BTreeSet::new(),
            told: Vec::new(),
            opened: None,
        }
    }

    /// True for the version of a state that we have written. While somebody works, that is found out afterwards.
    pub(super) fn accounts_for(&mut self, version: Option<&str>) -> bool {
        let Some(version) = version else { return false };
        if self.kept.version.as_deref() == Some(version) || self.written.iter().any(|known| known == version)
        {
            return true;
        }
        if self.busy {
            self.heard.push(version.to_owned());
        }
        self.busy
    }

    /// Hands out work.
    pub(super) fn begin(&mut self) -> Order {
        (self.busy, self.again) = (true, false);
        let stale = std::mem::take(&mut self.stale);
        Order { kept: self.kept.clone(), stale, told: self.told.clone(), opened: self.opened }
    }

    /// Takes work back; says whether there is more at once, and when to look again in any case.
    pub(super) fn end(&mut self, worked: Worked, clock: &Clock) -> (bool, Option<Instant>) {
        let Worked { name: _, outcome, kept, written, opened } = worked;
        self.busy = false;
        self.opened = opened;
        self.kept = kept;
        self.written.extend(written);
        let surplus = self.written.len().saturating_sub(ECHOES);
        self.written.drain(..surplus);
        for version in std::mem::take(&mut self.heard) {
            self.stale |= self.kept.version.as_ref() != Some(&version) && !self.written.contains(&version);
        }
        self.told.retain(|id| self.kept.state.untold.iter().any(|notice| notice.id == *id));
        let Ok(until) = outcome else {
            let pause = Duration::from_secs(1 << self.failures.min(5)).min(LONGEST_PAUSE);
            self.failures += 1;
            return (false, Some(Instant::now() + pause));
        };
        self.failures = 0;
        (self.again || self.stale, until.map(|until| Instant::now() + pause(clock.now(), until)))
    }

    /// What nobody has been told, nor is being told now.
    pub(super) fn untold(&mut self) -> Vec<Notice> {
        let waits = |notice: &&Notice| !self.telling.contains(&notice.id) && !self.told.contains(&notice.id);
        let untold: Vec<Notice> = self.kept.state.untold.iter().filter(waits).cloned().collect();
        self.telling.extend(untold.iter().map(|notice| notice.id.clone()));
        untold
    }

    /// Notes what has been told; says when to try again what has not.
    pub(super) fn told(&mut self, told: Told) -> Option<Instant> {
        let Told { name: _, asked, done } = told;
        for id in &asked {
            self.telling.remove(id);
        }
        let failed = done.len() < asked.len();
        self.told.extend(done);
        failed.then(|| Instant::now() + LONGEST_PAUSE)
    }

    /// True if nothing would be lost without it.
    pub(super) fn is_empty(&self) -> bool {
        !self.busy && self.kept.version.is_none() && self.telling.is_empty() && self.kept.state.is_empty()
    }
}

fn pause(now: Timestamp, until: Timestamp) -> Duration {
    Duration::try_from(until.duration_since(now)).unwrap_or_default()
}

/// Works on one application.
pub(super) async fn work(executor: Arc<Executor>, metrics: Arc<Metrics>, name: Name, order: Order) -> Worked {
    let Order { mut kept, stale, told, mut opened } = order;
    let mut written = Vec::new();
    let mut known: BTreeSet<String> = ids(&kept.state);
    let outcome = async {
        if stale {
            kept = executor.states().get(&name.to_string()).await?;
            known = ids(&kept.state);
        }
        let mut wrote = |wrote: &Wrote| match wrote {
            Wrote::State(state, version) => {
                written.extend(version.clone());
                for notice in state.untold.iter().filter(|notice| known.insert(notice.id.clone())) {
                    metrics.decided(notice.reason);
                }
                let due = state.case.as_ref().is_some_and(|case| case.stage == Stage::Due);
                if due {
                    opened.get_or_insert_with(Instant::now);
                }
            }
            Wrote::Rollback => {
                if let Some(opened) = opened.take() {
                    metrics.rolled_back_after(opened.elapsed().as_secs_f64());
                }
            }
        };
        let until = executor.work(&name, &mut kept, &mut wrote).await?;
        let mut state = kept.state.clone();
        state.told(&told);
        if state != kept.state && kept.version.is_some() {
            executor.keep(&mut kept, state, &mut wrote).await?;
        }
        Ok(until)
    };
    let outcome = outcome.await;
    Worked { name, outcome, kept, written, opened }
}

fn ids(state: &State) -> BTreeSet<String> {
    state.untold.iter().map(|notice| notice.id.clone()).collect()
}

/// Tells people.
pub(super) async fn tell(herald: Arc<Herald>, name: Name, uid: String, notices: Vec<Notice>) -> Told {
    let asked = notices.iter().map(|notice| notice.id.clone()).collect();
    let done = herald.tell(&name, &uid, &notices).await;
    Told { name, asked, done }
}
