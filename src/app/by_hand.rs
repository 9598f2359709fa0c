//! `driftgate rollback` and `driftgate release`: the executor for one application, once.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::app::controller::Herald;
use crate::app::rollback::{Executor, Failure, Name, Options, Tool, Wrote, foretold};
use crate::app::{Clock, inputs};
use crate::cli::{ReleaseArgs, RollbackArgs, RunArgs};
use crate::cluster::{Change, Query, Watching};
use crate::exit::Exit;
use crate::model::meta::Partial;
use crate::rollback::{Entry, Observed, Reason, Stage, State, adopted, by_hand, step, trusting};
use crate::store::states::Kept;

/// How often what is around a Kustomization is looked at, which a watch of itself does not tell: its sources, its gate.
const AROUND: std::time::Duration = std::time::Duration::from_secs(1);

/// Characters of a commit that name it.
const SHORTEST: usize = 7;

/// Why a command ends before its end: what to say, and how the process ends.
struct End(Exit, String);

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        let exit = match () {
            () if failure.is_unavailable() => Exit::Unavailable,
            () if matches!(failure, Failure::Policy(_)) => Exit::Invalid,
            () => Exit::Inconclusive,
        };
        Self(exit, failure.to_string())
    }
}

/// One application, and what is kept of it.
struct Hand {
    executor: Arc<Executor>,
    herald: Herald,
    name: Name,
    kept: Kept,
    deadline: Instant,
    /// What has been said on standard output.
    said: Vec<String>,
}

/// Rolls one application back.
pub(super) async fn rollback(args: &RollbackArgs, out: &mut impl Write) -> io::Result<Exit> {
    match try_rollback(args, out).await {
        Ok(exit) => Ok(exit),
        Err(End(exit, text)) => {
            crate::app::complain(&anyhow::Error::msg(text));
            Ok(exit)
        }
    }
}

/// Ends a quarantine.
pub(super) async fn release(args: &ReleaseArgs, out: &mut impl Write) -> io::Result<Exit> {
    match try_release(args, out).await {
        Ok(exit) => Ok(exit),
        Err(End(exit, text)) => {
            crate::app::complain(&anyhow::Error::msg(text));
            Ok(exit)
        }
    }
}

async fn try_rollback(args: &RollbackArgs, out: &mut impl Write) -> Result<Exit, End> {
    let deadline = Instant::now() + args.timeout;
    let mut hand = Hand::new(&args.executor, &args.app, deadline).await?;
    hand.trust(&args.passed).await?;
    if !args.after_gate && hand.kept.state.case.is_none() {
        hand.open(args, out).await?;
        if args.dry_run {
            return Ok(Exit::Pass);
        }
    } else if args.dry_run {
        return hand.foretell(out).await;
    }
    let closed = if args.after_gate { None } else { Some(Exit::Blocked) };
    hand.finish(out, closed).await
}

async fn try_release(args: &ReleaseArgs, out: &mut impl Write) -> Result<Exit, End> {
    let deadline = Instant::now() + args.timeout;
    let mut hand = Hand::new(&args.executor, &args.app, deadline).await?;
    hand.adopt().await?;
    if hand.kept.state.case.is_none() {
        say(out, &format!("nothing of {} is held", hand.name.words()))?;
        return Ok(Exit::Pass);
    }
    hand.let_go(args.forbid).await?;
    let exit = hand.finish(out, Some(Exit::Pass)).await?;
    say(out, &format!("nothing of {} is held any more", hand.name.words()))?;
    Ok(exit)
}

impl Hand {
    async fn new(args: &RunArgs, name: &str, deadline: Instant) -> Result<Self, End> {
        let cluster = inputs::connect(&args.cluster).await.map_err(Failure::from)?;
        let options = Options { closely: true, ..Options::read(&args.rollback, &cluster).await? };
        let executor = Arc::new(Executor::new(&cluster, options, Clock::wall()).await?);
        let herald = Herald::new(&executor, &args.notify).await;
        let herald = herald.map_err(|error| End(Exit::Invalid, format!("{error:#}")))?;
        let wrong = || End(Exit::Usage, format!("{name} is no NAMESPACE/NAME"));
        let name = Name::parse(name).ok_or_else(wrong)?;
        executor.kind(name.tool)?;
        let kept = executor.states().get(&name.to_string()).await.map_err(Failure::from)?;
        let mut hand = Self { executor, herald, name, kept, deadline, said: Vec::new() };
        hand.said = hand.kept.state.untold.iter().map(|notice| notice.id.clone()).collect();
        Ok(hand)
    }

