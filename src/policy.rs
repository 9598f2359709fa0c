//! The gate's policy: thresholds, parameters of rules, and permissions for findings.
//!
//! Owns the file format (YAML, `GatePolicy`), what is wrong with a file, and how several files become one policy.
//! Does not know where files come from, what a rule judges, or what a verdict is.
//!
//! A file that cannot be read is an error, never a policy without exclusions. All problems of all files are named at
//! once, each with file, line and column; only what follows a syntax error in the same file stays unseen.

mod check;
mod delegation;
mod fields;
mod fix;
mod helm;
mod injector;
mod lint;
mod merge;
mod place;
mod problem;
mod raw;
mod rollback;
pub mod sarif;
mod schema;
mod tree;
mod tuning;
mod watch;

use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;

pub use crate::rollback::Mode as RollbackMode;
pub use delegation::Refused;
pub use fix::without;
pub use helm::{HelmReleasePolicy, Unpassed};
pub use lint::{Lint, Warning, lint};
pub use place::Places;
pub(crate) use problem::did_you_mean;
pub use problem::{PolicyErrors, Problem};
pub use rollback::RollbackPolicy;
pub use tuning::{Override, Tuning};

use crate::exclusion::{Exclusion, Exclusions};
use crate::finding::Severity;
use crate::rules::{RULES, Rule, Settings};
use check::Part;
use problem::Problems;

/// What permits a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Exclusions alone.
    #[default]
    Exclusions,
    /// The baseline alone: what the last revision that passed had.
    Baseline,
    /// Either.
    Both,
}

impl Mode {
    /// As written in a policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exclusions => "exclusions",
            Self::Baseline => "baseline",
            Self::Both => "both",
        }
    }

    /// True if the baseline permits findings.
    pub fn has_baseline(self) -> bool {
        self != Self::Exclusions
    }
}

/// What a baseline permits before there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstRun {
    /// Nothing.
    #[default]
    Fail,
    /// Everything.
    Accept,
    /// Findings below this severity.
    AcceptBelow(Severity),
}

impl FirstRun {
    /// True if a finding of this severity is permitted.
    pub fn accepts(self, severity: Severity) -> bool {
        match self {
            Self::Fail => false,
            Self::Accept => true,
            Self::AcceptBelow(limit) => severity < limit,
        }
    }
}

/// What to block, what to want rolled back, and what is permitted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Drift of this severity or worse fails the sync.
    pub fail_at: Severity,
    /// Proven, new drift of this severity or worse asks for a rollback; never below [`Self::fail_at`].
    pub rollback_at: Severity,
    /// When a rollback is asked for, and how it is made.
    pub rollback: RollbackPolicy,
    /// How the gate ends as a Helm test.
    pub helm_release: HelmReleasePolicy,
    /// What permits a finding.
    pub mode: Mode,
    /// What a baseline permits before there is one.
    pub first_run: FirstRun,
    /// For how many days from today an exclusion may hold, at most.
    pub max_days: Option<u16>,
    /// Parameters of rules.
    pub settings: Settings,
    /// Permissions for findings.
    pub exclusions: Exclusions,
    /// Permissions of the application's team that the platform does not delegate; they cover nothing.
    pub refused: Vec<Refused>,
    /// What it changes in the rules beside their parameters.
    pub tuning: Tuning,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fail_at: Severity::High,
            rollback_at: Severity::Critical,
            rollback: RollbackPolicy::default(),
            helm_release: HelmReleasePolicy::default(),
            mode: Mode::default(),
            first_run: FirstRun::default(),
            max_days: None,
            settings: Settings::default(),
            exclusions: Exclusions::default(),
            refused: Vec::new(),
            tuning: Tuning::default(),
        }
    }
}

/// Reads files, each with the name that problems are reported under, into one policy; without any file it is the
/// default one. The order of the files does not matter.
///
/// # Errors
/// Everything that is wrong with any of them, or with what they make together.
pub fn parse<N: AsRef<str>, T: AsRef<str>>(files: &[(N, T)]) -> Result<Policy, PolicyErrors> {
    parse_for(RULES, files)
}

