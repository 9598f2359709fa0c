//! Argo CD's two ends of a rollback: what an Application shows, and how the writes look.
//!
//! Owns the Application as far as rollbacks need it, the guarded patches, and the windows in an AppProject. Does not
//! know when what is written: that is [`crate::rollback`].
//!
//! Sources: `controller/appcontroller.go`, `controller/sync.go` and `pkg/apis/application/v1alpha1/types.go` of Argo CD
//! 3.5, and <https://argo-cd.readthedocs.io/en/stable/user-guide/sync_windows/>.

pub mod gate;
pub mod generator;
pub mod live;
pub mod observe;
pub mod probe;
pub mod window;
pub mod write;
pub mod writers;

/// Item of an operation's `info` that tells our operations from others.
pub const OPERATION_ID: &str = "driftgate.dev/rollback";
/// Who asks for our operations.
pub const USERNAME: &str = "driftgate";

#[cfg(test)]
mod tests;
