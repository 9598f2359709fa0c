//! Watches: changes as a stream of events.
//!
//! Owns what a watcher sees: events of objects that come into, change within and leave its selection, bookmarks, the
//! end of the watch, and versions that are too old. It does not know who makes the changes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep_until};
use tower::BoxError;

use super::Api;
use super::fault::{What, unexpected_end};
use super::kinds::{Resource, ResourceId};
use super::list::select;
use super::object::Object;
use super::render::Render;
use super::respond::{Answer, Failure, respond};
use super::route::{Call, Target};
use super::selectors::Selectors;
use super::state::State;
use super::store::{Change, TooOld};

/// How often a watcher that allows them gets a bookmark.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch lasts that does not say.
const LASTS: u64 = 1800;

const NOT_OLDER_THAN: &str =
    "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";

/// One line of the stream.
enum Line {
    Event(Vec<u8>),
    Bookmark(Vec<u8>),
}

/// One running watch.
struct Watch {
    api: Api,
    resource: ResourceId,
    namespace: Option<String>,
    selectors: Selectors,
    render: Render,
    seen: u64,
    changed: Receiver<u64>,
    lines: VecDeque<Line>,
    events: u64,
    bookmark_at: Option<Instant>,
    ends_at: Instant,
    fault: Option<What>,
    ended: bool,
}

/// Answers a watch.
pub(super) fn watch(
    api: &Api,
    state: &State,
    resource: &Resource,
    target: &Target,
    call: &Call,
    fault: Option<What>,
) -> Answer {
    let mut watch = Watch::new(api, resource, target, call, fault)?;
    let initial_events = call.query.is_set("sendInitialEvents");
    if initial_events && call.query.text("resourceVersionMatch") != Some("NotOlderThan") {
        return Err(Failure::invalid("ListOptions.meta.k8s.io", "", "resourceVersionMatch", NOT_OLDER_THAN));
    }
    if watch.seen == 0 || initial_events {
        watch.start(select(&state.store, resource, target, &watch.selectors), state.store.version());
    }
    if initial_events && watch.bookmark_at.is_some() {
        watch.bookmark(json!({ "k8s.io/initial-events-end": "true" }));
    }
    let stream = futures::stream::unfold(watch, |mut watch| async move {
        let next = watch.next().await?;
        Some((next.map(|line| Frame::data(Bytes::from(line))), watch))
    });
    Ok(respond(StatusCode::OK, "application/json", StreamBody::new(stream.boxed()).boxed_unsync()))
}

