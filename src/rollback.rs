//! When to go back to an earlier revision, what is held meanwhile, and when that ends.
//!
//! Pure, and the same for every GitOps tool. From what is [`Observed`] of an application and from the [`State`] that is
//! kept of it follows one [`Step`]; whoever carries it out looks again afterwards, so nothing is lost with a process
//! that ends in between. Two things make that safe: what was seen is kept before anything is written to the
//! application, and every write is guarded by the version of what was observed.
//!
//! Does not know how an application is read, how a rollback is written, or who is told.

mod acting;
mod case;
mod held;
mod mode;
mod notice;
mod observed;
mod opening;
mod state;
mod step;
mod target;

pub use case::{Case, Hold, Stage, Window};
pub use held::{lifted, placed};
pub use mode::Mode;
pub use notice::{Notice, Reason};
pub use observed::{AutoSync, Automatic, Entry, Gate, Health, Keeper, Observed, Operation, Phase, Revision};
pub use opening::{adopted, by_hand, refused, trusting};
pub use state::{Error, State};
pub use step::{Settings, Step, step};
pub use target::{NoTarget, Unproven, choose};

#[cfg(test)]
mod tests;
