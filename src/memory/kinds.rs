//! Which kinds the in-memory API serves.
//!
//! Owns the registry: the built-in kinds of [`table`], those that stored CustomResourceDefinitions bring, and those
//! guessed from seeded objects that no definition explains. It does not know the objects.

mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::respond::Failure;

/// Whether objects of a kind live in namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Namespaced,
    Cluster,
}

/// What a kind has beyond being stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feature {
    /// The status subresource: writes to the object leave the status alone, and the other way round.
    Status,
    /// The scale subresource.
    Scale,
    /// `metadata.generation` counts changes of the specification.
    Generation,
    /// Objects are answered, never stored.
    Review,
}

/// Where the registry has a kind from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    BuiltIn,
    Definition,
    Guess,
}

/// What names a resource in a path and in an access rule: group and plural.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ResourceId {
    pub(super) group: Arc<str>,
    pub(super) plural: Arc<str>,
}

/// One resource that is served, at all its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) id: ResourceId,
    pub(super) kind: String,
    pub(super) singular: String,
    pub(super) short_names: Vec<String>,
    /// Served versions, the preferred one first.
    pub(super) versions: Vec<String>,
    pub(super) scope: Scope,
    pub(super) origin: Origin,
    pub(super) features: Vec<Feature>,
}

impl Resource {
    pub(super) fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    pub(super) fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    pub(super) fn is_namespaces(&self) -> bool {
        &*self.id.plural == "namespaces" && self.id.group.is_empty()
    }

    pub(super) fn is_definition(&self) -> bool {
        &*self.id.plural == "customresourcedefinitions" && &*self.id.group == "apiextensions.k8s.io"
    }

    fn from_row(row: &table::Row) -> Self {
        Self {
            id: ResourceId { group: row.group.into(), plural: row.plural.into() },
            kind: row.kind.to_owned(),
            singular: row.kind.to_lowercase(),
            short_names: row.short_names.iter().map(|&name| name.to_owned()).collect(),
            versions: vec![row.version.to_owned()],
            scope: row.scope,
            origin: Origin::BuiltIn,
            features: row.features.to_vec(),
        }
    }

    fn guess(group: &str, version: &str, kind: &str, scope: Scope) -> Self {
        let singular = kind.to_lowercase();
        Self {
            id: ResourceId { group: group.into(), plural: guess_plural(&singular).into() },
            kind: kind.to_owned(),
            singular,
            short_names: Vec::new(),
            versions: vec![version.to_owned()],
            scope,
            origin: Origin::Guess,
            features: vec![Feature::Generation],
        }
    }
}

/// The rule by which Kubernetes itself guesses a plural.
fn guess_plural(singular: &str) -> String {
    if singular == "endpoints" {
        singular.to_owned()
    } else if singular.ends_with('s') {
        format!("{singular}es")
    } else if let Some(stem) = singular.strip_suffix('y') {
        format!("{stem}ies")
    } else {
        format!("{singular}s")
    }
}

/// All the resources that are served.
#[derive(Debug)]
pub(super) struct Kinds {
    resources: BTreeMap<ResourceId, Arc<Resource>>,
    by_kind: BTreeMap<(Arc<str>, String), ResourceId>,
}

impl Kinds {
    /// The built-in kinds.
    pub(super) fn built_in() -> Self {
        let mut kinds = Self { resources: BTreeMap::new(), by_kind: BTreeMap::new() };
        for row in table::BUILT_IN {
            kinds.insert(Resource::from_row(row));
        }
        kinds
    }

