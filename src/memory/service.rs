//! The tower Service: one request in, one response out.
//!
//! Owns the order in which a request is logged, befallen by a fault, checked for access and answered. It does not know
//! any verb's work.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::BoxError;

use super::fault::What;
use super::kinds::{Feature, Origin, Resource};
use super::mutate::{Mutation, has_subresource};
use super::object::Key;
use super::render::Render;
use super::respond::{Answer, Body, Failure, json_response, respond, whole};
use super::route::{Call, Route, Target};
use super::state::{Request, State};
use super::{Api, discovery, list, scale, watch};

/// The in-memory API as a [`tower::Service`].
#[derive(Debug, Clone)]
pub struct Service {
    api: Api,
}

impl Service {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }
}

impl<B> tower::Service<http::Request<B>> for Service
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let api = self.api.clone();
        async move { api.handle(request).await }.boxed()
    }
}

impl Api {
    async fn handle<B>(&self, request: http::Request<B>) -> Result<Response<Body>, BoxError>
    where
        B: http_body::Body<Data = Bytes> + Send,
        B::Error: Into<BoxError>,
    {
        let (parts, body) = request.into_parts();
        let call = Call::new(&parts);
        let (number, fault) = self.arrive(&call);
        let injected = match &fault {
            Some(fault) => fault.instead().await,
            None => None,
        };
        let answer = if let Some(injected) = injected {
            injected?
        } else {
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            self.answer(&call, &body, fault.clone()).unwrap_or_else(Failure::into_response)
        };
        let answer = match &fault {
            Some(fault) => fault.spoil(&call, answer).await?,
            None => answer,
        };
        self.lock().answered(number, answer.status());
        Ok(answer)
    }

    /// Logs a request; gives back its number and its fault.
    fn arrive(&self, call: &Call) -> (usize, Option<What>) {
        let mut state = self.lock();
        let number = state.requests.len();
        state.requests.push(Request {
            verb: call.verb,
            path: call.path.clone(),
            query: call.raw_query.clone(),
            status: None,
        });
        (number, state.faults.pick(number, call))
    }

    fn answer(&self, call: &Call, body: &[u8], fault: Option<What>) -> Answer {
        let Route::Resource(target) = &call.route else { return self.document(call) };
        let state = self.lock();
        state.access.check(call.verb, target, &self.settings().user)?;
        let resource = state
            .kinds
            .at(&target.group, &target.version, &target.plural)
            .ok_or_else(|| state.kinds.missing(&target.group))?;
        if target.subresource.as_ref().is_some_and(|name| !has_subresource(&resource, name)) {
            return Err(match resource.origin {
                Origin::BuiltIn => Failure::no_such_resource(),
                Origin::Definition | Origin::Guess => Failure::not_found(target.subject()),
            });
        }
        if !resource.is_namespaced() && target.namespace.is_some()
            || resource.is_namespaced() && target.namespace.is_none() && target.name.is_some()
        {
            return Err(Failure::no_such_resource());
        }
        match call.verb {
            _ if resource.has(Feature::Review) => review(&state, &resource, call, body),
            "list" => list::list(&state, &resource, target, call),
            "watch" => watch::watch(self, &state, &resource, target, call, fault),
            "get" => get(&state, &resource, target, call),
            _ => {
                drop(state);
                let now = self.stamp();
                let mutation = Mutation { resource: &resource, target, call, body, now };
                self.change(|state| mutation.answer(state))
            }
        }
    }

    /// Answers what is not about objects.
    fn document(&self, call: &Call) -> Answer {
        if call.verb != "get" {
            return Err(Failure::method_not_allowed());
        }
        let kinds = &self.lock().kinds;
        let aggregated = call.accept.contains("as=APIGroupDiscoveryList");
        Ok(match &call.route {
            Route::Version => discovery::version(&self.settings().version),
            Route::Health => respond(StatusCode::OK, "text/plain; charset=utf-8", whole("ok")),
            Route::CoreVersions if aggregated => discovery::aggregated(kinds, str::is_empty),
            Route::CoreVersions => discovery::core_versions(),
            Route::Groups if aggregated => discovery::aggregated(kinds, |group| !group.is_empty()),
            Route::Groups => discovery::group_list(kinds),
            Route::Group(group) => discovery::group(kinds, group)?,
            Route::GroupVersion(group, version) => discovery::group_version(kinds, group, version)?,
            Route::Resource(_) | Route::Unknown => return Err(Failure::no_such_path()),
        })
    }
}

impl State {
    fn answered(&mut self, number: usize, status: StatusCode) {
        if let Some(request) = self.requests.get_mut(number) {
            request.status = Some(status.as_u16());
        }
    }
}

fn get(state: &State, resource: &Resource, target: &Target, call: &Call) -> Answer {
    let name = target.name.as_deref().unwrap_or_default();
    let key = Key::new(target.namespace.as_deref().unwrap_or_default(), name);
    let object = state.store.get(&resource.id, &key).ok_or_else(|| Failure::not_found(target.subject()))?;
    if target.subresource.as_deref() == Some("scale") {
        return Ok(json_response(StatusCode::OK, scale::of(object)?.to_string()));
    }
    let render = Render::new(resource, &target.version, call.form());
    Ok(json_response(StatusCode::OK, render.bytes(object)))
}

