//! `driftgate rehearse`: the whole gate on a recorded cluster, on a virtual clock. Changes nothing anywhere.

mod plan;

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use jiff::civil::Date;

use crate::app::gate::{Run, Target};
use crate::app::look::Seen;
use crate::app::outputs::Console;
use crate::app::told::Facts;
use crate::app::{Clock, inputs, target};
use crate::cli::{ArgoArgs, RehearseArgs};
use crate::cluster::Cluster;
use crate::cluster::settle::Options;
use crate::exit::Exit;
use crate::gitops::argocd::discover;
use crate::gitops::helm::discover::Release;
use crate::memory::Api;
use crate::policy::{self, Policy};
use crate::progress::Progress;
use crate::report::{Printable, Report};
use crate::rules::RULES;
use crate::scenario::{self, Scenario};
use crate::store;

/// Namespace of the records, in the scenario's cluster.
const RECORDS: &str = "driftgate";

/// `--settle-timeout`, if the scenario gives none.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Runs the command.
pub(super) async fn run(args: &RehearseArgs, console: &Console, out: &mut impl Write) -> io::Result<Exit> {
    let outcome = match Rehearsal::prepare(&args.scenario).await {
        Ok(rehearsal) => rehearsal.run(&console.progress()).await,
        Err(message) => Err(message),
    };
    match outcome {
        Ok(report) => {
            console.write(&report, args.output, out)?;
            Ok(report.exit())
        }
        Err(message) => {
            writeln!(io::stderr(), "error: {message}")?;
            Ok(Exit::Invalid)
        }
    }
}

/// A scenario whose good revision has passed and is on record, ready for the one that is judged.
///
/// Must live within a tokio runtime whose clock is paused.
pub struct Rehearsal {
    scenario: Scenario,
    policy: Policy,
    api: Api,
}

impl Rehearsal {
    /// Reads a scenario, and lets the gate pass on the revision before.
    ///
    /// # Errors
    /// What is wrong with the scenario, its policy, record or objects, or that the revision before does not pass.
    pub async fn prepare(folder: &Path) -> Result<Self, String> {
        let scenario = Scenario::read(folder).map_err(|error| error.to_string())?;
        let api = scenario.api();
        let today = Clock::starting_at(api.now()).today();
        let policy = |file: Option<&Path>| policy(folder, file, scenario.platform_policy.as_deref(), today);
        let judged_by = policy(scenario.policy.as_deref())?;
        let put = |file: &Path, stale: &[_]| {
            scenario::put(&api, &folder.join(file), stale).map_err(|error| error.to_string())
        };
        let mut present = Vec::new();
        for before in &scenario.before {
            present = put(&before.objects, &present)?;
            let (job, policy) = (before.job.as_deref(), policy(before.policy.as_deref())?);
            let report = gate(&api, &scenario, job, &policy, &Progress::Lines).await?;
            if report.exit() != Exit::Pass {
                let reason = report.reasons.first().map(ToString::to_string).unwrap_or_default();
                return Err(format!("{}: the revision before does not pass: {reason}", folder.display()));
            }
        }
        put(&scenario.objects, &present)?;
        if let Some(file) = &scenario.record {
            let passed = inputs::record(&folder.join(file))?;
            let saved = store::save(&Cluster::new(api.client()), RECORDS, &passed).await;
            saved.map_err(|error| error.to_string())?;
        }
        Ok(Self { scenario, policy: judged_by, api })
    }