    /// Takes up a case that only the application's own marks tell of.
    async fn adopt(&mut self) -> Result<(), End> {
        if self.kept.state.case.is_some() {
            return Ok(());
        }
        let sight = self.executor.look(&self.name, &self.kept.state).await?;
        if let Some(state) = sight.and_then(|sight| adopted(&sight.seen, &self.kept.state)) {
            self.executor.keep(&mut self.kept, state, &mut |_| {}).await?;
        }
        Ok(())
    }

    /// Takes these revisions of the history for passed: the gate has them on record.
    async fn trust(&mut self, passed: &[String]) -> Result<(), End> {
        if passed.is_empty() {
            return Ok(());
        }
        let Some(sight) = self.executor.look(&self.name, &self.kept.state).await? else {
            return Ok(());
        };
        let names: Vec<String> = passed.iter().map(|name| self.name.in_history(name).to_owned()).collect();
        let state = trusting(&sight.seen, &self.kept.state, &names);
        if state != self.kept.state {
            self.executor.keep(&mut self.kept, state, &mut |_| {}).await?;
        }
        Ok(())
    }

    /// Keeps that the hold is to be taken away. The controller may write at the same time: then what it has written is
    /// what is released.
    async fn let_go(&mut self, forbid: bool) -> Result<(), End> {
        while self.kept.state.case.is_some() {
            let mut state = self.kept.state.clone();
            state.release(forbid, "a person");
            self.executor.keep(&mut self.kept, state.clone(), &mut |_| {}).await?;
            if self.kept.state == state {
                break;
            }
        }
        Ok(())
    }

    /// Opens a case: the gate's, if it has asked for a rollback, else one by hand.
    async fn open(&mut self, args: &RollbackArgs, out: &mut impl Write) -> Result<(), End> {
        let missing = || End(Exit::Inconclusive, format!("{} is not there", self.name.words()));
        let sight = self.executor.look(&self.name, &self.kept.state).await?.ok_or_else(missing)?;
        let seen = &sight.seen;
        let settings = self.executor.settings();
        let to = args.to.as_deref().map(|to| self.entry(to, seen)).transpose()?;
        let state = match (to, step(seen, &self.kept.state, settings)) {
            (None, crate::rollback::Step::Keep(state)) if state.case.is_some() => *state,
            (to, _) => by_hand(seen, &self.kept.state, to).map_err(|why| {
                End(Exit::Blocked, format!("{} is not rolled back: {why}", self.name.words()))
            })?,
        };
        if args.dry_run {
            return say(out, &foretold(&state));
        }
        self.executor.keep(&mut self.kept, state, &mut |_| {}).await?;
        Ok(())
    }

    /// The number in the history that is meant.
    fn entry(&self, to: &str, seen: &Observed) -> Result<i64, End> {
        if self.name.tool == Tool::ArgoCd {
            return to.parse().map_err(|error| End(Exit::Usage, format!("--to {to}: {error}")));
        }
        let commit = |name: &str| name.rsplit(['@', ':']).next().unwrap_or_default().to_owned();
        let wanted = commit(to);
        let fits = |it: &&Entry| wanted.len() >= SHORTEST && commit(&it.revision.name).starts_with(&wanted);
        let found: Vec<&Entry> = seen.history.iter().filter(fits).collect();
        if let [one] = found.as_slice() {
            return Ok(one.id);
        }
        let known: Vec<&str> = seen.history.iter().map(|it| it.revision.name.as_str()).collect();
        let (name, known) = (self.name.words(), known.join(", "));
        let text = format!("{name}: {to} is not one revision of its history; there are {known}");
        Err(End(Exit::Blocked, text))
    }

