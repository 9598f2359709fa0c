//! The command: inputs, the run, and everybody who is told.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use jiff::civil::Date;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::app::gate::ends::{self, Wanted};
use crate::app::gate::{Run, Target, detached};
use crate::app::outputs::{self, Console};
use crate::app::told::{Facts, Stop};
use crate::app::{Clock, inputs, target};
use crate::cli::{GateArgs, NotifyOn, RollbackVia, RunAs, TargetArgs};
use crate::cluster::Cluster;
use crate::cluster::settle::Options;
use crate::exit::Exit;
use crate::gitops::helm::discover::Release;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::notify::event::{self, Stamp};
use crate::notify::{self, Client, Kind, SecretUrl, Target as Recipient, Told};
use crate::policy::{RollbackMode, RollbackPolicy};
use crate::report::{Printable, Report};

/// How long telling people may take in all.
const TELL_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the command.
pub(in crate::app) async fn run(
    args: &GateArgs,
    console: &Console,
    out: &mut impl Write,
) -> io::Result<Exit> {
    let clock = Clock::wall();
    let mut facts = Facts::new(&clock);
    let mut terminated = signal(SignalKind::terminate())?;
    let (mut cluster, mut wanted) = (None, Wanted::default());
    let report = tokio::select! {
        biased;
        _ = terminated.recv() => None,
        report = judge(args, console, clock, &mut facts, (&mut cluster, &mut wanted)) => Some(report),
    };
    let mut report = report.unwrap_or_else(|| {
        facts.ended(Exit::Terminated, "terminated before there was a verdict; nothing is asked for")
    });
    let ends = ends::exit(report.exit(), args.helm.run_as, &wanted);
    if args.helm.run_as == Some(RunAs::HelmTest) || ends != report.exit() {
        let near = cluster.as_ref().map(|cluster| cluster.with_deadline(Instant::now() + TELL_TIMEOUT));
        let kept = ends::keep(args, &clock, near, &mut report, ends).await;
        warn(&mut report, kept);
    } else if report.exit() == Exit::Critical && args.executor.rollback_via == RollbackVia::Job {
        let started = detach(args, cluster.as_ref(), &wanted.rollback, &report).await;
        warn(&mut report, started);
    }
    if report.exit() != Exit::Terminated {
        tell(args, &clock, cluster.as_ref(), &mut report).await;
    }
    if let Some(file) = &args.termination_message_file {
        let written = outputs::terminate(&report, file);
        warn(&mut report, written);
    }
    console.write(&report, args.output, out)?;
    Ok(ends)
}

/// Starts the Job that rolls back once this one's operation has ended.
async fn detach(
    args: &GateArgs,
    cluster: Option<&Cluster>,
    policy: &RollbackPolicy,
    report: &Report,
) -> Result<(), String> {
    let (Some(job), Some(cluster)) = (&args.job, cluster) else {
        return Err("no Job was started that rolls back: --rollback-via=job needs --job".to_owned());
    };
    let passed = report.rollback.as_ref().and_then(|rollback| rollback.to.as_ref());
    let passed = passed.map(|revision| revision.as_str().to_owned());
    let cluster = cluster.with_deadline(Instant::now() + TELL_TIMEOUT);
    let application = report.application.name.as_str();
    let order = detached::Order { application, passed: passed.as_deref(), policy };
    let started = detached::start(&cluster, job, &args.executor.rollback_account, &order).await;
    started.map_err(|error| format!("no Job was started that rolls back: {error}"))
}

async fn judge(
    args: &GateArgs,
    console: &Console,
    clock: Clock,
    facts: &mut Facts,
    (connected, wanted): (&mut Option<Cluster>, &mut Wanted),
) -> Report {
    let prepared = prepare(args, connected, clock.today()).await;
    let prepared = prepared.and_then(|prepared| possible(args, &prepared.0).map(|()| prepared));
    match prepared.and_then(|prepared| Ok((prepared, target(args)?))) {
        Ok(((policy, rules, cluster), (target, app))) => {
            *wanted = Wanted { test: policy.helm_release.clone(), rollback: policy.rollback };
            let run = Run {
                cluster,
                clock,
                target,
                argocd: target::argocd(&args.argo),
                flux: target::flux(args.flux_layout, app, args.settle_timeout),
                settle: Options { quiet: args.settle_quiet, timeout: args.settle_timeout },
                policy: &policy,
                rules: &rules,
                records_namespace: &args.records_namespace,
                progress: &console.progress(),
            };
            run.report(facts).await
        }
        Err(stop) => facts.stopped(&stop),
    }
}

