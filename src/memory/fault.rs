//! Injected faults: what goes wrong, and with which requests.
//!
//! Owns the choice of the fault for a request and the wire form of faults, which rehearsals hold in YAML. It does not
//! know what a request would have been answered without the fault.

use std::io::{Error, ErrorKind};

use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde::{Deserialize, Serialize};
use tower::BoxError;

use super::respond::{Body, Failure, respond, whole};
use super::route::{Call, Route};

/// Something that goes wrong with some requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The requests that it befalls.
    pub at: Where,
    /// What befalls them.
    pub what: What,
}

/// The requests that a fault befalls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Where {
    /// The one request with this number; all requests are counted, from 0.
    Nth(usize),
    /// Every request that matches.
    Every(Matching),
}

/// The requests that match; an absent field matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Matching {
    /// The verb: get, list, watch, create, update, patch, delete, deletecollection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verb: Option<String>,
    /// What the path starts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What the query contains, such as `continue=`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The plural name of the resource, whatever its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Only this many of the matching requests, the first ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u64>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// A `Status` of this code instead of an answer.
    Status(u16),
    /// 429 in plain text, as the server's flow control answers.
    #[serde(rename_all = "camelCase")]
    TooManyRequests {
        /// Seconds in the `Retry-After` header; absent: no header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
    },
    /// No answer, ever.
    Hang,
    /// The connection fails before an answer.
    Reset,
    /// The connection fails in the middle of the answer's body.
    TruncatedBody,
    /// An answer of 200 that is not JSON.
    GarbageBody,
    /// A watch whose connection fails after this many events.
    DropAfter(u64),
    /// A watch that reports after this many events that its version is too old, and ends.
    ExpireAfter(u64),
    /// A watch that says nothing more after this many events, and does not end.
    SilentAfter(u64),
}

impl What {
    fn is_of_watches(&self) -> bool {
        matches!(self, Self::DropAfter(_) | Self::ExpireAfter(_) | Self::SilentAfter(_))
    }

    /// What the client gets instead of an answer; nothing where the request is answered after all.
    pub(super) async fn instead(&self) -> Option<Result<Response<Body>, BoxError>> {
        match self {
            Self::Status(code) => Some(Ok(Failure::of_code(*code).into_response())),
            Self::TooManyRequests { retry_after } => Some(Ok(too_many_requests(*retry_after))),
            Self::Hang => std::future::pending().await,
            Self::Reset => {
                Some(Err(Error::new(ErrorKind::ConnectionReset, "connection reset by peer").into()))
            }
            Self::GarbageBody => Some(Ok(respond(StatusCode::OK, "text/html", whole(GARBAGE)))),
            Self::TruncatedBody | Self::DropAfter(_) | Self::ExpireAfter(_) | Self::SilentAfter(_) => None,
        }
    }

    /// What becomes of the answer.
    pub(super) async fn spoil(
        &self,
        call: &Call,
        answer: Response<Body>,
    ) -> Result<Response<Body>, BoxError> {
        if *self != Self::TruncatedBody {
            return Ok(answer);
        }
        let (parts, body) = answer.into_parts();
        let bytes = if call.verb == "watch" { HALF_A_LINE.into() } else { body.collect().await?.to_bytes() };
        Ok(Response::from_parts(parts, cut_short(bytes.slice(..bytes.len() / 2))))
    }
}

/// A watch has no end to wait for: of it comes this, cut in the middle.
const HALF_A_LINE: &[u8] = br#"{"type":"MODIFIED","object":{"kind":"#;
const GARBAGE: &str = "<html><body><h1>It works!</h1></body></html>\n";

fn too_many_requests(retry_after: Option<u64>) -> Response<Body> {
    let body = whole("Too many requests, please try again later.\n");
    let mut response = respond(StatusCode::TOO_MANY_REQUESTS, "text/plain; charset=utf-8", body);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The error of a connection that ends within a body.
pub(super) fn unexpected_end() -> BoxError {
    Error::new(ErrorKind::UnexpectedEof, "connection closed before the message was complete").into()
}

/// A body that ends in an error.
fn cut_short(bytes: Bytes) -> Body {
    let frames = [Ok(Frame::data(bytes)), Err(unexpected_end())];
    StreamBody::new(futures::stream::iter(frames).boxed()).boxed_unsync()
}

/// The faults in force, and how often each has befallen.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<(Fault, u64)>,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push((fault, 0));
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// The fault of a request: the first that was added of those that fit.
    pub(super) fn pick(&mut self, number: usize, call: &Call) -> Option<What> {
        let fits = |fault: &Fault, count: u64| match &fault.at {
            Where::Nth(wanted) => *wanted == number,
            Where::Every(matching) => matching.first.is_none_or(|first| count < first) && matching.fits(call),
        };
        let fits = |(fault, count): &&mut (Fault, u64)| {
            fits(fault, *count) && (call.verb == "watch" || !fault.what.is_of_watches())
        };
        let (fault, count) = self.faults.iter_mut().find(|entry| fits(entry))?;
        *count += 1;
        Some(fault.what.clone())
    }
}

impl Matching {
    fn fits(&self, call: &Call) -> bool {
        let plural = if let Route::Resource(target) = &call.route { target.plural.as_str() } else { "" };
        self.verb.as_deref().is_none_or(|verb| verb == call.verb)
            && self.path.as_deref().is_none_or(|path| call.path.starts_with(path))
            && self.query.as_deref().is_none_or(|query| call.raw_query.contains(query))
            && self.resource.as_deref().is_none_or(|resource| resource == plural)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Call {
        Call::new(&http::Request::get(path).body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_first_matching_requests_are_befallen() {
        let mut faults = Faults::default();
        let matching = Matching { resource: Some("pods".to_owned()), first: Some(1), ..Matching::default() };
        faults.add(Fault { at: Where::Every(matching), what: What::Status(500) });
        faults.add(Fault { at: Where::Nth(3), what: What::Hang });
        assert_eq!(faults.pick(0, &call("/api/v1/services")), None);
        assert_eq!(faults.pick(1, &call("/api/v1/pods")), Some(What::Status(500)));
        assert_eq!(faults.pick(2, &call("/api/v1/pods")), None);
        assert_eq!(faults.pick(3, &call("/api/v1/pods")), Some(What::Hang));
    }

    #[test]
    fn watch_faults_befall_watches_alone() {
        let mut faults = Faults::default();
        faults.add(Fault { at: Where::Every(Matching::default()), what: What::DropAfter(1) });
        assert_eq!(faults.pick(0, &call("/api/v1/pods")), None);
        assert_eq!(faults.pick(1, &call("/api/v1/pods?watch=true")), Some(What::DropAfter(1)));
    }

    #[test]
    fn faults_are_written_as_yaml() {
        let yaml =
            "at: {every: {verb: list, resource: pods, first: 2}}\nwhat: {tooManyRequests: {retryAfter: 3}}\n";
        let fault: Fault = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(fault.what, What::TooManyRequests { retry_after: Some(3) });
        let fault: Fault = serde_saphyr::from_str("at: {nth: 4}\nwhat: hang\n").unwrap();
        assert_eq!(fault, Fault { at: Where::Nth(4), what: What::Hang });
        let error = serde_saphyr::from_str::<Fault>("at: {nth: 4}\nwhat: hang\nhow: so\n").unwrap_err();
        assert!(error.to_string().contains("unknown field `how`"), "{error}");
    }
}
