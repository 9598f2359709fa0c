//! Edge towards people: webhooks and Events.
//!
//! Best effort: what cannot be delivered is returned as a value for the report, and never changes a verdict. Owns
//! targets, their secret addresses and delivery. Does not know how a verdict is reached.

pub mod event;
mod post;
pub mod rollback;
mod slack;
mod url;
mod webhook;

use futures::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

pub use post::{Client, NotifyError};
pub use url::{SecretUrl, UrlError};

use crate::report::summary::Summary;

/// Where a notification goes.
#[derive(Clone, Debug)]
pub struct Target {
    /// What the other side understands.
    pub kind: Kind,
    /// Its address, which is also its password.
    pub url: SecretUrl,
}

/// What the other side understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A [`Summary`] as JSON.
    Webhook,
    /// Slack's incoming webhooks, which Mattermost and Rocket.Chat understand too.
    Slack,
}

impl Kind {
    /// For messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "the webhook",
            Self::Slack => "Slack",
        }
    }

    fn payload(self, summary: &Summary) -> serde_json::Result<Value> {
        match self {
            Self::Webhook => webhook::payload(summary),
            Self::Slack => Ok(slack::payload(summary)),
        }
    }
}

/// Sends a summary to all targets at once and returns what could not be delivered by the deadline.
pub async fn notify(
    client: &Client,
    targets: &[Target],
    summary: &Summary,
    deadline: Instant,
) -> Vec<NotifyError> {
    let deliveries = targets.iter().map(|target| async move {
        let body =
            target.kind.payload(summary).map_err(|error| NotifyError::encoding(target.kind, &error))?;
        client.post(target, &body, deadline).await
    });
    join_all(deliveries).await.into_iter().filter_map(Result::err).collect()
}

#[cfg(test)]
mod tests;