impl Watch {
    fn new(
        api: &Api,
        resource: &Resource,
        target: &Target,
        call: &Call,
        fault: Option<What>,
    ) -> Result<Self, Failure> {
        let query = &call.query;
        let lasts = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0).unwrap_or(LASTS);
        let lasts = Duration::from_secs(lasts.min(u64::from(u32::MAX)));
        Ok(Self {
            api: api.clone(),
            resource: resource.id.clone(),
            namespace: target.namespace.clone(),
            selectors: Selectors::parse(query.text("labelSelector"), query.text("fieldSelector"), resource)?,
            render: Render::new(resource, &target.version, call.form()),
            seen: query.version().map_err(Failure::unexplained)?.unwrap_or_default(),
            changed: api.changes(),
            lines: VecDeque::new(),
            events: 0,
            bookmark_at: query.is_set("allowWatchBookmarks").then(|| Instant::now() + BOOKMARKS),
            ends_at: Instant::now() + lasts,
            fault,
            ended: false,
        })
    }

    /// The present objects as events.
    fn start(&mut self, objects: Vec<Arc<Object>>, version: u64) {
        self.seen = version;
        for object in objects {
            self.event("ADDED", &object);
        }
    }

    /// The next line, the error that ends the connection, or the end.
    async fn next(&mut self) -> Option<Result<Vec<u8>, BoxError>> {
        loop {
            if self.ended {
                return None;
            }
            match self.fault {
                Some(What::DropAfter(events)) if self.events >= events => {
                    self.ended = true;
                    return Some(Err(unexpected_end()));
                }
                Some(What::ExpireAfter(events)) if self.events >= events => {
                    self.ended = true;
                    return Some(Ok(expired(self.seen, self.seen)));
                }
                Some(What::SilentAfter(events)) if self.events >= events => std::future::pending().await,
                Some(_) | None => {}
            }
            match self.lines.pop_front() {
                Some(Line::Event(line)) => {
                    self.events += 1;
                    return Some(Ok(line));
                }
                Some(Line::Bookmark(line)) => return Some(Ok(line)),
                None => {}
            }
            if let Err(TooOld { oldest }) = self.catch_up() {
                self.ended = true;
                return Some(Ok(expired(self.seen, oldest)));
            }
            if self.lines.is_empty() {
                self.wait().await;
            }
        }
    }

    /// Waits for a change, for the next bookmark or for the end.
    async fn wait(&mut self) {
        let bookmark_at = self.bookmark_at.unwrap_or(self.ends_at);
        tokio::select! {
            biased;
            changed = self.changed.changed() => self.ended = changed.is_err(),
            () = sleep_until(self.ends_at) => self.ended = true,
            () = sleep_until(bookmark_at) => {
                self.bookmark_at = Some(bookmark_at + BOOKMARKS);
                self.bookmark(json!({}));
            }
        }
    }

    /// Turns the changes since the last look into lines.
    fn catch_up(&mut self) -> Result<(), TooOld> {
        self.changed.mark_unchanged();
        let api = self.api.clone();
        let state = api.lock();
        for change in state.store.since(self.seen)? {
            if change.resource == self.resource {
                self.change(change);
            }
        }
        self.seen = self.seen.max(state.store.version());
        Ok(())
    }

    fn selects(&self, object: &Object) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| *object.key.namespace == *namespace)
            && self.selectors.matches(object)
    }

    /// The event of a change, as seen through the selection.
    fn change(&mut self, change: &Change) {
        let before = change.before.as_ref().filter(|object| self.selects(object));
        let after = change.after.as_ref().filter(|object| self.selects(object));
        match (before, after) {
            (None, None) => {}
            (None, Some(object)) => self.event("ADDED", object),
            (Some(_), Some(object)) => self.event("MODIFIED", object),
            (Some(object), None) => self.event("DELETED", &object.at_version(change.version)),
        }
    }

    fn event(&mut self, event: &str, object: &Object) {
        let mut line = open(event);
        self.render.object(&mut line, object);
        line.extend_from_slice(b"}\n");
        self.lines.push_back(Line::Event(line));
    }

    fn bookmark(&mut self, annotations: serde_json::Value) {
        let mut metadata = json!({ "resourceVersion": self.seen.to_string() });
        if annotations.as_object().is_some_and(|annotations| !annotations.is_empty()) {
            metadata["annotations"] = annotations;
        }
        let mut line = open("BOOKMARK");
        self.render.bookmark(&mut line, &metadata);
        line.extend_from_slice(b"}\n");
        self.lines.push_back(Line::Bookmark(line));
    }
}

