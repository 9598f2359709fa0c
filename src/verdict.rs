//! From an evaluation to a verdict: what blocks, what asks for a rollback, and why.

/// What the gate says; ordered by precedence, the last wins.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No drift at or above `failAt`.
    Pass,
    /// Gaps where a rule at or above `failAt` needed to see.
    Inconclusive,
    /// Not settled before the deadline.
    NotSettled,
    /// Drift at or above `failAt`, where no rollback is wanted.
    Blocked,
    /// Drift at or above `rollbackAt`, proven, new, and brought by the source.
    Critical,
}
