//! The ids in an inventory: `NAMESPACE_NAME_GROUP_KIND`.
//!
//! Source: `pkg/object/objmetadata.go` of kubernetes-sigs/cli-utils. Names of RBAC objects may hold colons, which are
//! written as two underscores.

use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::reference::{GroupKind, ObjectRef};

/// `status.inventory`, of Kustomizations and of `HelmReleases`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Inventory {
    /// One for each object.
    #[serde(deserialize_with = "null_as_default")]
    pub entries: Vec<Entry>,
}

/// An entry of `status.inventory.entries`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// The object, without its version.
    #[serde(deserialize_with = "null_as_default")]
    pub id: String,
    /// Version of its API, without the group.
    #[serde(deserialize_with = "null_as_default")]
    pub v: String,
}

impl Entry {
    /// The object; none if the id names none.
    pub fn object(&self) -> Option<ObjectRef> {
        parse(&self.id)
    }
}

/// The object that an id names; none if it is no id.
pub fn parse(id: &str) -> Option<ObjectRef> {
    let (namespace, rest) = id.split_once('_')?;
    let (rest, kind) = rest.rsplit_once('_')?;
    let (name, group) = rest.rsplit_once('_')?;
    let name = name.replace("__", ":");
    let complete = !kind.is_empty() && !name.is_empty() && !name.contains('_');
    complete.then(|| ObjectRef::new(&GroupKind::new(group, kind), namespace, name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The id of an object.
    fn print(object: &ObjectRef) -> String {
        let ObjectRef { group, kind, namespace, name } = object;
        let name = if group == "rbac.authorization.k8s.io" { name.replace(':', "__") } else { name.clone() };
        format!("{namespace}_{name}_{group}_{kind}")
    }

    #[test]
    fn ids_name_objects_of_all_sorts() {
        for (id, object) in [
            ("shop_web_apps_Deployment", "apps/Deployment shop/web"),
            ("shop_web__Service", "Service shop/web"),
            ("_shop__Namespace", "Namespace shop"),
            (
                "_system__node_rbac.authorization.k8s.io_ClusterRole",
                "rbac.authorization.k8s.io/ClusterRole system:node",
            ),
            (
                "apps_web_kustomize.toolkit.fluxcd.io_Kustomization",
                "kustomize.toolkit.fluxcd.io/Kustomization apps/web",
            ),
        ] {
            assert_eq!(parse(id).unwrap().to_string(), object);
            assert_eq!(print(&ObjectRef::parse(object).unwrap()), id);
        }
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for id in [
            "",
            "web",
            "shop_web",
            "shop_web_Deployment",
            "shop_a_b_apps_Deployment",
            "shop__apps_Deployment",
            "a_b_c_",
        ] {
            assert_eq!(parse(id), None, "{id:?}");
        }
    }

    proptest! {
        #[test]
        fn an_object_is_read_back_from_its_id(
            rbac: bool, group in "([a-z][a-z0-9-]{0,8}(\\.[a-z]{1,6}){0,3})?", kind in "[A-Z][A-Za-z0-9]{0,12}",
            namespace in "([a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?)?", name in "[a-z0-9]([a-z0-9.-]{0,12}[a-z0-9])?",
            tail in "(:[a-z0-9]{1,5}){0,3}",
        ) {
            let (group, name) = if rbac {
                ("rbac.authorization.k8s.io".to_owned(), format!("{name}{tail}"))
            } else {
                (group, name)
            };
            let object = ObjectRef::new(&GroupKind::new(group, kind), namespace, name);
            prop_assert_eq!(parse(&print(&object)), Some(object));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}", pieces in "[a-z_:A-Z]{0,20}") {
            for id in [text, pieces] {
                if let Some(object) = parse(&id) {
                    prop_assert!(!object.name.is_empty() && !object.kind.is_empty());
                }
            }
        }
    }
}
