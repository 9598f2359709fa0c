//! One watch as a stream that never ends: trimmed objects, lists again after 410 or a drop, retries with pauses.
//!
//! A watch that says nothing for as long as the server should have ended it is taken for dead (kube's watcher).

use std::borrow::Cow;
use std::time::Duration;

use futures::stream::{BoxStream, StreamExt as _, unfold};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, ApiResource};
use kube::core::Resource;
use kube::runtime::watcher::{self, watcher};
use serde::{Deserialize, Deserializer};
use tokio::time::{sleep, timeout};

use crate::cluster::ApiKind;
use crate::cluster::error::{ApiError, Doing, Reason, Verb};
use crate::cluster::retry::Patience;
use crate::finding::Gap;
use crate::model::meta::Meta;
use crate::settling::{Event, Seen, Source, Watched};

/// A server ends a watch after this; one that is silent for longer, and a margin, is dead.
const WATCH_SECONDS: u32 = 60;
/// A list of 500 objects that does not come within this time is asked for again.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// A watch that says nothing for this long is dead, whatever the client thinks of it.
const DEAD: Duration = Duration::from_secs(120);
/// Between tries of a watch that has worked, or that is refused.
const LONG_PAUSE: Duration = Duration::from_secs(10);

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
    /// It could not be established, however often it was tried.
    Down(ApiError),
}

/// An object as a watch decodes it: ours, with as much metadata as the client needs.
#[derive(Clone, Debug)]
struct Live<T> {
    meta: ObjectMeta,
    object: T,
}

/// Has our metadata.
pub(super) trait Described {
    /// Its metadata.
    fn meta(&self) -> &Meta;
}

impl<'de, T: Deserialize<'de> + Described> Deserialize<'de> for Live<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = T::deserialize(deserializer)?;
        let Meta { name, namespace, uid, resource_version, .. } = object.meta();
        let known = |text: &String| (!text.is_empty()).then(|| text.clone());
        let meta = ObjectMeta {
            name: known(name),
            namespace: known(namespace),
            uid: known(uid),
            resource_version: known(resource_version),
            ..ObjectMeta::default()
        };
        Ok(Self { meta, object })
    }
}

impl<T> Resource for Live<T> {
    type DynamicType = ApiResource;
    type Scope = kube::core::DynamicResourceScope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn api_version(of: &ApiResource) -> Cow<'_, str> {
        of.api_version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// What to watch.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) kind: ApiKind,
    pub(super) namespace: String,
    pub(super) fields: Option<String>,
    pub(super) labels: Option<String>,
}

impl Subject {
    /// For the state machine.
    pub(super) fn watched(&self) -> Watched {
        Watched { kind: self.kind.group_kind(), namespace: self.namespace.clone() }
    }

    fn api<T>(&self, client: kube::Client) -> Api<Live<T>> {
        let resource = ApiResource {
            group: self.kind.group.clone(),
            version: self.kind.version.clone(),
            api_version: self.kind.api_version(),
            kind: self.kind.kind.clone(),
            plural: self.kind.plural.clone(),
        };
        if self.namespace.is_empty() || !self.kind.namespaced {
            Api::all_with(client, &resource)
        } else {
            Api::namespaced_with(client, &self.namespace, &resource)
        }
    }

    fn config(&self) -> watcher::Config {
        let mut config = watcher::Config::default().timeout(WATCH_SECONDS);
        config.field_selector.clone_from(&self.fields);
        config.label_selector.clone_from(&self.labels);
        config
    }
}

/// Watches; `seen` turns an object into what the state machine takes and says whether it is waited for.
pub(super) fn watch<T>(
    client: kube::Client,
    subject: Subject,
    source: Source,
    seen: impl Fn(T) -> (bool, Seen) + Send + 'static,
) -> BoxStream<'static, Message>
where
    T: for<'de> Deserialize<'de> + Described + Clone + std::fmt::Debug + Send + 'static,
{
    let stream = watcher(subject.api::<T>(client.clone()), subject.config()).boxed();
    let watch =
        Watch { client, subject, stream, patience: Patience::new(None), listed: false, listing: true };
    let events = unfold(watch, |mut watch| async move {
        let heard = watch.hear().await;
        Some((heard, watch))
    });
    events.map(move |heard| Message { source, said: told(heard, &seen) }).boxed()
}

type Events<T> = BoxStream<'static, Result<watcher::Event<Live<T>>, watcher::Error>>;