    /// The resource at a path.
    pub(super) fn at(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Resource>> {
        let id = ResourceId { group: group.into(), plural: plural.into() };
        self.resources
            .get(&id)
            .filter(|resource| resource.versions.iter().any(|served| served == version))
            .cloned()
    }

    /// The resource of a kind, at whatever version.
    pub(super) fn of_kind(&self, group: &str, kind: &str) -> Option<Arc<Resource>> {
        let id = self.by_kind.get(&(group.into(), kind.to_owned()))?;
        self.resources.get(id).cloned()
    }

    /// What is said of a resource or version that is not served: built-in groups have an answer of their own.
    pub(super) fn missing(&self, group: &str) -> Failure {
        let built_in =
            |resource: &Resource| resource.origin == Origin::BuiltIn && *resource.id.group == *group;
        let known = self.resources.values().any(|resource| built_in(resource));
        if known { Failure::no_such_resource() } else { Failure::no_such_path() }
    }

    /// All resources, ordered by group and plural.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }

    /// The resource of a seeded object: as it is known, or guessed.
    pub(super) fn learn(&mut self, group: &str, version: &str, kind: &str, scope: Scope) -> Arc<Resource> {
        let Some(known) = self.of_kind(group, kind) else {
            return self.insert(Resource::guess(group, version, kind, scope));
        };
        let mut resource = (*known).clone();
        if !resource.versions.iter().any(|served| served == version) {
            resource.versions.push(version.to_owned());
        }
        if resource.origin == Origin::Guess && scope == Scope::Namespaced {
            resource.scope = scope;
        }
        if resource == *known { known } else { self.insert(resource) }
    }

    /// Serves what a CustomResourceDefinition defines; gives back the resource and the id of a guess it replaces.
    ///
    /// Built-in kinds are never replaced; a definition that cannot be read serves nothing.
    pub(super) fn define(&mut self, definition: &Value) -> Option<(Arc<Resource>, Option<ResourceId>)> {
        let resource = Definition::deserialize(definition.get("spec")?).ok()?.resource()?;
        let known = self.of_kind(&resource.id.group, &resource.kind);
        if known.as_ref().is_some_and(|known| known.origin == Origin::BuiltIn) {
            return None;
        }
        let replaced = known.filter(|known| known.id != resource.id).map(|known| known.id.clone());
        if let Some(id) = &replaced {
            self.remove(id);
        }
        Some((self.insert(resource), replaced))
    }

    /// Stops serving what a CustomResourceDefinition defined; gives back the id of the resource.
    pub(super) fn undefine(&mut self, definition: &Value) -> Option<ResourceId> {
        let spec = definition.get("spec")?;
        let (group, plural) = (spec.get("group")?.as_str()?, spec.get("names")?.get("plural")?.as_str()?);
        let id = ResourceId { group: group.into(), plural: plural.into() };
        let known = self.resources.get(&id).filter(|known| known.origin != Origin::BuiltIn)?;
        let id = known.id.clone();
        self.remove(&id);
        Some(id)
    }

    fn insert(&mut self, resource: Resource) -> Arc<Resource> {
        let resource = Arc::new(resource);
        self.by_kind.insert((resource.id.group.clone(), resource.kind.clone()), resource.id.clone());
        self.resources.insert(resource.id.clone(), Arc::clone(&resource));
        resource
    }

    fn remove(&mut self, id: &ResourceId) {
        if let Some(resource) = self.resources.remove(id) {
            self.by_kind.remove(&(resource.id.group.clone(), resource.kind.clone()));
        }
    }
}

/// What the registry reads of a CustomResourceDefinition's `spec`.
#[derive(Deserialize)]
struct Definition {
    group: String,
    names: Names,
    scope: String,
    #[serde(default)]
    versions: Vec<Version>,
}

#[derive(Deserialize)]
struct Names {
    plural: String,
    kind: String,
    singular: Option<String>,
    #[serde(default, rename = "shortNames")]
    short: Vec<String>,
}

#[derive(Deserialize)]
struct Version {
    name: String,
    #[serde(default)]
    served: bool,
    #[serde(default)]
    storage: bool,
    #[serde(default)]
    subresources: BTreeMap<String, Value>,
}

impl Definition {
    fn resource(mut self) -> Option<Resource> {
        self.versions.sort_by_key(|version| !version.storage);
        let with = |name: &str| self.versions.iter().any(|version| version.subresources.contains_key(name));
        let mut features = vec![Feature::Generation];
        features.extend(with("status").then_some(Feature::Status));
        features.extend(with("scale").then_some(Feature::Scale));
        let served = self.versions.into_iter().filter(|version| version.served);
        let versions: Vec<_> = served.map(|version| version.name).collect();
        if versions.is_empty() {
            return None;
        }
        Some(Resource {
            id: ResourceId { group: self.group.into(), plural: self.names.plural.into() },
            singular: self.names.singular.unwrap_or_else(|| self.names.kind.to_lowercase()),
            kind: self.names.kind,
            short_names: self.names.short,
            versions,
            scope: if self.scope == "Namespaced" { Scope::Namespaced } else { Scope::Cluster },
            origin: Origin::Definition,
            features,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(plural: &str) -> Value {
        json!({ "spec": {
            "group": "argoproj.io",
            "scope": "Namespaced",
            "names": { "plural": plural, "kind": "Application", "shortNames": ["app"] },
            "versions": [
                { "name": "v1beta1", "served": true, "storage": false },
                { "name": "v1alpha1", "served": true, "storage": true, "subresources": { "status": {} } },
                { "name": "v1alpha0", "served": false, "storage": false },
            ],
        }})
    }

    #[test]
    fn the_table_names_each_resource_once() {
        let kinds = Kinds::built_in();
        assert_eq!(kinds.resources.len(), table::BUILT_IN.len());
        assert_eq!(kinds.by_kind.len(), table::BUILT_IN.len());
    }

    #[test]
    fn a_definition_serves_its_served_versions_storage_first() {
        let mut kinds = Kinds::built_in();
        let (resource, replaced) = kinds.define(&definition("applications")).unwrap();
        assert_eq!(resource.versions, ["v1alpha1", "v1beta1"]);
        assert!(resource.has(Feature::Status) && replaced.is_none());
        assert!(kinds.at("argoproj.io", "v1alpha0", "applications").is_none());
        kinds.undefine(&definition("applications")).unwrap();
        assert!(kinds.of_kind("argoproj.io", "Application").is_none());
    }

    #[test]
    fn a_definition_replaces_a_guess() {
        let mut kinds = Kinds::built_in();
        let guess = kinds.learn("argoproj.io", "v1alpha1", "Application", Scope::Cluster);
        assert_eq!(&*guess.id.plural, "applications");
        let (_, replaced) = kinds.define(&definition("apps")).unwrap();
        assert_eq!(replaced, Some(guess.id.clone()));
        assert!(kinds.at("argoproj.io", "v1alpha1", "applications").is_none());
    }

    #[test]
    fn a_definition_cannot_take_over_a_built_in_kind() {
        let mut forged = definition("pods");
        forged["spec"]["group"] = "".into();
        forged["spec"]["names"]["kind"] = "Pod".into();
        assert!(Kinds::built_in().define(&forged).is_none());
        assert!(Kinds::built_in().undefine(&forged).is_none());
    }

    #[test]
    fn plurals_are_guessed_as_kubernetes_does() {
        for (singular, plural) in [("gateway", "gatewaies"), ("mesh", "meshs"), ("ingress", "ingresses")] {
            assert_eq!(guess_plural(singular), plural);
        }
    }
}
