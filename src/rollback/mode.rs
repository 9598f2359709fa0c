//! How far the answer to critical drift goes.

/// How far the answer to critical drift goes. What blocks a deployment is told and recorded in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Drift fails nothing.
    Report,
    /// The deployment fails; nothing is asked for beyond that.
    Fail,
    /// The deployment fails, and the application is left as it is until the source moves on.
    Freeze,
    /// The deployment fails, and the application goes back.
    #[default]
    Rollback,
}

impl Mode {
    /// All, the mildest first.
    pub const ALL: [Self; 4] = [Self::Report, Self::Fail, Self::Freeze, Self::Rollback];

    /// As written in a policy.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Fail => "fail",
            Self::Freeze => "freeze",
            Self::Rollback => "rollback",
        }
    }

    /// True if somebody is to act on critical drift.
    pub fn acts(self) -> bool {
        matches!(self, Self::Freeze | Self::Rollback)
    }
}
