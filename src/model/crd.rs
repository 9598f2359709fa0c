//! Custom resources that make Pods, found through the schema of their definition.
//!
//! Owns what a schema must look like to count as a Pod, a part of one, or something that may hold one. Schemas are
//! read as a stream: some are larger than a megabyte. Does not know any operator by name, and cannot see what a
//! controller does without a field for it.

mod schema;

use serde::Deserialize;

use crate::model::access::permission::Place;
use crate::model::crd::schema::RootSchema;
use crate::model::lenient::null_as_default;

/// How much of a Pod a custom resource lets its author choose, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Embedding {
    /// A field that may hold any object, a Pod too.
    Opaque,
    /// Containers, but not the whole Pod.
    Containers,
    /// A pod spec or pod template.
    Pod,
    /// Its objects own Pods in this cluster, whatever the schema says.
    Observed,
}

/// A custom resource whose objects become Pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodProducer {
    /// How much of the Pod its author chooses.
    pub embedding: Embedding,
    /// Where its objects are.
    pub place: Place,
}

/// What we read of a CustomResourceDefinition; decoding it walks the schemas of all served versions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CustomResource {
    #[serde(deserialize_with = "null_as_default")]
    spec: Spec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(deserialize_with = "null_as_default")]
    group: String,
    #[serde(deserialize_with = "null_as_default")]
    names: Names,
    #[serde(deserialize_with = "null_as_default")]
    scope: String,
    #[serde(deserialize_with = "null_as_default")]
    versions: Vec<Version>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Names {
    #[serde(deserialize_with = "null_as_default")]
    plural: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Version {
    #[serde(deserialize_with = "null_as_default")]
    served: bool,
    #[serde(deserialize_with = "null_as_default")]
    schema: Validation,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Validation {
    #[serde(rename = "openAPIV3Schema", deserialize_with = "null_as_default")]
    root: RootSchema,
}

impl CustomResource {
    /// Group and plural.
    pub fn resource(&self) -> (String, String) {
        (self.spec.group.clone(), self.spec.names.plural.clone())
    }

    /// What its objects can become; none if no served version has a field for a Pod.
    pub fn pod_producer(&self) -> Option<PodProducer> {
        let served = self.spec.versions.iter().filter(|version| version.served);
        let embedding = served.filter_map(|version| version.schema.root.embedding).max()?;
        let place = if self.spec.scope == "Cluster" { Place::Cluster } else { Place::Namespaced };
        Some(PodProducer { embedding, place })
    }
}

/// Group and plural of the custom resource, if its definition (JSON) has a field for a Pod. A definition that cannot
/// be decoded is none, too: decode [`CustomResource`] where that must be told.
pub fn pod_producer(crd: &str) -> Option<((String, String), PodProducer)> {
    let definition: CustomResource = serde_json::from_str(crd).ok()?;
    Some((definition.resource(), definition.pod_producer()?))
}

#[cfg(test)]
mod tests;