type Prepared = (crate::policy::Policy, Vec<&'static crate::rules::Rule>, Cluster);

async fn prepare(args: &GateArgs, connected: &mut Option<Cluster>, today: Date) -> Result<Prepared, Stop> {
    let cluster = inputs::connect(&args.cluster).await?;
    *connected = Some(cluster.clone());
    let policy = inputs::policy(&args.policy, Some(&cluster), today).await?;
    Ok((policy, inputs::rules(&args.policy)?, cluster))
}

/// A policy that cannot be followed is none.
fn possible(args: &GateArgs, policy: &crate::policy::Policy) -> Result<(), Stop> {
    let frozen = policy.rollback.mode == Some(RollbackMode::Freeze);
    if args.helm.run_as == Some(RunAs::HelmTest) && frozen {
        let why = "`rollback.mode` is freeze, and a release cannot be left as it is, because Flux goes back on any \
                   failed Helm test: set rollback, fail or report";
        return Err(Stop::Invalid(why.to_owned()));
    }
    Ok(())
}

/// What the arguments name, one of the three is required; and the Kustomization that the Job's gate judges, where both
/// are given.
fn target(args: &GateArgs) -> Result<(Target, Option<(String, String)>), Stop> {
    if let Some((namespace, name)) = args.helm.helm_release.clone() {
        let (number, chart) = (args.helm.helm_revision, args.helm.helm_chart.clone());
        return Ok((Target::Release(Release { namespace, name, number, chart }, args.job.clone()), None));
    }
    let app = args.app.as_deref().map(Target::named).transpose()?;
    Ok(match (app, args.job.clone()) {
        (Some(Target::Kustomization(namespace, name)), Some((job_namespace, job))) => {
            (Target::Job(job_namespace, job), Some((namespace, name)))
        }
        (Some(app), _) => (app, None),
        (None, job) => {
            let (namespace, name) = job.unwrap_or_default();
            (Target::Job(namespace, name), None)
        }
    })
}

/// Events and notifications; what cannot be delivered is a warning.
async fn tell(args: &GateArgs, clock: &Clock, cluster: Option<&Cluster>, report: &mut Report) {
    let deadline = Instant::now() + TELL_TIMEOUT;
    let unavailable = report.exit() == Exit::Unavailable;
    let stamp = Stamp {
        time: clock.now(),
        suffix: format!("driftgate-{:x}", clock.start().as_microsecond()),
        instance: inputs::variable("HOSTNAME").unwrap_or_else(|| "driftgate".to_owned()),
    };
    if let Some(cluster) = cluster.filter(|_| !unavailable) {
        let job = args.job.as_ref().map(|(namespace, name)| {
            ObjectRef::new(&GroupKind::new("batch", "Job"), namespace.clone(), name.clone())
        });
        let cluster = cluster.with_deadline(deadline);
        for error in event::publish(&cluster, report, job.as_ref(), &stamp).await {
            warn(report, Err(error.to_string()));
        }
    }
    let quiet = report.exit() == Exit::Pass && args.notify.notify_on == NotifyOn::Failure;
    let mut recipients = Vec::new();
    for recipient in self::recipients(&args.notify.targets).await {
        match recipient {
            // Flux's Alerts choose by severity themselves, and a commit status goes back to green only by a pass.
            Ok(recipient) if quiet && recipient.kind != Kind::Flux => {}
            Ok(recipient) => recipients.push(recipient),
            Err(error) => warn(report, Err(error)),
        }
    }
    if !recipients.is_empty() {
        send(args, &recipients, (report, &stamp), deadline).await;
    }
}

async fn send(
    args: &GateArgs,
    recipients: &[Recipient],
    (report, stamp): (&mut Report, &Stamp),
    deadline: Instant,
) {
    match Client::new() {
        Ok(client) => {
            let told = Told { report, link: args.notify.link.as_deref(), stamp };
            for error in notify::notify(&client, recipients, &told, deadline).await {
                warn(report, Err(error.to_string()));
            }
        }
        Err(error) => warn(report, Err(error.to_string())),
    }
}

/// Who is told, by URL files or variables; an address that cannot be used keeps nobody else from being told.
pub(in crate::app) async fn recipients(targets: &TargetArgs) -> Vec<Result<Recipient, String>> {
    let all = [
        (Kind::Webhook, &targets.webhook_url_file, "DRIFTGATE_WEBHOOK_URL"),
        (Kind::Slack, &targets.slack_url_file, "DRIFTGATE_SLACK_URL"),
    ];
    let mut found = Vec::new();
    for (kind, file, variable) in all {
        let url = url(file.as_ref(), variable).await;
        found.extend(recipient(kind, url).transpose());
    }
    let flux = targets.flux_events_addr.as_deref().filter(|address| !address.trim().is_empty());
    found.extend(recipient(Kind::Flux, flux.map(SecretUrl::parse).transpose()).transpose());
    found
}

fn recipient(
    kind: Kind,
    url: Result<Option<SecretUrl>, crate::notify::UrlError>,
) -> Result<Option<Recipient>, String> {
    let url = url.map_err(|error| format!("notifying {}: {error}", kind.as_str()))?;
    Ok(url.map(|url| Recipient { kind, url }))
}

async fn url(file: Option<&PathBuf>, variable: &str) -> Result<Option<SecretUrl>, crate::notify::UrlError> {
    match (file, inputs::variable(variable)) {
        (Some(file), _) => SecretUrl::read(file).await.map(Some),
        (None, Some(text)) => SecretUrl::parse(&text).map(Some),
        (None, None) => Ok(None),
    }
}

fn warn(report: &mut Report, outcome: Result<(), String>) {
    if let Err(warning) = outcome {
        tracing::warn!("{warning}");
        report.warnings.push(Printable::from(warning));
    }
}
