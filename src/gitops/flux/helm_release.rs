//! `HelmRelease` of Flux, as far as we read it.

use serde::Deserialize;

use crate::gitops::flux::inventory::Inventory;
use crate::model::lenient::{Opaque, null_as_default};
use crate::model::meta::Meta;
use crate::model::reference::{GroupKind, ObjectRef};

/// API group of helm-controller.
pub const GROUP: &str = "helm.toolkit.fluxcd.io";
/// Label of what a `HelmRelease` applies: its name. Hooks have it since helm-controller 1.6.
pub const NAME: &str = "helm.toolkit.fluxcd.io/name";
/// Label of what a `HelmRelease` applies: its namespace.
pub const NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";

/// The kind.
pub fn kind() -> GroupKind {
    GroupKind::new(GROUP, "HelmRelease")
}

/// A `HelmRelease`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HelmRelease {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// What is wanted.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: HelmReleaseSpec,
    /// What is observed.
    #[serde(deserialize_with = "null_as_default")]
    pub status: HelmReleaseStatus,
}

/// `spec` of a `HelmRelease`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HelmReleaseSpec {
    /// Where the chart comes from, unless `chartRef` says so.
    #[serde(deserialize_with = "null_as_default")]
    pub chart: Chart,
    /// The objects are in another cluster.
    pub kube_config: Option<Opaque>,
    /// Tests.
    #[serde(deserialize_with = "null_as_default")]
    pub test: Test,
    /// How the first release is made.
    #[serde(deserialize_with = "null_as_default")]
    pub install: Action,
    /// How later ones are.
    #[serde(deserialize_with = "null_as_default")]
    pub upgrade: Action,
    /// For each action that has none of its own; a Go duration.
    pub timeout: Option<String>,
    /// Releases that Helm keeps; 0 for all.
    pub max_history: Option<u64>,
}

/// `spec.chart`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chart {
    /// What is wanted of it.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: ChartSpec,
}

/// `spec.chart.spec`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ChartSpec {
    /// Name in a Helm repository, or folder in another source.
    #[serde(deserialize_with = "null_as_default")]
    pub chart: String,
}

/// `spec.test`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Test {
    /// Tests run.
    #[serde(deserialize_with = "null_as_default")]
    pub enable: bool,
    /// Nothing follows from one that fails.
    #[serde(deserialize_with = "null_as_default")]
    pub ignore_failures: bool,
    /// Which of them run.
    #[serde(deserialize_with = "null_as_default")]
    pub filters: Vec<Filter>,
    /// A Go duration.
    pub timeout: Option<String>,
}

/// An entry of `spec.test.filters`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Name of a test.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// It does not run, instead of only it.
    #[serde(deserialize_with = "null_as_default")]
    pub exclude: bool,
}

/// `spec.install` and `spec.upgrade`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Action {
    /// What follows from a failure.
    #[serde(deserialize_with = "null_as_default")]
    pub strategy: Strategy,
    /// How a failure is made good.
    #[serde(deserialize_with = "null_as_default")]
    pub remediation: Remediation,
    /// It does not wait until everything is ready.
    #[serde(deserialize_with = "null_as_default")]
    pub disable_wait: bool,
    /// Hooks do not run.
    #[serde(deserialize_with = "null_as_default")]
    pub disable_hooks: bool,
}

/// `strategy` of an action.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Strategy {
    /// `RemediateOnFailure` or `RetryOnFailure`.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
}

/// `remediation` of an action.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Remediation {
    /// How often it is tried again; -1 for ever.
    pub retries: Option<i64>,
    /// A failed test is none.
    #[serde(deserialize_with = "null_as_default")]
    pub ignore_test_failures: bool,
    /// The last try is made good too; true where there are retries.
    pub remediate_last_failure: Option<bool>,
    /// Of an upgrade: `rollback` or `uninstall`.
    #[serde(deserialize_with = "null_as_default")]
    pub strategy: String,
}

/// `status` of a `HelmRelease`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct HelmReleaseStatus {
    /// Helm releases that were made of it, the newest first.
    #[serde(deserialize_with = "null_as_default")]
    pub history: Vec<Snapshot>,
    /// Objects of the newest one, hooks left out; none before helm-controller 1.5.
    pub inventory: Option<Inventory>,
}

/// An entry of `status.history`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Snapshot {
    /// Name of the Helm release.
    #[serde(deserialize_with = "null_as_default")]
    pub name: String,
    /// Namespace of the Helm release.
    #[serde(deserialize_with = "null_as_default")]
    pub namespace: String,
    /// Number of the Helm release, from 1.
    #[serde(deserialize_with = "null_as_default")]
    pub version: u64,
    /// Name of the chart.
    #[serde(deserialize_with = "null_as_default")]
    pub chart_name: String,
    /// Version of the chart.
    #[serde(deserialize_with = "null_as_default")]
    pub chart_version: String,
}

impl HelmRelease {
    /// Itself.
    pub fn reference(&self) -> ObjectRef {
        self.metadata.reference(&kind())
    }
}

impl Snapshot {
    /// The revision, as records and reports have it.
    pub fn revision(&self) -> String {
        revision(self.version, &self.chart())
    }

    /// The chart, `NAME-VERSION`.
    pub fn chart(&self) -> String {
        format!("{}-{}", self.chart_name, self.chart_version)
    }
}

/// A revision of a release, as `helm history` has it: number and chart.
pub fn revision(number: u64, chart: &str) -> String {
    format!("{number} ({chart})")
}
