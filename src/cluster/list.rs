//! Lists: page by page, each item once, whatever the API server does in between.

use std::collections::BTreeSet;

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::cluster::Cluster;
use crate::cluster::answer::Failure;
use crate::cluster::client::read;
use crate::cluster::cursor::{Broken, Cursor};
use crate::cluster::error::{ApiError, Doing, Reason, Verb};
use crate::cluster::kinds::{ApiKind, escaped};
use crate::cluster::page::{Entry, Page};
use crate::cluster::transport::Expected;
use crate::finding::{Gap, GapReason, GapScope};
use crate::model::meta::Partial;

/// Items of one page; a page of Pods is about 5 MB.
const PAGE: usize = 500;
/// How often a list is started over when the API server has forgotten where we were.
const MOST_RESTARTS: u32 = 3;
const JSON: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// What to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    kind: ApiKind,
    namespace: String,
    labels: String,
    fields: String,
    metadata_only: bool,
    limit: usize,
}

/// One object of a list.
#[derive(Debug)]
pub struct Item<'a, T> {
    /// The object, decoded.
    pub value: T,
    /// Its JSON as it came, for what the decoded form leaves out.
    pub raw: &'a str,
}

impl Query {
    /// All objects of a kind, in all namespaces.
    pub fn new(kind: &ApiKind) -> Self {
        Self {
            kind: kind.clone(),
            namespace: String::new(),
            labels: String::new(),
            fields: String::new(),
            metadata_only: false,
            limit: PAGE,
        }
    }

    /// Only those of one namespace; no effect on cluster-scoped kinds, nor if the namespace is empty.
    #[must_use]
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), ..self }
    }

    /// Only those with these labels, in the API's syntax: `app=web,tier!=cache`.
    #[must_use]
    pub fn labels(self, selector: impl Into<String>) -> Self {
        Self { labels: selector.into(), ..self }
    }

    /// Only those with these fields, in the API's syntax: `spec.nodeName=n1`.
    #[must_use]
    pub fn fields(self, selector: impl Into<String>) -> Self {
        Self { fields: selector.into(), ..self }
    }

    /// Asks for metadata only: items are PartialObjectMetadata, so no value of a Secret leaves the API server.
    #[must_use]
    pub fn metadata_only(self) -> Self {
        Self { metadata_only: true, ..self }
    }

    /// Asks for pages of another size than 500, where objects are known to be large.
    #[must_use]
    pub fn pages_of(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    fn doing(&self) -> Doing {
        self.to(Verb::List)
    }

    pub(super) fn to(&self, verb: Verb) -> Doing {
        Doing::new(verb, &self.kind, &self.namespace, "")
    }

    fn path(&self, next: &str) -> String {
        self.path_with(&format!("limit={}", self.limit), ("continue", next))
    }

    /// Path of a watch of the same objects, from a version on, which the server ends after some seconds.
    pub(super) fn watch_path(&self, version: &str, seconds: u64) -> String {
        let parts = format!("watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}");
        self.path_with(&parts, ("resourceVersion", version))
    }

    fn path_with(&self, first: &str, last: (&str, &str)) -> String {
        let mut path = format!("{}?{first}", self.kind.path(&self.namespace, ""));
        let parts = [("labelSelector", &*self.labels), ("fieldSelector", &*self.fields), last];
        for (name, value) in parts.iter().filter(|(_, value)| !value.is_empty()) {
            path = format!("{path}&{name}={}", escaped(value));
        }
        path
    }

    /// What is missing if these objects cannot be seen.
    pub(super) fn gap_scope(&self) -> GapScope {
        GapScope::Kind(self.kind.group_kind(), self.namespace.clone())
    }

    /// The gap of an item that cannot be decoded.
    pub(super) fn undecodable(&self, raw: &str, detail: String) -> Gap {
        let kind = self.kind.group_kind();
        let scope = match serde_json::from_str::<Partial>(raw) {
            Ok(partial) if !partial.metadata.name.is_empty() => {
                GapScope::Object(partial.metadata.reference(&kind))
            }
            Ok(_) | Err(_) => self.gap_scope(),
        };
        Gap { scope, reason: GapReason::Undecodable, detail }
    }
}

