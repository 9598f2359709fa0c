//! What a request asks for: its path, its query and its verb.
//!
//! Owns the shape of Kubernetes URLs. It does not know which kinds are served.

use std::collections::BTreeMap;

use http::request::Parts;
use http::{Method, header::ACCEPT};
use percent_encoding::percent_decode_str;

use super::respond::{Failure, Subject};

/// A path below a group and version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
}

impl Target {
    /// The object or collection, as refusals name it.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { group: &self.group, resource: &self.plural, name: self.name.as_deref().unwrap_or_default() }
    }
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/version`
    Version,
    /// `/healthz`, `/livez`, `/readyz`
    Health,
    /// `/api`
    CoreVersions,
    /// `/apis`
    Groups,
    /// `/apis/GROUP`
    Group(String),
    /// `/api/v1`, `/apis/GROUP/VERSION`
    GroupVersion(String, String),
    /// Objects or one object.
    Resource(Target),
    /// Nothing that is served.
    Unknown,
}

impl Route {
    /// The route of a path.
    pub(super) fn parse(path: &str) -> Self {
        let decode = |segment: &str| percent_decode_str(segment).decode_utf8_lossy().into_owned();
        let segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match *segments.as_slice() {
            ["version"] => Self::Version,
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["api"] => Self::CoreVersions,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group(group.to_owned()),
            ["api", version] => Self::GroupVersion(String::new(), version.to_owned()),
            ["apis", group, version] => Self::GroupVersion(group.to_owned(), version.to_owned()),
            ["api", version, ref rest @ ..] => Self::below("", version, rest),
            ["apis", group, version, ref rest @ ..] => Self::below(group, version, rest),
            _ => Self::Unknown,
        }
    }

    fn below(group: &str, version: &str, rest: &[&str]) -> Self {
        let is_subresource = |segment: &str| group.is_empty() && matches!(segment, "status" | "finalize");
        let (namespace, rest) = match *rest {
            ["namespaces", _, third] if is_subresource(third) => (None, rest),
            ["namespaces", namespace, ref rest @ ..] if !rest.is_empty() => (Some(namespace), rest),
            _ => (None, rest),
        };
        let [plural, ref rest @ ..] = *rest else { return Self::Unknown };
        let mut rest = rest.iter().map(|&segment| segment.to_owned());
        let target = Target {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: rest.next(),
            subresource: rest.next(),
        };
        if rest.next().is_some() { Self::Unknown } else { Self::Resource(target) }
    }
}

/// How much of each object the client asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Full,
    Metadata,
}

/// The query parameters; of repeated ones, the last.
#[derive(Debug, Clone, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A parameter that is there and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn is_set(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !matches!(value.as_str(), "0" | "false" | "False"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Failure> {
        self.parse_number(name).map_err(|text| {
            Failure::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))
        })
    }

    /// The parameter `resourceVersion`, or what the API server says of one that is no number.
    pub(super) fn version(&self) -> Result<Option<u64>, String> {
        self.parse_number("resourceVersion").map_err(|text| {
            format!("resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax")
        })
    }

    fn parse_number(&self, name: &str) -> Result<Option<u64>, String> {
        self.text(name).map(|text| text.parse().map_err(|_error| text.to_owned())).transpose()
    }
}

/// A request without its body.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) path: String,
    pub(super) raw_query: String,
    pub(super) query: Query,
    pub(super) route: Route,
    pub(super) verb: &'static str,
    pub(super) accept: String,
    pub(super) content_type: String,
}

impl Call {
    pub(super) fn new(parts: &Parts) -> Self {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let raw_query = parts.uri.query().unwrap_or_default().trim_matches('&').to_owned();
        let query = Query::parse(&raw_query);
        let route = Route::parse(parts.uri.path());
        Self {
            verb: verb(&parts.method, &route, &query),
            path: parts.uri.path().to_owned(),
            raw_query,
            query,
            route,
            accept: header(ACCEPT).to_owned(),
            content_type: header(http::header::CONTENT_TYPE).to_owned(),
        }
    }

    /// Whether nothing may be persisted.
    pub(super) fn is_dry_run(&self) -> Result<bool, Failure> {
        let options = match self.verb {
            "create" => "CreateOptions",
            "update" => "UpdateOptions",
            "patch" => "PatchOptions",
            _ => "DeleteOptions",
        };
        match self.query.text("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => {
                let why = format!("Unsupported value: [\"{other}\"]: supported values: \"All\"");
                Err(Failure::invalid(&format!("{options}.meta.k8s.io"), "", "dryRun", &why))
            }
        }
    }

    pub(super) fn form(&self) -> Form {
        if self.accept.contains("as=PartialObjectMetadata") { Form::Metadata } else { Form::Full }
    }
}

/// The verb by which access rules and the request log name the request.
fn verb(method: &Method, route: &Route, query: &Query) -> &'static str {
    let named = matches!(route, Route::Resource(target) if target.name.is_some());
    let below = matches!(route, Route::Resource(_));
    match *method {
        Method::GET | Method::HEAD if below && !named && query.is_set("watch") => "watch",
        Method::GET | Method::HEAD if below && !named => "list",
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: &str) -> Target {
        let route = Route::parse(path);
        let Route::Resource(target) = route else { panic!("{path} is {route:?}") };
        target
    }

    #[test]
    fn namespaces_are_both_a_prefix_and_a_resource() {
        let list = target("/api/v1/namespaces");
        assert_eq!((list.plural.as_str(), list.name), ("namespaces", None));
        let one = target("/api/v1/namespaces/shop");
        assert_eq!(
            (one.plural.as_str(), one.name.as_deref(), one.namespace),
            ("namespaces", Some("shop"), None)
        );
        let status = target("/api/v1/namespaces/shop/status");
        assert_eq!((status.plural.as_str(), status.subresource.as_deref()), ("namespaces", Some("status")));
        let pods = target("/api/v1/namespaces/shop/pods");
        assert_eq!(
            (pods.plural.as_str(), pods.namespace.as_deref(), pods.name),
            ("pods", Some("shop"), None)
        );
    }

    #[test]
    fn objects_and_subresources_are_told_apart() {
        let scale = target("/apis/apps/v1/namespaces/shop/deployments/web/scale");
        assert_eq!((scale.group.as_str(), scale.version.as_str()), ("apps", "v1"));
        assert_eq!((scale.name.as_deref(), scale.subresource.as_deref()), (Some("web"), Some("scale")));
        assert_eq!(
            target("/apis/rbac.authorization.k8s.io/v1/clusterroles/a%3Ab").name.as_deref(),
            Some("a:b")
        );
        assert_eq!(Route::parse("/apis/apps/v1/namespaces/a/pods/b/log/c"), Route::Unknown);
        assert_eq!(Route::parse("/"), Route::Unknown);
    }

    #[test]
    fn verbs_are_those_of_access_rules() {
        let of = |method: Method, path: &str, query: &str| {
            verb(&method, &Route::parse(path), &Query::parse(query))
        };
        assert_eq!(of(Method::GET, "/api/v1/pods", "&watch=true"), "watch");
        assert_eq!(of(Method::GET, "/api/v1/pods", "limit=5"), "list");
        assert_eq!(of(Method::GET, "/api/v1/namespaces/a/pods/b", ""), "get");
        assert_eq!(of(Method::GET, "/apis", ""), "get");
        assert_eq!(of(Method::DELETE, "/api/v1/namespaces/a/pods", ""), "deletecollection");
    }
}
