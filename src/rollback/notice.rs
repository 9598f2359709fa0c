//! What people are told.

use serde::{Deserialize, Serialize};

/// Something that people should know, until they have been told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Tells it from all others of the application; the same if the same thing is told again.
    pub id: String,
    /// What it is about.
    pub reason: Reason,
    /// In words.
    pub text: String,
    /// The revision of which it says that it went well, or did not; none if it says so of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// A rollback is going to be made.
    RollbackDecided,
    /// The application is back.
    RolledBack,
    /// The gate asked for a rollback and there is none.
    NotRolledBack,
    /// The application is left as it is, and nothing else is deployed.
    Frozen,
    /// The rollback failed.
    RollbackFailed,
    /// Somebody else has taken over.
    SteppedBack,
    /// The hold has been taken away.
    Released,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::RollbackDecided,
        Self::RolledBack,
        Self::NotRolledBack,
        Self::Frozen,
        Self::RollbackFailed,
        Self::SteppedBack,
        Self::Released,
    ];

    /// As Events and metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RollbackDecided => "RollbackDecided",
            Self::RolledBack => "RolledBack",
            Self::NotRolledBack => "NotRolledBack",
            Self::Frozen => "Frozen",
            Self::RollbackFailed => "RollbackFailed",
            Self::SteppedBack => "SteppedBack",
            Self::Released => "Released",
        }
    }

    /// True for what went as it should.
    pub fn is_normal(self) -> bool {
        matches!(self, Self::RolledBack | Self::Released)
    }
}
