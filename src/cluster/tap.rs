//! A tap on a connection: whoever holds it hears what every read was answered.
//!
//! Secrets are not asked for through it, whoever wants them: such a request is refused before it leaves. Watches and
//! writes pass unheard. Does not know what is made of the answers.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use kube::client::Body;
use percent_encoding::percent_decode_str;
use tower::BoxError;

use crate::cluster::Cluster;

/// What a read asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asked {
    /// API group; empty for the core group.
    pub group: String,
    /// Version.
    pub version: String,
    /// Resource, plural.
    pub plural: String,
    /// Namespace; empty for all of them and for cluster-scoped resources.
    pub namespace: String,
    /// Name; empty for a list.
    pub name: String,
}

/// Hears a request, the status of its answer and the answer's body.
type Hear = dyn Fn(&Asked, StatusCode, &[u8]) + Send + Sync;

/// The API server's own words for a request that it did not get.
const REFUSAL: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"Secrets are not read to be recorded"}"#;

impl Cluster {
    /// The same connection with a tap on it. Must be called within a tokio runtime.
    #[must_use]
    pub fn tapped(&self, hear: impl Fn(&Asked, StatusCode, &[u8]) + Send + Sync + 'static) -> Self {
        let (client, hear): (_, Arc<Hear>) = (self.client.clone(), Arc::new(hear));
        let namespace = client.default_namespace().to_owned();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (client, hear) = (client.clone(), hear.clone());
            async move { pass(&client, &*hear, request).await }
        });
        Self { client: kube::Client::new(service, namespace), ..self.clone() }
    }
}

async fn pass(
    client: &kube::Client,
    tell: &Hear,
    request: Request<Body>,
) -> Result<Response<Body>, BoxError> {
    let asked = if *request.method() == Method::GET { Asked::parse(request.uri()) } else { None };
    let Some(asked) = asked else { return Ok(client.send(request).await?) };
    if asked.group.is_empty() && asked.plural == "secrets" {
        tell(&asked, StatusCode::FORBIDDEN, REFUSAL.as_bytes());
        let refusal = Response::builder().status(StatusCode::FORBIDDEN);
        return Ok(refusal.body(Body::from(Bytes::from_static(REFUSAL.as_bytes())))?);
    }
    let (head, body) = client.send(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    tell(&asked, head.status, &body);
    Ok(Response::from_parts(head, Body::from(body)))
}

impl Asked {
    /// What a path asks for; none for discovery and watches.
    fn parse(uri: &Uri) -> Option<Self> {
        let watches = uri.query().is_some_and(|query| query.split('&').any(|part| part == "watch=true"));
        let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
        let group = match parts.next()? {
            "api" => String::new(),
            "apis" => parts.next()?.to_owned(),
            _ => return None,
        };
        let version = parts.next()?.to_owned();
        let rest: Vec<String> =
            parts.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned()).collect();
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let (namespace, plural, name) = match rest[..] {
            ["namespaces", namespace, plural] => (namespace, plural, ""),
            ["namespaces", namespace, plural, name, ..] => (namespace, plural, name),
            [plural] => ("", plural, ""),
            [plural, name] => ("", plural, name),
            _ => return None,
        };
        let [plural, namespace, name] = [plural, namespace, name].map(str::to_owned);
        (!watches).then_some(Self { group, version, plural, namespace, name })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::Value;

    use super::*;
    use crate::cluster::fake::{Reply, cluster};
    use crate::cluster::{ApiKind, Query};

    fn asked(path: &str) -> Option<String> {
        let uri: Uri = path.parse().unwrap();
        let Asked { group, version, plural, namespace, name } = Asked::parse(&uri)?;
        Some(format!("{group} {version} {plural} {namespace} {name}"))
    }

    #[test]
    fn a_path_says_what_is_asked_for() {
        for (path, expected) in [
            ("/api/v1/pods?limit=500", Some(" v1 pods  ")),
            ("/api/v1/namespaces?limit=500", Some(" v1 namespaces  ")),
            ("/api/v1/namespaces/shop", Some(" v1 namespaces  shop")),
            ("/api/v1/namespaces/shop/pods", Some(" v1 pods shop ")),
            ("/apis/apps/v1/namespaces/shop/deployments/web", Some("apps v1 deployments shop web")),
            (
                "/apis/rbac.authorization.k8s.io/v1/clusterroles/a%2Fb:c",
                Some("rbac.authorization.k8s.io v1 clusterroles  a/b:c"),
            ),
            ("/api/v1/pods?watch=true&resourceVersion=1", None),
            ("/api", None),
            ("/apis/apps/v1", None),
            ("/version", None),
        ] {
            assert_eq!(asked(path).as_deref(), expected, "{path}");
        }
    }

    #[tokio::test]
    async fn answers_are_heard_and_passed_on() {
        let (cluster, _log) =
            cluster(
                |count, _| if count == 0 { Reply::ok(r#"{"items":[{"a":1}]}"#) } else { Reply::status(404) },
            );
        let heard = Arc::new(Mutex::new(Vec::new()));
        let told = heard.clone();
        let tapped = cluster.tapped(move |asked, status, body| {
            told.lock().unwrap().push((asked.plural.clone(), status.as_u16(), body.len()));
        });
        let kind = ApiKind::example("", "pods", "Pod");
        let mut items = Vec::new();
        tapped.list::<Value>(&Query::new(&kind), |item| items.push(item.raw.to_owned())).await.unwrap();
        assert_eq!(items, [r#"{"a":1}"#]);
        assert_eq!(tapped.get::<Value>(&kind, "shop", "web").await.unwrap(), None);
        let heard = heard.lock().unwrap().clone();
        assert_eq!(heard[0], ("pods".to_owned(), 200, 19));
        assert_eq!((heard.len(), heard[1].1), (2, 404));
    }

    #[tokio::test]
    async fn secrets_are_not_asked_for() {
        let (cluster, log) = cluster(|_, _| Reply::ok(r#"{"items":[]}"#));
        let tapped = cluster.tapped(|_, _, _| ());
        let secrets = ApiKind::example("", "secrets", "Secret");
        let error = tapped.list::<Value>(&Query::new(&secrets), |_| ()).await.unwrap_err();
        assert_eq!(error.reason(), crate::cluster::Reason::Forbidden);
        tapped.get::<Value>(&secrets, "shop", "db").await.unwrap_err();
        assert!(log.lock().unwrap().is_empty());
    }
}
