//! What a grant permits: verbs, groups, resources, and what names do to each verb.
//!
//! The same matching as the API server's authorizer: `*` as a resource covers subresources, `*/scale` covers that
//! subresource of everything, and `pods/*` covers nothing. Unknown verbs and resources are legal and are compared
//! like any other: what is not installed today may be tomorrow.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::access::{Access, Grant, Scope};
use crate::model::rbac::PolicyRule;

/// A resource that somebody asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target<'a> {
    /// API group; empty for the core group.
    pub group: &'a str,
    /// `plural` or `plural/subresource`.
    pub resource: &'a str,
    /// Where its objects are.
    pub place: Place,
}

/// Where the objects of a resource are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In namespaces.
    Namespaced,
    /// Outside of namespaces: a grant in a namespace does not reach them.
    Cluster,
}

impl<'a> Target<'a> {
    /// A resource in namespaces.
    pub const fn namespaced(group: &'a str, resource: &'a str) -> Self {
        Self { group, resource, place: Place::Namespaced }
    }

    /// A cluster-scoped resource.
    pub const fn cluster(group: &'a str, resource: &'a str) -> Self {
        Self { group, resource, place: Place::Cluster }
    }

    fn is_subresource(&self) -> bool {
        self.resource.contains('/')
    }
}

impl PolicyRule {
    /// True if the rule lists the verb for the resource; names are not looked at.
    pub fn permits(&self, verb: &str, group: &str, resource: &str) -> bool {
        self.permits_verb(verb)
            && self.api_groups.iter().any(|own| own == "*" || own == group)
            && self.resources.iter().any(|own| covers(own, resource))
    }

    /// True if the rule lists the verb.
    pub fn permits_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|own| own == "*" || own == verb)
    }
}

/// True if a rule's entry covers the resource or subresource.
fn covers(entry: &str, resource: &str) -> bool {
    entry == "*"
        || entry == resource
        || entry
            .strip_prefix("*/")
            .is_some_and(|own| resource.split_once('/').is_some_and(|(_, subresource)| own == subresource))
}

/// Which objects a permission is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names<'a> {
    /// All of them.
    All,
    /// Those of these names.
    Only(BTreeSet<&'a str>),
}

/// A verb on a resource that grants permit.
#[derive(Clone, Debug)]
pub struct Permission<'a> {
    /// Which objects.
    pub names: Names<'a>,
    /// The grant, and the one it needs beside it.
    pub grants: Vec<&'a Grant>,
}

/// What a subject holds in one scope, trimmed to some verbs.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// The scope.
    pub scope: &'a Scope,
    here: Rc<ByGroup<'a>>,
    everywhere: Rc<ByGroup<'a>>,
}

/// Grants by the API group that they are for; `*` is a group of its own.
#[derive(Debug, Default)]
struct ByGroup<'a>(BTreeMap<&'a str, Vec<&'a Grant>>);

impl<'a> ByGroup<'a> {
    fn add(&mut self, grant: &'a Grant) {
        let groups = &grant.source.rule.api_groups;
        let groups: BTreeSet<&str> = if groups.iter().any(|group| group == "*") {
            BTreeSet::from(["*"])
        } else {
            groups.iter().map(String::as_str).collect()
        };
        for group in groups {
            self.0.entry(group).or_default().push(grant);
        }
    }

    /// Those that cover the group.
    fn of(&self, group: &str) -> impl Iterator<Item = &'a Grant> {
        let own = self.0.get(group).filter(|_| group != "*");
        own.into_iter().chain(self.0.get("*")).flatten().copied()
    }
}

impl Access {
    /// The grants that list at least one of the verbs, scope by scope.
    pub fn held<'a>(&'a self, verbs: &[&str]) -> Vec<Held<'a>> {
        let mut by_scope: BTreeMap<&Scope, ByGroup<'a>> = BTreeMap::new();
        for grant in &self.grants {
            if verbs.iter().any(|verb| grant.source.rule.permits_verb(verb)) {
                by_scope.entry(&grant.way.scope).or_default().add(grant);
            }
        }
        let mut held: Vec<Held<'a>> = Vec::new();
        // The whole cluster comes first.
        for (scope, here) in by_scope {
            let here = Rc::new(here);
            let first = held.first().filter(|first| *first.scope == Scope::Cluster);
            let everywhere = match first {
                Some(cluster) => Rc::clone(&cluster.here),
                None if *scope == Scope::Cluster => Rc::clone(&here),
                None => Rc::default(),
            };
            held.push(Held { scope, here, everywhere });
        }
        held
    }
}

