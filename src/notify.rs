//! Edge towards people: webhooks, Flux's notification-controller, and Events.
//!
//! Best effort: what cannot be delivered is returned as a value for the report, and never changes a verdict. Owns
//! targets, their secret addresses and delivery. Does not know how a verdict is reached.

pub mod event;
mod flux;
mod post;
pub mod rollback;
mod slack;
mod url;
mod webhook;

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use tokio::time::Instant;

pub use post::{Client, NotifyError};
pub use url::{SecretUrl, UrlError};

use crate::notify::event::Stamp;
use crate::report::Report;
use crate::report::summary::Summary;

/// How long telling Flux may take: it is in the cluster, or it is not there.
const FLUX_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// notification-controller of Flux; it is told of what Flux deploys only.
    Flux,
}

impl Kind {
    /// For messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "the webhook",
            Self::Slack => "Slack",
            Self::Flux => "notification-controller",
        }
    }

    /// None if this verdict is nothing to it.
    fn payload(self, told: &Told<'_>) -> serde_json::Result<Option<Value>> {
        let summary = || Summary::of(told.report, told.link);
        match self {
            Self::Webhook => webhook::payload(&summary()).map(Some),
            Self::Slack => Ok(Some(slack::payload(&summary()))),
            Self::Flux => Ok(flux::verdict(told.report, told.link, told.stamp)),
        }
    }

    /// When to give up at the latest.
    fn deadline(self, deadline: Instant) -> Instant {
        match self {
            Self::Webhook | Self::Slack => deadline,
            Self::Flux => deadline.min(Instant::now() + FLUX_TIMEOUT),
        }
    }
}

/// What there is to tell of one run of the gate.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The run.
    pub report: &'a Report,
    /// Where to read more.
    pub link: Option<&'a str>,
    /// When, and by whom.
    pub stamp: &'a Stamp,
}

/// Sends a verdict to all targets at once and returns what could not be delivered by the deadline.
pub async fn notify(
    client: &Client,
    targets: &[Target],
    told: &Told<'_>,
    deadline: Instant,
) -> Vec<NotifyError> {
    let deliveries = targets.iter().map(|target| async move {
        let payload = target.kind.payload(told);
        let body = payload.map_err(|error| NotifyError::encoding(target.kind, &error))?;
        let Some(body) = body else { return Ok(()) };
        client.post(target, &body, target.kind.deadline(deadline)).await
    });
    join_all(deliveries).await.into_iter().filter_map(Result::err).collect()
}

#[cfg(test)]
mod tests;
