//! From what a run found out to its report; whatever stops a run ends here too.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::app::clock::Clock;
use crate::app::look::Seen;
use crate::cluster::{ApiError, Reason};
use crate::engine::{Counts, Evaluation};
use crate::exit::Exit;
use crate::finding::{Certainty, Severity};
use crate::gitops::argocd::discover;
use crate::gitops::discovery::Discovery;
use crate::gitops::flux::discover as flux;
use crate::policy::PolicyErrors;
use crate::record::Record;
use crate::report::wire::{self, Phase, Run};
use crate::report::{Printable, Report};
use crate::scope::{Application, HookPhase};
use crate::settling::Unsettled;
use crate::store;
use crate::verdict::Decision;

/// What stops a run before there is a verdict.
#[derive(Debug)]
pub(super) enum Stop {
    /// A request failed for good.
    Api(ApiError),
    /// No application was found, or it cannot be told which one.
    NotFound(String),
    /// Policy, record or other input cannot be used: all problems, one a line.
    Invalid(String),
    /// The arguments do not say what to do.
    Usage(String),
    /// The revision was rejected before, and nothing of it is live.
    Rejected(String),
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<discover::Error> for Stop {
    fn from(error: discover::Error) -> Self {
        match error {
            discover::Error::Api(error) => Self::Api(error),
            discover::Error::NoKind(_) | discover::Error::Missing(_) | discover::Error::Unmarked { .. } => {
                Self::NotFound(error.to_string())
            }
        }
    }
}

impl From<flux::Error> for Stop {
    fn from(error: flux::Error) -> Self {
        match error {
            flux::Error::Api(error) => Self::Api(error),
            flux::Error::Traps(_) => Self::Invalid(error.to_string()),
            flux::Error::Held { .. } => Self::Rejected(error.to_string()),
            flux::Error::NoKind(_)
            | flux::Error::Missing(_)
            | flux::Error::Ambiguous { .. }
            | flux::Error::Waited { .. } => Self::NotFound(error.to_string()),
        }
    }
}

impl From<store::Error> for Stop {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Api(error) if error.reason() == Reason::Unavailable => Self::Api(error),
            store::Error::Api(_)
            | store::Error::NoKind
            | store::Error::NoPolicy { .. }
            | store::Error::Unreadable { .. }
            | store::Error::Unwritable { .. }
            | store::Error::Busy { .. } => Self::Invalid(format!("the record of what passed: {error}")),
        }
    }
}

impl From<PolicyErrors> for Stop {
    fn from(errors: PolicyErrors) -> Self {
        Self::Invalid(errors.to_string())
    }
}

impl Stop {
    /// How the process ends, and why.
    pub(super) fn told(&self) -> (Exit, String) {
        match self {
            Self::Api(error) => {
                let exit = match error.reason() {
                    Reason::Unavailable => Exit::Unavailable,
                    Reason::Forbidden
                    | Reason::NotFound
                    | Reason::Conflict
                    | Reason::AlreadyExists
                    | Reason::Gone
                    | Reason::Undecodable
                    | Reason::Invalid
                    | Reason::Other => Exit::Inconclusive,
                };
                (exit, error.to_string())
            }
            Self::NotFound(text) => (Exit::Inconclusive, text.clone()),
            Self::Invalid(text) => (Exit::Invalid, text.clone()),
            Self::Usage(text) => (Exit::Usage, text.clone()),
            Self::Rejected(text) => (Exit::Blocked, text.clone()),
        }
    }
}

/// What is known of a run so far.
pub(super) struct Facts {
    clock: Clock,
    application: Application,
    hook: Option<HookPhase>,
    phases: Vec<Phase>,
    warnings: Vec<String>,
}

impl Facts {
    /// Nothing but the time.
    pub(super) fn new(clock: &Clock) -> Self {
        let (phases, warnings) = (Vec::new(), Vec::new());
        Self { clock: *clock, application: Application::default(), hook: None, phases, warnings }
    }

    /// What is judged.
    pub(super) fn about(&mut self, application: &Application) {
        self.application = application.clone();
    }

    /// What is judged, in which hook.
    pub(super) fn found(&mut self, discovery: &Discovery) {
        self.about(&discovery.scope.application);
        self.hook = Some(discovery.phase);
        if let Some(note) = &discovery.note {
            self.warn(note.clone());
        }
    }

    /// A phase has ended.
    pub(super) fn phase(&mut self, name: &'static str, took: Duration) {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.phases.push(Phase { name, milliseconds });
    }

    /// Something went wrong beside the verdict.
    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// Today's date.
    pub(super) fn today(&self) -> Date {
        self.clock.today()
    }

    /// A report that only says how the run ended and why.
    pub(super) fn ended(&self, exit: Exit, reason: impl Into<Printable>) -> Report {
        self.complete(Report::new(self.application(), self.run(), exit, reason))
    }

    /// A report of a run that was stopped.
    pub(super) fn stopped(&self, stop: &Stop) -> Report {
        let (exit, reason) = stop.told();
        self.ended(exit, reason)
    }

    /// A report of a run that came to a verdict.
    pub(super) fn decided(
        &self,
        decision: &Decision<'_>,
        evaluation: &Evaluation,
        unsettled: &[Unsettled],
        previous: Option<&str>,
    ) -> Report {
        let (application, run) = (self.application(), self.run());
        self.complete(Report::decided(application, run, decision, evaluation, previous).unsettled(unsettled))
    }

    fn complete(&self, mut report: Report) -> Report {
        report.phases.clone_from(&self.phases);
        report.warnings = self.warnings.iter().map(Printable::new).collect();
        report
    }

    fn application(&self) -> wire::Application {
        let Application { name, revision } = &self.application;
        wire::Application { name: Printable::new(name), revision: revision.as_ref().map(Printable::new) }
    }

    fn run(&self) -> Run {
        Run { id: self.id().into(), hook: self.hook.map(|hook| Printable::new(hook.as_str())) }
    }

    /// Tells runs apart: application, revision and time.
    fn id(&self) -> String {
        let name = self.application.name.replace(['/', ' '], "-");
        let revision = self.application.revision.as_deref().unwrap_or_default();
        // Of Flux, what stands behind branch and kind of hash tells revisions apart.
        let revision = revision.rsplit(':').next().unwrap_or_default();
        let revision: String = revision.chars().filter(char::is_ascii_alphanumeric).take(7).collect();
        let start = self.clock.start().as_second();
        let parts = [name, revision, start.to_string()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
    }
}

/// `12 Pods, 1 template, 41 other objects: 3 findings`.
pub(super) fn counts(evaluation: &Evaluation) -> String {
    let Counts { pods, templates, objects } = evaluation.counts;
    let findings = evaluation.findings.len();
    format!("{pods} Pods, {templates} templates, {objects} other objects: {findings} findings")
}

/// The record of a pass. Minor findings are on record too: one that becomes worse in place is not new. What was
/// proven and no exclusion had to cover is accepted from now on.
pub(super) fn record(
    application: &Application,
    seen: &Seen,
    decision: &Decision<'_>,
    time: Timestamp,
) -> Record {
    let findings = seen.evaluation.findings.values().filter(|finding| finding.severity > Severity::Info);
    let accepted = decision.below.iter().chain(&decision.accepted).copied();
    let noted = accepted.filter(|finding| finding.severity > Severity::Info);
    let proven = noted.filter(|finding| finding.certainty == Certainty::Certain);
    Record::new(&application.name, application.revision.clone(), time, findings, &seen.declared)
        .injected_by(&seen.injectors)
        .accepting(proven)
}
