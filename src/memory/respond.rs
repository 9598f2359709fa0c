//! Response bodies and the `Status` objects of refusals.
//!
//! Owns the wording, the reasons and the codes that the real API server uses when it refuses, because clients tell
//! refusals apart by them. It does not know why a request is refused.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use serde_json::{Map, Value, json};
use tower::BoxError;

/// The body of a response: whole for one object, streamed for lists and watches.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What a handler gives back: a response, or a refusal that becomes one.
pub(super) type Answer = Result<Response<Body>, Failure>;

/// A body that is known in full.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A response with a body of one media type.
pub(super) fn respond(code: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A JSON response.
pub(super) fn json_response(code: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    respond(code, "application/json", whole(body))
}

/// `apps` and `deployments` as error messages write them: `deployments.apps`.
pub(super) fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

/// The object that a refusal is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    /// API group, empty for the core group.
    pub(super) group: &'a str,
    /// Plural name of the resource.
    pub(super) resource: &'a str,
    /// Name of the object; empty for a collection.
    pub(super) name: &'a str,
}

impl Subject<'_> {
    fn details(self) -> Map<String, Value> {
        let mut details = Map::new();
        for (key, value) in [("name", self.name), ("group", self.group), ("kind", self.resource)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), value.into());
            }
        }
        details
    }

    fn quoted(self) -> String {
        format!("{} \"{}\"", qualified(self.group, self.resource), self.name)
    }
}

/// A refusal, as the API server words it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    pub(super) code: u16,
    pub(super) reason: &'static str,
    pub(super) message: String,
    pub(super) details: Option<Map<String, Value>>,
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, subject: Subject<'_>) -> Self {
        self.details = Some(subject.details());
        self
    }

    pub(super) fn not_found(subject: Subject<'_>) -> Self {
        Self::new(404, "NotFound", format!("{} not found", subject.quoted())).about(subject)
    }

    /// The same refusal, with details that are there but empty.
    pub(super) fn with_empty_details(mut self) -> Self {
        self.details = Some(Map::new());
        self
    }

    /// A resource that a group does not have.
    pub(super) fn no_such_resource() -> Self {
        Self::of_code(404).with_empty_details()
    }

    /// A path of which the API server knows nothing, such as that of an unknown group: plain text, no `Status`.
    pub(super) fn no_such_path() -> Self {
        Self::new(404, "", "404 page not found\n")
    }

    pub(super) fn already_exists(subject: Subject<'_>) -> Self {
        Self::new(409, "AlreadyExists", format!("{} already exists", subject.quoted())).about(subject)
    }

    pub(super) fn modified(subject: Subject<'_>) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(subject, why)
    }

    pub(super) fn conflict(subject: Subject<'_>, why: &str) -> Self {
        Self::new(409, "Conflict", format!("Operation cannot be fulfilled on {}: {why}", subject.quoted()))
            .about(subject)
    }

    pub(super) fn forbidden(subject: Subject<'_>, why: &str) -> Self {
        let what = if subject.name.is_empty() {
            qualified(subject.group, subject.resource)
        } else {
            subject.quoted()
        };
        Self::new(403, "Forbidden", format!("{what} is forbidden: {why}")).about(subject)
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// `kind` is that of the object, with its group: `Deployment.apps`; `why` starts with the class of the error.
    pub(super) fn invalid(kind: &str, name: &str, field: &str, why: &str) -> Self {
        let reason = match why.split(':').next() {
            Some("Required value") => "FieldValueRequired",
            Some("Unsupported value") => "FieldValueNotSupported",
            Some("Forbidden") => "FieldValueForbidden",
            Some(_) | None => "FieldValueInvalid",
        };
        let message = format!("{kind} \"{name}\" is invalid: {field}: {why}");
        let (kind, group) = kind.split_once('.').unwrap_or((kind, ""));
        let mut details = Subject { group, resource: kind, name }.details();
        details.insert("causes".to_owned(), json!([{ "reason": reason, "message": why, "field": field }]));
        Self { details: Some(details), ..Self::new(422, "Invalid", message) }
    }

    /// An error for which the API server has no reason of its own.
    pub(super) fn unexplained(message: impl Into<String>) -> Self {
        Self::new(500, "", message)
    }

    /// A version that the store has not reached yet.
    pub(super) fn too_large_version(wanted: u64, newest: u64) -> Self {
        let why = "Too large resource version";
        let cause = json!([{ "reason": "ResourceVersionTooLarge", "message": why }]);
        let details =
            Map::from_iter([("causes".to_owned(), cause), ("retryAfterSeconds".to_owned(), 1.into())]);
        let message = format!("Timeout: {why}: {wanted}, current: {newest}");
        Self { details: Some(details), ..Self::new(504, "Timeout", message) }
    }

    /// A list or a watch that starts from a version which is no longer remembered.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    pub(super) fn method_not_allowed() -> Self {
        let why = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", why).with_empty_details()
    }

    pub(super) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let why = "the body of the request was in an unknown format - accepted media types include";
        Self::new(415, "UnsupportedMediaType", format!("{why}: {}", accepted.join(", ")))
    }

    pub(super) fn unknown_media_type() -> Self {
        Self::new(415, "UnsupportedMediaType", "415: Unsupported Media Type").with_empty_details()
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// A refusal of which only the code is known, as injected faults are.
    pub(super) fn of_code(code: u16) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request for an unknown reason"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "access to the requested resource is forbidden"),
            404 => ("NotFound", "the server could not find the requested resource"),
            409 => ("Conflict", "the server reported a conflict"),
            410 => {
                ("Expired", "The provided continue parameter is too old to display a consistent list result.")
            }
            422 => ("Invalid", "the server rejected our request due to an error in our request"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            500 => ("InternalError", "Internal error occurred: etcdserver: request timed out"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("", "the server answered with an injected status"),
        };
        Self::new(code, reason, message)
    }

    /// The `Status` object.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = self.reason.into();
        }
        if let Some(details) = &self.details {
            status["details"] = Value::Object(details.clone());
        }
        status
    }

    /// The HTTP response of this refusal.
    pub(super) fn into_response(self) -> Response<Body> {
        let code = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if self.code == 404 && self.reason.is_empty() {
            return respond(code, "text/plain; charset=utf-8", whole(self.message));
        }
        json_response(code, self.status().to_string())
    }
}

/// The `Status` object of a deletion that took effect at once.
pub(super) fn deleted(subject: Subject<'_>, uid: &str) -> Value {
    let mut details = subject.details();
    details.insert("uid".to_owned(), uid.into());
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: Subject<'_> = Subject { group: "apps", resource: "deployments", name: "web" };

    #[test]
    fn refusals_read_like_the_api_servers() {
        assert_eq!(Failure::not_found(WEB).message, "deployments.apps \"web\" not found");
        let status = Failure::already_exists(WEB).status();
        assert_eq!(status["details"], json!({ "name": "web", "group": "apps", "kind": "deployments" }));
        assert_eq!(status["code"], 409);
        assert!(
            Failure::modified(WEB)
                .message
                .starts_with("Operation cannot be fulfilled on deployments.apps \"web\"")
        );
    }

    #[test]
    fn an_unknown_path_is_answered_in_plain_text() {
        let response = Failure::no_such_path().into_response();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    }
}
