//! Requests about single objects.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::answer::{Answer, Failure, done};
use crate::cluster::error::{ApiError, Doing, Reason, Verb};
use crate::cluster::kinds::ApiKind;

/// The name under which the API server keeps what we write.
const FIELD_MANAGER: &str = "fieldManager=driftgate";
const JSON: &str = "application/json";
const MERGE_PATCH: &str = "application/merge-patch+json";

impl Cluster {
    /// Reads one object; none if the API server says that there is no such object.
    pub async fn get<T: DeserializeOwned>(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<T>, ApiError> {
        let doing = Doing::new(Verb::Get, kind, namespace, name);
        let request = read(&doing, &kind.path(namespace, name), JSON)?;
        match self.exchange(request, |body| json(&body)).await {
            Ok(Answer::Refused { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            answer => done(&doing, answer).map(Some),
        }
    }

    /// Creates an object. Repeated only where the API server says that it did nothing.
    pub async fn create(&self, kind: &ApiKind, namespace: &str, body: &Value) -> Result<Value, ApiError> {
        let doing = Doing::new(Verb::Create, kind, namespace, "");
        self.write(&doing, Method::POST, kind.path(namespace, ""), JSON, body).await
    }

    /// Replaces an object; the `resourceVersion` in the body guards it.
    pub async fn replace(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let doing = Doing::new(Verb::Update, kind, namespace, name);
        self.write(&doing, Method::PUT, kind.path(namespace, name), JSON, body).await
    }

    /// Merges a patch into an object; a `resourceVersion` in the patch guards it.
    pub async fn merge_patch(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let doing = Doing::new(Verb::Patch, kind, namespace, name);
        self.write(&doing, Method::PATCH, kind.path(namespace, name), MERGE_PATCH, body).await
    }

    /// What merging a patch into an object would yield; nothing is written.
    pub async fn would_merge_patch(
        &self,
        kind: &ApiKind,
        namespace: &str,
        name: &str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let doing = Doing::new(Verb::Patch, kind, namespace, name);
        let path = format!("{}?dryRun=All&{FIELD_MANAGER}", kind.path(namespace, name));
        self.send(&doing, Method::PATCH, &path, MERGE_PATCH, body).await
    }

    /// Deletes an object; one that is not there is deleted.
    pub async fn delete(&self, kind: &ApiKind, namespace: &str, name: &str) -> Result<(), ApiError> {
        let doing = Doing::new(Verb::Delete, kind, namespace, name);
        let path = kind.path(namespace, name);
        match self.send(&doing, Method::DELETE, &path, JSON, &json!({})).await {
            Ok(_) => Ok(()),
            Err(error) if error.reason() == Reason::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        doing: &Doing,
        method: Method,
        path: String,
        content: &'static str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        self.send(doing, method, &format!("{path}?{FIELD_MANAGER}"), content, body).await
    }

    async fn send(
        &self,
        doing: &Doing,
        method: Method,
        path: &str,
        content: &'static str,
        body: &Value,
    ) -> Result<Value, ApiError> {
        let mut request = Request::new(Bytes::from(body.to_string()));
        *request.method_mut() = method;
        *request.uri_mut() = uri(doing, path)?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(JSON));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content));
        self.require(doing, request, |body| json(&body)).await
    }
}

/// A GET.
pub(super) fn read(
    doing: &Doing,
    path_and_query: &str,
    accept: &'static str,
) -> Result<Request<Bytes>, ApiError> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = uri(doing, path_and_query)?;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(accept));
    Ok(request)
}

fn uri(doing: &Doing, path_and_query: &str) -> Result<Uri, ApiError> {
    path_and_query
        .parse()
        .map_err(|error: http::uri::InvalidUri| ApiError::new(doing, Reason::Invalid, error.to_string()))
}

/// The whole body as one JSON value.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::Garbage(error.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::fake::{Reply, cluster};

    fn maps() -> ApiKind {
        ApiKind::example("", "configmaps", "ConfigMap")
    }

    #[tokio::test]
    async fn a_missing_object_is_none_and_a_forbidden_one_an_error() {
        let (cluster, _log) = cluster(|count, _| Reply::status(if count == 0 { 404 } else { 403 }));
        assert_eq!(cluster.get::<Value>(&maps(), "shop", "a").await.unwrap(), None);
        let error = cluster.get::<Value>(&maps(), "shop", "a").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "getting configmaps a in namespace shop: 403 Forbidden; \
             grant the verb get on configmaps in namespace shop"
        );
    }

    #[tokio::test]
    async fn writes_say_who_writes() {
        let (cluster, log) = cluster(|_, asked| Reply::ok(asked.body.clone()));
        let body = json!({"data": {"a": "b"}});
        assert_eq!(cluster.create(&maps(), "shop", &body).await.unwrap(), body);
        assert_eq!(cluster.replace(&maps(), "shop", "a", &body).await.unwrap(), body);
        assert_eq!(cluster.merge_patch(&maps(), "shop", "a", &body).await.unwrap(), body);
        let asked: Vec<_> =
            log.lock().unwrap().iter().map(|a| format!("{} {}", a.method, a.target)).collect();
        let maps = "/api/v1/namespaces/shop/configmaps";
        assert_eq!(
            asked,
            [
                format!("POST {maps}?fieldManager=driftgate"),
                format!("PUT {maps}/a?fieldManager=driftgate"),
                format!("PATCH {maps}/a?fieldManager=driftgate"),
            ]
        );
    }
}
