//! A GitOps tool in small: what it does by itself, what people do to it, and what our writes do.

use std::collections::BTreeSet;

use crate::rollback::*;

/// Revisions are numbers; those in `critical` are rejected by their gate.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) critical: Vec<usize>,
    pub(super) retries: usize,
    pub(super) keeper: Keeper,
    pub(super) version: u64,
    pub(super) uid: usize,
    pub(super) head: usize,
    pub(super) auto: Option<bool>,
    /// Auto-sync is no switch: the tool follows its source, or ours in its place.
    pub(super) follows: bool,
    /// What the platform wants.
    pub(super) mode: Mode,
    /// It followed ours, and somebody has undone that.
    undone: bool,
    pub(super) declared: Option<bool>,
    pub(super) window: bool,
    pub(super) operation: Option<Running>,
    pub(super) history: Vec<(i64, usize)>,
    pub(super) clock: i64,
    /// What our rollbacks leave behind.
    pub(super) unlike: Vec<String>,
    /// Every revision that was frozen.
    pub(super) frozen: Vec<usize>,
    /// Every rollback that was written: rejected revision, target, and the operation it was written over.
    pub(super) rollbacks: Vec<(usize, usize)>,
    pub(super) broken: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) started: i64,
    pub(super) phase: Phase,
    pub(super) revision: usize,
    pub(super) gate: Gate,
    pub(super) id: Option<String>,
    attempts: usize,
    hooks: bool,
}

pub(super) fn revision(number: usize) -> Revision {
    Revision { name: format!("r{number}"), source: "s".into() }
}

fn number(revision: &Revision) -> usize {
    revision.name[1..].parse().unwrap()
}

impl World {
    pub(super) fn new(critical: Vec<usize>, retries: usize, keeper: Keeper, auto: Option<bool>) -> Self {
        Self {
            critical,
            retries,
            keeper,
            version: 0,
            uid: 1,
            head: 0,
            auto,
            follows: false,
            mode: Mode::Rollback,
            undone: false,
            declared: auto,
            window: false,
            operation: None,
            history: Vec::new(),
            clock: 0,
            unlike: Vec::new(),
            frozen: Vec::new(),
            rollbacks: Vec::new(),
            broken: Vec::new(),
        }
    }

    pub(super) fn observe(&self) -> Observed {
        let automatic = || Automatic { setting: "{}".into(), by_removal: false };
        Observed {
            uid: self.uid.to_string(),
            deleting: false,
            wanted: true,
            operation: self.operation.as_ref().map(|it| Operation {
                started: if it.phase == Phase::Requested { String::new() } else { it.started.to_string() },
                phase: it.phase,
                revision: (it.phase != Phase::Requested).then(|| revision(it.revision)),
                gate: it.gate,
                id: it.id.clone(),
                by: "somebody".into(),
                message: "it failed".into(),
                unlike: if it.id.is_some() { self.unlike.clone() } else { Vec::new() },
            }),
            head: Some(revision(self.head)),
            content: None,
            definitions: BTreeSet::new(),
            auto_sync: match self.auto {
                None => AutoSync::Absent,
                Some(true) if !self.follows => AutoSync::On(automatic()),
                Some(false) if !self.follows => AutoSync::Off,
                Some(true) if self.undone => AutoSync::Unpinned("somebody has edited it".into()),
                Some(true) => AutoSync::Follows("its own".into()),
                Some(false) => AutoSync::Pinned,
            },
            health: Health::Good,
            history: self
                .history
                .iter()
                .map(|(id, number)| Entry { id: *id, revision: revision(*number), fits: true })
                .collect(),
            keeper: self.keeper.clone(),
            place: "default".into(),
            found: None,
            now: jiff::Timestamp::from_second(self.clock).unwrap(),
        }
    }

    fn is_over(&self) -> bool {
        self.operation.as_ref().is_none_or(|it| it.phase.is_over())
    }

