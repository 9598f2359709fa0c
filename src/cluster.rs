//! The edge to the Kubernetes API: the only importer of its client.
//!
//! Owns the connection, the one retry policy, discovery, paged lists and the few writes we make. Every failure to see
//! is an [`ApiError`], and from there a gap; nothing here takes an error for absence. Does not know rules, verdicts
//! or what an application is to a GitOps tool.

mod answer;
mod client;
mod connect;
mod cursor;
mod discovery;
mod error;
#[cfg(test)]
mod fake;
mod grants;
mod kinds;
mod lease;
mod lines;
mod list;
mod look;
mod lookups;
mod owners;
mod page;
mod pods;
mod retry;
pub mod settle;
mod surroundings;
mod survey;
mod tap;
mod transport;
mod watch;

use std::fmt;
use std::sync::Arc;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

pub(crate) use answer::retry_after;
pub use connect::Connect;
pub(crate) use error::causes;
pub use error::{ApiError, Reason};
pub use kinds::{ApiKind, Kinds};
pub use lease::Candidacy;
pub use list::{Item, Query};
pub use look::standing;
pub use owners::{Belongs, Line, Missing, Owner, Owners, Standing, Template};
pub use pods::judge;
pub(crate) use retry::Patience;
pub use survey::{Survey, survey};
pub use tap::Asked;
pub use watch::{Change, Watching};

/// Requests at the same time, however many are wanted: the API server is shared.
const MOST_REQUESTS: usize = 8;

/// A connection to one cluster. Clones share the connection, the limit on requests and what discovery found.
#[derive(Clone)]
pub struct Cluster {
    // Watches go through it directly: they are streams, neither collected nor repeated here.
    client: kube::Client,
    permits: Arc<Semaphore>,
    kinds: Arc<OnceCell<Arc<Kinds>>>,
    deadline: Option<Instant>,
}

impl Cluster {
    /// Talks through a client that was made elsewhere: the in-memory API's, or one of a test.
    pub fn new(client: kube::Client) -> Self {
        Self {
            client,
            permits: Arc::new(Semaphore::new(MOST_REQUESTS)),
            kinds: Arc::new(OnceCell::new()),
            deadline: None,
        }
    }

    /// The same connection for requests that must have ended at the deadline, whatever the policy would still try.
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// Which kinds the API server has; asked once.
    ///
    /// # Errors
    /// Discovery failed: nothing can be told absent.
    pub async fn kinds(&self) -> Result<Arc<Kinds>, ApiError> {
        self.kinds.get_or_try_init(|| async { self.discover().await.map(Arc::new) }).await.cloned()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}
