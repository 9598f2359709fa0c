//! The command line: faithful to the arguments and the environment, no files, no cluster.

mod baseline;
mod explain;
mod helm;
mod policy;
mod record;
mod rollback;
mod scan;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use baseline::{
    BaselineAccept, BaselineArgs, BaselineCommand, BaselineDiff, BaselineExport, BaselineOf, BaselineShow,
};
pub use explain::ExplainArgs;
pub use helm::{HelmArgs, RunAs, VerdictArgs};
pub use policy::{CheckOutput, PolicyCheckArgs, PolicyCommand};
pub use record::RecordArgs;
pub use rollback::{
    ControllerArgs, ExecutorArgs, Mode, OptIn, ReleaseArgs, RollbackArgs, RollbackOptions, RollbackVia,
    RunArgs, TargetArgs, Tool, UnprovenTarget,
};
pub use scan::{ScanArgs, ScanTarget};

/// Judges the live resources of an application at the end of a GitOps deployment.
#[derive(Debug, Parser)]
#[command(name = "driftgate", version, about, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// More logs on standard error; twice for everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Warnings and errors only on standard error.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Settle, judge, decide, report, record: the hook Job at the end of a sync.
    Gate(Box<GateArgs>),
    /// Roll applications back when their gate asks for it, and hold the rejected revision: the Deployment beside Argo CD.
    Controller(ControllerArgs),
    /// Roll one application back, once: by hand, or in a Job where no controller runs.
    Rollback(RollbackArgs),
    /// End the quarantine of a rejected revision now.
    Release(ReleaseArgs),
    /// Say what the gate said last, by the exit code: for a Job that a Kustomization waits for.
    Verdict(VerdictArgs),
    /// Judge a live application, a namespace or files; wait for nothing, change nothing.
    Scan(ScanArgs),
    /// Write a live application as a scenario for `rehearse`, without values that may be secrets.
    Record(RecordArgs),
    /// Run the whole gate on a recorded application in the in-memory Kubernetes API.
    Rehearse(RehearseArgs),
    /// Show, compare, accept or export what an application had when it last passed.
    Baseline(BaselineArgs),
    /// Check policy files.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// List the rules.
    Rules(RulesArgs),
    /// Show one rule's page, or why a finding is covered or not.
    Explain(ExplainArgs),
    /// Print the JSON Schema of a file format.
    Schema(SchemaArgs),
    /// Print a completion script for a shell.
    Completion(CompletionArgs),
}

/// How to reach the cluster.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// Kubeconfig file; else the Pod's ServiceAccount inside a cluster, and KUBECONFIG or ~/.kube/config elsewhere.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// Thresholds, parameters and exclusions.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Policy")]
pub struct PolicyArgs {
    /// GatePolicy file, or a folder of them; may be given several times.
    #[arg(long, env = "DRIFTGATE_POLICY", value_name = "PATH", value_delimiter = ',')]
    pub policy: Vec<PathBuf>,
    /// The platform's own policy, which then is above `--policy`: files, folders, `configmap:NAMESPACE/NAME` or
    /// `configmap:NAMESPACE/KEY=VALUE` (all with that label) in the cluster, with commas between them. The files of
    /// `--policy` hold what the application's team excludes, within what is delegated.
    #[arg(long, env = "DRIFTGATE_PLATFORM_POLICY", value_name = "WHERE")]
    pub platform_policy: Option<String>,
    /// Run only these rules, by name or code.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub rule: Vec<String>,
}

/// How Argo CD marks what it manages.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Argo CD")]
pub struct ArgoArgs {
    /// Namespace of Argo CD itself.
    #[arg(long, env = "DRIFTGATE_ARGOCD_NAMESPACE", value_name = "NAMESPACE", default_value = "argocd")]
    pub argocd_namespace: String,
    /// Label of label tracking (argocd-cm `application.instanceLabelKey`).
    #[arg(long, value_name = "KEY", default_value = "app.kubernetes.io/instance")]
    pub instance_label: String,
}

impl Default for ArgoArgs {
    fn default() -> Self {
        Self { argocd_namespace: "argocd".into(), instance_label: "app.kubernetes.io/instance".into() }
    }
}

/// Format of the report on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// The same with everything that was found, minor findings too.
    Wide,
    /// For machines; see `driftgate schema report`.
    Json,
}

/// Format of a list on standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListOutput {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// When notifications are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NotifyOn {
    /// After every verdict but a pass.
    #[default]
    Failure,
    /// After every verdict.
    Always,
}

