//! `driftgate policy check`: everything that is wrong or odd with policy files, and what of it can be mended.

mod deployed;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::json;

use crate::app::look::Seen;
use crate::app::{Clock, inputs, rehearse};
use crate::cli::{CheckOutput, PolicyCheckArgs};
use crate::exclusion::{Exclusion, Ledger, Position};
use crate::exit::Exit;
use crate::finding::{Gap, GapScope};
use crate::gitops::trap::Trap;
use crate::policy::{self, Lint, Policy, Problem, Warning, sarif};
use crate::rules::{self, RULES};

/// What a check yields.
#[derive(Default)]
struct Checked {
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    /// What is wrong with what deploys applications.
    traps: Vec<(Position, Trap)>,
    /// What was asked for and could not be done or told, one sentence each.
    notes: Vec<String>,
    /// Entries that were removed.
    removed: Vec<Warning>,
    files: usize,
    exclusions: usize,
}

/// Runs the command.
pub(super) async fn check(args: &PolicyCheckArgs, out: &mut impl Write) -> io::Result<Exit> {
    let outcome = match inputs::policies(&args.paths) {
        Ok(files) => checked(args, &files).await,
        Err(message) => Err(message),
    };
    let checked = match outcome {
        Ok(checked) => checked,
        Err(message) => {
            writeln!(io::stderr(), "error: {message}")?;
            return Ok(Exit::Invalid);
        }
    };
    match args.output {
        CheckOutput::Text => checked.text(out)?,
        CheckOutput::Json => writeln!(out, "{}", checked.json()?)?,
        CheckOutput::Sarif => {
            let version = env!("CARGO_PKG_VERSION");
            let traps: Vec<_> = checked.traps.iter().map(problem).collect();
            let log = sarif::render(&checked.problems, &traps, &checked.warnings, version)?;
            writeln!(out, "{log}")?;
        }
    }
    for note in &checked.notes {
        writeln!(io::stderr(), "note: {note}")?;
    }
    let fails = !checked.problems.is_empty()
        || !checked.traps.is_empty()
        || (args.strict && !checked.warnings.is_empty());
    Ok(if fails { Exit::Invalid } else { Exit::Pass })
}

/// Fails if a scenario cannot be used, or a file cannot be mended.
async fn checked(args: &PolicyCheckArgs, files: &[(String, String)]) -> Result<Checked, String> {
    let today = Clock::wall().today();
    let days = i64::try_from(args.expiring_within.as_secs() / DAY).unwrap_or(i64::MAX);
    let (policy, mut problems) = policy::read_all(RULES, files);
    problems.extend(policy.beyond_limit(today));
    let mut checked = Checked {
        warnings: policy::lint(&policy, today, days),
        problems,
        files: files.len(),
        exclusions: policy.exclusions.entries().len(),
        ..Checked::default()
    };
    let deployed = deployed::read(&args.filename, args.every_release)?;
    (checked.traps, checked.notes) = (deployed.traps, deployed.notes);
    if checked.problems.is_empty() {
        checked.find_unused(&args.against, &policy, today).await?;
        if args.fix {
            checked.fix(files, &policy)?;
        }
    } else if args.fix || !args.against.is_empty() {
        checked.notes.push("nothing is removed or called unused while there are errors".to_owned());
    }
    Ok(checked)
}

const DAY: u64 = 24 * 60 * 60;

impl Checked {
    /// Unused is what speaks of one of the applications and covers nothing of any. Where a rule could not see
    /// everything, nobody knows.
    async fn find_unused(&mut self, against: &[PathBuf], policy: &Policy, today: Date) -> Result<(), String> {
        let (mut used, mut idle) = (BTreeSet::new(), BTreeMap::new());
        for folder in against {
            let seen = Box::pin(rehearse::seen(folder, policy)).await?;
            let mut ledger = Ledger::new(&policy.exclusions, today);
            for finding in seen.evaluation.findings.values() {
                ledger.cover(finding);
            }
            let unused = ledger.unused(&seen.owned);
            let entries = policy.exclusions.entries().iter();
            let is_unused = |entry: &Exclusion| unused.iter().any(|unused| unused.at == entry.at);
            let (unused, others): (Vec<_>, Vec<_>) = entries.partition(|entry| is_unused(entry));
            let (unknown, unused): (Vec<_>, Vec<_>) =
                unused.into_iter().partition(|entry| is_blind(entry.rule, &seen));
            self.notes.extend(unknown.iter().map(|entry| {
                format!(
                    "{}: {} could not see all of {}, so nobody can say whether this is unused",
                    entry.at,
                    entry.rule,
                    folder.display()
                )
            }));
            used.extend(unknown.iter().map(|entry| entry.at.clone()));
            used.extend(others.iter().filter(|entry| ledger.uses(entry)).map(|entry| entry.at.clone()));
            for entry in unused {
                idle.entry(entry.at.clone()).or_insert((entry, folder));
            }
        }
        idle.retain(|at, _entry| !used.contains(at));
        let unused =
            idle.values().map(|(entry, folder)| Warning::unused(entry, &folder.display().to_string()));
        self.warnings.extend(unused);
        self.warnings.sort();
        Ok(())
    }

