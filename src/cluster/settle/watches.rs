//! The watches that run: each a task of its own, all heard through one channel.
//!
//! Does not know which watches there have to be, nor what they say.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use crate::cluster::watch::{Change, Watch};
use crate::cluster::{ApiError, Cluster, Query, Reason};
use crate::finding::GapScope;
use crate::scope::Scope;
use crate::settling::{Event, Importance, Millis, Seen, Settling, Source, Watched};

/// Messages that wait to be heard; a watch that has more to say waits itself.
const MOST_UNHEARD: usize = 1024;

/// What a watch says, and which one.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) source: Source,
    pub(super) said: Said,
}

/// What a watch says.
#[derive(Debug)]
pub(super) enum Said {
    /// For the state machine.
    Event(Event),
    /// The API server does not answer, however often it was asked; the watch has ended.
    Down(ApiError),
}

/// All watches of one application; they end when it is dropped.
pub(super) struct Watches {
    cluster: Cluster,
    scope: Arc<Scope>,
    starts: Vec<Start>,
    running: JoinSet<()>,
    said: Sender<Message>,
    heard: Receiver<Message>,
}

/// How to start a watch, for the first time or again.
type Start = Box<dyn Fn(Sender<Message>) -> BoxFuture<'static, ()> + Send>;

impl Watches {
    pub(super) fn new(cluster: &Cluster, scope: &Scope) -> Self {
        let (said, heard) = channel(MOST_UNHEARD);
        Self {
            cluster: cluster.clone(),
            scope: Arc::new(scope.clone()),
            starts: Vec::new(),
            running: JoinSet::new(),
            said,
            heard,
        }
    }

    /// Starts a watch and announces it.
    pub(super) fn open<T: DeserializeOwned + Send + 'static>(
        &mut self,
        settling: &mut Settling,
        (query, watched, importance): (Query, Watched, Importance),
        seen: impl Fn(T) -> Seen + Send + Sync + 'static,
    ) {
        let source = self.source();
        settling.open(source, watched, importance);
        let (cluster, scope) = (self.cluster.clone(), self.scope.clone());
        let place = query.gap_scope();
        let words: Arc<dyn Fn(Change<T>) -> Message + Send + Sync> =
            Arc::new(move |change| Message { source, said: said(change, &seen, &scope, &place) });
        let start: Start = Box::new(move |said| {
            let (cluster, query, words) = (cluster.clone(), query.clone(), words.clone());
            Watch { cluster, query, said, words }.run().boxed()
        });
        self.running.spawn(start(self.said.clone()));
        self.starts.push(start);
    }

    /// Lists everything again, on new connections. Nothing that was said before is heard any more.
    pub(super) fn restart(&mut self, settling: &mut Settling, now: Millis) {
        self.running = JoinSet::new();
        (self.said, self.heard) = channel(MOST_UNHEARD);
        for (source, start) in (0..).zip(&self.starts) {
            settling.apply(now, source, Event::Listing);
            self.running.spawn(start(self.said.clone()));
        }
    }

    /// The next message of any watch.
    pub(super) async fn next(&mut self) -> Message {
        match self.heard.recv().await {
            Some(message) => message,
            // We hold a sender ourselves, so there is always one.
            None => std::future::pending().await,
        }
    }

    /// The next message, if one is there already.
    pub(super) fn ready(&mut self) -> Option<Message> {
        self.heard.try_recv().ok()
    }

    fn source(&self) -> Source {
        Source::try_from(self.starts.len()).unwrap_or(Source::MAX)
    }
}

/// A change in the words of the state machine; `scope` says whether an object is waited for.
fn said<T>(change: Change<T>, seen: &impl Fn(T) -> Seen, scope: &Scope, place: &GapScope) -> Said {
    Said::Event(match change {
        Change::Listing => Event::Listing,
        Change::Listed => Event::Listed,
        Change::Applied(object) => {
            let seen = Box::new(seen(object));
            Event::Applied { owned: scope.waits_for(&seen.reference(), seen.meta()), seen }
        }
        Change::Deleted(object) => Event::Deleted(Box::new(seen(object))),
        Change::Hidden(gap) => Event::Hidden(gap),
        Change::Ended(error) if error.reason() == Reason::Unavailable => return Said::Down(error),
        Change::Ended(error) => Event::Hidden(error.gap(place.clone())),
    })
}
