//! `driftgate baseline`: show what was accepted, compare it with what is live, accept, export.

use std::io::{self, Write};

use jiff::ToSpan as _;
use serde_json::json;

use crate::app::gate::{Run, Target};
use crate::app::look::{self, Seen};
use crate::app::outputs::Console;
use crate::app::told::{Facts, Stop};
use crate::app::{Clock, inputs, target};
use crate::baseline::{self, Difference};
use crate::cli::{
    ArgoArgs, BaselineAccept, BaselineArgs, BaselineCommand, BaselineDiff, BaselineExport, BaselineOf,
    BaselineShow, ListOutput, PolicyArgs,
};
use crate::cluster::Cluster;
use crate::cluster::settle::Options;
use crate::exit::Exit;
use crate::policy::{FirstRun, Mode, Policy};
use crate::record::Record;
use crate::report::Printable;
use crate::rules::Rule;
use crate::store;
use crate::verdict::{Decision, Inputs, decide};

/// Runs the command.
pub(super) async fn run(args: &BaselineArgs, console: &Console, out: &mut impl Write) -> io::Result<Exit> {
    let outcome = match &args.command {
        BaselineCommand::Show(args) => show(args).await,
        BaselineCommand::Diff(args) => diff(args).await,
        BaselineCommand::Export(args) => export(args).await,
        BaselineCommand::Accept(args) => return accept(args, console, out).await,
    };
    match outcome {
        Ok((text, exit)) => {
            out.write_all(text.as_bytes())?;
            Ok(exit)
        }
        Err(stop) => {
            let (exit, reason) = stop.told();
            writeln!(io::stderr(), "error: {reason}")?;
            Ok(exit)
        }
    }
}

type Told = Result<(String, Exit), Stop>;

/// The application as records name it.
fn name(of: &BaselineOf) -> String {
    of.app.clone()
}

async fn kept(cluster: &Cluster, of: &BaselineOf) -> Result<Option<Record>, Stop> {
    Ok(store::newest(cluster, &of.records_namespace, &name(of)).await?)
}

async fn show(args: &BaselineShow) -> Told {
    let cluster = inputs::connect(&args.of.cluster).await?;
    let Some(record) = kept(&cluster, &args.of).await? else { return Err(nothing_kept(&args.of)) };
    let text = match args.output {
        ListOutput::Json => {
            format!("{}\n", record.to_json().map_err(|error| Stop::Invalid(error.to_string()))?)
        }
        ListOutput::Text => {
            let mut lines = vec![format!("{}: {record}", record.application)];
            lines.extend(
                record.accepted_findings().map(|(severity, _mark, words)| format!("{severity:<8} {words}")),
            );
            told(&lines)
        }
    };
    Ok((text, Exit::Pass))
}

fn nothing_kept(of: &BaselineOf) -> Stop {
    let (name, place) = (name(of), &of.records_namespace);
    Stop::NotFound(format!(
        "no revision of {name} that passed is on record in namespace {place}; `driftgate baseline accept` makes a baseline"
    ))
}

/// Lines that are safe to show: they repeat names of objects.
fn told(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| Printable::new(line).to_string()).collect();
    lines.join("\n") + "\n"
}

/// What is live, judged without waiting.
struct Live {
    seen: Seen,
    record: Option<Record>,
    policy: Policy,
    rules: Vec<&'static Rule>,
    clock: Clock,
}

impl Live {
    async fn look(of: &BaselineOf, argo: &ArgoArgs, policy: &PolicyArgs) -> Result<Self, Stop> {
        let (clock, rules) = (Clock::wall(), inputs::rules(policy)?);
        let cluster = inputs::connect(&of.cluster).await?;
        let policy = inputs::policy(policy, Some(&cluster), clock.today()).await?;
        let options = target::argocd(argo);
        let discovery = target::live(&cluster, Some(&of.app), &[], None, &options).await?;
        let mut seen = look::look(&cluster, &discovery.scope, &rules, &policy).await?;
        seen.evaluation.gaps.extend(discovery.gaps);
        let record = kept(&cluster, of).await?;
        let accepted = record.as_ref().map(Record::lists).unwrap_or_default();
        seen.evaluation.add(policy.findings(&accepted, &seen.owned, clock.today()));
        Ok(Self { seen, record, policy, rules, clock })
    }

