//! Who of several replicas acts: whoever holds the Lease.
//!
//! A replica that has lost it may still have a write on its way; every write is guarded, so that none of both is done
//! twice.

use kube_lease_manager::{LeaseManager, LeaseManagerBuilder};
use tokio::sync::watch::Receiver;
use tokio::task::JoinHandle;

use crate::cluster::Cluster;
use crate::cluster::error::{ApiError, Doing, Reason, Verb};
use crate::cluster::kinds::ApiKind;

/// A holder that has not renewed for this long has lost it, in seconds.
const DURATION: u64 = 15;
/// How long before that it renews, in seconds.
const GRACE: u64 = 5;

/// Our candidacy for a Lease.
#[derive(Debug)]
pub struct Candidacy {
    holds: Receiver<bool>,
    task: JoinHandle<kube_lease_manager::Result<LeaseManager>>,
}

impl Cluster {
    /// Stands for the Lease, under a name that is unique among the replicas.
    ///
    /// # Errors
    /// The Lease can neither be read nor made.
    pub async fn stand(&self, namespace: &str, lease: &str, identity: &str) -> Result<Candidacy, ApiError> {
        let manager = LeaseManagerBuilder::new(self.client.clone(), lease)
            .with_namespace(namespace)
            .with_identity(identity)
            .with_duration(DURATION)
            .with_grace(GRACE)
            .build()
            .await;
        let manager = manager.map_err(|error| {
            let doing = Doing::new(Verb::Create, &leases(), namespace, lease);
            ApiError::new(&doing, Reason::Unavailable, error.to_string())
        })?;
        let (holds, task) = manager.watch().await;
        Ok(Candidacy { holds, task })
    }
}

impl Candidacy {
    /// Returns once we hold it, or no longer do.
    pub async fn until(&mut self, holds: bool) {
        if self.holds.wait_for(|now| *now == holds).await.is_err() {
            // The manager has ended, so nobody renews: we hold nothing, and never will again.
            if holds {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Lets it go, so that another replica takes over at once.
    pub async fn release(self) {
        drop(self.holds);
        match self.task.await {
            Ok(Ok(_manager)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the Lease was not released"),
            Err(error) => tracing::warn!(%error, "the Lease was not released"),
        }
    }
}

fn leases() -> ApiKind {
    ApiKind {
        group: "coordination.k8s.io".into(),
        version: "v1".into(),
        plural: "leases".into(),
        kind: "Lease".into(),
        namespaced: true,
    }
}
