//! `driftgate verdict`: what the gate said last of a release, as an exit code. Asks twice, writes nothing.

use std::io::{self, Write};

use crate::app::inputs;
use crate::app::told::Stop;
use crate::cli::VerdictArgs;
use crate::cluster::Cluster;
use crate::exit::Exit;
use crate::gitops::flux::helm_release::{self, HelmRelease};
use crate::store::verdicts::{self, LastVerdict};

/// Runs the command.
pub(super) async fn run(args: &VerdictArgs, out: &mut impl Write) -> io::Result<Exit> {
    let said = match inputs::connect(&args.cluster).await {
        Ok(cluster) => said(&cluster, &args.records_namespace, &args.app).await,
        Err(error) => Err(error.into()),
    };
    let (exit, text) = said.unwrap_or_else(|stop| stop.told());
    writeln!(out, "{}: {text}", args.app)?;
    Ok(exit)
}

/// The exit code and the sentence.
async fn said(cluster: &Cluster, namespace: &str, application: &str) -> Result<(Exit, String), Stop> {
    let running = running(cluster, application).await?;
    let Some(last) = verdicts::last(cluster, namespace, application).await? else {
        return Ok((Exit::Inconclusive, "the gate has not said anything of it yet".to_owned()));
    };
    Ok(judge(&last, running.as_deref()))
}

fn judge(last: &LastVerdict, running: Option<&str>) -> (Exit, String) {
    let LastVerdict { revision, time, exit_code, reason, .. } = last;
    let revision = revision.as_deref().unwrap_or("a revision whose name is not known");
    if let Some(running) = running.filter(|running| *running != revision) {
        let text = format!(
            "{running} runs, and the last verdict is on {revision}: the gate has not judged what runs"
        );
        return (Exit::Inconclusive, text);
    }
    let known = Exit::ALL.into_iter().find(|exit| exit.code() == *exit_code);
    (known.unwrap_or(Exit::Bug), format!("exit code {exit_code} on {revision} at {time:.0}: {reason}"))
}

/// The release that runs, where a `HelmRelease` tells; the gate may have judged another one.
async fn running(cluster: &Cluster, application: &str) -> Result<Option<String>, Stop> {
    let Some((namespace, name)) =
        application.strip_prefix("helmrelease/").and_then(|rest| rest.split_once('/'))
    else {
        return Ok(None);
    };
    let kinds = cluster.kinds().await?;
    let kind = kinds.find(&helm_release::kind());
    let kind = kind.ok_or_else(|| Stop::NotFound("this cluster serves no HelmReleases".to_owned()))?;
    let found: Option<HelmRelease> = cluster.get(kind, namespace, name).await?;
    let found = found.ok_or_else(|| Stop::NotFound("there is no such HelmRelease".to_owned()))?;
    let newest = found.status.history.first().map(helm_release::Snapshot::revision);
    newest.map(Some).ok_or_else(|| Stop::NotFound("the HelmRelease has released nothing yet".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(exit_code: u8) -> LastVerdict {
        let time = "2026-11-24T10:00:00Z".parse().unwrap();
        LastVerdict::new("helmrelease/apps/web", Some("3 (web-1.2.0)"), time, exit_code, "drift")
    }

    #[test]
    fn the_exit_code_is_that_of_the_verdict() {
        for exit in Exit::ALL {
            assert_eq!(judge(&last(exit.code()), Some("3 (web-1.2.0)")).0, exit);
        }
        let (exit, text) = judge(&last(10), None);
        assert_eq!(exit, Exit::Blocked, "plain Helm tells nobody what runs");
        assert_eq!(text, "exit code 10 on 3 (web-1.2.0) at 2026-11-24T10:00:00Z: drift");
    }

    #[test]
    fn a_pass_of_another_release_is_none_of_this_one() {
        let (exit, text) = judge(&last(0), Some("4 (web-1.3.0)"));
        assert_eq!(exit, Exit::Inconclusive);
        assert!(text.contains("4 (web-1.3.0) runs") && text.contains("3 (web-1.2.0)"), "{text}");
    }
}
