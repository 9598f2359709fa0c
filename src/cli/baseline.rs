//! Arguments of `baseline`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{ArgoArgs, ClusterArgs, ListOutput, Output, PolicyArgs, application};

/// Arguments of `baseline`.
#[derive(Clone, Debug, Args)]
pub struct BaselineArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: BaselineCommand,
}

/// What to do with a baseline.
#[derive(Clone, Debug, Subcommand)]
pub enum BaselineCommand {
    /// Show what was accepted.
    Show(BaselineShow),
    /// Say what the live application has that is new, and what has gone; ends with 10 if something new would block.
    Diff(BaselineDiff),
    /// Wait until the application has settled, and accept what it has then.
    Accept(BaselineAccept),
    /// Print a policy file with an exclusion for each finding that would block, reasons and owners to be filled in.
    Export(BaselineExport),
}

/// Whose baseline, and where it is.
#[derive(Clone, Debug, Args)]
pub struct BaselineOf {
    /// An Argo CD Application, as NAMESPACE/NAME, or a Kustomization of Flux, as kustomization/NAMESPACE/NAME.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = application)]
    pub app: String,
    /// Namespace of the records of what passed.
    #[arg(long, env = "DRIFTGATE_RECORDS_NAMESPACE", value_name = "NAMESPACE", default_value = "driftgate")]
    pub records_namespace: String,
    /// How to reach the cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Arguments of `baseline show`.
#[derive(Clone, Debug, Args)]
pub struct BaselineShow {
    /// Whose.
    #[command(flatten)]
    pub of: BaselineOf,
    /// Format.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ListOutput,
}

/// Arguments of `baseline diff`.
#[derive(Clone, Debug, Args)]
pub struct BaselineDiff {
    /// Whose.
    #[command(flatten)]
    pub of: BaselineOf,
    /// Format.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ListOutput,
    /// Argo CD.
    #[command(flatten)]
    pub argo: ArgoArgs,
    /// Policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Arguments of `baseline accept`.
#[derive(Clone, Debug, Args)]
pub struct BaselineAccept {
    /// Whose.
    #[command(flatten)]
    pub of: BaselineOf,
    /// How long nothing relevant may change before the application counts as settled.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub settle_quiet: Duration,
    /// How long to wait for that.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
    pub settle_timeout: Duration,
    /// Format of the report.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// Argo CD.
    #[command(flatten)]
    pub argo: ArgoArgs,
    /// Policy: what its exclusions cover is not accepted besides.
    #[command(flatten)]
    pub policy: PolicyArgs,
}

/// Arguments of `baseline export`.
#[derive(Clone, Debug, Args)]
pub struct BaselineExport {
    /// Whose.
    #[command(flatten)]
    pub of: BaselineOf,
    /// How many days from today the exclusions hold.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub days: u16,
    /// Argo CD.
    #[command(flatten)]
    pub argo: ArgoArgs,
    /// Policy: what its exclusions cover is left out.
    #[command(flatten)]
    pub policy: PolicyArgs,
}