fn open(event: &str) -> Vec<u8> {
    format!(r#"{{"type":"{event}","object":"#).into_bytes()
}

/// The last line of a watch whose version is no longer remembered.
fn expired(version: u64, oldest: u64) -> Vec<u8> {
    let status = Failure::expired(format!("too old resource version: {version} ({oldest})")).status();
    let mut line = open("ERROR");
    line.extend_from_slice(status.to_string().as_bytes());
    line.extend_from_slice(b"}\n");
    line
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt as _, TryStreamExt as _};
    use k8s_openapi::api::core::v1::Pod;
    use kube::ResourceExt as _;
    use kube::api::{ListParams, WatchEvent, WatchParams};
    use kube::runtime::watcher::{self, Event, watcher};

    use super::*;
    use crate::memory::testing::{pod, pods, reference, with_pods};
    use crate::memory::{Fault, Matching, Where};

    async fn version(api: &Api) -> String {
        pods(api).list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap()
    }

    fn told(event: &WatchEvent<Pod>) -> String {
        match event {
            WatchEvent::Added(pod) => format!("+{}", pod.name_any()),
            WatchEvent::Modified(pod) => format!("~{}", pod.name_any()),
            WatchEvent::Deleted(pod) => format!("-{}", pod.name_any()),
            WatchEvent::Bookmark(_) => "bookmark".to_owned(),
            WatchEvent::Error(status) => status.code.to_string(),
        }
    }

    async fn collect(api: &Api, params: &WatchParams, since: &str) -> Vec<String> {
        let stream = pods(api).watch(params, since).await.unwrap();
        stream.map(|event| event.map_or_else(|error| error.to_string(), |event| told(&event))).collect().await
    }

    fn brief() -> WatchParams {
        WatchParams::default().timeout(5).disable_bookmarks()
    }

    fn befall(api: &Api, what: What) {
        let matching = Matching { verb: Some("watch".to_owned()), first: Some(1), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(matching), what });
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_tells_the_changes_since_a_version() {
        let api = with_pods(&["a"]);
        let since = version(&api).await;
        api.apply(pod("b")).unwrap();
        api.patch(&reference("v1", "Pod", "b"), &json!({ "spec": { "nodeName": "n" } })).unwrap();
        api.patch(&reference("v1", "Pod", "b"), &json!({ "spec": { "nodeName": "n" } })).unwrap();
        api.delete(&reference("v1", "Pod", "a")).unwrap();
        assert_eq!(collect(&api, &brief(), &since).await, ["+b", "~b", "-a"]);
        assert_eq!(collect(&api, &brief(), "0").await, ["+b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_selected_object_comes_and_goes_with_its_labels() {
        let api = with_pods(&["a"]);
        let since = version(&api).await;
        let label = |parity: &str| json!({ "metadata": { "labels": { "parity": parity } } });
        api.patch(&reference("v1", "Pod", "a"), &label("odd")).unwrap();
        api.patch(&reference("v1", "Pod", "a"), &label("even")).unwrap();
        assert_eq!(collect(&api, &brief().labels("parity=even"), &since).await, ["-a", "+a"]);
    }

    #[tokio::test(start_paused = true)]
    async fn bookmarks_come_by_the_minute_to_those_who_allow_them() {
        let api = with_pods(&["a"]);
        let since = version(&api).await;
        let params = WatchParams::default().timeout(150);
        assert_eq!(collect(&api, &params, &since).await, ["bookmark", "bookmark"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_version_that_is_too_old_is_gone() {
        let api = with_pods(&["a"]);
        let since = version(&api).await;
        api.apply(pod("b")).unwrap();
        api.compact();
        assert_eq!(collect(&api, &brief(), &since).await, ["410"]);
    }

    #[tokio::test(start_paused = true)]
    async fn injected_faults_end_silence_and_expire_watches() {
        let api = with_pods(&["a", "b"]);
        befall(&api, What::DropAfter(1));
        assert_eq!(collect(&api, &brief(), "0").await, ["+a"]);
        befall(&api, What::ExpireAfter(1));
        assert_eq!(collect(&api, &brief(), "0").await, ["+a", "410"]);
        befall(&api, What::SilentAfter(1));
        let params = brief();
        let silent = tokio::time::timeout(Duration::from_secs(3600), collect(&api, &params, "0"));
        assert!(silent.await.is_err());
        assert_eq!(collect(&api, &brief(), "0").await, ["+a", "+b"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clients_watcher_survives_a_drop_and_a_compaction() {
        for what in [What::DropAfter(0), What::ExpireAfter(0), What::TruncatedBody, What::GarbageBody] {
            let api = with_pods(&["a"]);
            befall(&api, what);
            let seen = watcher(pods(&api), watcher::Config::default())
                .filter_map(|event| async { event.ok() })
                .try_filter_map_applied();
            let mut seen = Box::pin(seen);
            assert_eq!(seen.next().await.as_deref(), Some("a"));
            let changer = api.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                changer.apply(pod("b")).unwrap();
            });
            while seen.next().await.as_deref() != Some("b") {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_streaming_list_ends_with_its_bookmark() {
        let api = with_pods(&["a", "b"]);
        let events = watcher(pods(&api), watcher::Config::default().streaming_lists()).take(4);
        let events: Vec<_> = events.try_collect().await.unwrap();
        assert!(matches!(
            events.as_slice(),
            [Event::Init, Event::InitApply(_), Event::InitApply(_), Event::InitDone]
        ));
    }

    trait Applied: Sized + futures::Stream<Item = Event<Pod>> {
        /// The names of the objects that are there.
        fn try_filter_map_applied(self) -> impl futures::Stream<Item = String> {
            self.filter_map(|event| async move {
                match event {
                    Event::Apply(pod) | Event::InitApply(pod) => Some(pod.name_any()),
                    Event::Delete(_) | Event::Init | Event::InitDone => None,
                }
            })
        }
    }
    impl<S: futures::Stream<Item = Event<Pod>>> Applied for S {}
}