impl<'a> Held<'a> {
    /// False if no grant is for the API group: then nothing is permitted there.
    pub fn knows(&self, group: &str) -> bool {
        [&self.here, &self.everywhere].iter().any(|grants| grants.of(group).next().is_some())
    }

    /// What permits the verb on the resource in this scope. What holds in the whole cluster is left to that scope,
    /// except as the second half of a permission that takes two grants.
    ///
    /// Names restrict requests that carry a name. They make `deletecollection` and a plain `create` inert; but
    /// server-side apply and PUT create an object under its name, so `create` together with `patch` or `update` is
    /// effective for the names that both allow. `list` and `watch` read a named object through a field selector.
    /// [`Held`] must have been trimmed to verbs that include those three.
    pub fn permissions(&self, verb: &str, target: &Target<'_>) -> Vec<Permission<'a>> {
        if !self.is_reachable(verb, target) {
            return Vec::new();
        }
        let by_name = verb == "create" && !target.is_subresource();
        let mut permissions: Vec<Permission<'a>> = self
            .permitting(&self.here, verb, target)
            .filter(|grant| is_unnamed(grant) || !(by_name || verb == "deletecollection"))
            .map(|grant| Permission { names: names(grant), grants: vec![grant] })
            .collect();
        if by_name {
            permissions.extend(self.upserts(target));
        }
        permissions
    }

    /// A namespace's own grants do not reach cluster-scoped resources; the Namespace object itself is the exception.
    fn is_reachable(&self, verb: &str, target: &Target<'_>) -> bool {
        let itself = (target.group, target.resource) == ("", "namespaces")
            && ["get", "update", "patch", "delete"].contains(&verb);
        match (target.place, self.scope) {
            (Place::Namespaced, _) | (Place::Cluster, Scope::Cluster) => true,
            (Place::Cluster, Scope::Namespace(_)) => itself,
        }
    }

    fn permitting(
        &self,
        grants: &ByGroup<'a>,
        verb: &str,
        target: &Target<'_>,
    ) -> impl Iterator<Item = &'a Grant> {
        let namespace = match (target.place, self.scope) {
            (Place::Cluster, Scope::Namespace(namespace)) => Some(namespace),
            (Place::Cluster | Place::Namespaced, _) => None,
        };
        grants.of(target.group).filter(move |grant| {
            let rule = &grant.source.rule;
            rule.permits(verb, target.group, target.resource)
                && namespace
                    .is_none_or(|namespace| is_unnamed(grant) || rule.resource_names.contains(namespace))
        })
    }

    /// Named `create` that a `patch` or `update` for the same name makes effective.
    fn upserts(&self, target: &Target<'_>) -> Vec<Permission<'a>> {
        let mut upserts = self.upserts_of(&self.here, &[&self.here, &self.everywhere], target);
        if *self.scope != Scope::Cluster {
            upserts.extend(self.upserts_of(&self.everywhere, &[&self.here], target));
        }
        upserts
    }

    fn upserts_of(
        &self,
        creators: &ByGroup<'a>,
        partners: &[&ByGroup<'a>],
        target: &Target<'_>,
    ) -> Vec<Permission<'a>> {
        let creators: Vec<&Grant> =
            self.permitting(creators, "create", target).filter(|grant| !is_unnamed(grant)).collect();
        if creators.is_empty() {
            return Vec::new();
        }
        let mut any_name = None;
        let mut by_name: BTreeMap<&'a str, &'a Grant> = BTreeMap::new();
        let verbs = ["patch", "update"];
        for (grants, verb) in partners.iter().flat_map(|grants| verbs.map(|verb| (grants, verb))) {
            for partner in self.permitting(grants, verb, target) {
                if is_unnamed(partner) {
                    any_name = any_name.or(Some(partner));
                }
                for name in &partner.source.rule.resource_names {
                    by_name.entry(name).or_insert(partner);
                }
            }
        }
        let partner = |name: &str| by_name.get(name).copied().or(any_name);
        creators
            .into_iter()
            .flat_map(|creator| creator.source.rule.resource_names.iter().map(move |name| (creator, name)))
            .filter_map(|(creator, name)| {
                let grants = vec![creator, partner(name)?];
                Some(Permission { names: Names::Only(BTreeSet::from([name.as_str()])), grants })
            })
            .collect()
    }
}

fn is_unnamed(grant: &Grant) -> bool {
    grant.source.rule.resource_names.is_empty()
}

fn names(grant: &Grant) -> Names<'_> {
    let names = &grant.source.rule.resource_names;
    if names.is_empty() { Names::All } else { Names::Only(names.iter().map(String::as_str).collect()) }
}
