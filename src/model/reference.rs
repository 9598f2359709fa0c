//! Names of objects: what kind, which one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of object, without its version: `apps/Deployment`, `Pod`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Kind in CamelCase.
    pub kind: String,
}

impl GroupKind {
    /// A kind of a group; `""` is the core group.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { group: group.into(), kind: kind.into() }
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

/// One object of a cluster, without its version, so that it stays the same when an API graduates.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// API group; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// Kind in CamelCase.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    #[serde(default)]
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectRef {
    /// An object of a kind; an empty namespace means cluster-scoped.
    pub fn new(kind: &GroupKind, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            group: kind.group.clone(),
            kind: kind.kind.clone(),
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote; none if the text names no object.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, path) = text.split_once(' ')?;
        let (group, kind) = kind.rsplit_once('/').unwrap_or(("", kind));
        let (namespace, name) = path.split_once('/').unwrap_or(("", path));
        let kind = GroupKind::new(group, kind);
        (!kind.kind.is_empty() && !name.is_empty()).then(|| Self::new(&kind, namespace, name))
    }

    /// The object's kind.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind { group: self.group.clone(), kind: self.kind.clone() }
    }
}

/// `apps/Deployment shop/web`, `ClusterRole admin`: for people, and stable enough to sort by.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.group.is_empty() {
            write!(f, "{}/", self.group)?;
        }
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_group_namespace_and_name() {
        let deployment = ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", "web");
        assert_eq!(deployment.to_string(), "apps/Deployment shop/web");
        let node = ObjectRef::new(&GroupKind::new("", "Node"), "", "n1");
        assert_eq!(node.to_string(), "Node n1");
    }

    #[test]
    fn an_object_is_read_back_as_it_was_written() {
        for (group, kind, namespace, name) in [
            ("apps", "Deployment", "shop", "web"),
            ("", "Pod", "shop", "web-0"),
            ("", "Node", "", "n1"),
            ("rbac.authorization.k8s.io", "ClusterRole", "", "system:node proxy"),
        ] {
            let object = ObjectRef::new(&GroupKind::new(group, kind), namespace, name);
            assert_eq!(ObjectRef::parse(&object.to_string()), Some(object));
        }
        for text in ["", "Pod", "Pod ", " web", "apps/ web"] {
            assert_eq!(ObjectRef::parse(text), None, "{text:?}");
        }
    }
}
