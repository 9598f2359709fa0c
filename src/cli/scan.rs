//! Arguments of `scan`.

use std::path::PathBuf;

use clap::Args;

use super::{ArgoArgs, ClusterArgs, Output, PolicyArgs, application};

/// Arguments of `scan`.
#[derive(Clone, Debug, Args)]
pub struct ScanArgs {
    /// What to judge.
    #[command(flatten)]
    pub target: ScanTarget,
    /// Namespaces to look in; alone, everything in them is judged.
    #[arg(short, long, value_name = "NAMESPACE", value_delimiter = ',', conflicts_with = "filename")]
    pub namespace: Vec<String>,
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
}

/// What `scan` looks at.
#[derive(Clone, Debug, Default, Args)]
#[group(multiple = false)]
pub struct ScanTarget {
    /// An Argo CD Application, as NAMESPACE/NAME, or a Kustomization of Flux, as kustomization/NAMESPACE/NAME.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = application)]
    pub app: Option<String>,
    /// Objects that carry these labels: key=value, comma-separated; needs --namespace.
    #[arg(short = 'l', long, value_name = "LABELS", requires = "namespace")]
    pub selector: Option<String>,
    /// Manifests: YAML or JSON, several documents, Lists; `-` is standard input.
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub filename: Vec<PathBuf>,
}
