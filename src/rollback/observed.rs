//! What can be seen of an application at one moment, in words that all GitOps tools share.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rollback::case::Case;

/// What a source resolved to, and how it is rendered: the same commit with another image override is another revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Revision {
    /// Commit, chart version or digest; several sources are joined by commas.
    pub name: String,
    /// Digest of the source's description without what only selects the commit.
    pub source: String,
}

impl Revision {
    /// Its name as people write it: a commit by its first seven characters.
    pub fn short(&self) -> String {
        let commit = |name: &str| name.len() >= 40 && name.chars().all(|char| char.is_ascii_hexdigit());
        let short = |name: &str| String::from(if commit(name) { &name[..7] } else { name });
        self.name.split(',').map(short).collect::<Vec<_>>().join(",")
    }
}

/// One application at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// Unique over time.
    pub uid: String,
    /// True once its deletion was asked for.
    pub deleting: bool,
    /// True if rollbacks are wanted for it.
    pub wanted: bool,
    /// The present or last operation.
    pub operation: Option<Operation>,
    /// What its source resolves to now; none while that is unknown.
    pub head: Option<Revision>,
    /// What tells the head's content from others, where the tool tells: what only changes beside it is no news.
    pub content: Option<String>,
    /// Whether the tool deploys what is new by itself.
    pub auto_sync: AutoSync,
    /// How the application is, as seen after the last operation ended.
    pub health: Health,
    /// Revisions that were deployed in whole, oldest first.
    pub history: Vec<Entry>,
    /// Kinds that it defines and that would be deleted with their definition, and all their objects with them.
    pub definitions: BTreeSet<String>,
    /// Who would undo it if auto-sync were switched off.
    pub keeper: Keeper,
    /// Where a hold outside the application is put: for Argo CD the project.
    pub place: String,
    /// A case that the application's own marks tell of, where none is kept.
    pub found: Option<Case>,
    /// When it was seen.
    pub now: Timestamp,
}

/// A deployment, present or past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// When it started, which tells it from all others; empty before it has.
    pub started: String,
    /// How far it is.
    pub phase: Phase,
    /// What it deploys.
    pub revision: Option<Revision>,
    /// What the gate has said in its present attempt.
    pub gate: Gate,
    /// Our mark on it, if we asked for it.
    pub id: Option<String>,
    /// Who asked for it, for people.
    pub by: String,
    /// What the tool says about it.
    pub message: String,
    /// Objects that the tool has left otherwise than the revision has them, each with why; empty if it has made all of
    /// them so.
    pub unlike: Vec<String>,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Asked for, not begun.
    Requested,
    /// An attempt runs.
    Running,
    /// An attempt has failed and the next one is due later.
    Waiting,
    /// Nothing of it runs, because the tool is not allowed to now.
    Blocked,
    /// It is being ended.
    Ending,
    /// It has succeeded.
    Succeeded,
    /// It has failed for good.
    Failed,
}

impl Phase {
    /// True for an operation that has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// What the gate has said in an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Nothing (yet), or there is none.
    Silent,
    /// Pass.
    Passed,
    /// Exit 20: critical, proven, new, brought by this revision.
    Critical,
    /// It failed for another reason.
    Failed,
}

/// Whether the tool deploys what is new by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AutoSync {
    /// It was never told to.
    Absent,
    /// It is switched off.
    Off,
    /// It is on, like this.
    On(Automatic),
    /// It cannot be switched off: the tool always deploys what this source yields, in its own words. Another source in its
    /// place holds.
    Follows(String),
    /// It follows our source, or is left as it is by our word.
    Pinned,
    /// It was made to follow our source, or to be left as it is, and somebody has undone that, in these words.
    Unpinned(String),
}

/// How auto-sync is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Automatic {
    /// The setting, in the tool's own words, so that it can be restored exactly.
    pub setting: String,
    /// True if the tool knows no switch: it is switched off by taking the setting away.
    pub by_removal: bool,
}

/// How an application is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// As it should be.
    Good,
    /// Not known yet, or on its way.
    Waiting,
    /// Degraded.
    Bad,
}

/// One deployed revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the history.
    pub id: i64,
    /// What it was.
    pub revision: Revision,
    /// True if the application can be brought back to it: its sources are still of the same shape.
    pub fits: bool,
}

/// Who writes the application besides people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// Nobody who would undo a switch of auto-sync.
    Nobody,
    /// This one puts auto-sync back to what it declares.
    Reverts(String),
    /// With this one a rollback cannot be held, for this reason.
    Forbids(String),
}