    fn start(&mut self, revision: usize, id: Option<String>, attempts: usize) {
        self.version += 1;
        let hooks = id.is_none();
        let phase = Phase::Requested;
        self.operation =
            Some(Running { started: 0, phase, revision, gate: Gate::Silent, id, attempts, hooks });
    }

    /// What the tool does next by itself; false if there is nothing.
    pub(super) fn tick(&mut self) -> bool {
        self.clock += 1;
        let Some(operation) = &mut self.operation else { return self.sync_automatically() };
        match operation.phase {
            Phase::Requested => (operation.phase, operation.started) = (Phase::Running, self.clock),
            Phase::Waiting => (operation.phase, operation.gate) = (Phase::Running, Gate::Silent),
            Phase::Ending => operation.phase = Phase::Failed,
            Phase::Running | Phase::Blocked => self.end_attempt(),
            Phase::Succeeded | Phase::Failed => return self.sync_automatically(),
        }
        self.version += 1;
        true
    }

    fn end_attempt(&mut self) {
        let Some(operation) = &mut self.operation else { return };
        let bad = operation.hooks && self.critical.contains(&operation.revision);
        if bad {
            operation.gate = Gate::Critical;
            operation.phase = if operation.attempts == 0 { Phase::Failed } else { Phase::Waiting };
            operation.attempts = operation.attempts.saturating_sub(1);
            return;
        }
        if operation.hooks {
            operation.gate = Gate::Passed;
        }
        operation.phase = Phase::Succeeded;
        let id = self.history.last().map_or(0, |(id, _)| id + 1);
        self.history.push((id, operation.revision));
    }

    fn sync_automatically(&mut self) -> bool {
        let attempted = self.operation.as_ref().map(|it| it.revision);
        if self.auto != Some(true) || self.window || attempted == Some(self.head) {
            return false;
        }
        self.start(self.head, None, self.retries);
        true
    }

    /// What the platform has decided.
    pub(super) fn settings(&self) -> Settings {
        Settings { mode: self.mode, ..Settings::default() }
    }

    /// What people and machines do.
    pub(super) fn person(&mut self, what: Person) {
        match what {
            Person::Commits(revision) => self.head = revision,
            Person::Syncs(revision) if self.is_over() => self.start(revision, None, 0),
            Person::SwitchesOn if self.auto == Some(false) => {
                (self.auto, self.undone) = (Some(true), self.follows);
            }
            Person::SwitchesOff if self.auto == Some(true) && !self.follows => self.auto = Some(false),
            Person::Recreates => {
                let (keeper, critical, retries) = (self.keeper.clone(), self.critical.clone(), self.retries);
                let fresh = Self::new(critical, retries, keeper, self.declared);
                *self = Self {
                    version: self.version,
                    uid: self.uid + 1,
                    head: self.head,
                    window: self.window,
                    follows: self.follows,
                    mode: self.mode,
                    clock: self.clock,
                    broken: std::mem::take(&mut self.broken),
                    ..fresh
                };
            }
            Person::Reverts if matches!(self.keeper, Keeper::Reverts(_)) => self.auto = self.declared,
            Person::Forgets if self.is_over() && !self.follows => self.operation = None,
            Person::Overwrites => match &mut self.operation {
                Some(operation) if operation.phase == Phase::Ending => {
                    (operation.phase, operation.gate) = (Phase::Running, Gate::Silent);
                }
                _ => return,
            },
            Person::Forgets
            | Person::Syncs(_)
            | Person::SwitchesOn
            | Person::SwitchesOff
            | Person::Reverts => return,
        }
        self.version += 1;
    }

