//! Exit codes: the Job's only message to the GitOps tool, so they are the protocol.
//!
//! With `restartPolicy: Never` and a FailJob rule Kubernetes writes the code into the Job's Failed condition, and
//! Argo CD copies that text into `syncResult.resources[].message`.

use crate::verdict::Verdict;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Pass.
    Pass = 0,
    /// A bug in driftgate.
    Bug = 1,
    /// Wrong command line.
    Usage = 2,
    /// Policy, exclusions, baseline or input invalid or unreadable.
    Invalid = 3,
    /// Drift at or above `failAt` where no rollback is wanted.
    Blocked = 10,
    /// Gaps where a rule at or above `failAt` needed to see.
    Inconclusive = 12,
    /// Not settled before the deadline.
    NotSettled = 13,
    /// Cluster or GitOps API unavailable.
    Unavailable = 14,
    /// Critical drift, proven and new: a rollback is wanted.
    Critical = 20,
    /// SIGTERM: the operation was terminated; never a rollback.
    Terminated = 143,
}

/// What the Job controller is told to do with an exit code (`podFailurePolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobAction {
    /// Not a failure.
    Complete,
    /// Fail the Job at once.
    FailJob,
    /// Count against `backoffLimit`: the only retry.
    Count,
}

impl Exit {
    /// All, by code.
    pub const ALL: [Self; 10] = [
        Self::Pass,
        Self::Bug,
        Self::Usage,
        Self::Invalid,
        Self::Blocked,
        Self::Inconclusive,
        Self::NotSettled,
        Self::Unavailable,
        Self::Critical,
        Self::Terminated,
    ];

    /// The process's exit status.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What the shipped Job does with it; a test ties this to the manifests.
    pub fn job_action(self) -> JobAction {
        match self {
            Self::Pass => JobAction::Complete,
            Self::Unavailable | Self::Terminated => JobAction::Count,
            Self::Bug
            | Self::Usage
            | Self::Invalid
            | Self::Blocked
            | Self::Inconclusive
            | Self::NotSettled
            | Self::Critical => JobAction::FailJob,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::NotSettled => Self::NotSettled,
            Verdict::Blocked => Self::Blocked,
            Verdict::Critical => Self::Critical,
        }
    }
}
