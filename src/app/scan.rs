//! `driftgate scan`: judge what is live, or what files hold; wait for nothing, change nothing.

use std::io::{self, Write};

use crate::app::look::{self, Seen};
use crate::app::outputs::Console;
use crate::app::told::{Facts, Stop};
use crate::app::{Clock, files, inputs, target, told};
use crate::cli::{ScanArgs, ScanTarget};
use crate::cluster::Cluster;
use crate::exclusion::Lists;
use crate::exit::Exit;
use crate::report::Report;
use crate::scope::{Application, Membership, Scope};
use crate::verdict::{Inputs, decide};

/// Runs the command.
pub(super) async fn run(args: &ScanArgs, console: &Console, out: &mut impl Write) -> io::Result<Exit> {
    let mut facts = Facts::new(&Clock::wall());
    let mut problems = Vec::new();
    let outcome = scan(args, console, &mut facts, &mut problems).await;
    let report = outcome.unwrap_or_else(|stop| facts.stopped(&stop));
    console.write(&report, args.output, out)?;
    for problem in &problems {
        writeln!(io::stderr(), "error: {problem}")?;
    }
    Ok(if problems.is_empty() { report.exit() } else { Exit::Invalid })
}

async fn scan(
    args: &ScanArgs,
    console: &Console,
    facts: &mut Facts,
    problems: &mut Vec<crate::manifests::Problem>,
) -> Result<Report, Stop> {
    if args.target.app.is_none() && args.target.filename.is_empty() && args.namespace.is_empty() {
        let what = "name what to judge: --app NAMESPACE/NAME, --namespace NAMESPACE or --filename FILE";
        return Err(Stop::Usage(what.to_owned()));
    }
    let rules = inputs::rules(&args.policy)?;
    let cluster = if args.target.filename.is_empty() {
        inputs::connect(&args.cluster).await?
    } else {
        let files = files::load(&args.target.filename);
        *problems = files.problems;
        files.cluster
    };
    let live = Some(&cluster).filter(|_cluster| args.target.filename.is_empty());
    let policy = inputs::policy(&args.policy, live, facts.today()).await?;
    let scope = scope(args, &cluster, facts).await?;
    let phase = console.progress().phase("look");
    let mut seen = look::look(&cluster, &scope, &rules, &policy).await?;
    facts.phase("look", phase.end(&told::counts(&seen.evaluation)));
    seen.evaluation.add(policy.findings(&Lists::default(), &seen.owned, facts.today()));
    let Seen { evaluation, declared, owned, injectors } = &seen;
    let decision = decide(&Inputs {
        evaluation,
        policy: &policy,
        rules: &rules,
        record: None,
        declared,
        owned,
        injectors,
        hook: None,
        settled: true,
        today: facts.today(),
    });
    Ok(facts.decided(&decision, evaluation, &[], None))
}

/// What to judge, by the arguments.
async fn scope(args: &ScanArgs, cluster: &Cluster, facts: &mut Facts) -> Result<Scope, Stop> {
    let ScanTarget { app, selector, filename } = &args.target;
    if !filename.is_empty() {
        let paths: Vec<_> = filename.iter().map(|path| path.display().to_string()).collect();
        let application = Application { name: paths.join(", "), revision: None };
        facts.about(&application);
        let membership = Membership::Everything;
        return Ok(Scope { application, membership, namespaces: None, own_job: None });
    }
    let options = target::argocd(&args.argo);
    let discovery =
        target::live(cluster, app.as_deref(), &args.namespace, selector.as_deref(), &options).await?;
    if app.is_some() {
        facts.found(&discovery);
    }
    facts.about(&discovery.scope.application);
    Ok(discovery.scope)
}