    fn decide(&self) -> Decision<'_> {
        decide(&Inputs {
            evaluation: &self.seen.evaluation,
            policy: &self.policy,
            rules: &self.rules,
            record: self.record.as_ref(),
            declared: &self.seen.declared,
            owned: &self.seen.owned,
            injectors: &self.seen.injectors,
            hook: None,
            settled: true,
            today: self.clock.today(),
        })
    }
}

async fn diff(args: &BaselineDiff) -> Told {
    let live = Live::look(&args.of, &args.argo, &args.policy).await?;
    let decision = live.decide();
    let difference = Difference::between(live.record.as_ref(), &decision);
    let blocks = difference.new.iter().any(|finding| finding.severity >= live.policy.fail_at);
    let exit = match (blocks, decision.blinding.is_empty()) {
        (true, _) => Exit::Blocked,
        (false, false) => Exit::Inconclusive,
        (false, true) => Exit::Pass,
    };
    let text = match args.output {
        ListOutput::Text => told(&in_words(&args.of, &live, &decision, &difference)),
        ListOutput::Json => format!("{:#}\n", as_json(&args.of, &decision, &difference)),
    };
    Ok((text, exit))
}

fn in_words(
    of: &BaselineOf,
    live: &Live,
    decision: &Decision<'_>,
    difference: &Difference<'_>,
) -> Vec<String> {
    let against =
        live.record.as_ref().map_or_else(|| "no revision on record".to_owned(), ToString::to_string);
    let mut lines = vec![format!("{} against {against}", name(of))];
    lines.push(format!(
        "{} new, {} gone, {} as before",
        difference.new.len(),
        difference.gone.len(),
        difference.kept
    ));
    lines.extend(
        difference.new.iter().map(|finding| format!("+ {:<8} {}", finding.severity, finding.identity)),
    );
    lines.extend(difference.gone.iter().map(|(severity, words)| format!("- {severity:<8} {words}")));
    lines.extend(decision.blinding.iter().map(|gap| format!("? not seen: {gap}")));
    lines
}

fn as_json(of: &BaselineOf, decision: &Decision<'_>, difference: &Difference<'_>) -> serde_json::Value {
    let entry = |severity, words: &str| json!({ "severity": severity, "finding": Printable::new(words) });
    let new = difference.new.iter().map(|finding| entry(finding.severity, &finding.identity.to_string()));
    let gone = difference.gone.iter().map(|(severity, words)| entry(*severity, words));
    let hidden = decision.blinding.iter().map(|gap| Printable::new(gap.to_string()));
    json!({
        "application": name(of),
        "new": new.collect::<Vec<_>>(),
        "gone": gone.collect::<Vec<_>>(),
        "kept": difference.kept,
        "notSeen": hidden.collect::<Vec<_>>(),
    })
}

async fn export(args: &BaselineExport) -> Told {
    let live = Live::look(&args.of, &args.argo, &args.policy).await?;
    let days = i64::from(args.days).days();
    let expires =
        live.clock.today().checked_add(days).map_err(|error| Stop::Usage(format!("--days: {error}")))?;
    Ok((baseline::exclusions(&live.decide(), expires), Exit::Pass))
}

async fn accept(args: &BaselineAccept, console: &Console, out: &mut impl Write) -> io::Result<Exit> {
    let clock = Clock::wall();
    let mut facts = Facts::new(&clock);
    let outcome = accepted(args, console, clock, &mut facts).await;
    let report = outcome.unwrap_or_else(|stop| facts.stopped(&stop));
    console.write(&report, args.output, out)?;
    Ok(report.exit())
}

async fn accepted(
    args: &BaselineAccept,
    console: &Console,
    clock: Clock,
    facts: &mut Facts,
) -> Result<crate::report::Report, Stop> {
    let cluster = inputs::connect(&args.of.cluster).await?;
    let policy = inputs::policy(&args.policy, Some(&cluster), clock.today()).await?;
    let rules = inputs::rules(&args.policy)?;
    let policy = Policy { mode: Mode::Both, first_run: FirstRun::Accept, ..policy };
    let run = Run {
        cluster,
        clock,
        target: Target::named(&args.of.app)?,
        argocd: target::argocd(&args.argo),
        flux: target::flux(None, None, args.settle_timeout),
        settle: Options { quiet: args.settle_quiet, timeout: args.settle_timeout },
        policy: &policy,
        rules: &rules,
        records_namespace: &args.of.records_namespace,
        progress: &console.progress(),
    };
    run.accept(facts).await
}
