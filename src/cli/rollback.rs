//! Arguments of the commands that execute rollbacks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{ClusterArgs, application};

/// Who rolls back when a gate asks for it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rollback")]
pub struct ExecutorArgs {
    /// Who rolls back: the controller that watches Applications, or a Job that this gate starts.
    #[arg(long, value_enum, value_name = "WHO", default_value_t)]
    pub rollback_via: RollbackVia,
    /// ServiceAccount of that Job.
    #[arg(long, value_name = "NAME", default_value = "driftgate-rollback")]
    pub rollback_account: String,
}

/// Who rolls back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RollbackVia {
    /// `driftgate controller`.
    #[default]
    Controller,
    /// A Job that the gate starts.
    Job,
}

/// Arguments of `controller`.
#[derive(Clone, Debug, Args)]
pub struct ControllerArgs {
    /// GitOps tools to serve; all that are installed if none is named.
    #[arg(long, value_enum, value_name = "TOOL", value_delimiter = ',')]
    pub tool: Vec<Tool>,
    /// Namespaces of Applications and Kustomizations to serve; all of them if none is named.
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',')]
    pub application_namespace: Vec<String>,
    /// Serve only Applications and Kustomizations with these labels, in Kubernetes' selector syntax. A Kustomization that
    /// only gates another one needs them too.
    #[arg(short = 'l', long, value_name = "LABELS")]
    pub selector: Option<String>,
    /// Address of /healthz, /readyz and /metrics.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// How to do it.
    #[command(flatten)]
    pub executor: RunArgs,
}

/// A GitOps tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Tool {
    /// Argo CD and its Applications.
    Argocd,
    /// Flux and its Kustomizations.
    Flux,
}

/// Arguments of `rollback`.
#[derive(Clone, Debug, Args)]
pub struct RollbackArgs {
    /// The Application, or the Kustomization of Flux as kustomization/NAMESPACE/NAME.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = application)]
    pub app: String,
    /// Where to go back to: a number in the Application's history, or a commit or digest of a Kustomization; else what its
    /// gate asked for, or the last other revision.
    #[arg(long, value_name = "ID|REVISION", conflicts_with = "after_gate")]
    pub to: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Roll back only if a gate asks for it, and wait for that: for a Job that the gate starts.
    #[arg(long)]
    pub after_gate: bool,
    /// Revisions that the gate has passed, as its record has them.
    #[arg(long, value_name = "REVISION", value_delimiter = ',')]
    pub passed: Vec<String>,
    /// How long to go on.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
    /// How to do it.
    #[command(flatten)]
    pub executor: RunArgs,
}

/// Arguments of `release`.
#[derive(Clone, Debug, Args)]
pub struct ReleaseArgs {
    /// The Application, or the Kustomization of Flux as kustomization/NAMESPACE/NAME.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = application)]
    pub app: String,
    /// Keep the revision rejected: if it comes again, it is rolled back again.
    #[arg(long)]
    pub forbid: bool,
    /// How long to go on.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    pub timeout: Duration,
    /// How to do it.
    #[command(flatten)]
    pub executor: RunArgs,
}

/// What all commands that execute rollbacks have in common.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// When to roll back, and where state is kept.
    #[command(flatten)]
    pub rollback: RollbackOptions,
    /// How to reach the cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Notifications.
    #[command(flatten)]
    pub notify: TargetArgs,
}

/// When to roll back, and where state is kept. What an argument says counts more than the platform's policy.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rollback")]
pub struct RollbackOptions {
    /// Namespace of Argo CD itself.
    #[arg(long, env = "DRIFTGATE_ARGOCD_NAMESPACE", value_name = "NAMESPACE", default_value = "argocd")]
    pub argocd_namespace: String,
    /// Namespace of the states and of the Lease.
    #[arg(long, env = "DRIFTGATE_NAMESPACE", value_name = "NAMESPACE", default_value = "driftgate")]
    pub namespace: String,
    /// The platform's policy, whose `rollback` says what the arguments below do not: a file, a folder, or
    /// `configmap:NAMESPACE/NAME`. It is read once.
    #[arg(long, env = "DRIFTGATE_PLATFORM_POLICY", value_name = "WHERE")]
    pub platform_policy: Option<String>,
    /// What follows when a gate asks for a rollback. Default: rollback.
    #[arg(long, value_enum, value_name = "MODE")]
    pub mode: Option<Mode>,
    /// Whose rollbacks are wanted: of Applications marked with driftgate.dev/rollback: "on", themselves or by their
    /// AppProject, or of all. Default: marked.
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub opt_in: Option<OptIn>,
    /// Leave alone Applications that are marked with driftgate.dev/rollback: "off".
    #[arg(long)]
    pub allow_opt_out: bool,
    /// Whether to go back to a revision that no gate was seen to pass. Default: never.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub unproven_target: Option<UnprovenTarget>,
    /// How long an application may take to become healthy after a rollback. Default: 10m.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub health_timeout: Option<Duration>,
}

/// What follows when a gate asks for a rollback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Nothing; and a gate that ends well is not taken for a pass, because it ends well on drift too.
    Report,
    /// Nothing.
    Fail,
    /// A Kustomization is left as it is until its source moves on.
    Freeze,
    /// The application goes back.
    Rollback,
}

/// Whose rollbacks are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OptIn {
    /// Of Applications that are marked.
    Marked,
    /// Of all.
    All,
}

/// Whether to go back to a revision that no gate was seen to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnprovenTarget {
    /// Never.
    Never,
    /// If it is the last whose whole sync succeeded.
    LastSuccess,
}

/// Where notifications go.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Notifications")]
pub struct TargetArgs {
    /// File that holds the URL of a JSON webhook; else `DRIFTGATE_WEBHOOK_URL` is read.
    #[arg(long, value_name = "FILE")]
    pub webhook_url_file: Option<PathBuf>,
    /// File that holds the URL of a Slack-compatible incoming webhook; else `DRIFTGATE_SLACK_URL` is read.
    #[arg(long, value_name = "FILE")]
    pub slack_url_file: Option<PathBuf>,
    /// Address of Flux's notification-controller, as its controllers have it; empty for none. It is told what is said of
    /// Kustomizations and HelmReleases, so that Alerts, Providers and commit statuses show it.
    #[arg(long, env = "DRIFTGATE_FLUX_EVENTS_ADDR", value_name = "URL")]
    pub flux_events_addr: Option<String>,
}