    /// Takes expired and unused entries out of the lists in their files. What a trusted injector may add is no such entry,
    /// and stays with its warning.
    fn fix(&mut self, files: &[(String, String)], policy: &Policy) -> Result<(), String> {
        let entries = policy.exclusions.entries().iter();
        let listed: BTreeSet<_> =
            entries.filter(|entry| entry.injector.is_none()).map(|entry| &entry.at).collect();
        let goes = |warning: &Warning| {
            matches!(warning.lint, Lint::Expired | Lint::Unused) && listed.contains(&warning.at)
        };
        let going: Vec<Warning> = self.warnings.iter().filter(|warning| goes(warning)).cloned().collect();
        let mut changed = Vec::new();
        for (name, text) in files {
            let here = going.iter().filter(|warning| *warning.at.file == **name);
            let entries: BTreeSet<_> = here.map(|warning| (warning.at.line, warning.at.column)).collect();
            if !entries.is_empty() {
                let rest = policy::without(text, &entries).map_err(|why| format!("{name}: {why}"))?;
                changed.push((name, rest));
            }
        }
        for (name, text) in changed {
            write(Path::new(name), &text)?;
        }
        self.warnings.retain(|warning| !going.iter().any(|removed| removed.at == warning.at));
        self.removed = going;
        Ok(())
    }

    fn text(&self, out: &mut impl Write) -> io::Result<()> {
        for problem in &self.problems {
            writeln!(out, "{}: error: {}", problem.at, problem.message)?;
        }
        for (at, trap) in &self.traps {
            writeln!(out, "{at}: error: {trap}")?;
        }
        for Warning { at, lint, message } in &self.warnings {
            writeln!(out, "{at}: warning: {message} [{}]", lint.id())?;
        }
        for Warning { at, lint, message } in &self.removed {
            writeln!(out, "{at}: removed: {message} [{}]", lint.id())?;
        }
        let counted = [
            count(self.problems.len() + self.traps.len(), "error"),
            count(self.warnings.len(), "warning"),
            format!("{} in {}", count(self.exclusions, "exclusion"), count(self.files, "file")),
        ];
        writeln!(out, "{}", counted.join(", "))
    }

    fn json(&self) -> serde_json::Result<String> {
        let entry = |level: &str, id: &str, at: &Position, message: &str| {
            json!({
                "level": level, "id": id, "file": at.file, "line": at.line, "column": at.column,
                "message": message,
            })
        };
        let traps = self.traps.iter().map(|(at, it)| {
            json!({
                "object": it.object.to_string(), "field": it.field, "harm": it.harm, "fix": it.fix,
                "file": at.file, "line": at.line, "column": at.column,
            })
        });
        let errors = self.problems.iter().map(|it| entry("error", sarif::INVALID, &it.at, &it.message));
        let warnings = self.warnings.iter().map(|it| entry("warning", it.lint.id(), &it.at, &it.message));
        let removed = self.removed.iter().map(|it| entry("removed", it.lint.id(), &it.at, &it.message));
        serde_json::to_string_pretty(&json!({
            "errors": self.problems.len() + self.traps.len(),
            "traps": traps.collect::<Vec<_>>(),
            "warnings": self.warnings.len(),
            "removed": self.removed.len(),
            "files": self.files,
            "exclusions": self.exclusions,
            "found": errors.chain(warnings).chain(removed).collect::<Vec<_>>(),
        }))
    }
}

fn problem((at, trap): &(Position, Trap)) -> Problem {
    Problem { at: at.clone(), message: trap.to_string() }
}

/// True if something was hidden from the rule.
fn is_blind(rule: &str, seen: &Seen) -> bool {
    let Some(rule) = rules::find(rule) else { return true };
    let hides = |gap: &Gap| {
        let kind = match &gap.scope {
            GapScope::Application => return true,
            GapScope::Rule(id, _object) => return *id == rule.id,
            GapScope::Kind(kind, _namespace) => kind.clone(),
            GapScope::Object(object) => object.group_kind(),
        };
        let is = |resource: &rules::Resource| resource.group == kind.group && resource.kind == kind.kind;
        let is_named = RULES.iter().any(|rule| rule.resources().any(is));
        !is_named || rule.resources().any(is)
    };
    seen.evaluation.gaps.iter().any(hides)
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[expect(clippy::disallowed_methods, reason = "the one place that writes policy files")]
fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("writing {}: {error}", file.display()))
}
