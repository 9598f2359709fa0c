//! The policy file as it is written: fields, types and their documentation, which is also the published JSON Schema.
//!
//! Does not know whether a rule exists, what a date or a pattern is, or what several files make together. That the
//! schema and the reader know the same fields is a test.

mod read;

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::fields::Located;
use super::helm::Unpassed;
use super::injector::RawInjector;
use super::tree::At;
use crate::finding::{Provenance, Severity};
use crate::rollback::Mode;
#[cfg(test)]
pub(super) use read::FIELDS;

/// `apiVersion` of a policy file.
pub(super) const API_VERSION: &str = "driftgate.dev/v1alpha1";

/// `kind` of a policy file.
pub(super) const KIND: &str = "GatePolicy";

/// What driftgate blocks, what it wants rolled back, and which findings are permitted.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "GatePolicy", rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "all but spec is only checked while it is read")]
pub(super) struct RawPolicy {
    /// Always `driftgate.dev/v1alpha1`.
    #[schemars(with = "String", extend("const" = API_VERSION))]
    api_version: Option<Located<String>>,
    /// Always `GatePolicy`.
    #[schemars(with = "String", extend("const" = KIND))]
    kind: Option<Located<String>>,
    /// For people; nothing here changes a verdict.
    metadata: Option<RawMetadata>,
    /// The policy.
    #[schemars(with = "RawSpec")]
    pub(super) spec: Option<RawSpec>,
}

/// For people; nothing here changes a verdict.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Metadata", deny_unknown_fields)]
#[expect(dead_code, reason = "read for its problems only; the fields are the schema's")]
pub(super) struct RawMetadata {
    /// Name of the policy.
    name: Option<Located<String>>,
    /// Namespace of the policy.
    namespace: Option<Located<String>>,
    /// Labels.
    labels: Option<BTreeMap<String, String>>,
    /// Annotations.
    annotations: Option<BTreeMap<String, String>>,
}

/// Thresholds, parameters and permissions.
#[derive(Debug, Default, JsonSchema)]
#[schemars(rename = "Spec", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawSpec {
    /// Drift of this severity or worse fails the sync. Default: high.
    #[schemars(with = "Option<Severity>")]
    pub(super) fail_at: Option<Located<String>>,
    /// Proven, new drift of this severity or worse asks for a rollback; not below `failAt`. Default: critical.
    #[schemars(with = "Option<Severity>")]
    pub(super) rollback_at: Option<Located<String>>,
    /// When a rollback is asked for, and how it is made.
    pub(super) rollback: Option<RawRollback>,
    /// How the gate ends as a Helm test.
    pub(super) helm_release: Option<RawHelmRelease>,
    /// What permits a finding: `exclusions`, what the last revision that passed had (`baseline`), or `both`. Default:
    /// exclusions.
    #[schemars(with = "Option<String>", extend("enum" = MODES))]
    pub(super) mode: Option<Located<String>>,
    /// How many days from today an exclusion may hold, at most; the last day of each is held against it every day.
    /// Default: no limit.
    #[schemars(with = "Option<u16>", range(min = 1))]
    pub(super) max_exclusion_days: Option<Located<String>>,
    /// What a baseline permits before there is one.
    pub(super) baseline: Option<RawBaseline>,
    /// Parameters of rules.
    pub(super) rules: Option<RawRules>,
    /// What the application's team may permit in a policy of its own. Only in the platform's policy.
    #[schemars(with = "Option<Vec<RawDelegation>>")]
    pub(super) delegation: Vec<RawDelegation>,
    /// Permissions for findings.
    #[schemars(with = "Option<Vec<RawExclusion>>")]
    pub(super) exclusions: Vec<RawExclusion>,
}

