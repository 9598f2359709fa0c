//! Whether rollbacks are wanted for an application, whoever deploys it.

use crate::model::meta::Meta;

/// Annotation or label of an application, or of its AppProject, by which rollbacks are asked for (`on`) or declined
/// (`off`).
pub const WANTED: &str = "driftgate.dev/rollback";

/// Whose rollbacks are wanted, by default of applications that are marked with `on`, themselves or by their project.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptIn {
    /// Of all.
    pub all: bool,
    /// Those that are marked with `off` are left alone.
    pub opt_out: bool,
}

/// What an application or an AppProject says of rollbacks: `driftgate.dev/rollback`, as annotation or label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// They are wanted.
    On,
    /// They are not.
    Off,
}

impl Mark {
    /// The mark of an object, if it carries one; its annotation counts more than its label.
    pub fn of(meta: &Meta) -> Option<Self> {
        match meta.annotations.get(WANTED).or_else(|| meta.labels.get(WANTED))?.as_str() {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            _ => None,
        }
    }
}

impl OptIn {
    /// True if they are wanted for this one. Its own mark counts more than its project's. That it wants no rollback
    /// counts only where it may say so.
    pub fn wants(self, meta: &Meta, project: Option<Mark>) -> bool {
        let Self { all, opt_out } = self;
        match (Mark::of(meta), project) {
            (Some(Mark::On), _) => true,
            (Some(Mark::Off), _) | (None, Some(Mark::Off)) if opt_out => false,
            (Some(Mark::Off) | None, project) => all || project == Some(Mark::On),
        }
    }
}
