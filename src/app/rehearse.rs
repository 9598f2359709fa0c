//! `driftgate rehearse`: the whole gate on a recorded cluster, on a virtual clock. Changes nothing anywhere.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use crate::app::gate::{Run, Target};
use crate::app::outputs::Console;
use crate::app::told::Facts;
use crate::app::{Clock, inputs};
use crate::cli::RehearseArgs;
use crate::cluster::Cluster;
use crate::cluster::settle::Options;
use crate::exit::Exit;
use crate::gitops::argocd::discover;
use crate::memory::Api;
use crate::policy::{self, Policy};
use crate::progress::Progress;
use crate::report::Report;
use crate::rules::RULES;
use crate::scenario::{self, Scenario};

/// Namespace of the records, in the scenario's cluster.
const RECORDS: &str = "driftgate";

/// Runs the command.
pub(super) async fn run(args: &RehearseArgs, console: &Console, out: &mut impl Write) -> io::Result<Exit> {
    match rehearse(&args.scenario, &console.progress()).await {
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

/// Runs a scenario to the gate's report.
async fn rehearse(folder: &Path, progress: &Progress) -> Result<Report, String> {
    let scenario = Scenario::read(folder).map_err(|error| error.to_string())?;
    let policy = match &scenario.policy {
        Some(file) => policy(&folder.join(file))?,
        None => Policy::default(),
    };
    let api = scenario.api();
    let put = |file: &Path, stale: &[_]| {
        scenario::put(&api, &folder.join(file), stale).map_err(|error| error.to_string())
    };
    let mut present = Vec::new();
    if let Some(before) = &scenario.before {
        present = put(&before.objects, &[])?;
        let report = gate(&api, &scenario, &before.job, &Policy::default(), &Progress::Lines).await?;
        if report.exit() != Exit::Pass {
            let reason = report.reasons.first().map(ToString::to_string).unwrap_or_default();
            return Err(format!("{}: the revision before does not pass: {reason}", folder.display()));
        }
    }
    put(&scenario.objects, &present)?;
    let script = scenario.play(&api);
    let report = gate(&api, &scenario, &scenario.job, &policy, progress).await?;
    script.abort();
    Ok(report)
}

fn policy(path: &Path) -> Result<Policy, String> {
    let files = inputs::policies(&[path.to_owned()])?;
    policy::parse(&files).map_err(|errors| errors.to_string())
}

async fn gate(
    api: &Api,
    scenario: &Scenario,
    job: &str,
    policy: &Policy,
    progress: &Progress,
) -> Result<Report, String> {
    let (namespace, name) =
        job.split_once('/').ok_or_else(|| format!("job {job}: expected NAMESPACE/NAME"))?;
    let (quiet, timeout) = scenario.settle.parse().map_err(|error| format!("settle: {error}"))?;
    let run = Run {
        cluster: Cluster::new(api.client()),
        clock: Clock::starting_at(api.now()),
        target: Target::Job(namespace.to_owned(), name.to_owned()),
        argocd: discover::Options {
            namespace: "argocd".to_owned(),
            instance_label: "app.kubernetes.io/instance".to_owned(),
        },
        settle: Options {
            quiet: quiet.unwrap_or(Duration::from_secs(10)),
            timeout: timeout.unwrap_or(Duration::from_secs(300)),
        },
        policy,
        rules: RULES,
        records_namespace: RECORDS,
        progress,
    };
    let mut facts = Facts::new(&run.clock);
    Ok(run.report(&mut facts).await)
}