impl Cluster {
    /// Lists objects page by page and hands them over one by one; returns those that could not be decoded.
    ///
    /// A page is handed over once all of it has arrived and is well-formed. Each object is handed over once: if the
    /// API server forgets the list's position (410), the list starts over and skips what was seen. So every object
    /// that exists from the first request to the last is seen; one that comes or goes meanwhile may be.
    ///
    /// # Errors
    /// A page cannot be read: the list is incomplete, and what was handed over before is not all.
    pub async fn list<T: DeserializeOwned>(
        &self,
        query: &Query,
        mut each: impl FnMut(Item<'_, T>),
    ) -> Result<Vec<Gap>, ApiError> {
        let mut gaps = Vec::new();
        let mut pages = Pages::new(self, query);
        while let Some(page) = pages.next().await? {
            for Entry { place, value } in page.items {
                let raw = &page.text[place];
                match value {
                    Ok(value) => each(Item { value, raw }),
                    Err(error) => gaps.push(query.undecodable(raw, error)),
                }
            }
        }
        Ok(gaps)
    }
}

/// The pages of one list, one at a time.
pub(super) struct Pages<'a> {
    cluster: &'a Cluster,
    query: &'a Query,
    seen: Seen,
    restarts: u32,
    /// Bytes of the last page: the next one will be about as large.
    last: usize,
    /// Where the next page starts, empty for the first; none after the last.
    next: Option<String>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(cluster: &'a Cluster, query: &'a Query) -> Self {
        Self { cluster, query, seen: Seen::default(), restarts: 0, last: 0, next: Some(String::new()) }
    }

    /// The next page, without items that an earlier page had; none after the last one.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Page<T>>, ApiError> {
        while let Some(position) = self.next.take() {
            let mut page = match self.page::<T>(&position).await {
                Err(error) if error.reason() == Reason::Gone && self.restarts < MOST_RESTARTS => {
                    self.restarts += 1;
                    self.next = Some(String::new());
                    continue;
                }
                page => page?,
            };
            self.last = page.text.len();
            if !page.next.is_empty() {
                if page.next == position {
                    let cause = "the API server gives the same position again and again";
                    return Err(ApiError::new(&self.query.doing(), Reason::Undecodable, cause));
                }
                self.next = Some(std::mem::take(&mut page.next));
            }
            let is_whole = position.is_empty() && self.next.is_none() && self.restarts == 0;
            if !is_whole {
                let Page { text, items, .. } = &mut page;
                items.retain(|entry| self.seen.first_time(&text[entry.place.clone()]));
            }
            return Ok(Some(page));
        }
        Ok(None)
    }

    async fn page<T: DeserializeOwned>(&self, position: &str) -> Result<Page<T>, ApiError> {
        let doing = self.query.doing();
        let accept = if self.query.metadata_only { METADATA } else { JSON };
        let mut request = read(&doing, &self.query.path(position), accept)?;
        request.extensions_mut().insert(Expected(self.last + self.last / 32));
        let decode = |body| {
            let text = String::from_utf8(body).map_err(|error| Failure::Garbage(error.to_string()))?;
            Page::decode(text).map_err(|error| Failure::Garbage(error.to_string()))
        };
        self.cluster.require(&doing, request, decode).await
    }
}

/// Which objects of a list have been handed over.
#[derive(Debug, Default)]
struct Seen(BTreeSet<Box<str>>);

impl Seen {
    fn first_time(&mut self, raw: &str) -> bool {
        identity(raw).is_none_or(|identity| self.0.insert(identity))
    }
}

