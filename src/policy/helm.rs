//! `helmRelease`: which verdicts fail a Helm test.

use std::collections::BTreeSet;

use super::check::Set;
use super::fields::Located;
use super::problem::{Problems, did_you_mean};
use super::raw::RawHelmRelease;

/// How the gate ends as a Helm test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelmReleasePolicy {
    /// Verdicts that fail the test, upon which Flux rolls back.
    pub rollback_on: BTreeSet<Unpassed>,
}

impl Default for HelmReleasePolicy {
    fn default() -> Self {
        Self { rollback_on: [Unpassed::Critical].into() }
    }
}

/// What the gate says other than that it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
#[schemars(rename = "Unpassed", rename_all = "kebab-case")]
pub enum Unpassed {
    /// Gaps where a rule needed to see.
    Inconclusive,
    /// Not settled before the deadline.
    NotSettled,
    /// Drift where no rollback is wanted.
    Blocked,
    /// Drift that is proven, new, and brought by the source.
    Critical,
}

impl Unpassed {
    /// The worst first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::Blocked, Self::NotSettled, Self::Inconclusive];

    /// As written in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inconclusive => "inconclusive",
            Self::NotSettled => "not-settled",
            Self::Blocked => "blocked",
            Self::Critical => "critical",
        }
    }
}

/// All that is wrong with it has been reported.
pub(super) fn rollback_on(raw: RawHelmRelease, problems: &mut Problems) -> Set<BTreeSet<Unpassed>> {
    let Located { at, value } = raw.rollback_on?;
    let mut all = BTreeSet::new();
    for Located { at, value } in value {
        if let Some(verdict) = Unpassed::ALL.into_iter().find(|verdict| verdict.as_str() == value) {
            all.insert(verdict);
        } else {
            let hint = did_you_mean(&value, Unpassed::ALL.map(Unpassed::as_str));
            let known = Unpassed::ALL.map(Unpassed::as_str).join(", ");
            problems.add(at, format!("`rollbackOn` holds some of {known}, and this is `{value}`{hint}"));
        }
    }
    Some((problems.position(at), all))
}
