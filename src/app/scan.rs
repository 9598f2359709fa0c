//! `driftgate scan`: judge what is live, or what files hold; wait for nothing, change nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::app::look::{self, Seen};
use crate::app::outputs::Console;
use crate::app::told::{Facts, Stop};
use crate::app::{Clock, files, inputs, told};
use crate::cli::{ArgoArgs, ScanArgs};
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::gitops::argocd::discover;
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
    let policy = inputs::policy(&args.policy)?;
    let rules = inputs::rules(&args.policy)?;
    let cluster = if args.target.filename.is_empty() {
        inputs::connect(&args.cluster).await?
    } else {
        let files = files::load(&args.target.filename);
        *problems = files.problems;
        files.cluster
    };
    let scope = scope(args, &cluster, facts).await?;
    let phase = console.progress().phase("look");
    let seen = look::look(&cluster, &scope, &rules, &policy.settings).await?;
    facts.phase("look", phase.end(&told::counts(&seen.evaluation)));
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
    let namespaces: BTreeSet<String> = args.namespace.iter().cloned().collect();
    let named = |name: String, membership: Membership, namespaces: Option<BTreeSet<String>>| {
        let application = Application { name, revision: None };
        Scope { application, membership, namespaces, own_job: None }
    };
    let place = args.namespace.join(", ");
    let scope = match (&args.target.app, &args.target.selector) {
        (Some((namespace, name)), _) => {
            let discovery = discover::of_application(cluster, namespace, name, &argocd(&args.argo)).await?;
            facts.found(&discovery);
            discovery.scope
        }
        (None, Some(selector)) => {
            let labels = labels(selector).map_err(Stop::Usage)?;
            named(format!("{selector} in {place}"), Membership::Selector(labels), Some(namespaces))
        }
        (None, None) if !args.target.filename.is_empty() => {
            let paths: Vec<_> = args.target.filename.iter().map(|path| path.display().to_string()).collect();
            named(paths.join(", "), Membership::Everything, None)
        }
        (None, None) => named(format!("namespace {place}"), Membership::Namespace, Some(namespaces)),
    };
    facts.about(&scope.application);
    Ok(scope)
}

/// How Argo CD is set up.
pub(super) fn argocd(args: &ArgoArgs) -> discover::Options {
    discover::Options {
        namespace: args.argocd_namespace.clone(),
        instance_label: args.instance_label.clone(),
    }
}

/// `key=value`, comma-separated.
fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty())?;
        Some((key.trim().to_owned(), value.trim_start_matches('=').trim().to_owned()))
    };
    text.split(',')
        .map(|part| pair(part).ok_or_else(|| format!("--selector: {part:?} is not key=value")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_a_list_of_pairs() {
        let expected = [("a".to_owned(), "x".to_owned()), ("b/c".to_owned(), String::new())];
        assert_eq!(labels("a=x,b/c="), Ok(expected.into()));
        assert_eq!(labels("a==x").unwrap().get("a").map(String::as_str), Some("x"));
        assert!(labels("a in (x)").is_err());
        assert!(labels("=x").is_err());
    }
}