    /// What would be done about a case that is open already.
    async fn foretell(&self, out: &mut impl Write) -> Result<Exit, End> {
        let Some(sight) = self.executor.look(&self.name, &self.kept.state).await? else {
            return Err(End(Exit::Inconclusive, format!("{} is not there", self.name.words())));
        };
        let next = step(&sight.seen, &self.kept.state, self.executor.settings());
        say(out, &format!("{}; next: {}", foretold(&self.kept.state), next.as_str()))?;
        Ok(Exit::Pass)
    }

    /// Works until the rollback has come to an end, and tells everybody. If the controller is faster and closes the case,
    /// that is the end too, with this exit code; without one, the case is still to come.
    async fn finish(&mut self, out: &mut impl Write, closed: Option<Exit>) -> Result<Exit, End> {
        let mut watching = self.watch()?;
        loop {
            let mut told = Vec::new();
            let mut wrote = |wrote: &Wrote| {
                if let Wrote::State(state, _) = wrote {
                    told.extend(state.untold.iter().cloned());
                }
            };
            let until = self.executor.work(&self.name, &mut self.kept, &mut wrote).await?;
            for notice in told {
                if !self.said.contains(&notice.id) {
                    self.said.push(notice.id.clone());
                    say(out, &notice.text)?;
                }
            }
            if let Some(exit) = ended(&self.kept.state, &self.said).or(self.closed(closed)) {
                self.tell().await?;
                return Ok(exit);
            }
            let pause = |until: Timestamp| {
                let pause = until.duration_since(self.executor.clock().now());
                std::time::Duration::try_from(pause).unwrap_or_default()
            };
            let around = (self.name.tool == Tool::Flux).then_some(AROUND);
            let pause = until.map(pause).into_iter().chain(around).min();
            let wake = pause.map_or(self.deadline, |pause| Instant::now() + pause);
            tokio::select! {
                () = sleep_until(wake.min(self.deadline)) => if self.deadline <= Instant::now() {
                    let stage = self.kept.state.case.as_ref().map_or("waiting for the gate's verdict", |case| case.stage.as_str());
                    return Err(End(Exit::NotSettled, format!("{}: time is up at stage {stage}", self.name.words())));
                },
                change = watching.next() => if matches!(change, None | Some(Change::Ended(_))) {
                    watching = self.watch()?;
                },
            }
        }
    }

    fn closed(&self, exit: Option<Exit>) -> Option<Exit> {
        exit.filter(|_| self.kept.state.case.is_none())
    }

    /// Whatever happens to it.
    fn watch(&self) -> Result<Watching<Partial>, Failure> {
        let query = Query::new(self.executor.kind(self.name.tool)?).namespace(&*self.name.namespace);
        Ok(self.executor.cluster().watch(query.fields(format!("metadata.name={}", self.name.name))))
    }

    /// Tells people by Events and notifications, as the controller would.
    async fn tell(&mut self) -> Result<(), End> {
        let State { untold, uid, .. } = self.kept.state.clone();
        let telling = self.herald.tell(&self.name, &uid, &untold);
        let Ok(told) = timeout_at(self.deadline, telling).await else { return Ok(()) };
        let mut state = self.kept.state.clone();
        state.told(&told);
        if state != self.kept.state {
            self.executor.keep(&mut self.kept, state, &mut |_| {}).await?;
        }
        Ok(())
    }
}

/// How it ended, if it has.
fn ended(state: &State, said: &[String]) -> Option<Exit> {
    let Some(case) = &state.case else {
        let reason =
            |reason: Reason| said.iter().any(|id| id.ends_with(&reason.as_str().to_ascii_lowercase()));
        let none = said.iter().any(|id| id.ends_with("-none"));
        let closed = none || reason(Reason::Released) || reason(Reason::SteppedBack);
        return closed.then_some(if reason(Reason::Released) && !none { Exit::Pass } else { Exit::Blocked });
    };
    match &case.stage {
        Stage::Held { healthy: true } => Some(Exit::Pass),
        Stage::Held { healthy: false } => Some(Exit::NotSettled),
        Stage::Failed | Stage::Overtaken => Some(Exit::Blocked),
        Stage::Due | Stage::Acting { .. } | Stage::Verifying { .. } | Stage::Lifting { .. } => None,
    }
}

fn say(out: &mut impl Write, text: &str) -> Result<(), End> {
    writeln!(out, "{text}").map_err(|error| End(Exit::Bug, format!("writing to standard output: {error}")))
}