/// Where notifications go. URLs are secrets: they come from the environment or from a mounted file.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Notifications")]
pub struct NotifyArgs {
    /// Where they go.
    #[command(flatten)]
    pub targets: TargetArgs,
    /// When notifications are sent.
    #[arg(long, env = "DRIFTGATE_NOTIFY_ON", value_enum, default_value_t)]
    pub notify_on: NotifyOn,
    /// Link to put into notifications, for instance the application's page.
    #[arg(long, env = "DRIFTGATE_LINK", value_name = "URL")]
    pub link: Option<String>,
}

/// Which Kustomization is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FluxLayout {
    /// The one that applies the gate's Job.
    Same,
    /// The one that it depends on.
    Separate,
}

/// Arguments of `gate`.
#[derive(Clone, Debug, Args)]
pub struct GateArgs {
    /// The Job this gate runs in, as NAMESPACE/NAME; how the application is found.
    #[arg(long, env = "DRIFTGATE_JOB", value_name = "NAMESPACE/NAME", value_parser = namespaced)]
    pub job: Option<(String, String)>,
    /// Judge this Application, or kustomization/NAMESPACE/NAME of Flux, instead of the one that the Job belongs to.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = application, required_unless_present_any = ["job", "helm_release"])]
    pub app: Option<String>,
    /// Which Kustomization of Flux is judged: the one that applies the Job, or the one that that one depends on. Told by
    /// what it applies, if not given.
    #[arg(long, env = "DRIFTGATE_FLUX_LAYOUT", value_name = "LAYOUT", value_enum)]
    pub flux_layout: Option<FluxLayout>,
    /// The release of Helm that this gate is a test of.
    #[command(flatten)]
    pub helm: HelmArgs,
    /// Who rolls back.
    #[command(flatten)]
    pub executor: ExecutorArgs,
    /// How long nothing relevant may change before the application counts as settled.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    pub settle_quiet: Duration,
    /// How long to wait for that; keep it below the Job's activeDeadlineSeconds.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = humantime::parse_duration)]
    pub settle_timeout: Duration,
    /// Namespace of the records of what passed.
    #[arg(long, env = "DRIFTGATE_RECORDS_NAMESPACE", value_name = "NAMESPACE", default_value = "driftgate")]
    pub records_namespace: String,
    /// File for the summary that Kubernetes shows as the container's termination message.
    #[arg(long, env = "DRIFTGATE_TERMINATION_MESSAGE_FILE", value_name = "FILE")]
    pub termination_message_file: Option<PathBuf>,
    /// Format of the report.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
    /// How to reach the cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Argo CD.
    #[command(flatten)]
    pub argo: ArgoArgs,
    /// Policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Notifications.
    #[command(flatten)]
    pub notify: NotifyArgs,
}

/// Arguments of `rehearse`.
#[derive(Clone, Debug, Args)]
pub struct RehearseArgs {
    /// Folder of a scenario.
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Format of the report.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// Arguments of `rules`.
#[derive(Clone, Debug, Args)]
pub struct RulesArgs {
    /// Format of the list.
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ListOutput,
}

/// Arguments of `schema`.
#[derive(Clone, Debug, Args)]
pub struct SchemaArgs {
    /// Which format.
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// File formats with a published schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// GatePolicy files.
    Policy,
    /// The JSON report.
    Report,
    /// scenario.yaml of `rehearse`.
    Scenario,
}

/// Arguments of `completion`.
#[derive(Clone, Debug, Args)]
pub struct CompletionArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `NAMESPACE/NAME`.
fn namespaced(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("expected NAMESPACE/NAME, for instance argocd/shop".to_owned()),
    }
}

/// `NAMESPACE/NAME` of an Application, or `kustomization/NAMESPACE/NAME`.
fn application(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("kustomization/").filter(|rest| rest.contains('/')).unwrap_or(text);
    let wrong = "expected NAMESPACE/NAME or kustomization/NAMESPACE/NAME, for instance argocd/shop";
    namespaced(rest).map(|_| text.to_owned()).map_err(|_other| wrong.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_namespaced_name_has_two_parts() {
        assert_eq!(namespaced("argocd/shop"), Ok(("argocd".into(), "shop".into())));
        for text in ["shop", "/shop", "argocd/", "a/b/c", ""] {
            assert!(namespaced(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_application_may_be_a_kustomization() {
        for text in ["argocd/shop", "kustomization/apps/shop"] {
            assert_eq!(application(text), Ok(text.to_owned()));
        }
        for text in ["shop", "a/b/c", "kustomization/apps/", "kustomization//shop", "kustomization/a/b/c"] {
            assert!(application(text).is_err(), "{text}");
        }
    }
}
