//! What went wrong with a request: what we were doing, to which object, the cause once, and what to do next.

use std::error::Error;
use std::fmt;

use http::StatusCode;
use serde::Deserialize;

use crate::cluster::kinds::ApiKind;
use crate::finding::{Gap, GapReason, GapScope};
use crate::model::lenient::null_as_default;

/// A request to the API server that failed for good.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing}: {cause}{hint}")]
pub struct ApiError {
    doing: String,
    reason: Reason,
    cause: String,
    hint: String,
}

/// Why a request failed, as far as callers tell reasons apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// 401, 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 409 of a write: the object has changed since it was read.
    Conflict,
    /// 409 of a create.
    AlreadyExists,
    /// 410: a list or watch position is too old.
    Gone,
    /// 429, 5xx, connection errors, timeouts: the API server could not answer.
    Unavailable,
    /// The answer is not what was asked for.
    Undecodable,
    /// 400, 422.
    Invalid,
    /// Anything else.
    Other,
}

impl ApiError {
    pub(super) fn new(doing: &Doing, reason: Reason, cause: impl Into<String>) -> Self {
        Self { doing: doing.to_string(), reason, cause: cause.into(), hint: String::new() }
    }

    /// From an answer that is not a success.
    pub(super) fn refused(doing: &Doing, status: StatusCode, body: &[u8]) -> Self {
        let answer = Status::decode(body);
        let reason = reason(status, &answer.reason);
        let mut cause = status.to_string();
        if !answer.message.is_empty() {
            cause = format!("{cause}: {}", answer.message);
        }
        let hint = match status {
            StatusCode::FORBIDDEN => doing.grant().map(|grant| format!("; {grant}")).unwrap_or_default(),
            StatusCode::UNAUTHORIZED => {
                "; check the credentials: the ServiceAccount's token or the kubeconfig".to_owned()
            }
            _ => String::new(),
        };
        Self { doing: doing.to_string(), reason, cause, hint }
    }

    /// Why it failed.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// True if the answer will be the same however often it is asked.
    pub fn is_final(&self) -> bool {
        matches!(self.reason, Reason::Forbidden | Reason::Invalid)
    }

    /// What the failure hides, for the list of gaps.
    pub fn gap(&self, scope: GapScope) -> Gap {
        let reason = match self.reason {
            Reason::Forbidden => GapReason::Forbidden,
            Reason::NotFound => GapReason::Missing,
            Reason::Undecodable => GapReason::Undecodable,
            Reason::Gone => GapReason::Changed,
            Reason::Conflict
            | Reason::AlreadyExists
            | Reason::Unavailable
            | Reason::Invalid
            | Reason::Other => GapReason::Unreadable,
        };
        Gap { scope, reason, detail: format!("{}{}", self.cause, self.hint) }
    }
}

fn reason(status: StatusCode, said: &str) -> Reason {
    match status.as_u16() {
        401 | 403 => Reason::Forbidden,
        404 => Reason::NotFound,
        409 if said == "AlreadyExists" => Reason::AlreadyExists,
        409 => Reason::Conflict,
        410 => Reason::Gone,
        400 | 422 => Reason::Invalid,
        429 | 500..=599 => Reason::Unavailable,
        _ => Reason::Other,
    }
}

/// What a request is for: the first half of an error's text, and the permission it needs.
#[derive(Clone, Debug)]
pub(super) enum Doing {
    /// Asking which kinds there are.
    Discovery {
        /// Of which group and version.
        path: String,
    },
    /// Reading or writing objects.
    Objects {
        verb: Verb,
        /// As in RBAC rules.
        resource: String,
        /// None for cluster-scoped kinds, empty for all namespaces.
        namespace: Option<String>,
        /// Empty for a list or a new object.
        name: String,
    },
    /// Setting up the connection.
    Connecting {
        /// By what.
        source: String,
    },
}

/// The verbs we use, as RBAC names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
}

impl Verb {
    fn rbac(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }

