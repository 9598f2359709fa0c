//! One request and its answer: sent through the client, collected once, decoded by the caller, repeated by the policy.
//!
//! Never goes through the client's own decoding, which logs whole bodies when it fails.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use tokio::time::{Instant, timeout};
use tower::retry::RetryLayer;
use tower::{ServiceBuilder, ServiceExt as _};

use crate::cluster::Cluster;
use crate::cluster::answer::{Answer, Failure, done, retry_after};
use crate::cluster::error::{ApiError, Doing, causes};
use crate::cluster::retry::Patience;

/// How long one attempt may take, the whole body included; the API server itself gives up after 60 s.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Sends a request until it is answered or the policy gives up.
    pub(super) async fn exchange<D>(
        &self,
        request: Request<Bytes>,
        decode: impl Fn(Vec<u8>) -> Result<D, Failure>,
    ) -> Result<Answer<D>, Failure> {
        let decode = &decode;
        let attempt = tower::service_fn(|request| async move {
            match self.attempt(request).await? {
                Answer::Done(body) => decode(body).map(Answer::Done),
                Answer::Refused { status, retry_after, body } => {
                    Ok(Answer::Refused { status, retry_after, body })
                }
            }
        });
        ServiceBuilder::new().layer(self.patience()).service(attempt).oneshot(request).await
    }

    /// Opens a stream: its beginning is awaited as any answer is, its body is the caller's to read.
    pub(super) async fn open(&self, doing: &Doing, request: Request<Bytes>) -> Result<Body, ApiError> {
        let attempt = tower::service_fn(|request| self.in_time(self.begin(request)));
        done(doing, ServiceBuilder::new().layer(self.patience()).service(attempt).oneshot(request).await)
    }

    fn patience(&self) -> RetryLayer<Patience> {
        RetryLayer::new(Patience::new(self.deadline))
    }

    /// The same, for callers to whom a refusal is an error.
    pub(super) async fn require<D>(
        &self,
        doing: &Doing,
        request: Request<Bytes>,
        decode: impl Fn(Vec<u8>) -> Result<D, Failure>,
    ) -> Result<D, ApiError> {
        done(doing, self.exchange(request, decode).await)
    }

    async fn attempt(&self, request: Request<Bytes>) -> Result<Answer<Vec<u8>>, Failure> {
        let room = request.extensions().get().map_or(0, |Expected(bytes)| *bytes);
        let sent = async {
            Ok(match self.begin(request).await? {
                Answer::Done(body) => Answer::Done(collect(body, room).await?),
                Answer::Refused { status, retry_after, body } => {
                    Answer::Refused { status, retry_after, body }
                }
            })
        };
        self.in_time(sent).await
    }

    /// Waits for one of the few places, and then no longer than one attempt may take.
    async fn in_time<D>(&self, sent: impl Future<Output = Result<D, Failure>>) -> Result<D, Failure> {
        let mut longest = LONGEST_ATTEMPT;
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Deadline);
            }
            longest = longest.min(left);
        }
        let sent = async {
            let _permit =
                self.permits.acquire().await.map_err(|closed| Failure::Transport(closed.to_string()))?;
            sent.await
        };
        timeout(longest, sent).await.unwrap_or(Err(Failure::Timeout(longest)))
    }

    /// Sends a request; the body of a refusal is read, that of an answer is not.
    async fn begin(&self, request: Request<Bytes>) -> Result<Answer<Body>, Failure> {
        let sent = self.client.send(request.map(Body::from)).await;
        let (head, body) = sent.map_err(|error| Failure::Transport(causes(&error)))?.into_parts();
        if head.status.is_success() {
            return Ok(Answer::Done(body));
        }
        let (status, retry_after) = (head.status, retry_after(&head.headers));
        Ok(Answer::Refused { status, retry_after, body: collect(body, 0).await? })
    }
}

/// How many bytes an answer will have, about: an extension of a request. A buffer that has to grow takes twice the
/// memory for a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected(pub(super) usize);

/// The whole body in one buffer; frames are dropped as they are copied.
async fn collect(mut body: Body, room: usize) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::with_capacity(room);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Failure::Transport(causes(&error)))?;
        if let Ok(data) = frame.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole)
}