    /// Carries out a step that was decided on what was seen at `version`; false if it is refused.
    pub(super) fn carry_out(&mut self, step: &Step, state: &State, version: u64) -> bool {
        let Some(case) = &state.case else { return false };
        // The project is another object, with a version of its own.
        if *step == Step::Hold {
            self.window = true;
            return true;
        }
        if *step == Step::Lift && case.hold.has_window() {
            if !self.follows || self.uid.to_string() != state.uid {
                self.window = false;
                return true;
            }
            if version == self.version {
                self.version += 1;
                (self.window, self.auto, self.undone) = (false, self.declared, false);
                return true;
            }
            return false;
        }
        // Whoever carries it out has looked whether our source is there: it is not put in place else.
        let sourceless = *step == Step::RollBack && self.follows && !self.window;
        if version != self.version || sourceless {
            return false;
        }
        self.version += 1;
        let off = matches!(case.hold, Hold::AutoSync { .. } | Hold::Source { .. } | Hold::Suspension { .. });
        match step {
            Step::End => {
                let operation = self.operation.as_mut().unwrap();
                if !matches!(operation.phase, Phase::Waiting | Phase::Blocked) {
                    self.broken.push("a running attempt was ended".into());
                }
                operation.phase = Phase::Ending;
            }
            Step::RollBack => self.roll_back(case),
            Step::Freeze => self.freeze(case),
            Step::Lift if off => {
                (self.auto, self.undone) = (Some(true), false);
                return true;
            }
            Step::Lift | Step::Hold | Step::Rest(_) | Step::Keep(_) => return true,
        }
        if off && self.auto == Some(true) {
            self.auto = Some(false);
        }
        true
    }

    /// Somebody says that the rollback of this state's case is done.
    pub(super) fn is_back(&mut self, state: &State) {
        let Some(case) = &state.case else { return };
        let target = number(&case.target.1);
        let done = self.operation.as_ref().is_some_and(|it| {
            it.phase == Phase::Succeeded && it.id.as_ref() == Some(&case.id) && it.revision == target
        });
        if !done || !self.unlike.is_empty() {
            self.broken
                .push(format!("r{target} is said to be live, and {:?} {:?}", self.operation, self.unlike));
        }
    }

    fn freeze(&mut self, case: &Case) {
        let rejected = number(&case.rejected);
        let over = self.operation.as_mut().unwrap();
        if over.phase != Phase::Failed
            || over.revision != rejected
            || over.id.is_some()
            || self.mode != Mode::Freeze
        {
            self.broken.push(format!("frozen over {over:?}"));
        }
        if self.frozen.contains(&rejected) || !self.critical.contains(&rejected) {
            self.broken.push(format!("r{rejected} was frozen before, or is good"));
        }
        (over.phase, over.id) = (Phase::Succeeded, Some(case.id.clone()));
        over.gate = Gate::Silent;
        self.frozen.push(rejected);
    }

    fn roll_back(&mut self, case: &Case) {
        let (rejected, target) = (number(&case.rejected), number(&case.target.1));
        let over = self.operation.as_ref().unwrap();
        let right = over.phase == Phase::Failed && over.revision == rejected && over.id.is_none();
        let mut wrong = Vec::new();
        if self.mode != Mode::Rollback {
            wrong.push("rolled back, and not frozen".to_owned());
        }
        if !right {
            wrong.push(format!("written over {over:?}"));
        }
        if self.rollbacks.iter().any(|(before, _)| *before == rejected) {
            wrong.push(format!("r{rejected} was rolled back before"));
        }
        if self.rollbacks.iter().any(|(before, _)| *before == target) || target == rejected {
            wrong.push(format!("r{target} has been rejected"));
        }
        if self.critical.contains(&target) {
            wrong.push(format!("r{target} never passed"));
        }
        self.broken.extend(wrong);
        self.rollbacks.push((rejected, target));
        self.start(target, Some(case.id.clone()), 0);
    }
}

/// What people and machines do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Person {
    Commits(usize),
    Syncs(usize),
    SwitchesOn,
    SwitchesOff,
    Recreates,
    Reverts,
    /// Removes the state of the operation that has ended.
    Forgets,
    /// The tool begins the next attempt and writes that over the wish to end it.
    Overwrites,
}
