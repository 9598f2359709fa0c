//! What an attempt of a request brings: an answer, a refusal, or none at all.
//!
//! Does not know how requests are sent or when they are repeated.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};

use crate::cluster::error::{ApiError, Doing, Reason};

/// What an attempt brought.
#[derive(Debug)]
pub(super) enum Answer<D> {
    /// 2xx, decoded.
    Done(D),
    /// Anything else.
    Refused {
        /// Status line.
        status: StatusCode,
        /// How long the server wants us to wait.
        retry_after: Option<Duration>,
        /// A Status object, or any text.
        body: Vec<u8>,
    },
}

/// Why an attempt brought no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("no answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    #[error("{0}")]
    Transport(String),
    #[error("the answer cannot be decoded: {0}")]
    Garbage(String),
    #[error("the deadline has passed")]
    Deadline,
}

impl Failure {
    fn reason(&self) -> Reason {
        match self {
            Self::Garbage(_) => Reason::Undecodable,
            Self::Timeout(_) | Self::Transport(_) | Self::Deadline => Reason::Unavailable,
        }
    }
}

/// A refusal or failure as an error.
pub(super) fn done<D>(doing: &Doing, answer: Result<Answer<D>, Failure>) -> Result<D, ApiError> {
    match answer {
        Ok(Answer::Done(decoded)) => Ok(decoded),
        Ok(Answer::Refused { status, body, .. }) => Err(ApiError::refused(doing, status, &body)),
        Err(failure) => Err(ApiError::new(doing, failure.reason(), failure.to_string())),
    }
}

/// How long a server wants to be left alone: the form in seconds; Kubernetes and chat servers do not use dates.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
