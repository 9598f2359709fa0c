//! Arguments about releases of Helm, and those of `verdict`.

use clap::{Args, ValueEnum};

use super::{ClusterArgs, namespaced};

/// Which release the gate is a test of.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Helm")]
pub struct HelmArgs {
    /// As what the gate runs: a Helm test fails only for the verdicts in the policy's `helmRelease.rollbackOn`.
    #[arg(long = "as", value_name = "WHAT", value_enum, requires = "helm_release")]
    pub run_as: Option<RunAs>,
    /// The release, by its namespace and name.
    #[arg(long, env = "DRIFTGATE_HELM_RELEASE", value_name = "NAMESPACE/NAME", value_parser = namespaced)]
    #[arg(conflicts_with = "app")]
    pub helm_release: Option<(String, String)>,
    /// Its number: `.Release.Revision` in a chart.
    #[arg(long, env = "DRIFTGATE_HELM_REVISION", value_name = "NUMBER", requires = "helm_release")]
    pub helm_revision: Option<u64>,
    /// Its chart, NAME-VERSION.
    #[arg(long, env = "DRIFTGATE_HELM_CHART", value_name = "CHART", requires = "helm_release")]
    pub helm_chart: Option<String>,
}

/// As what the gate runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunAs {
    /// A test of a release, upon whose failure Flux rolls back.
    HelmTest,
}

/// Arguments of `verdict`.
#[derive(Clone, Debug, Args)]
pub struct VerdictArgs {
    /// The application, as reports name it: helmrelease/NAMESPACE/NAME or helm/NAMESPACE/NAME.
    #[arg(long, env = "DRIFTGATE_APPLICATION", value_name = "APPLICATION", value_parser = released)]
    pub app: String,
    /// Namespace of the records.
    #[arg(long, env = "DRIFTGATE_RECORDS_NAMESPACE", value_name = "NAMESPACE", default_value = "driftgate")]
    pub records_namespace: String,
    /// How to reach the cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// The name of an application that Helm released.
fn released(text: &str) -> Result<String, String> {
    let wrong = || "expected helmrelease/NAMESPACE/NAME or helm/NAMESPACE/NAME".to_owned();
    let rest = text.strip_prefix("helmrelease/").or_else(|| text.strip_prefix("helm/")).ok_or_else(wrong)?;
    namespaced(rest).map(|_name| text.to_owned()).map_err(|_other| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_of_helm_says_what_manages_it() {
        for text in ["helmrelease/apps/shop", "helm/shop/web"] {
            assert_eq!(released(text), Ok(text.to_owned()));
        }
        for text in ["shop", "argocd/shop", "helm/shop", "helm/a/b/c", "kustomization/a/b"] {
            assert!(released(text).is_err(), "{text}");
        }
    }
}
