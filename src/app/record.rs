//! `driftgate record`: a live application as a scenario for `rehearse`, without what may be a secret.
//!
//! It looks as `scan` does, through a tapped connection: whatever was read is written down, redacted as it arrives.
//! Before anything is written, the recording itself is judged, and must be judged as the live application was.

mod folder;
mod heard;
mod nearby;
mod recording;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::app::outputs::Console;
use crate::app::record::folder::Files;
use crate::app::record::recording::{Picked, Recording};
use crate::app::rollback::{Name, Tool};
use crate::app::told::Stop;
use crate::app::{Clock, inputs, target};
use crate::cli::RecordArgs;
use crate::cluster::{Cluster, Reason};
use crate::exit::Exit;
use crate::policy;
use crate::record::Record;
use crate::report::Printable;
use crate::rules::Settings;
use crate::store;

/// How often an application is looked at that changes meanwhile.
const LOOKS: usize = 3;

/// Runs the command.
pub(super) async fn run(args: &RecordArgs, console: &Console, out: &mut impl Write) -> io::Result<Exit> {
    match record(args, console).await {
        Ok(lines) => {
            for line in lines {
                writeln!(out, "{}", Printable::new(line))?;
            }
            Ok(Exit::Pass)
        }
        Err(stop) => {
            let (exit, reason) = stop.told();
            writeln!(io::stderr(), "error: {reason}")?;
            Ok(exit)
        }
    }
}

/// Records, and says what was recorded, line by line.
async fn record(args: &RecordArgs, console: &Console) -> Result<Vec<String>, Stop> {
    folder::check(&args.to, args.force).map_err(Stop::Invalid)?;
    let picked = picked(args)?;
    let to_record = ToRecord {
        picked: &picked,
        policies: &args.policy,
        platform: args.platform_policy.as_deref(),
        records_namespace: &args.records_namespace,
    };
    let cluster = inputs::connect(&args.cluster).await?;
    let phase = console.progress().phase("record");
    let lines = to_record.record(&cluster, Clock::wall().today(), &args.to).await?;
    phase.end("written");
    Ok(lines)
}

/// What goes into one recording.
struct ToRecord<'a> {
    picked: &'a Picked,
    policies: &'a [PathBuf],
    /// Where the platform's policy is.
    platform: Option<&'a str>,
    records_namespace: &'a str,
}

impl ToRecord<'_> {
    async fn record(&self, cluster: &Cluster, today: Date, folder: &Path) -> Result<Vec<String>, Stop> {
        let policies = inputs::policies(self.policies).map_err(Stop::Invalid)?;
        let (policy, platform) = match self.platform {
            Some(place) => {
                let platform = inputs::platform(place, Some(cluster)).await?;
                (policy::parse_layers(&platform, &policies, today)?, platform)
            }
            None => (policy::parse_layers(&policies, &[], today)?, Vec::new()),
        };
        let mut recording = self.look(cluster, &policy.settings, today).await?;
        let passed = self.last_pass(cluster, &recording).await?;
        let mut lines = recording.summary(folder);
        match passed {
            Ok(Some(record)) => {
                lines.push(format!("last pass: {record}"));
                recording.add_record(record).map_err(Stop::Invalid)?;
            }
            Ok(None) => lines.push("last pass: none is on record".to_owned()),
            Err(why) => lines.push(format!("last pass: not recorded: {why}")),
        }
        recording.files.extend(policy_files(folder::POLICY, &policies));
        recording.files.extend(policy_files(folder::PLATFORM, &platform));
        folder::write(folder, &recording.into_files().map_err(Stop::Invalid)?).map_err(Stop::Invalid)?;
        lines.push(format!("run it: driftgate rehearse {}", folder.display()));
        Ok(lines)
    }

    /// Looks until the recording is judged like the live application: it may change meanwhile.
    async fn look(&self, cluster: &Cluster, settings: &Settings, today: Date) -> Result<Recording, Stop> {
        for _ in 1..LOOKS {
            let recording = Box::pin(Recording::of(cluster, self.picked, settings, today)).await?;
            match &recording.difference {
                None => return Ok(recording),
                Some(what) => tracing::info!(what, "the application changed: looking again"),
            }
        }
        let recording = Box::pin(Recording::of(cluster, self.picked, settings, today)).await?;
        match &recording.difference {
            None => Ok(recording),
            Some(what) => Err(unlike(&recording, what)),
        }
    }

    /// The record of the last pass of an application, or why it could not be read.
    async fn last_pass(
        &self,
        cluster: &Cluster,
        recording: &Recording,
    ) -> Result<Result<Option<Record>, String>, Stop> {
        if matches!(self.picked, Picked::Selection { .. }) {
            return Ok(Ok(None));
        }
        let name = &recording.discovery.scope.application.name;
        match store::newest(cluster, self.records_namespace, name).await {
            Ok(record) => Ok(Ok(record)),
            Err(store::Error::Api(error)) if error.reason() == Reason::Unavailable => Err(error.into()),
            Err(error) => Ok(Err(error.to_string())),
        }
    }
}

fn picked(args: &RecordArgs) -> Result<Picked, Stop> {
    if let Some(app) = &args.app {
        let Name { tool, namespace, name } = target::named(app)?;
        return Ok(match tool {
            Tool::ArgoCd => Picked::Application { namespace, name, options: target::argocd(&args.argo) },
            Tool::Flux => Picked::Kustomization { namespace, name },
        });
    }
    let scope = target::selection(&args.namespace, args.selector.as_deref()).map_err(Stop::Usage)?;
    Ok(Picked::Selection { scope, selector: args.selector.clone() })
}

fn unlike(recording: &Recording, difference: &str) -> Stop {
    let name = &recording.discovery.scope.application.name;
    Stop::NotFound(format!(
        "recording {name}: {difference} is not the same in the recording, {LOOKS} times over, so nothing was \
         written; try again when the application does not change, and report it if it does not"
    ))
}

/// Policy files by their own names; a second one of the same name gets a number.
fn policy_files(folder: &str, policies: &[(String, String)]) -> Files {
    let mut files = BTreeMap::new();
    for (path, text) in policies {
        let name =
            Path::new(path).file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let numbered = (2..).map(|number: u32| format!("{number}-{name}"));
        let paths = std::iter::once(name.clone()).chain(numbered).map(|name| format!("{folder}/{name}"));
        if let Some(path) = paths.into_iter().find(|path| !files.contains_key(path)) {
            files.insert(path, text.clone());
        }
    }
    files
}