/// What is heard of a watch.
enum Heard<T> {
    Event(Box<watcher::Event<Live<T>>>),
    Hidden(Gap),
    Down(ApiError),
}

struct Watch<T> {
    client: kube::Client,
    subject: Subject,
    stream: Events<T>,
    patience: Patience,
    /// It has listed once.
    listed: bool,
    /// It lists now.
    listing: bool,
}

impl<T> Watch<T>
where
    T: for<'de> Deserialize<'de> + Described + Clone + std::fmt::Debug + Send + 'static,
{
    /// The next thing worth saying; what passes by itself is waited out.
    async fn hear(&mut self) -> Heard<T> {
        loop {
            let limit = if self.listing { LIST_TIMEOUT } else { DEAD };
            let cause = match timeout(limit, self.stream.next()).await {
                Ok(Some(Ok(event))) => {
                    self.note(&event);
                    return Heard::Event(Box::new(event));
                }
                Ok(Some(Err(error))) => match refusal(&error) {
                    Some(Reason::Gone) => continue,
                    Some(reason) => return self.hidden(reason, &error).await,
                    None => error.to_string(),
                },
                Ok(None) | Err(_) => {
                    self.stream =
                        watcher(self.subject.api::<T>(self.client.clone()), self.subject.config()).boxed();
                    self.listing = true;
                    format!("no answer within {}s", limit.as_secs())
                }
            };
            tracing::debug!(watch = %self.subject.watched(), cause, "a watch broke; starting it again");
            match self.patience.pause(Duration::ZERO) {
                Some(pause) => sleep(pause).await,
                None if self.listed => {
                    self.patience = Patience::new(None);
                    sleep(LONG_PAUSE).await;
                }
                None => return self.down(cause).await,
            }
        }
    }

    fn note(&mut self, event: &watcher::Event<Live<T>>) {
        match event {
            watcher::Event::Init => self.listing = true,
            watcher::Event::InitDone => {
                (self.listing, self.listed) = (false, true);
                self.patience = Patience::new(None);
            }
            watcher::Event::InitApply(_) | watcher::Event::Apply(_) | watcher::Event::Delete(_) => {}
        }
    }

    /// It may not be seen, or not be decoded; that may change, so it is tried again later.
    async fn hidden(&mut self, reason: Reason, error: &watcher::Error) -> Heard<T> {
        if self.patience.pause(Duration::ZERO).is_none() {
            sleep(LONG_PAUSE).await;
        }
        let error = ApiError::new(&self.doing(), reason, error.to_string());
        Heard::Hidden(error.gap(self.subject.watched().gap_scope()))
    }

    async fn down(&mut self, cause: String) -> Heard<T> {
        self.patience = Patience::new(None);
        tokio::task::yield_now().await;
        Heard::Down(ApiError::new(&self.doing(), Reason::Unavailable, cause))
    }

    fn doing(&self) -> Doing {
        Doing::new(Verb::List, &self.subject.kind, &self.subject.namespace, "")
    }
}

/// Why the API server will not show it; none for what may pass.
fn refusal(error: &watcher::Error) -> Option<Reason> {
    use watcher::Error as E;
    let code = match error {
        E::WatchError(status) => status.code,
        E::InitialListFailed(error) | E::WatchStartFailed(error) | E::WatchFailed(error) => code(error)?,
        E::NoResourceVersion => return Some(Reason::Other),
    };
    match code {
        401 | 403 => Some(Reason::Forbidden),
        404 => Some(Reason::NotFound),
        410 => Some(Reason::Gone),
        _ => None,
    }
}

/// The status code of a refused request; none where there was no answer.
fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error { Some(status.code) } else { None }
}

/// In the words of the state machine.
fn told<T: Described>(heard: Heard<T>, seen: &impl Fn(T) -> (bool, Seen)) -> Said {
    let applied = |live: Live<T>| {
        let (owned, seen) = seen(live.object);
        Event::Applied { owned, seen: Box::new(seen) }
    };
    Said::Event(match heard {
        Heard::Event(event) => match *event {
            watcher::Event::Init => Event::Listing,
            watcher::Event::InitApply(live) | watcher::Event::Apply(live) => applied(live),
            watcher::Event::InitDone => Event::Listed,
            watcher::Event::Delete(live) => Event::Deleted(Box::new(seen(live.object).1)),
        },
        Heard::Hidden(gap) => Event::Hidden(gap),
        Heard::Down(error) => return Said::Down(error),
    })
}
