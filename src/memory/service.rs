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
use super::kinds::{Feature, Resource};
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
        let answer = match injected {
            Some(injected) => injected?,
            None => {
                let body = body.collect().await.map_err(Into::into)?.to_bytes();
                self.answer(&call, &body, fault.clone()).unwrap_or_else(Failure::into_response)
            }
        };
        let answer = match &fault {
            Some(fault) => fault.spoil(answer).await?,
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
            .ok_or_else(Failure::no_such_path)?;
        if target.subresource.as_ref().is_some_and(|name| !has_subresource(&resource, name)) {
            return Err(Failure::no_such_path());
        }
        if !resource.is_namespaced() && target.namespace.is_some()
            || resource.is_namespaced() && target.namespace.is_none() && target.name.is_some()
        {
            return Err(Failure::no_such_path());
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
        match &call.route {
            Route::Version => discovery::version(&self.settings().version),
            Route::Health => Ok(respond(StatusCode::OK, "text/plain; charset=utf-8", whole("ok"))),
            Route::CoreVersions if aggregated => discovery::aggregated(kinds, str::is_empty),
            Route::CoreVersions => discovery::core_versions(),
            Route::Groups if aggregated => discovery::aggregated(kinds, |group| !group.is_empty()),
            Route::Groups => discovery::group_list(kinds),
            Route::Group(group) => discovery::group(kinds, group),
            Route::GroupVersion(group, version) => discovery::group_version(kinds, group, version),
            Route::Resource(_) | Route::Unknown => Err(Failure::no_such_path()),
        }
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