    /// The recorded cluster.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Lets the scenario happen, and the gate judge it.
    ///
    /// # Errors
    /// What is wrong with the scenario.
    pub async fn run(&self, progress: &Progress) -> Result<Report, String> {
        let script = self.scenario.play(&self.api);
        let report = gate(&self.api, &self.scenario, None, &self.policy, progress).await;
        script.abort();
        let mut report = report?;
        if let (Exit::Critical, Ok(scenario::Target::Job(namespace, name))) =
            (report.exit(), self.scenario.target(None))
        {
            self.api.clear_faults();
            let planned = plan::planned(&self.api, (&namespace, &name), &report, RECORDS).await;
            let planned = planned.map_err(|error| format!("planning the rollback: {error}"))?;
            if let Some(rollback) = &mut report.rollback {
                rollback.plan = planned.map(Printable::from);
            }
        }
        Ok(report)
    }
}

fn argocd(scenario: &Scenario) -> discover::Options {
    let mut args = ArgoArgs::default();
    if let Some(namespace) = &scenario.argocd_namespace {
        args.argocd_namespace.clone_from(namespace);
    }
    target::argocd(&args)
}

/// The policy of files or folders in the scenario's; the default one without.
fn policy(
    folder: &Path,
    file: Option<&Path>,
    platform: Option<&Path>,
    today: Date,
) -> Result<Policy, String> {
    let read = |file: Option<&Path>| {
        let path: Vec<_> = file.into_iter().map(|file| folder.join(file)).collect();
        inputs::policies(&path)
    };
    let own = read(file)?;
    let policy = match platform {
        Some(_) => policy::parse_layers(&read(platform)?, &own, today),
        None => policy::parse_layers(&own, &[], today),
    };
    policy.map_err(|errors| errors.to_string())
}

/// What a scenario shows in the end under a policy, whatever passed before and whatever the scenario's own policy is.
///
/// # Errors
/// What is wrong with the scenario, or what ended the look at it.
pub(super) async fn seen(folder: &Path, policy: &Policy) -> Result<Seen, String> {
    let scenario = Scenario::read(folder).map_err(|error| error.to_string())?;
    let api = scenario.api();
    scenario::put(&api, &folder.join(&scenario.objects), &[]).map_err(|error| error.to_string())?;
    let script = scenario.play(&api);
    let seen = on(&api, &scenario, None, policy, &Progress::Lines)?.seen().await;
    script.abort();
    seen.map_err(|stop| format!("{}: {}", folder.display(), stop.told().1))
}

async fn gate(
    api: &Api,
    scenario: &Scenario,
    job: Option<&str>,
    policy: &Policy,
    progress: &Progress,
) -> Result<Report, String> {
    let run = on(api, scenario, job, policy, progress)?;
    let mut facts = Facts::new(&run.clock);
    Ok(run.report(&mut facts).await)
}

/// A run of the gate on the recorded cluster.
fn on<'a>(
    api: &Api,
    scenario: &Scenario,
    job: Option<&str>,
    policy: &'a Policy,
    progress: &'a Progress,
) -> Result<Run<'a>, String> {
    let target = match scenario.target(job)? {
        scenario::Target::Job(namespace, name) => Target::Job(namespace, name),
        scenario::Target::Release { release: (namespace, name), job } => {
            Target::Release(Release { namespace, name, number: None, chart: None }, Some(job))
        }
        scenario::Target::Application(namespace, name) => Target::Application(namespace, name),
        scenario::Target::Kustomization(namespace, name) => Target::Kustomization(namespace, name),
        scenario::Target::Selection { namespaces, selector } => {
            Target::Selection(target::selection(&namespaces, selector.as_deref())?)
        }
    };
    let (quiet, timeout) = scenario.settle.parse().map_err(|error| format!("settle: {error}"))?;
    Ok(Run {
        cluster: Cluster::new(api.client()),
        clock: Clock::starting_at(api.now()),
        target,
        argocd: argocd(scenario),
        flux: target::flux(None, None, timeout.unwrap_or(TIMEOUT)),
        settle: Options {
            quiet: quiet.unwrap_or(Duration::from_secs(10)),
            timeout: timeout.unwrap_or(TIMEOUT),
        },
        policy,
        rules: RULES,
        records_namespace: RECORDS,
        progress,
    })
}
