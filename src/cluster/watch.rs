//! One watch: a list, then every change from there on; the list again when it is not sure to have heard all.
//!
//! It lists again after 410, after too many broken connections in a row, and when nothing at all was heard for
//! [`SILENCE`], not even a bookmark: a quiet watch is told from a dead one. Lists and openings go through the retry
//! policy like every other request. The client library has a watcher of its own, which does not do: it keeps bookmarks
//! to itself, waits for an opening without end, and its lists go around the policy and log what they cannot decode.
//!
//! Source: <https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::Cluster;
use crate::cluster::client::read;
use crate::cluster::error::{ApiError, Reason, Verb};
use crate::cluster::lines::Lines;
use crate::cluster::list::{Pages, Query};
use crate::cluster::retry::Patience;
use crate::finding::Gap;
use crate::model::meta::Partial;

/// The server ends a watch after this; shortly before it sends a bookmark.
const WATCH_SECONDS: u64 = 45;
/// A watch that says nothing for this long is dead.
const SILENCE: Duration = Duration::from_secs(60);
/// A connection that held for this long was no accident.
const HELD: Duration = Duration::from_secs(1);
/// Before the list after too many broken connections in a row.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// How often a list starts over because the server forgot where we were.
const MOST_RESTARTS: u32 = 3;
const JSON: &str = "application/json";

/// What a watch says. Everything between [`Change::Listing`] and [`Change::Listed`] is all there is.
#[derive(Debug)]
pub enum Change<T> {
    /// It lists again: what it said before may be outdated.
    Listing,
    /// The list is complete.
    Listed,
    /// An object that is there, or that has changed.
    Applied(T),
    /// An object that has gone.
    Deleted(T),
    /// An object that is there but cannot be decoded.
    Hidden(Gap),
    /// It was refused, or is not answered however often it was asked; the watch has ended.
    Ended(ApiError),
}

/// What to watch and whom to tell, in the listener's own words.
pub(super) struct Watch<T, M> {
    pub(super) cluster: Cluster,
    pub(super) query: Query,
    pub(super) said: Sender<M>,
    pub(super) words: Arc<dyn Fn(Change<T>) -> M + Send + Sync>,
}

/// Changes that wait to be heard; a watch that has more to say waits itself.
const MOST_UNHEARD: usize = 64;

/// A watch that runs beside its listener, and ends with it.
#[derive(Debug)]
pub struct Watching<T> {
    heard: Receiver<Change<T>>,
    _running: JoinSet<()>,
}

impl<T> Watching<T> {
    /// The next change; none after [`Change::Ended`].
    pub async fn next(&mut self) -> Option<Change<T>> {
        self.heard.recv().await
    }
}

impl Cluster {
    /// Lists what the query asks for, and watches it from there on.
    pub fn watch<T: DeserializeOwned + Send + 'static>(&self, query: Query) -> Watching<T> {
        let (said, heard) = channel(MOST_UNHEARD);
        let mut running = JoinSet::new();
        running.spawn(Watch { cluster: self.clone(), query, said, words: Arc::new(|change| change) }.run());
        Watching { heard, _running: running }
    }
}

/// Why a watch ends for good.
enum Stop {
    Refused(ApiError),
    /// Nobody listens any more.
    Unheard,
}

/// Why a connection ended.
enum End {
    /// The server had enough.
    Closed,
    Broken(String),
    /// The version is too old to go on from.
    Expired,
    Silent,
}

/// One line of a watch.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    what: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// The object of a line of type ERROR.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    code: u16,
}

impl<T: DeserializeOwned + Send, M: Send> Watch<T, M> {
    /// Watches until it is refused or nobody listens.
    pub(super) async fn run(self) {
        let Err(Stop::Refused(error)) = self.go_on().await else { return };
        if self.tell(Change::Ended(error)).await.is_err() {
            tracing::debug!("a watch ended that nobody listened to");
        }
    }

    async fn go_on(&self) -> Result<Infallible, Stop> {
        let mut pauses = Patience::new(None);
        loop {
            let version = self.list().await?;
            self.follow(version, &mut pauses).await?;
            self.tell(Change::Listing).await?;
        }
    }

    /// Lists everything; gives back the version to go on from.
    async fn list(&self) -> Result<String, Stop> {
        for _ in 0..=MOST_RESTARTS {
            if let Some(version) = self.list_once().await? {
                return Ok(version);
            }
            self.tell(Change::Listing).await?;
        }
        Err(self.refused(Reason::Gone, "the list starts over again and again"))
    }

