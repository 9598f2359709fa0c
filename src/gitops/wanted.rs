//! Whether rollbacks are wanted for an application, whoever deploys it.

use crate::model::meta::Meta;

/// Annotation or label of an application by which rollbacks are asked for (`on`) or declined (`off`).
pub const WANTED: &str = "driftgate.dev/rollback";

/// Whose rollbacks are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptIn {
    /// Of applications that carry `driftgate.dev/rollback: "on"`, as annotation or label.
    Marked,
    /// Of all.
    All {
        /// Those that carry `off` are left alone.
        opt_out: bool,
    },
}

impl OptIn {
    /// True if they are wanted for this one.
    pub fn wants(self, meta: &Meta) -> bool {
        let marks = [&meta.annotations, &meta.labels];
        let says =
            |what: &str| marks.iter().any(|marks| marks.get(WANTED).is_some_and(|value| value == what));
        match self {
            Self::Marked => says("on"),
            Self::All { opt_out } => !(opt_out && says("off")),
        }
    }
}
