//! Lists: selection, pages, and bodies that stream.
//!
//! Owns the `continue` token and the consistency of paged lists: all pages show the version of the first. It does not
//! know how objects are shown.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Map, Value};

use super::kinds::Resource;
use super::object::{Key, Object};
use super::render::Render;
use super::respond::{Answer, Body, Failure, respond};
use super::route::{Call, Query, Target};
use super::selectors::Selectors;
use super::state::State;
use super::store::{Store, TooOld};

/// How much of a list is put together at a time.
const CHUNK: usize = 64 * 1024;

const EXPIRED: &str = "The provided continue parameter is too old to display a consistent list result. You can start a \
    new list without the continue parameter.";

/// Where a continued list goes on; `/` cannot be part of a namespace or a name.
struct Continue {
    version: u64,
    after: Key,
}

impl Continue {
    fn parse(token: &str) -> Result<Self, Failure> {
        let mut parts = token.splitn(3, '/');
        let (version, namespace, name) = (parts.next(), parts.next(), parts.next());
        match (version.and_then(|version| version.parse().ok()), namespace, name) {
            (Some(version), Some(namespace), Some(name)) => Ok(Self { version, after: Key::new(namespace, name) }),
            _ => Err(Failure::bad_request("continue key is not valid")),
        }
    }

    fn token(version: u64, last: &Key) -> String {
        format!("{version}/{}/{}", last.namespace, last.name)
    }
}

/// One page of a list.
struct Page {
    objects: Vec<Arc<Object>>,
    version: u64,
    next: Option<String>,
    remaining: Option<usize>,
}

impl Page {
    fn metadata(&self) -> Value {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".to_owned(), self.version.to_string().into());
        if let Some(token) = &self.next {
            metadata.insert("continue".to_owned(), token.as_str().into());
        }
        if let Some(remaining) = self.remaining {
            metadata.insert("remainingItemCount".to_owned(), remaining.into());
        }
        Value::Object(metadata)
    }
}

/// Answers a list.
pub(super) fn list(state: &State, resource: &Resource, target: &Target, call: &Call) -> Answer {
    let selectors =
        Selectors::parse(call.query.text("labelSelector"), call.query.text("fieldSelector"), resource)?;
    let page = page(&state.store, resource, target, &call.query, &selectors)?;
    let render = Render::new(resource, &target.version, call.form());
    Ok(respond(StatusCode::OK, "application/json", body(render, page)))
}

/// The objects that a request without pages selects.
pub(super) fn select(store: &Store, resource: &Resource, target: &Target, selectors: &Selectors) -> Vec<Arc<Object>> {
    let differences = std::collections::BTreeMap::new();
    let range = store.range(&resource.id, target.namespace.as_deref(), None, &differences);
    range.filter(|object| selectors.matches(object)).cloned().collect()
}

/// A list of objects that are no longer stored, as a deleted collection is answered.
pub(super) fn of_objects(render: Render, version: u64, objects: Vec<Arc<Object>>) -> Response<Body> {
    let page = Page { objects, version, next: None, remaining: None };
    respond(StatusCode::OK, "application/json", body(render, page))
}

fn page(
    store: &Store,
    resource: &Resource,
    target: &Target,
    query: &Query,
    selectors: &Selectors,
) -> Result<Page, Failure> {
    let start = query.text("continue").map(Continue::parse).transpose()?;
    let version = match &start {
        Some(start) => start.version,
        None => wanted_version(store, query)?,
    };
    let differences = store.differences(&resource.id, version).map_err(|TooOld { .. }| Failure::expired(EXPIRED))?;
    let after = start.as_ref().map(|start| &start.after);
    let mut range = store
        .range(&resource.id, target.namespace.as_deref(), after, &differences)
        .filter(|object| selectors.matches(object));
    let limit = match query.number("limit")?.unwrap_or_default() {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let objects: Vec<_> = range.by_ref().take(limit).cloned().collect();
    let remaining = range.count();
    let next = objects.last().filter(|_| remaining > 0).map(|last| Continue::token(version, &last.key));
    let remaining = (remaining > 0 && selectors.select_everything()).then_some(remaining);
    Ok(Page { objects, version, next, remaining })
}

/// The version that a list without a token shows: the newest, unless one is asked for exactly.
fn wanted_version(store: &Store, query: &Query) -> Result<u64, Failure> {
    let wanted = query.number("resourceVersion")?.unwrap_or_default();
    if wanted > store.version() {
        let newest = store.version();
        return Err(Failure {
            message: format!("Too large resource version: {wanted}, current: {newest}"),
            ..Failure::of_code(504)
        });
    }
    Ok(if query.text("resourceVersionMatch") == Some("Exact") { wanted } else { store.version() })
}

/// A body that is put together from the stored bytes while it is read.
fn body(render: Render, page: Page) -> Body {
    let mut head = Vec::new();
    render.open_list(&mut head, &page.metadata());
    let mut objects = page.objects.into_iter().enumerate().peekable();
    let mut buffer = Some(head);
    let chunks = std::iter::from_fn(move || {
        let mut chunk = buffer.take()?;
        while let Some((number, object)) = objects.next() {
            if number > 0 {
                chunk.push(b',');
            }
            render.item(&mut chunk, &object);
            if chunk.len() >= CHUNK {
                break;
            }
        }
        if objects.peek().is_some() {
            buffer = Some(Vec::with_capacity(CHUNK));
        } else {
            chunk.extend_from_slice(b"]}\n");
        }
        Some(Ok(Frame::data(Bytes::from(chunk))))
    });
    StreamBody::new(futures::stream::iter(chunks).boxed()).boxed_unsync()
}