    /// Lists everything; none if pages are of different versions, so that what one showed may be gone.
    async fn list_once(&self) -> Result<Option<String>, Stop> {
        let (mut version, mut hidden) = (None, Vec::new());
        let mut pages = Pages::new(&self.cluster, &self.query);
        while let Some(page) = pages.next::<T>().await.map_err(Stop::Refused)? {
            if version.as_ref().is_some_and(|first| *first != page.version) {
                return Ok(None);
            }
            for entry in page.items {
                match entry.value {
                    Ok(object) => self.apply(object).await?,
                    Err(error) => hidden.push(self.query.undecodable(&page.text[entry.place], error)),
                }
            }
            version = Some(page.version);
        }
        self.tell(Change::Listed).await?;
        for gap in hidden {
            self.tell(Change::Hidden(gap)).await?;
        }
        match version.filter(|version| !version.is_empty()) {
            Some(version) => Ok(Some(version)),
            None => Err(self.refused(Reason::Undecodable, "the list has no resourceVersion")),
        }
    }

    /// Tells of changes from a version on, over as many connections as it takes; returns when it has to list again.
    async fn follow(&self, mut version: String, pauses: &mut Patience) -> Result<(), Stop> {
        let doing = self.query.to(Verb::Watch);
        loop {
            let request = read(&doing, &self.query.watch_path(&version, WATCH_SECONDS), JSON);
            let opened = self.cluster.open(&doing, request.map_err(Stop::Refused)?).await;
            let since = Instant::now();
            let end = match opened {
                Ok(body) => self.hear(Lines::new(body), &mut version).await?,
                Err(error) if error.reason() == Reason::Gone => End::Expired,
                Err(error) => return Err(Stop::Refused(error)),
            };
            if let End::Broken(cause) = &end {
                tracing::debug!(watch = %doing, cause, "a watch broke");
            }
            if HELD <= since.elapsed() {
                *pauses = Patience::new(None);
                match end {
                    End::Closed => continue,
                    End::Broken(_) => {}
                    End::Expired | End::Silent => return Ok(()),
                }
            }
            if pause(pauses).await == Next::List || matches!(end, End::Expired | End::Silent) {
                return Ok(());
            }
        }
    }

    /// Tells of changes over one connection.
    async fn hear(&self, mut lines: Lines<Body>, version: &mut String) -> Result<End, Stop> {
        loop {
            let end = match timeout(SILENCE, lines.next()).await {
                Ok(Ok(Some(line))) => self.take(line, version).await?,
                Ok(Ok(None)) => Some(End::Closed),
                Ok(Err(cause)) => Some(End::Broken(cause)),
                Err(_elapsed) => Some(End::Silent),
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// Tells of one change and remembers its version; an end if the line is none that can be gone on from.
    async fn take(&self, line: &[u8], version: &mut String) -> Result<Option<End>, Stop> {
        let Ok(Line { what, object }) = serde_json::from_slice(line) else {
            return Ok(Some(End::Broken("a line that is no change".to_owned())));
        };
        let text = object.get();
        let next = match what {
            "ADDED" | "MODIFIED" | "DELETED" => self.change(what, text).await?,
            "BOOKMARK" => version_of(text),
            "ERROR" => {
                let Status { code } = serde_json::from_str(text).unwrap_or_default();
                return Ok(Some(if code == 410 { End::Expired } else { End::Broken(text.to_owned()) }));
            }
            other => return Ok(Some(End::Broken(format!("a change of the unknown type {other}")))),
        };
        if next.is_empty() {
            return Ok(Some(End::Expired));
        }
        *version = next;
        Ok(None)
    }

    /// Tells of a change; gives back its version.
    async fn change(&self, what: &str, text: &str) -> Result<String, Stop> {
        let object = match serde_json::from_str::<T>(text) {
            Ok(object) => object,
            Err(error) => {
                self.tell(Change::Hidden(self.query.undecodable(text, error.to_string()))).await?;
                return Ok(version_of(text));
            }
        };
        self.tell(if what == "DELETED" { Change::Deleted(object) } else { Change::Applied(object) }).await?;
        Ok(version_of(text))
    }

    async fn apply(&self, object: T) -> Result<(), Stop> {
        self.tell(Change::Applied(object)).await
    }

    async fn tell(&self, change: Change<T>) -> Result<(), Stop> {
        self.said.send((self.words)(change)).await.map_err(|_nobody| Stop::Unheard)
    }

    fn refused(&self, reason: Reason, cause: &str) -> Stop {
        Stop::Refused(ApiError::new(&self.query.to(Verb::List), reason, cause))
    }
}

/// What to do after a pause.
#[derive(PartialEq, Eq)]
enum Next {
    Open,
    List,
}

/// Waits a little longer each time, and lists again after the longest pause.
async fn pause(pauses: &mut Patience) -> Next {
    if let Some(pause) = pauses.pause(Duration::ZERO) {
        sleep(pause).await;
        return Next::Open;
    }
    *pauses = Patience::new(None);
    sleep(LONG_PAUSE).await;
    Next::List
}

/// Empty if the text is no object.
fn version_of(text: &str) -> String {
    serde_json::from_str::<Partial>(text).unwrap_or_default().metadata.resource_version
}
