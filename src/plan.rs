//! What follows for the deployment: nothing, a failed sync, or a rollback. The gate says it; others carry it out.
//!
//! Owns the answers, not the decision; see [`Verdict::plan`](crate::verdict::Verdict::plan).

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// The revision stays.
    Nothing,
    /// The sync fails; nothing is rolled back.
    FailSync,
    /// The sync fails, and the GitOps tool should go back.
    RollBack {
        /// Revision to go back to, where one is on record.
        to: Option<String>,
    },
}
