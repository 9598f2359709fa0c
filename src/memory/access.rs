//! Who may do what: everything, except what was forbidden.
//!
//! Owns the forbid rules, the refusals that follow from them and the answers to access reviews. It does not know RBAC:
//! roles and bindings are stored like any object and grant nothing here.

use serde::Deserialize;
use serde_json::{Value, json};

use super::kinds::{Kinds, Resource};
use super::respond::Failure;
use super::route::Target;

/// The verbs of a resource, as discovery lists them.
pub(super) const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// A rule that takes access away; `*` stands for any verb, group or resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forbidden {
    pub(super) verbs: Vec<String>,
    pub(super) group: String,
    /// A plural, or a plural and a subresource: `deployments/scale`.
    pub(super) resource: String,
    /// Only requests that name this namespace; otherwise all requests.
    pub(super) namespace: Option<String>,
}

/// What a request does, as access is decided on it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
}

/// The rules of one API.
#[derive(Debug, Default)]
pub(super) struct Access {
    rules: Vec<Forbidden>,
}

fn covers(rule: &str, value: &str) -> bool {
    rule == "*" || rule == value
}

impl Forbidden {
    fn covers(&self, attributes: &Attributes) -> bool {
        let mut resource = attributes.resource.clone();
        if !attributes.subresource.is_empty() {
            resource = format!("{resource}/{}", attributes.subresource);
        }
        self.verbs.iter().any(|verb| covers(verb, &attributes.verb))
            && covers(&self.group, &attributes.group)
            && covers(&self.resource, &resource)
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == attributes.namespace)
    }
}

impl Access {
    pub(super) fn forbid(&mut self, rule: Forbidden) {
        self.rules.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    fn allows(&self, attributes: &Attributes) -> bool {
        !self.rules.iter().any(|rule| rule.covers(attributes))
    }

    /// Refuses a request that is forbidden.
    pub(super) fn check(&self, verb: &str, target: &Target, user: &str) -> Result<(), Failure> {
        let attributes = Attributes {
            verb: verb.to_owned(),
            group: target.group.clone(),
            resource: target.plural.clone(),
            subresource: target.subresource.clone().unwrap_or_default(),
            namespace: target.namespace.clone().unwrap_or_default(),
        };
        if self.allows(&attributes) {
            return Ok(());
        }
        let resource = match &target.subresource {
            Some(subresource) => format!("{}/{subresource}", target.plural),
            None => target.plural.clone(),
        };
        let within = match &target.namespace {
            Some(namespace) => format!("in the namespace \"{namespace}\""),
            None => "at the cluster scope".to_owned(),
        };
        let group = &target.group;
        let why = format!(
            "User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {within}"
        );
        Err(Failure::forbidden(target.subject(), &why))
    }

    /// Answers a review: the object that was sent, with its status.
    pub(super) fn review(&self, resource: &Resource, mut review: Value, kinds: &Kinds) -> Value {
        let status = if &*resource.id.plural == "selfsubjectrulesreviews" {
            let namespace = review["spec"]["namespace"].as_str().unwrap_or("default");
            self.rules_within(namespace, kinds)
        } else {
            let spec = &review["spec"]["resourceAttributes"];
            let attributes: Option<Attributes> = Attributes::deserialize(spec).ok();
            json!({ "allowed": attributes.is_none_or(|attributes| self.allows(&attributes)) })
        };
        if let Value::Object(fields) = &mut review {
            fields.entry("metadata").or_insert_with(|| json!({}));
            fields.insert("status".to_owned(), status);
        }
        review
    }

    /// The status of a `SelfSubjectRulesReview`: each resource with the verbs that are left.
    fn rules_within(&self, namespace: &str, kinds: &Kinds) -> Value {
        let allowed = |resource: &Resource, verb: &str| {
            self.allows(&Attributes {
                verb: verb.to_owned(),
                group: (*resource.id.group).to_owned(),
                resource: (*resource.id.plural).to_owned(),
                namespace: namespace.to_owned(),
                ..Attributes::default()
            })
        };
        let rules: Vec<Value> = kinds
            .all()
            .map(|resource| {
                let verbs: Vec<&str> = VERBS.into_iter().filter(|verb| allowed(resource, verb)).collect();
                json!({ "verbs": verbs, "apiGroups": [&*resource.id.group], "resources": [&*resource.id.plural] })
            })
            .filter(|rule| rule["verbs"].as_array().is_some_and(|verbs| !verbs.is_empty()))
            .collect();
        json!({ "resourceRules": rules, "nonResourceRules": [], "incomplete": false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let mut access = Access::default();
        access.forbid(Forbidden {
            verbs: vec!["list".to_owned(), "watch".to_owned()],
            group: String::new(),
            resource: "pods".to_owned(),
            namespace: Some("shop".to_owned()),
        });
        access
    }

    fn pods(namespace: Option<&str>) -> Target {
        Target { plural: "pods".to_owned(), namespace: namespace.map(str::to_owned), ..Target::default() }
    }

    #[test]
    fn refusals_read_like_the_api_servers() {
        let refusal =
            access().check("list", &pods(Some("shop")), "system:serviceaccount:gate:gate").unwrap_err();
        assert_eq!(
            refusal.message,
            "pods is forbidden: User \"system:serviceaccount:gate:gate\" cannot list resource \"pods\" in API group \"\" in the namespace \"shop\""
        );
        assert!(access().check("get", &pods(Some("shop")), "me").is_ok());
        assert!(access().check("list", &pods(None), "me").is_ok());
    }

    #[test]
    fn reviews_agree_with_refusals() {
        let kinds = Kinds::built_in();
        let ask = |verb: &str| {
            let review = json!({ "spec": { "resourceAttributes": {
                "verb": verb, "resource": "pods", "namespace": "shop",
            } } });
            let kind = kinds.of_kind("authorization.k8s.io", "SelfSubjectAccessReview").unwrap();
            access().review(&kind, review, &kinds)["status"]["allowed"].as_bool()
        };
        assert_eq!(ask("list"), Some(false));
        assert_eq!(ask("get"), Some(true));
    }

    #[test]
    fn a_rules_review_leaves_out_what_is_forbidden() {
        let kinds = Kinds::built_in();
        let kind = kinds.of_kind("authorization.k8s.io", "SelfSubjectRulesReview").unwrap();
        let review = access().review(&kind, json!({ "spec": { "namespace": "shop" } }), &kinds);
        let rules = review["status"]["resourceRules"].as_array().unwrap();
        let pods = rules.iter().find(|rule| rule["resources"][0] == "pods").unwrap();
        assert_eq!(pods["verbs"], json!(["create", "delete", "deletecollection", "get", "patch", "update"]));
    }
}
