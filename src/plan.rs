//! What follows for the deployment: nothing, a failed sync, or a rollback. The gate says it; others carry it out.

use crate::verdict::Verdict;

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

impl Plan {
    /// What follows from a verdict; `good` is the revision on record.
    pub fn of(verdict: Verdict, good: Option<&str>) -> Self {
        match verdict {
            Verdict::Pass => Self::Nothing,
            Verdict::Inconclusive | Verdict::NotSettled | Verdict::Blocked => Self::FailSync,
            Verdict::Critical => Self::RollBack { to: good.map(String::from) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_critical_verdict_asks_for_a_rollback() {
        for verdict in [Verdict::Pass, Verdict::Inconclusive, Verdict::NotSettled, Verdict::Blocked] {
            assert!(!matches!(Plan::of(verdict, Some("good")), Plan::RollBack { .. }), "{verdict:?}");
        }
        let to = Some("good".to_owned());
        assert_eq!(Plan::of(Verdict::Critical, Some("good")), Plan::RollBack { to });
    }
}