/// As [`parse`], for another catalogue of rules.
///
/// # Errors
/// As [`parse`].
pub fn parse_for<N: AsRef<str>, T: AsRef<str>>(
    catalogue: &[&'static Rule],
    files: &[(N, T)],
) -> Result<Policy, PolicyErrors> {
    let (policy, problems) = read_all(catalogue, files);
    if problems.is_empty() { Ok(policy) } else { Err(PolicyErrors(problems)) }
}

/// Reads files as [`parse`] does, and whatever can be read of those with problems: for whoever wants to hear
/// everything at once, and never to judge by.
pub fn read_all<N: AsRef<str>, T: AsRef<str>>(
    catalogue: &[&'static Rule],
    files: &[(N, T)],
) -> (Policy, Vec<Problem>) {
    let mut problems = Vec::new();
    let parts = documents(files, catalogue, &mut problems);
    let policy = merge::merge(parts, &mut problems);
    (policy, in_order(problems))
}

/// Reads the platform's files and those of the application's team, if it has any: the latter hold exclusions only, and
/// of those only what the platform delegates today is taken. No exclusion may hold for longer than the platform lets it.
///
/// # Errors
/// As [`parse`].
pub fn parse_layers<N: AsRef<str>, T: AsRef<str>>(
    platform: &[(N, T)],
    application: &[(N, T)],
    today: Date,
) -> Result<Policy, PolicyErrors> {
    let mut problems = Vec::new();
    let mut parts = documents(platform, RULES, &mut problems);
    let theirs = delegation::exclusions(documents(application, RULES, &mut problems), &mut problems);
    let delegations =
        parts.iter_mut().flat_map(|part| std::mem::take(&mut part.delegation)).collect::<Vec<_>>();
    let limit = parts.iter().find_map(|part| part.max_days.as_ref()).map(|(_at, days)| *days);
    let (taken, refused) = delegation::divide(theirs, &delegations, limit, today);
    parts.push(Part { exclusions: taken, ..Part::default() });
    let policy = merge::merge(parts, &mut problems);
    problems.extend(policy.beyond_limit(today));
    let problems = in_order(problems);
    if problems.is_empty() { Ok(Policy { refused, ..policy }) } else { Err(PolicyErrors(problems)) }
}

impl Policy {
    /// Exclusions that hold for longer than the policy lets them. What is within the limit today stays so.
    pub fn beyond_limit(&self, today: Date) -> Vec<Problem> {
        let Some(days) = self.max_days else { return Vec::new() };
        let last = last_day(today, days);
        let beyond = self.exclusions.entries().iter().filter(|entry| entry.expires > last);
        let problem = |entry: &Exclusion| Problem {
            at: entry.at.clone(),
            message: format!(
                "the exclusion of {} holds until {}, and `maxExclusionDays` is {days}: until {last} at most, today",
                entry.rule, entry.expires
            ),
        };
        beyond.map(problem).collect()
    }
}

fn last_day(today: Date, days: u16) -> Date {
    today.checked_add(i64::from(days).days()).unwrap_or(Date::MAX)
}

fn in_order(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort();
    problems.dedup();
    problems
}

fn documents<N: AsRef<str>, T: AsRef<str>>(
    files: &[(N, T)],
    catalogue: &[&'static Rule],
    problems: &mut Vec<Problem>,
) -> Vec<Part> {
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_ref(), text.as_ref())).collect();
    files.sort_unstable();
    let mut parts = Vec::new();
    for (name, text) in files {
        let mut found = Problems::new(Arc::from(name));
        parts.extend(read(text, catalogue, &mut found));
        problems.extend(found.into_found());
    }
    parts
}

/// The documents of one file.
fn read(text: &str, catalogue: &[&'static Rule], problems: &mut Problems) -> Vec<Part> {
    let (documents, broken) = tree::documents(text);
    if let Some(broken) = &broken {
        problems.add(broken.at, broken.message.clone());
    }
    if documents.is_empty() && broken.is_none() {
        problems.add(check::START, "the file holds no policy; without exclusions it says `exclusions: []`");
    }
    let mut parts = Vec::new();
    for document in &documents {
        if let Some(raw) = raw::RawPolicy::read(document, problems) {
            parts.push(check::check(raw, catalogue, problems));
        }
    }
    parts
}

/// JSON Schema (draft 2020-12) of one document of a policy file, for editors.
pub fn schema() -> schemars::Schema {
    schema::schema()
}

#[cfg(test)]
mod tests;
