//! One rejected revision: from the gate's verdict until Git has moved on.

use serde::{Deserialize, Serialize};

use crate::rollback::notice::{Notice, Reason};
use crate::rollback::observed::{Automatic, Revision};

/// What is done about one rejected revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// Our mark on the rollback operation; the same for whoever derives it from the same failed operation.
    pub id: String,
    /// What the gate rejected.
    pub rejected: Revision,
    /// Start of the operation that deployed it.
    pub operation: String,
    /// Where to go back to: number in the history and revision. What was rejected, if it is left where it is.
    pub target: (i64, Revision),
    /// What keeps the rejected revision from coming back.
    pub hold: Hold,
    /// How far it is.
    pub stage: Stage,
    /// True once the operation's end may have been written, and auto-sync switched off with it.
    #[serde(default)]
    pub ending: bool,
    /// True once the rollback may have been written.
    pub acted: bool,
    /// True if a person asked for it, not the gate.
    #[serde(default)]
    pub by_hand: bool,
    /// What told the rejected content from others, where the tool tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl Case {
    /// A case of which nothing has been done yet.
    pub fn new(operation: String, rejected: Revision, target: (i64, Revision), hold: Hold) -> Self {
        Self {
            id: Self::id_of(&operation, &rejected),
            rejected,
            operation,
            target,
            hold,
            stage: Stage::Due,
            ending: false,
            acted: false,
            by_hand: false,
            content: None,
        }
    }

    /// The id of a case about this operation and revision.
    pub fn id_of(operation: &str, rejected: &Revision) -> String {
        let digits: String = operation.chars().filter(char::is_ascii_digit).collect();
        format!("driftgate-{digits}-{:.12}", rejected.name)
    }

    /// A notice about it; there is one of each reason.
    pub(super) fn notice(&self, reason: Reason, text: String) -> Notice {
        let revision = match reason {
            Reason::RolledBack => Some(&self.target.1),
            Reason::RollbackDecided | Reason::NotRolledBack | Reason::RollbackFailed | Reason::Frozen => {
                Some(&self.rejected)
            }
            Reason::SteppedBack | Reason::Released => None,
        };
        Notice {
            id: format!("{}-{}", self.id, reason.as_str().to_ascii_lowercase()),
            reason,
            text,
            revision: revision.map(|it| it.name.clone()),
        }
    }

    /// The same at another stage.
    pub(super) fn at(&self, stage: Stage) -> Self {
        Self { stage, ..self.clone() }
    }
}

/// What keeps a rejected revision from being deployed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hold {
    /// Nothing is needed: the application is deployed by hand.
    Nothing,
    /// Auto-sync is switched off.
    AutoSync {
        /// How it was.
        was: Automatic,
    },
    /// A window that denies auto-sync, outside the application.
    Window {
        /// Where: the project.
        place: String,
        /// How far it is.
        window: Window,
    },
    /// A source of ours, which yields the target and nothing else, in place of the application's own.
    Source {
        /// How it was, in the tool's own words, so that it can be restored exactly.
        was: String,
        /// How far our source is.
        window: Window,
    },
    /// The tool was told to leave the application as it is: nothing goes back, and nothing else is deployed.
    Suspension {
        /// How it was, in the tool's own words, so that it can be restored exactly.
        was: String,
    },
}

/// How far a window is, or a source of ours. That it may be in force is kept before it is: else it could be left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Window {
    /// It is wanted, but not there.
    Wanted,
    /// It may be in force.
    Placing,
    /// It is in force, as far as we know.
    Placed,
}

impl Hold {
    /// True if the application itself shows whether it is in force: by its source, or by being suspended.
    pub(super) fn shows(&self) -> bool {
        matches!(self, Self::Source { .. } | Self::Suspension { .. })
    }

    /// True for a window that may be in force, or a source that may be there.
    pub fn has_window(&self) -> bool {
        matches!(self.window(), Some(Window::Placing | Window::Placed))
    }

    /// How far its window or source is.
    pub(super) fn window(&self) -> Option<Window> {
        match self {
            Self::Nothing | Self::AutoSync { .. } | Self::Suspension { .. } => None,
            Self::Window { window, .. } | Self::Source { window, .. } => Some(*window),
        }
    }

    /// The same, this far.
    pub(super) fn at(&self, far: Window) -> Self {
        let mut hold = self.clone();
        match &mut hold {
            Self::Nothing | Self::AutoSync { .. } | Self::Suspension { .. } => {}
            Self::Window { window, .. } | Self::Source { window, .. } => *window = far,
        }
        hold
    }
}

/// How far a case is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// The failed operation has to end; then the rollback is due.
    Due,
    /// The rollback is written or runs.
    Acting {
        /// The tool was not allowed to run it, so it is withdrawn.
        blocked: bool,
    },
    /// The rollback has been applied; whether all is as the target has it, and healthy, is awaited.
    Verifying {
        /// Since when, in seconds of Unix time.
        since: i64,
    },
    /// Back on the target, or left as it is.
    Held {
        /// False if it is not proven that the application is as the target has it, and healthy.
        healthy: bool,
    },
    /// The rollback failed; the rejected revision is still kept from coming again by itself.
    Failed,
    /// Somebody deploys by hand; we only wait for Git to move on.
    Overtaken,
    /// The hold is being taken away.
    Lifting {
        /// Why.
        because: String,
        /// True if people know that already.
        #[serde(default)]
        told: bool,
    },
}

impl Stage {
    /// For people, in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Due => "Due",
            Self::Acting { .. } => "RollingBack",
            Self::Verifying { .. } => "Verifying",
            Self::Held { healthy: true } => "Quarantined",
            Self::Held { healthy: false } => "QuarantinedUnhealthy",
            Self::Failed => "RollbackFailed",
            Self::Overtaken => "Overtaken",
            Self::Lifting { .. } => "Releasing",
        }
    }
}
