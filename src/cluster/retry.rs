//! The one retry policy: what is sent again, how often, and how long we wait before.
//!
//! | answer | methods | repeated |
//! |---|---|---|
//! | 429 | all: the request was not acted upon | yes |
//! | 500, 502, 503, 504 | GET: a write may have happened | yes |
//! | no connection, broken or undecodable answer, timeout | GET | yes |
//! | anything else | all | no |
//!
//! `Retry-After` is honoured up to [`LONGEST_WISH`]. Attempts are bounded by number, by time and by the caller's
//! deadline; notifications, which have a table of their own, share those bounds. The `backoff` crate computes delays,
//! on tokio's clock; none of its loops is used.

use std::time::Duration;

use backoff::Clock;
use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoff;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use tokio::time::{Instant, Sleep, sleep};
use tower::retry::Policy;

use crate::cluster::answer::{Answer, Failure};

/// Most attempts at one request, the first included.
const MOST_ATTEMPTS: u32 = 6;
/// No attempt starts later than this after the first.
const LONGEST: Duration = Duration::from_secs(60);
/// The longest `Retry-After` we honour; a server that wants more gets the next attempt earlier.
const LONGEST_WISH: Duration = Duration::from_secs(20);

/// Time as tokio tells it, so that a virtual clock drives retries too.
#[derive(Clone, Copy, Debug, Default)]
struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> std::time::Instant {
        Instant::now().into_std()
    }
}

/// The policy of one request; made anew for each.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    backoff: ExponentialBackoff<TokioClock>,
    attempts: u32,
    deadline: Option<Instant>,
}

impl Patience {
    /// For a request that starts now and must have ended at the deadline.
    pub(crate) fn new(deadline: Option<Instant>) -> Self {
        let backoff = ExponentialBackoff {
            initial_interval: Duration::from_millis(200),
            max_interval: Duration::from_secs(10),
            multiplier: 2.0,
            max_elapsed_time: Some(LONGEST),
            ..ExponentialBackoff::default()
        };
        let mut patience = Self { backoff, attempts: 0, deadline };
        patience.backoff.reset();
        patience
    }

    /// The pause before another attempt, at least as long as the server wishes; none if this was the last.
    pub(crate) fn pause(&mut self, wish: Duration) -> Option<Duration> {
        self.attempts += 1;
        if self.attempts >= MOST_ATTEMPTS {
            return None;
        }
        let pause = self.backoff.next_backoff()?.max(wish.min(LONGEST_WISH));
        let in_time = self.deadline.is_none_or(|deadline| Instant::now() + pause < deadline);
        in_time.then_some(pause)
    }

    /// The server's wish, if the request may be sent again.
    fn repeatable<D>(method: &Method, result: &Result<Answer<D>, Failure>) -> Option<Duration> {
        let reads = method == Method::GET;
        match result {
            Ok(Answer::Done(_)) | Err(Failure::Deadline) => None,
            Ok(Answer::Refused { status, retry_after, .. }) => {
                let repeatable = *status == StatusCode::TOO_MANY_REQUESTS
                    || reads && matches!(status.as_u16(), 500 | 502 | 503 | 504);
                repeatable.then(|| retry_after.unwrap_or_default())
            }
            Err(Failure::Timeout(_) | Failure::Transport(_) | Failure::Garbage(_)) => {
                reads.then_some(Duration::ZERO)
            }
        }
    }
}

impl<D> Policy<Request<Bytes>, Answer<D>, Failure> for Patience {
    type Future = Sleep;

    fn retry(
        &mut self,
        request: &mut Request<Bytes>,
        result: &mut Result<Answer<D>, Failure>,
    ) -> Option<Sleep> {
        let wish = Self::repeatable(request.method(), result)?;
        let pause = self.pause(wish)?;
        tracing::debug!(
            path = request.uri().path(),
            attempt = self.attempts,
            ?pause,
            "sending a request again"
        );
        Some(sleep(pause))
    }