    fn participle(self) -> &'static str {
        match self {
            Self::Get => "getting",
            Self::List => "listing",
            Self::Watch => "watching",
            Self::Create => "creating",
            Self::Update => "replacing",
            Self::Patch => "patching",
            Self::Delete => "deleting",
        }
    }
}

impl Doing {
    pub(super) fn new(verb: Verb, kind: &ApiKind, namespace: &str, name: &str) -> Self {
        Self::Objects {
            verb,
            resource: kind.resource(),
            namespace: kind.namespaced.then(|| namespace.to_owned()),
            name: name.to_owned(),
        }
    }

    fn grant(&self) -> Option<String> {
        match self {
            Self::Objects { verb, resource, namespace, .. } => {
                Some(format!("grant the verb {} on {resource}{}", verb.rbac(), place(namespace.as_deref())))
            }
            Self::Discovery { .. } | Self::Connecting { .. } => None,
        }
    }
}

fn place(namespace: Option<&str>) -> String {
    match namespace {
        None => String::new(),
        Some("") => " in all namespaces".to_owned(),
        Some(namespace) => format!(" in namespace {namespace}"),
    }
}

/// `listing pods in namespace shop`, `getting configmaps web in namespace shop`.
impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovery { path } => write!(f, "asking the API server which kinds it has ({path})"),
            Self::Connecting { source } => write!(f, "connecting to the cluster {source}"),
            Self::Objects { verb, resource, namespace, name } => {
                write!(f, "{} {resource}", verb.participle())?;
                if !name.is_empty() {
                    write!(f, " {name}")?;
                }
                f.write_str(&place(namespace.as_deref()))
            }
        }
    }
}

/// The API server's own words about a failure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    #[serde(deserialize_with = "null_as_default")]
    message: String,
    #[serde(deserialize_with = "null_as_default")]
    reason: String,
}

impl Status {
    /// Longest text we repeat of a body that is not a Status: a proxy may answer with a whole page.
    const LONGEST: usize = 200;

    /// A body that is not a Status (a proxy, API Priority and Fairness) is its own message.
    fn decode(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_not_a_status| Self {
            message: first_line(&String::from_utf8_lossy(body), Self::LONGEST),
            reason: String::new(),
        })
    }
}

fn first_line(text: &str, longest: usize) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).take(longest).collect()
}

/// The causes of an error from the outside in, each said once: clients wrap texts that already hold the next one.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods() -> ApiKind {
        ApiKind::example("", "pods", "Pod")
    }

    #[test]
    fn text_names_the_request_the_cause_once_and_what_to_grant() {
        let doing = Doing::new(Verb::List, &pods(), "shop", "");
        let body = br#"{"kind":"Status","message":"pods is forbidden","reason":"Forbidden","code":403}"#;
        let error = ApiError::refused(&doing, StatusCode::FORBIDDEN, body);
        assert_eq!(
            error.to_string(),
            "listing pods in namespace shop: 403 Forbidden: pods is forbidden; \
             grant the verb list on pods in namespace shop"
        );
        assert_eq!(error.reason(), Reason::Forbidden);
    }

    #[test]
    fn a_plain_text_answer_is_quoted_on_one_short_line() {
        let doing = Doing::new(Verb::Get, &pods(), "shop", "web");
        let body = format!("too many requests\n{}", "x".repeat(5000));
        let error = ApiError::refused(&doing, StatusCode::TOO_MANY_REQUESTS, body.as_bytes());
        assert_eq!(
            error.to_string(),
            "getting pods web in namespace shop: 429 Too Many Requests: too many requests"
        );
        assert_eq!(error.reason(), Reason::Unavailable);
    }

    #[test]
    fn a_conflict_is_told_apart_from_an_existing_object() {
        let doing = Doing::new(Verb::Create, &pods(), "shop", "web");
        let exists = br#"{"reason":"AlreadyExists"}"#;
        let conflict = br#"{"reason":"Conflict"}"#;
        let of = |body: &[u8]| ApiError::refused(&doing, StatusCode::CONFLICT, body).reason();
        assert_eq!(of(exists), Reason::AlreadyExists);
        assert_eq!(of(conflict), Reason::Conflict);
    }
}
