//! Delivery over HTTP: one POST, repeated within the one retry policy's bounds.
//!
//! A webhook may receive a notification twice: connection errors and server errors are tried again, because a message
//! too many costs less than one too few. Redirects are not followed and answers are not read, and nothing that is
//! returned or logged holds an address.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Patience, causes, retry_after};
use crate::notify::{Kind, Target};

/// How long one attempt may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(5);

const BUSY: StatusCode = StatusCode::TOO_MANY_REQUESTS;

/// Why a notification was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The client cannot be made, for instance without certificate authorities.
    #[error("preparing notifications: {0}")]
    Client(String),
    /// The summary cannot be written.
    #[error("notifying {to}: {cause}")]
    Encoding {
        /// Whom.
        to: &'static str,
        /// Why.
        cause: String,
    },
    /// The server refused it.
    #[error("notifying {to}: the server answered {status}{hint}")]
    Refused {
        /// Whom.
        to: &'static str,
        /// The last answer.
        status: StatusCode,
        /// What to do.
        hint: &'static str,
    },
    /// There was no answer.
    #[error("notifying {to}: {cause}")]
    Unreachable {
        /// Whom.
        to: &'static str,
        /// The last cause, without the address.
        cause: String,
    },
}

impl NotifyError {
    pub(super) fn encoding(kind: Kind, error: &serde_json::Error) -> Self {
        Self::Encoding { to: kind.as_str(), cause: error.to_string() }
    }
}

/// An HTTP client for notifications.
#[derive(Clone, Debug)]
pub struct Client(reqwest::Client);

impl Client {
    /// A client that uses the system's certificate authorities and the proxies of the environment.
    ///
    /// # Errors
    /// No TLS provider is installed, or there are no certificate authorities.
    pub fn new() -> Result<Self, NotifyError> {
        Self::build(reqwest::Client::builder())
    }

    /// A client that ignores proxies: the servers of tests are on the loopback interface.
    #[cfg(test)]
    pub(super) fn direct() -> Result<Self, NotifyError> {
        Self::build(reqwest::Client::builder().no_proxy())
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, NotifyError> {
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(NotifyError::Client("no TLS provider is installed".to_owned()));
        }
        let agent = concat!("driftgate/", env!("CARGO_PKG_VERSION"));
        let client = builder.redirect(Policy::none()).user_agent(agent).build();
        client.map(Self).map_err(|error| NotifyError::Client(causes(&error.without_url())))
    }

    /// Posts a body until it is accepted, refused for good, or the policy or the deadline ends it.
    pub(super) async fn post(
        &self,
        target: &Target,
        body: &Value,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let body = Bytes::from(body.to_string());
        let mut patience = Patience::new(Some(deadline));
        loop {
            let failure = match self.attempt(target, body.clone(), deadline).await {
                Ok(()) => return Ok(()),
                // It has been told the same within the last minutes, and drops what it is told again.
                Err(Failure::Refused { status: BUSY, .. }) if target.kind == Kind::Flux => return Ok(()),
                Err(failure) => failure,
            };
            let pause = failure.wish().and_then(|wish| patience.pause(wish));
            let Some(pause) = pause else { return Err(failure.error(target.kind)) };
            tracing::debug!(to = target.kind.as_str(), ?pause, "sending a notification again");
            sleep(pause).await;
        }
    }

    async fn attempt(&self, target: &Target, body: Bytes, deadline: Instant) -> Result<(), Failure> {
        let longest = LONGEST_ATTEMPT.min(deadline.saturating_duration_since(Instant::now()));
        let json = HeaderValue::from_static("application/json");
        let sent = self.0.post(target.url.expose()).header(CONTENT_TYPE, json).body(body).send();
        match timeout(longest, sent).await {
            Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
            Ok(Ok(answer)) => {
                Err(Failure::Refused { status: answer.status(), wish: retry_after(answer.headers()) })
            }
            Ok(Err(error)) => Err(Failure::Broken(causes(&error.without_url()))),
            Err(_elapsed) => Err(Failure::Silent(longest)),
        }
    }
}

/// Why an attempt failed.
enum Failure {
    Refused { status: StatusCode, wish: Option<Duration> },
    Broken(String),
    Silent(Duration),
}

impl Failure {
    /// How long the server wants to be left alone, if another attempt can help.
    fn wish(&self) -> Option<Duration> {
        match self {
            Self::Refused { status, wish } => {
                let passing = *status == BUSY || status.is_server_error();
                passing.then(|| wish.unwrap_or_default())
            }
            Self::Broken(_) | Self::Silent(_) => Some(Duration::ZERO),
        }
    }

    fn error(self, kind: Kind) -> NotifyError {
        let to = kind.as_str();
        match self {
            Self::Refused { status, .. } if status.is_redirection() => {
                NotifyError::Refused { to, status, hint: "; redirects are not followed" }
            }
            Self::Refused { status, .. } if status.is_client_error() && status != BUSY => {
                NotifyError::Refused { to, status, hint: "; check that its URL is still valid" }
            }
            Self::Refused { status, .. } => NotifyError::Refused { to, status, hint: "" },
            Self::Broken(cause) => NotifyError::Unreachable { to, cause },
            Self::Silent(longest) => NotifyError::Unreachable {
                to,
                cause: format!("no answer within {} s", longest.as_secs_f32()),
            },
        }
    }
}