    fn clone_request(&mut self, request: &Request<Bytes>) -> Option<Request<Bytes>> {
        Some(request.clone())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::fake::{Reply, cluster};
    use crate::cluster::{ApiError, ApiKind, Reason};

    fn pods() -> ApiKind {
        ApiKind::example("", "pods", "Pod")
    }

    /// Requests sent, seconds taken and the outcome of one GET.
    async fn get(
        answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> (usize, f32, Result<(), ApiError>) {
        let (cluster, log) = cluster(move |count, _| answer(count));
        let start = Instant::now();
        let outcome = cluster.get::<Value>(&pods(), "shop", "web").await.map(drop);
        let sent = log.lock().unwrap().len();
        (sent, start.elapsed().as_secs_f32(), outcome)
    }

    /// The same for a POST.
    async fn post(
        answer: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> (usize, f32, Result<(), ApiError>) {
        let (cluster, log) = cluster(move |count, _| answer(count));
        let start = Instant::now();
        let outcome = cluster.create(&pods(), "shop", &json!({})).await.map(drop);
        let sent = log.lock().unwrap().len();
        (sent, start.elapsed().as_secs_f32(), outcome)
    }

    fn busy(seconds: &str) -> Reply {
        Reply::Answer(429, vec![("retry-after", seconds.to_owned())], Vec::new())
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_honoured_for_reads_and_writes() {
        let answer = |count| if count == 0 { busy("7") } else { Reply::ok("{}") };
        let (sent, seconds, outcome) = get(answer).await;
        assert!(outcome.is_ok() && sent == 2 && (7.0..8.0).contains(&seconds), "{sent} {seconds}");
        let (sent, seconds, outcome) = post(answer).await;
        assert!(outcome.is_ok() && sent == 2 && (7.0..8.0).contains(&seconds), "{sent} {seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_wants_an_hour_does_not_get_it() {
        let (sent, seconds, outcome) = get(|_| busy("3600")).await;
        assert_eq!(outcome.unwrap_err().reason(), Reason::Unavailable);
        assert!(sent <= 4 && seconds <= 80.0, "{sent} {seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn reads_are_repeated_after_server_errors_and_broken_connections() {
        for fault in
            [|| Reply::status(500), || Reply::status(502), || Reply::status(503), || Reply::status(504)]
        {
            let (sent, _, outcome) =
                get(move |count| if count < 3 { fault() } else { Reply::ok("{}") }).await;
            assert!(outcome.is_ok() && sent == 4, "{sent}");
        }
        let (sent, _, outcome) = get(|count| if count == 0 { Reply::Break } else { Reply::ok("{}") }).await;
        assert!(outcome.is_ok() && sent == 2, "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_cannot_be_decoded_is_read_again() {
        let garbage = |count| if count == 0 { Reply::ok("{\"metadata\":{\"na") } else { Reply::ok("{}") };
        let (sent, _, outcome) = get(garbage).await;
        assert!(outcome.is_ok() && sent == 2, "{sent}");
        let (sent, seconds, outcome) = get(|_| Reply::ok("<html>")).await;
        assert_eq!(outcome.unwrap_err().reason(), Reason::Undecodable);
        assert!(sent == 6 && seconds < 60.0, "{sent} {seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn writes_are_not_repeated_where_they_may_have_happened() {
        for fault in [|| Reply::status(500), || Reply::status(503), || Reply::Break, || Reply::Hang] {
            let (sent, seconds, outcome) = post(move |_| fault()).await;
            assert_eq!(outcome.unwrap_err().reason(), Reason::Unavailable);
            assert!(sent == 1 && seconds <= 31.0, "{sent} {seconds}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_are_final() {
        for status in [400, 401, 403, 409, 410, 422, 501] {
            let (sent, _, outcome) = get(move |_| Reply::status(status)).await;
            assert!(outcome.is_err() && sent == 1, "{status}: {sent}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up_on() {
        let (sent, seconds, outcome) = get(|_| Reply::Hang).await;
        let text = outcome.unwrap_err().to_string();
        assert_eq!(text, "getting pods web in namespace shop: no answer within 30 s");
        assert!(sent == 2 && seconds <= 65.0, "{sent} {seconds}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_attempts_and_pauses() {
        for fault in [|| Reply::Hang, || busy("20"), || Reply::status(503)] {
            let (cluster, _log) = cluster(move |_, _| fault());
            let start = Instant::now();
            let cluster = cluster.with_deadline(start + Duration::from_secs(3));
            let outcome = cluster.get::<Value>(&pods(), "shop", "web").await;
            assert_eq!(outcome.unwrap_err().reason(), Reason::Unavailable);
            assert!(start.elapsed() <= Duration::from_secs(3));
        }
    }
}
