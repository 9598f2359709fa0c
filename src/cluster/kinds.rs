//! Which kinds the API server has: names, versions and scope, without their schemas.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::model::reference::GroupKind;
use crate::rules::Resource;

/// A kind that the API server serves, in the version that it prefers.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiKind {
    /// API group; empty for the core group.
    pub group: String,
    /// Version: `v1`.
    pub version: String,
    /// Plural, as in URLs and RBAC rules: `deployments`.
    pub plural: String,
    /// Kind in CamelCase: `Deployment`.
    pub kind: String,
    /// True if its objects live in namespaces.
    pub namespaced: bool,
}

/// What may stand in a path segment or a query value as it is; `:` is common in names of RBAC objects.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// A name as a path segment, or a value of a query.
pub(super) fn escaped(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, ESCAPED)
}

impl ApiKind {
    /// The kind without its version.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(self.group.clone(), self.kind.clone())
    }

    /// `apps/v1`, `v1`: what objects of this kind say in `apiVersion`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `deployments.apps`, `pods`: as `kubectl` and error texts write it.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.clone() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// Path of the collection, or of one object if a name is given. An empty namespace means all of them.
    pub(super) fn path(&self, namespace: &str, name: &str) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", self.version)
        } else {
            format!("/apis/{}/{}", self.group, self.version)
        };
        if self.namespaced && !namespace.is_empty() {
            path = format!("{path}/namespaces/{}", escaped(namespace));
        }
        path = format!("{path}/{}", self.plural);
        if name.is_empty() { path } else { format!("{path}/{}", escaped(name)) }
    }
}

/// All kinds of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    by_kind: BTreeMap<GroupKind, ApiKind>,
    listable: BTreeSet<GroupKind>,
    silent: BTreeSet<String>,
}

impl Kinds {
    /// The kind in its preferred version, if the API server has it.
    pub fn find(&self, kind: &GroupKind) -> Option<&ApiKind> {
        self.by_kind.get(kind)
    }

    /// The kind that a rule or an edge reads, if the API server has it.
    pub fn resource(&self, resource: &Resource) -> Option<&ApiKind> {
        self.by_kind.get(&GroupKind::new(resource.group, resource.kind))
    }

    /// The kind of a resource as URLs and RBAC rules name it.
    pub fn named(&self, group: &str, plural: &str) -> Option<&ApiKind> {
        self.by_kind.values().find(|kind| kind.group == group && kind.plural == plural)
    }

    /// Kinds whose objects can be listed, sorted by group and kind.
    pub fn listable(&self) -> impl Iterator<Item = &ApiKind> {
        self.listable.iter().filter_map(|kind| self.by_kind.get(kind))
    }

    /// True if the API server knows the group but could not say what is in it, for instance because the extension
    /// server behind it is down: a kind of this group that is not found is unknown, not absent.
    pub fn is_silent(&self, group: &str) -> bool {
        self.silent.contains(group)
    }

    /// Adds a kind unless a more preferred version of it is known.
    pub(super) fn add(&mut self, kind: ApiKind, listable: bool) {
        let key = kind.group_kind();
        if self.by_kind.contains_key(&key) {
            return;
        }
        if listable {
            self.listable.insert(key.clone());
        }
        self.by_kind.insert(key, kind);
    }

    /// Notes a group that did not say what is in it.
    pub(super) fn add_silent(&mut self, group: impl Into<String>) {
        self.silent.insert(group.into());
    }
}

#[cfg(test)]
impl ApiKind {
    /// For tests: `v1`, namespaced.
    pub(crate) fn example(group: &str, plural: &str, kind: &str) -> Self {
        let version = String::from("v1");
        Self { group: group.into(), version, plural: plural.into(), kind: kind.into(), namespaced: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_group_namespace_and_object() {
        let pods = ApiKind::example("", "pods", "Pod");
        assert_eq!(pods.path("", ""), "/api/v1/pods");
        assert_eq!(pods.path("shop", "web"), "/api/v1/namespaces/shop/pods/web");
        let roles = ApiKind::example("rbac.authorization.k8s.io", "clusterroles", "ClusterRole");
        let roles = ApiKind { namespaced: false, ..roles };
        let expected = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node%2Fx%20y";
        assert_eq!(roles.path("ignored", "system:node/x y"), expected);
    }

    #[test]
    fn the_more_preferred_version_stays() {
        let mut kinds = Kinds::default();
        let preferred = ApiKind::example("apps", "deployments", "Deployment");
        let older = ApiKind { version: "v1beta1".into(), ..preferred.clone() };
        kinds.add(preferred, true);
        kinds.add(older, true);
        let found = kinds.find(&GroupKind::new("apps", "Deployment"));
        assert_eq!(found.map(|kind| kind.version.as_str()), Some("v1"));
    }
}
