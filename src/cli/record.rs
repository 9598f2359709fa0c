//! Arguments of `record`.

use std::path::PathBuf;

use clap::Args;

use super::{ArgoArgs, ClusterArgs};

/// Arguments of `record`.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// An Argo CD Application, NAMESPACE/NAME, or a Kustomization of Flux, kustomization/NAMESPACE/NAME.
    #[arg(long, value_name = "NAME", required_unless_present = "namespace")]
    pub app: Option<String>,
    /// Namespaces to record instead, whole or by --selector.
    #[arg(short, long, value_name = "NAMESPACE", value_delimiter = ',', conflicts_with = "app")]
    pub namespace: Vec<String>,
    /// Only objects that carry these labels: key=value, comma-separated; needs --namespace.
    #[arg(short = 'l', long, value_name = "LABELS", requires = "namespace")]
    pub selector: Option<String>,
    /// Folder to write; an earlier recording in it is replaced, anything else is left alone.
    #[arg(long, value_name = "FOLDER")]
    pub to: PathBuf,
    /// Write into the folder although something else is in it.
    #[arg(long)]
    pub force: bool,
    /// GatePolicy file, or a folder of them, to record too; may be given several times.
    #[arg(long, env = "DRIFTGATE_POLICY", value_name = "PATH", value_delimiter = ',')]
    pub policy: Vec<PathBuf>,
    /// The platform's policy, to record too: files, folders, `configmap:NAMESPACE/NAME` or `configmap:NAMESPACE/KEY=VALUE`
    /// in the cluster, with commas between them.
    #[arg(long, env = "DRIFTGATE_PLATFORM_POLICY", value_name = "WHERE")]
    pub platform_policy: Option<String>,
    /// Namespace of the records of what passed.
    #[arg(long, env = "DRIFTGATE_RECORDS_NAMESPACE", value_name = "NAMESPACE", default_value = "driftgate")]
    pub records_namespace: String,
    /// How to reach the cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// Argo CD.
    #[command(flatten)]
    pub argo: ArgoArgs,
}
