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

const UNMATCHED: &str = "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided";

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
            (Some(version), Some(namespace), Some(name)) => {
                Ok(Self { version, after: Key::new(namespace, name) })
            }
            _ => Err(Failure::bad_request("invalid continue token: continue key is not valid")),
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
    /// Lists of custom resources say with an empty token that there is no more, those of built-in kinds say nothing.
    fn metadata(&self, says_no_more: bool) -> Value {
        let mut metadata = Map::new();
        metadata.insert("resourceVersion".to_owned(), self.version.to_string().into());
        match &self.next {
            Some(token) => metadata.insert("continue".to_owned(), token.as_str().into()),
            None if says_no_more => metadata.insert("continue".to_owned(), "".into()),
            None => None,
        };
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
pub(super) fn select(
    store: &Store,
    resource: &Resource,
    target: &Target,
    selectors: &Selectors,
) -> Vec<Arc<Object>> {
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
    let differences =
        store.differences(&resource.id, version).map_err(|TooOld { .. }| Failure::expired(EXPIRED))?;
    let after = start.as_ref().map(|start| &start.after);
    let mut range = store
        .range(&resource.id, target.namespace.as_deref(), after, &differences)
        .filter(|object| selectors.matches(object));
    let limit = match query.number("limit")?.unwrap_or_default() {
        0 => usize::MAX,
        limit => usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let objects: Vec<_> = range.by_ref().take(limit).cloned().collect();
    let more = range.next().is_some();
    let next = objects.last().filter(|_| more).map(|last| Continue::token(version, &last.key));
    let remaining = (more && selectors.select_everything()).then(|| 1 + range.count());
    Ok(Page { objects, version, next, remaining })
}

/// The version that a list without a token shows: the newest, unless one is asked for exactly.
fn wanted_version(store: &Store, query: &Query) -> Result<u64, Failure> {
    let invalid = |why| Failure::bad_request(format!("invalid resource version: {why}"));
    let Some(wanted) = query.version().map_err(invalid)? else {
        return match query.text("resourceVersionMatch") {
            None => Ok(store.version()),
            Some(_) => {
                Err(Failure::invalid("ListOptions.meta.k8s.io", "", "resourceVersionMatch", UNMATCHED))
            }
        };
    };
    if wanted > store.version() {
        return Err(Failure::too_large_version(wanted, store.version()));
    }
    Ok(if query.text("resourceVersionMatch") == Some("Exact") { wanted } else { store.version() })
}

/// A body that is put together from the stored bytes while it is read.
fn body(render: Render, page: Page) -> Body {
    let mut head = Vec::new();
    render.open_list(&mut head, &page.metadata(render.says_no_more));
    let mut objects = page.objects.into_iter().enumerate().peekable();
    let mut buffer = Some(head);
    let chunks = std::iter::from_fn(move || {
        let mut chunk = buffer.take()?;
        for (number, object) in objects.by_ref() {
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

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use kube::Api as KubeApi;
    use kube::ResourceExt as _;
    use kube::api::ListParams;
    use proptest::prelude::*;

    use crate::memory::testing::{pod, pods, refusal, with_pods};
    use crate::memory::{Api, Fault, Matching, What, Where};

    async fn pages(pods: &KubeApi<Pod>, limit: u32, between: impl Fn()) -> Vec<String> {
        let mut params = ListParams::default().limit(limit);
        let mut names = Vec::new();
        loop {
            let page = pods.list(&params).await.unwrap();
            names.extend(
                page.items.iter().map(|pod| format!("{}@{:?}", pod.name_any(), pod.resource_version())),
            );
            match page.metadata.continue_ {
                Some(token) => params.continue_token = Some(token),
                None => return names,
            }
            between();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn selectors_narrow_a_list() {
        let api = with_pods(&["a", "b", "c"]);
        let names = |list: kube::api::ObjectList<Pod>| {
            list.items.iter().map(kube::ResourceExt::name_any).collect::<Vec<_>>()
        };
        let odd = pods(&api).list(&ListParams::default().labels("parity notin (even)")).await.unwrap();
        assert_eq!(names(odd), ["b"]);
        let one = pods(&api).list(&ListParams::default().fields("metadata.name=c")).await.unwrap();
        assert_eq!(names(one), ["c"]);
        let refused = refusal(pods(&api).list(&ListParams::default().labels("a in (")).await);
        assert_eq!((refused.code, refused.reason.as_str()), (400, "BadRequest"));
    }

    #[tokio::test(start_paused = true)]
    async fn all_pages_show_the_version_of_the_first() {
        let api = with_pods(&["a", "b", "c", "d"]);
        let all = pages(&pods(&api), 0, || {}).await;
        let api_in_between = api.clone();
        let change = move || {
            api_in_between.apply(pod("bb")).unwrap();
            api_in_between
                .patch(
                    &crate::memory::testing::reference("v1", "Pod", "d"),
                    &serde_json::json!({"spec":{"nodeName":"n"}}),
                )
                .unwrap();
            api_in_between.delete(&crate::memory::testing::reference("v1", "Pod", "c")).ok();
        };
        assert_eq!(pages(&pods(&api), 1, change).await, all);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_too_old_is_gone() {
        let api = with_pods(&["a", "b"]);
        let page = pods(&api).list(&ListParams::default().limit(1)).await.unwrap();
        assert_eq!(page.metadata.remaining_item_count, Some(1));
        api.apply(pod("c")).unwrap();
        api.compact();
        let next = ListParams::default().limit(1).continue_token(&page.metadata.continue_.unwrap());
        let refused = refusal(pods(&api).list(&next).await);
        assert_eq!((refused.code, refused.reason.as_str()), (410, "Expired"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_continued_list_can_be_made_to_expire() {
        let api = with_pods(&["a", "b"]);
        let matching = Matching { query: Some("continue=".to_owned()), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(matching), what: What::Status(410) });
        let page = pods(&api).list(&ListParams::default().limit(1)).await.unwrap();
        let next = ListParams::default().limit(1).continue_token(&page.metadata.continue_.unwrap());
        assert_eq!(refusal(pods(&api).list(&next).await).code, 410);
    }

    #[tokio::test(start_paused = true)]
    async fn items_of_built_in_kinds_do_not_say_their_kind() {
        let api = with_pods(&["a"]);
        api.seed_value(
            &serde_json::json!({"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"name": "t"}}),
        )
        .unwrap();
        let text = |path: &'static str| {
            let client = api.client();
            async move { client.request_text(http::Request::get(path).body(Vec::new()).unwrap()).await.unwrap() }
        };
        let list: serde_json::Value = serde_json::from_str(&text("/api/v1/pods").await).unwrap();
        assert_eq!((list["kind"].as_str(), list["items"][0].get("kind")), (Some("PodList"), None));
        let list: serde_json::Value = serde_json::from_str(&text("/apis/x.example/v1/things").await).unwrap();
        assert_eq!(list["items"][0]["apiVersion"], "x.example/v1");
    }

    #[tokio::test(start_paused = true)]
    async fn metadata_alone_can_be_listed() {
        let api = with_pods(&["a"]);
        let list = pods(&api).list_metadata(&ListParams::default()).await.unwrap();
        assert_eq!(list.items[0].name_any(), "a");
        let metadata = pods(&api).get_metadata("a").await.unwrap();
        assert_eq!(metadata.types.unwrap().kind, "PartialObjectMetadata");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn pages_of_any_size_add_up_to_the_whole_list(count in 0_usize..40, limit in 1_u32..50) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let api = Api::default();
                for number in 0..count {
                    api.seed_value(&pod(&format!("pod-{number}"))).unwrap();
                }
                let all = pages(&pods(&api), 0, || {}).await;
                assert_eq!(all.len(), count);
                assert_eq!(pages(&pods(&api), limit, || {}).await, all);
            });
        }
    }
}