fn review(state: &State, resource: &Resource, call: &Call, body: &[u8]) -> Answer {
    if call.verb != "create" {
        return Err(Failure::method_not_allowed());
    }
    let review: Value = serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("the object provided is unrecognized: {error}")))?;
    let answer = state.access.review(resource, review, &state.kinds);
    Ok(json_response(StatusCode::CREATED, answer.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::api::core::v1::Pod;
    use kube::api::ListParams;

    use crate::memory::testing::{pods, refusal, with_pods};
    use crate::memory::{Fault, Matching, What, Where};

    fn on_pods(what: What) -> Fault {
        Fault {
            at: Where::Every(Matching { resource: Some("pods".to_owned()), ..Matching::default() }),
            what,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_logged_with_their_status() {
        let api = with_pods(&["a"]);
        api.add_fault(Fault { at: Where::Nth(1), what: What::Reset });
        pods(&api).list(&ListParams::default().limit(5)).await.unwrap();
        pods(&api).get("a").await.unwrap_err();
        pods(&api).get("b").await.unwrap_err();
        let requests: Vec<_> = api
            .requests()
            .into_iter()
            .map(|r| format!("{} {}?{} {:?}", r.verb, r.path, r.query, r.status))
            .collect();
        assert_eq!(
            requests,
            [
                "list /api/v1/namespaces/shop/pods?limit=5 Some(200)",
                "get /api/v1/namespaces/shop/pods/a? None",
                "get /api/v1/namespaces/shop/pods/b? Some(404)",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn each_fault_looks_to_the_client_as_from_a_cluster() {
        for what in [What::Reset, What::TruncatedBody] {
            let api = with_pods(&["a"]);
            api.add_fault(on_pods(what.clone()));
            let error = pods(&api).get("a").await.unwrap_err();
            assert!(matches!(error, kube::Error::Service(_)), "{what:?}: {error:?}");
        }
        let api = with_pods(&["a"]);
        api.add_fault(on_pods(What::GarbageBody));
        assert!(matches!(pods(&api).get("a").await.unwrap_err(), kube::Error::SerdeError(_)));
        for (code, reason) in
            [(403, "Forbidden"), (404, "NotFound"), (409, "Conflict"), (503, "ServiceUnavailable")]
        {
            let api = with_pods(&["a"]);
            api.add_fault(on_pods(What::Status(code)));
            let status = refusal(pods(&api).get("a").await);
            assert_eq!((status.code, status.reason.as_str()), (code, reason));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_request_says_when_to_come_back() {
        let api = with_pods(&["a"]);
        api.add_fault(on_pods(What::TooManyRequests { retry_after: Some(7) }));
        let request = http::Request::get("/api/v1/pods").body(kube::client::Body::empty()).unwrap();
        let response = api.client().send(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
            (429, "7")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_request_has_no_answer() {
        let api = with_pods(&["a"]);
        api.add_fault(on_pods(What::Hang));
        let pods = pods(&api);
        assert!(tokio::time::timeout(Duration::from_secs(86_400), pods.get("a")).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn forbidden_requests_are_refused_before_anything_else() {
        let api = with_pods(&["a"]);
        api.forbid(&["list", "watch"], "", "pods", None);
        let everywhere: kube::Api<Pod> = kube::Api::all(api.client());
        let refused = refusal(everywhere.list(&ListParams::default()).await);
        assert!(refused.is_forbidden());
        assert_eq!(
            refused.message,
            "pods is forbidden: User \"system:serviceaccount:driftgate:driftgate\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
        );
        pods(&api).get("a").await.unwrap();
        api.allow_all();
        everywhere.list(&ListParams::default()).await.unwrap();
    }

    /// Each line was compared with what kube-apiserver 1.36.1 answers.
    #[tokio::test(start_paused = true)]
    async fn refusals_have_the_form_of_the_api_servers() {
        let api = with_pods(&["a"]);
        let cases = [
            ("/api/v1/namespaces/shop/foos", "404 NotFound the server could not find the requested resource"),
            ("/apis/apps/v9", "404 NotFound the server could not find the requested resource"),
            ("/api/v1/pods/a", "404 NotFound the server could not find the requested resource"),
            ("/apis/x.example/v1/things", "404  404 page not found"),
            ("/apis/x.example", "404  404 page not found"),
            (
                "/apis/apps/v1/namespaces/shop/deployments/zz",
                "404 NotFound deployments.apps \"zz\" not found",
            ),
            ("/api/v1/pods?fieldSelector=spec.foo%3D1", "400 BadRequest field label not supported: spec.foo"),
            ("/api/v1/pods?limit=x", "400 BadRequest strconv.ParseInt: parsing \"x\": invalid syntax"),
            ("/api/v1/pods?labelSelector=x,", "400 BadRequest found '', expected: identifier after ','"),
            (
                "/api/v1/pods?resourceVersion=99",
                "504 Timeout Timeout: Too large resource version: 99, current: 2",
            ),
            (
                "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                "405 MethodNotAllowed the server does not allow this method on the requested resource",
            ),
        ];
        for (path, expected) in cases {
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            let status = refusal(api.client().request_text(request).await);
            let reason = status.reason.replace("Failed to parse error data", "");
            assert_eq!(format!("{} {reason} {}", status.code, status.message), expected, "{path}");
        }
    }
}