/// When a rollback is asked for, and how it is made.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Rollback", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRollback {
    /// What follows from drift: `report` fails nothing, `fail` asks for nothing beyond a failed deployment, `freeze` leaves
    /// a Kustomization as it is until its source moves on, `rollback` goes back. Default: rollback.
    #[schemars(with = "Option<String>", extend("enum" = Mode::ALL.map(Mode::as_str)))]
    pub(super) mode: Option<Located<String>>,
    /// Ask for a rollback although no good revision is on record, so that nobody can know whether it helps. Default:
    /// false.
    pub(super) without_baseline: Option<Located<bool>>,
    /// Whose rollbacks the controller makes: of Applications that are `marked` with driftgate.dev/rollback, themselves or
    /// by their AppProject, or of `all`. Default: marked.
    #[schemars(with = "Option<String>", extend("enum" = OPT_INS))]
    pub(super) opt_in: Option<Located<String>>,
    /// Leave an Application alone that is marked with driftgate.dev/rollback: "off". Default: false.
    pub(super) allow_opt_out: Option<Located<bool>>,
    /// Whether to go back to a revision that no gate was seen to pass: `never`, or `last-success` if its whole sync
    /// succeeded. Default: never.
    #[schemars(with = "Option<String>", extend("enum" = UNPROVEN_TARGETS))]
    pub(super) unproven_target: Option<Located<String>>,
    /// How long an application may take to become healthy after a rollback: `90s`, `10m`. Default: 10m.
    #[schemars(with = "Option<String>")]
    pub(super) health_timeout: Option<Located<String>>,
}

/// How the gate ends as a Helm test. Flux rolls a HelmRelease back on any failed test.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "HelmRelease", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawHelmRelease {
    /// Verdicts that fail the test; others are told and recorded, and the test succeeds: critical, blocked,
    /// not-settled, inconclusive. Default: critical, which is proven, new, and brought by the release.
    #[schemars(with = "Option<Vec<Unpassed>>")]
    pub(super) rollback_on: Option<Located<Vec<Located<String>>>>,
}

/// What a baseline permits before there is one.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Baseline", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawBaseline {
    /// `fail` permits nothing, `accept` everything, `accept-below` what is below the severity `below`. Default: fail.
    #[schemars(with = "Option<String>", extend("enum" = FIRST_RUNS))]
    pub(super) first_run: Option<Located<String>>,
    /// For `accept-below`: findings of this severity or worse are not permitted.
    #[schemars(with = "Option<Severity>")]
    pub(super) below: Option<Located<String>>,
}

/// Parameters of rules. A list replaces its default.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Rules", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRules {
    /// Namespaces where a grant is as bad as in the whole cluster; names, no patterns.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) sensitive_namespaces: Option<Located<Vec<Located<String>>>>,
    /// Runtime handlers that put a kernel or a hypervisor of their own between a container and the node; a trailing
    /// `*` stands for any ending.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) sandbox_handlers: Option<Located<Vec<Located<String>>>>,
    /// Capabilities that any container may add.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) allowed_capabilities: Option<Located<Vec<Located<String>>>>,
    /// Paths of a node that any container may mount, with all below them; those that are sensitive stay findings.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) allowed_host_paths: Option<Located<Vec<Located<String>>>>,
    /// Custom resources that become Pods, besides those that are known or tell by their schema: `widgets.example.com`.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) pod_producers: Option<Located<Vec<Located<String>>>>,
    /// Injectors whose containers may have what they are known to need, where admission added them.
    #[schemars(with = "Option<Vec<RawInjector>>")]
    pub(super) trusted_injectors: Vec<RawInjector>,
    /// Rules that do not run, by id or code.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) off: Option<Located<Vec<Located<String>>>>,
    /// Severities of rules' findings.
    #[schemars(with = "Option<Vec<RawSeverity>>")]
    pub(super) severities: Vec<RawSeverity>,
}

