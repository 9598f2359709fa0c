//! Arguments of `policy`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

/// What to do with policy files.
#[derive(Clone, Debug, Subcommand)]
pub enum PolicyCommand {
    /// Say everything that is wrong or odd with policy files: for CI. Ends with 3 if something is wrong.
    Check(PolicyCheckArgs),
}

/// Arguments of `policy check`.
#[derive(Clone, Debug, Args)]
pub struct PolicyCheckArgs {
    /// GatePolicy files, or folders of them.
    #[arg(value_name = "FILE|DIR", env = "DRIFTGATE_POLICY", value_delimiter = ',')]
    #[arg(required_unless_present = "filename")]
    pub paths: Vec<PathBuf>,
    /// Manifests, or folders of them, of what deploys applications with Flux: no gate's Job or Kustomization may fail open,
    /// and each HelmRelease that shows a gate must go back when that fails as a test in its chart.
    #[arg(short, long, value_name = "FILE|DIR")]
    pub filename: Vec<PathBuf>,
    /// Check each HelmRelease, also where nothing shows that its chart holds the gate.
    #[arg(long, requires = "filename")]
    pub every_release: bool,
    /// Folder of a scenario, for instance a recorded application: exclusions that cover nothing of it are unused; with
    /// several, those that cover nothing of any.
    #[arg(long, value_name = "SCENARIO")]
    pub against: Vec<PathBuf>,
    /// Remove expired and unused exclusions from the files; everything else in them stays as it is.
    #[arg(long)]
    pub fix: bool,
    /// End with 3 for warnings too.
    #[arg(long)]
    pub strict: bool,
    /// Warn of exclusions that expire within this time.
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = humantime::parse_duration)]
    pub expiring_within: Duration,
    /// Format of the list.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: CheckOutput,
}

/// Format of what `policy check` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    /// For people: FILE:LINE:COLUMN before each line.
    #[default]
    Text,
    /// For machines.
    Json,
    /// SARIF 2.1.0, for code hosts.
    Sarif,
}