/// The object's uid, or else its name; reads no further than it must.
fn identity(raw: &str) -> Option<Box<str>> {
    let (mut uid, mut names) = (None, [None, None]);
    let walked = Cursor::new(raw).object(|cursor, key| {
        if key != "metadata" {
            return cursor.value::<IgnoredAny>().map(drop);
        }
        cursor.object(|cursor, key| {
            match key {
                "uid" => uid = cursor.value::<Option<String>>()?,
                "namespace" => names[0] = cursor.value::<Option<String>>()?,
                "name" => names[1] = cursor.value::<Option<String>>()?,
                _ => cursor.value::<IgnoredAny>().map(drop)?,
            }
            if uid.is_some() { Err(Broken::Enough) } else { Ok(()) }
        })?;
        Err(Broken::Enough)
    });
    drop(walked);
    let name = || names[1].as_ref().map(|name| format!("{}/{name}", names[0].as_deref().unwrap_or_default()));
    uid.or_else(name).map(String::into_boxed_str)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::Change;
    use crate::cluster::fake::{Asked, Reply, cluster};
    use crate::model::pod::Pod;

    fn pods() -> Query {
        Query::new(&ApiKind::example("", "pods", "Pod")).namespace("shop")
    }

    fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}")}})
    }

    fn page(items: &[Value], next: &str) -> Reply {
        Reply::ok(json!({"kind": "PodList", "metadata": {"continue": next}, "items": items}).to_string())
    }

    async fn names(cluster: &Cluster) -> Result<(Vec<String>, Vec<Gap>), ApiError> {
        let mut names = Vec::new();
        let gaps = cluster.list::<Pod>(&pods(), |item| names.push(item.value.metadata.name)).await?;
        Ok((names, gaps))
    }

    fn expired() -> Reply {
        Reply::Answer(410, Vec::new(), br#"{"reason":"Expired","message":"too old"}"#.to_vec())
    }

    fn starts(asked: &Asked) -> bool {
        !asked.target.contains("continue=")
    }

    #[tokio::test]
    async fn pages_are_followed_to_the_last() {
        let (cluster, log) = cluster(|count, _| match count {
            0 => page(&[pod("a"), pod("b")], "t&1"),
            _ => page(&[pod("c")], ""),
        });
        assert_eq!(names(&cluster).await.unwrap().0, ["a", "b", "c"]);
        let targets: Vec<_> = log.lock().unwrap().iter().map(|asked| asked.target.clone()).collect();
        let first = "/api/v1/namespaces/shop/pods?limit=500";
        assert_eq!(targets, [first.to_owned(), format!("{first}&continue=t%261")]);
    }

    #[tokio::test]
    async fn selectors_and_metadata_only_reach_the_server() {
        let (cluster, log) = cluster(|_, _| page(&[], ""));
        let query = pods().labels("app in (a,b)").fields("spec.nodeName=n1").metadata_only();
        cluster.list::<Partial>(&query, |_| ()).await.unwrap();
        let asked = log.lock().unwrap()[0].clone();
        assert!(
            asked.target.ends_with("&labelSelector=app%20in%20%28a%2Cb%29&fieldSelector=spec.nodeName%3Dn1")
        );
        assert!(asked.accept.starts_with("application/json;as=PartialObjectMetadataList;"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_expired_starts_over_and_shows_nothing_twice() {
        let (cluster, log) = cluster(|count, asked| match count {
            0 => page(&[pod("a"), pod("b")], "old"),
            1 => expired(),
            2 if starts(asked) => page(&[pod("a"), pod("aa"), pod("b")], "new"),
            _ => page(&[pod("c")], ""),
        });
        assert_eq!(names(&cluster).await.unwrap().0, ["a", "b", "aa", "c"]);
        assert_eq!(log.lock().unwrap().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_always_expires_is_an_error() {
        let (cluster, log) =
            cluster(|_, asked| if starts(asked) { page(&[pod("a")], "old") } else { expired() });
        let error = names(&cluster).await.unwrap_err();
        assert_eq!(error.reason(), Reason::Gone);
        assert_eq!(error.to_string(), "listing pods in namespace shop: 410 Gone: too old");
        assert_eq!(log.lock().unwrap().len(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_cut_short_is_read_again_before_anything_of_it_is_shown() {
        let whole = json!({"metadata": {}, "items": [pod("a"), pod("b")]}).to_string();
        for end in 0..whole.len() {
            let text = whole.clone();
            let (cluster, _log) = cluster(move |count, _| {
                Reply::ok(if count == 0 {
                    text.as_bytes()[..end].to_vec()
                } else {
                    text.clone().into_bytes()
                })
            });
            assert_eq!(names(&cluster).await.unwrap().0, ["a", "b"], "cut at {end}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn something_else_than_a_list_is_an_error() {
        for text in ["{}", "[]", "null", "<html>", r#"{"items":{}}"#, r#"{"items":[]}x"#, r#"{"items":[],}"#]
        {
            let (cluster, _log) = cluster(move |_, _| Reply::ok(text));
            let error = names(&cluster).await.unwrap_err();
            assert_eq!(error.reason(), Reason::Undecodable, "{text}");
        }
    }

    #[tokio::test]
    async fn an_item_that_cannot_be_decoded_hides_only_itself() {
        let bad = json!({"metadata": {"name": "b", "namespace": "shop"}, "spec": {"containers": 5}});
        let (cluster, _log) = cluster(move |_, _| page(&[pod("a"), bad.clone(), json!(7), pod("c")], ""));
        let (names, gaps) = names(&cluster).await.unwrap();
        assert_eq!(names, ["a", "c"]);
        let gaps: Vec<_> = gaps.iter().map(ToString::to_string).collect();
        assert!(gaps[0].starts_with("Pod shop/b: undecodable: invalid type: integer `5`"), "{gaps:?}");
        assert!(gaps[1].starts_with("Pod objects in namespace shop: undecodable: "), "{gaps:?}");
        let mut watching = cluster.watch::<Pod>(pods());
        let mut heard = Vec::new();
        while heard.len() < 2 {
            if let Some(Change::Hidden(gap)) = watching.next().await {
                heard.push(gap.to_string());
            }
        }
        assert_eq!(heard, gaps, "a watch tells of each too");
    }

    #[tokio::test]
    async fn an_item_keeps_its_own_text() {
        let (cluster, _log) = cluster(|_, _| page(&[pod("a"), pod("b")], ""));
        let mut texts = Vec::new();
        cluster.list::<Pod>(&pods(), |item| texts.push(item.raw.to_owned())).await.unwrap();
        assert_eq!(texts, [pod("a").to_string(), pod("b").to_string()]);
    }

    #[tokio::test]
    async fn an_empty_list_may_be_null() {
        let (cluster, _log) = cluster(|_, _| Reply::ok(r#"{"items":null,"metadata":null}"#));
        assert_eq!(names(&cluster).await.unwrap().0, [""; 0]);
    }

    #[tokio::test]
    async fn a_server_that_turns_in_circles_is_an_error() {
        let (cluster, log) = cluster(|_, _| page(&[pod("a")], "again"));
        assert_eq!(names(&cluster).await.unwrap_err().reason(), Reason::Undecodable);
        assert_eq!(log.lock().unwrap().len(), 2);
    }

    #[test]
    fn identity_is_the_uid_or_else_the_name() {
        let of = |raw: &str| identity(raw).map(String::from);
        assert_eq!(of(r#"{"metadata":{"name":"a","uid":"u"},"spec":1}"#).as_deref(), Some("u"));
        assert_eq!(
            of(r#"{"spec":{"uid":"x"},"metadata":{"namespace":"n","name":"a"}}"#).as_deref(),
            Some("n/a")
        );
        assert_eq!(of("7"), None);
    }
}
