//! Waits until the application has settled: watches feed the state machine, the clock ends the quiet window.
//!
//! No polling: it sleeps until a watch speaks, the window ends or time is up. At the end of the window everything is
//! listed once more: a watch whose connection died unnoticed says nothing, which is not the same as nothing happening.
//! Watches go on while the application is being looked at, so that a change meanwhile is not missed. Does not know
//! what settled means; [`Settling`] does.

mod sources;
mod watches;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cluster::Cluster;
use crate::cluster::error::ApiError;
use crate::finding::{Gap, GapScope};
use crate::model::reference::GroupKind;
use crate::scope::Scope;
use crate::settling::{Millis, Settling, State, Subject, Unsettled, Watched};
use sources::Sources;
use watches::{Message, Said, Watches};

/// How much longer a list may take than the timeout: by then the retry policy has given up, and the API server is
/// known to be unavailable.
const LAST_LIST: Duration = Duration::from_secs(100);

/// How long to wait, and for what.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long nothing relevant may change.
    pub quiet: Duration,
    /// How long to wait for that, from the start of the first wait.
    pub timeout: Duration,
}

/// How waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing relevant has changed for the quiet window.
    Settled {
        /// Time since the start of the first wait.
        after: Duration,
    },
    /// Time is up, or it can never be said: what has not settled, and why.
    Deadline(Vec<Unsettled>),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settled { after } => write!(f, "settled after {:.1}s", after.as_secs_f64()),
            Self::Deadline(unsettled) => write!(f, "{} objects have not settled", unsettled.len()),
        }
    }
}

/// What to do next.
enum Step {
    Ended(Outcome),
    /// List everything once more.
    Check,
    Wait {
        until: Instant,
        why: String,
    },
}

/// The watches on one application, and what they said so far.
pub struct Settler {
    options: Options,
    settling: Settling,
    sources: Sources,
    watches: Watches,
    start: Instant,
    /// When the last change had come when everything was last listed again.
    checked: Option<Millis>,
    /// A watch that cannot be established.
    down: Option<ApiError>,
}

impl Settler {
    /// Opens the watches. In `namespaces` Pods and what makes them are watched; an empty name means all namespaces.
    ///
    /// # Errors
    /// The API server does not say which kinds it has.
    pub async fn new(
        cluster: &Cluster,
        scope: &Scope,
        namespaces: &BTreeSet<String>,
        options: Options,
    ) -> Result<Self, ApiError> {
        let kinds = cluster.kinds().await?;
        let mut settling = Settling::new(millis(options.quiet));
        let (mut sources, mut watches) = (Sources::new(kinds, namespaces), Watches::new(cluster, scope));
        sources.open(scope, &mut watches, &mut settling);
        let (start, checked, down) = (Instant::now(), None, None);
        Ok(Self { options, settling, sources, watches, start, checked, down })
    }

    /// Waits until the application has settled or time is up; `progress` gets what is waited for, in one line.
    ///
    /// # Errors
    /// The API server is unavailable.
    pub async fn settled(&mut self, mut progress: impl FnMut(&str)) -> Result<Outcome, ApiError> {
        self.checked = None;
        loop {
            self.drain();
            self.sources.follow(&mut self.watches, &mut self.settling);
            if let Some(error) = self.down.take() {
                return Err(error);
            }
            let until = match self.step() {
                Step::Ended(outcome) => return Ok(outcome),
                Step::Check => {
                    self.check();
                    continue;
                }
                Step::Wait { until, why } => {
                    progress(&why);
                    until
                }
            };
            tokio::select! {
                biased;
                message = self.watches.next() => self.take(message),
                () = sleep_until(until) => {}
            }
        }
    }