/// A severity that all findings of a rule get, instead of what the rule says.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "RuleSeverity", deny_unknown_fields)]
pub(super) struct RawSeverity {
    #[schemars(skip)]
    pub(super) at: At,
    /// Id of the rule, or its code.
    #[schemars(with = "String")]
    pub(super) rule: Option<Located<String>>,
    /// The severity.
    #[schemars(with = "Severity")]
    pub(super) severity: Option<Located<String>>,
    /// Only for subjects of these namespaces, names or patterns; wins over an entry for all. Default: all.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) namespaces: Option<Located<Vec<Located<String>>>>,
}

/// What the application's team may permit.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Delegation", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawDelegation {
    /// Ids of rules, or their codes; `*` is every rule about the application.
    #[schemars(with = "Vec<String>")]
    pub(super) rules: Option<Located<Vec<Located<String>>>>,
    /// Findings worse than this stay the platform's.
    #[schemars(with = "Severity")]
    pub(super) up_to: Option<Located<String>>,
    /// Most days from today that an exclusion may hold.
    #[schemars(with = "u16")]
    pub(super) days: Option<Located<String>>,
    /// Only for subjects of these namespaces, names or patterns. Default: all.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) namespaces: Option<Located<Vec<Located<String>>>>,
}

/// A permission for findings of one rule. All keys that are present must match.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Exclusion", deny_unknown_fields)]
pub(super) struct RawExclusion {
    #[schemars(skip)]
    pub(super) at: At,
    /// Id of the rule, or its code.
    #[schemars(with = "String")]
    pub(super) rule: Option<Located<String>>,
    /// Which subjects. It may be left out where container and image say what is meant, for instance an injected
    /// sidecar.
    pub(super) subject: Option<RawSubject>,
    /// Name of the container, or a pattern. A critical rule needs a container or a value.
    pub(super) container: Option<Located<String>>,
    /// Image of the container, whole or up to a `/`, `:` or `@`.
    pub(super) image: Option<Located<String>>,
    /// The failing value, exactly as reports show it.
    #[schemars(extend("type" = ["string", "number", "boolean"]))]
    pub(super) value: Option<Located<String>>,
    /// How it came to be there: `declared` by the object or the template of its Pods, put in by `admission`, or
    /// seen at `runtime` only.
    #[schemars(with = "Option<Provenance>")]
    pub(super) provenance: Option<Located<String>>,
    /// Why it is permitted.
    #[schemars(with = "String")]
    pub(super) reason: Option<Located<String>>,
    /// Who answers for it.
    #[schemars(with = "String")]
    pub(super) owner: Option<Located<String>>,
    /// Where more about it is written, for people; reports show it.
    pub(super) ticket: Option<Located<String>>,
    /// Last day on which it holds: YYYY-MM-DD.
    #[schemars(with = "String", extend("format" = "date"))]
    pub(super) expires: Option<Located<String>>,
}

/// Which subjects: the outermost owner of what fails, as reports name it. Names may be patterns of `*`, `?`, `[…]`.
#[derive(Debug, JsonSchema)]
#[schemars(rename = "Subject", deny_unknown_fields)]
pub(super) struct RawSubject {
    #[schemars(skip)]
    pub(super) at: At,
    /// `Deployment`, or with its group `apps/Deployment`.
    pub(super) kind: Option<Located<String>>,
    /// Namespace.
    pub(super) namespace: Option<Located<String>>,
    /// Name.
    pub(super) name: Option<Located<String>>,
    /// Exactly one object, as reports write it: `apps/Deployment shop/web`. Instead of kind, namespace and name.
    pub(super) owner: Option<Located<String>>,
}

/// Values of `mode`.
pub(super) const MODES: [&str; 3] = ["exclusions", "baseline", "both"];
/// Values of `baseline.firstRun`.
pub(super) const FIRST_RUNS: [&str; 3] = ["fail", "accept", "accept-below"];
/// Values of `rollback.optIn`.
pub(super) const OPT_INS: [&str; 2] = ["marked", "all"];
/// Values of `rollback.unprovenTarget`.
pub(super) const UNPROVEN_TARGETS: [&str; 2] = ["never", "last-success"];