    /// What to do now.
    fn step(&mut self) -> Step {
        let gaps = self.gaps();
        if !gaps.is_empty() {
            return Step::Ended(Outcome::Deadline(gaps.iter().map(unseen).collect()));
        }
        let (now, deadline) = (Instant::now(), self.start + self.options.timeout);
        match self.settling.state(self.now()) {
            State::Settled if self.is_checked() => Step::Ended(Outcome::Settled { after: now - self.start }),
            State::Settled => Step::Check,
            State::Waiting(unsettled) => {
                let until = if lists(&unsettled) { deadline + LAST_LIST } else { deadline };
                if until <= now {
                    return Step::Ended(Outcome::Deadline(unsettled));
                }
                Step::Wait { until, why: waiting(&unsettled) }
            }
            State::Quiet { .. } if deadline <= now => Step::Ended(Outcome::Deadline(self.restless())),
            State::Quiet { since } => {
                let until = self.start + Duration::from_millis(since) + self.options.quiet;
                let why = "nothing is on its way; waiting whether it stays so".to_owned();
                Step::Wait { until: deadline.min(until), why }
            }
        }
    }

    /// Resolves on the next relevant change after the application had settled, or when the API server is unavailable:
    /// then nobody can tell any more.
    pub async fn disturbed(&mut self) {
        let settled = self.settling.last_change().0;
        loop {
            let message = self.watches.next().await;
            self.take(message);
            self.drain();
            self.sources.follow(&mut self.watches, &mut self.settling);
            if self.down.is_some() || self.settling.last_change().0 != settled || !self.gaps().is_empty() {
                return;
            }
        }
    }

    /// Lists everything once more; if that brings nothing new, the application has settled.
    fn check(&mut self) {
        self.checked = Some(self.settling.last_change().0);
        let now = self.now();
        self.watches.restart(&mut self.settling, now);
    }

    /// True if everything was listed again since the last change.
    fn is_checked(&mut self) -> bool {
        self.checked == Some(self.settling.last_change().0)
    }

    fn gaps(&self) -> BTreeSet<Gap> {
        self.settling.gaps().union(&self.sources.untold).cloned().collect()
    }

    /// Takes in everything that is there already, so that a long list is judged once.
    fn drain(&mut self) {
        while let Some(message) = self.watches.ready() {
            self.take(message);
        }
    }

    fn take(&mut self, Message { source, said }: Message) {
        match said {
            Said::Event(event) => self.settling.apply(self.now(), source, event),
            Said::Down(error) => self.down = Some(error),
        }
    }

    fn now(&self) -> Millis {
        millis(self.start.elapsed())
    }

    /// Nothing was on its way when time was up, but it had not been quiet for long enough.
    fn restless(&mut self) -> Vec<Unsettled> {
        let (_, last) = self.settling.last_change();
        let object = last.cloned().map_or_else(anything, Subject::Object);
        let why = format!("it kept changing: never quiet for {:.0}s", self.options.quiet.as_secs_f64());
        vec![Unsettled { object, why }]
    }
}

fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A kind that bears on settling but cannot be watched: nobody can say that the application has settled.
fn unseen(gap: &Gap) -> Unsettled {
    let why = format!("cannot be watched: {}: {}", gap.reason.as_str(), gap.detail);
    let object = match &gap.scope {
        GapScope::Kind(kind, namespace) => {
            Subject::Kind(Watched { kind: kind.clone(), namespace: namespace.clone() })
        }
        GapScope::Object(object) | GapScope::Rule(_, object) => Subject::Object(object.clone()),
        GapScope::Application => anything(),
    };
    Unsettled { object, why }
}

/// Where no object can be named.
fn anything() -> Subject {
    Subject::Kind(Watched { kind: GroupKind::new("", "Pod"), namespace: String::new() })
}

/// True while a list is on its way.
fn lists(unsettled: &[Unsettled]) -> bool {
    unsettled.iter().any(|unsettled| matches!(unsettled.object, Subject::Kind(_)))
}

fn waiting(unsettled: &[Unsettled]) -> String {
    match unsettled {
        [] => String::new(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first}; and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests;
