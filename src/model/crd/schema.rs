//! Walks an OpenAPI v3 schema as it is decoded and keeps a few bits of each node.
//!
//! Depth is bounded by the JSON decoder's own recursion limit; a deeper schema is a decoding error.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::crd::Embedding;

/// The schema of a whole object. What its `status` holds is not for its author to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RootSchema {
    pub(super) embedding: Option<Embedding>,
}

impl<'de> serde::Deserialize<'de> for RootSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Walk(Context::Root).deserialize(deserializer)?;
        Ok(Self { embedding: node.embedding })
    }
}

/// What is known about a schema node from above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Context {
    /// The object itself.
    Root,
    /// Nothing.
    Plain,
    /// It is, or holds the elements of, a field for objects.
    Objects,
    /// It is inside a template.
    Template,
}

/// Fields named so may hold objects if they accept unknown fields.
const OBJECT_FIELDS: &[&str] = &["manifest", "manifests", "objects", "rawExtension", "resources", "values"];
/// Fields named so are templates, at any depth.
const TEMPLATE_FIELDS: &[&str] = &["podTemplate", "template"];
/// Arrays of containers.
const CONTAINER_LISTS: &[&str] = &["containers", "extraContainers", "initContainers", "sidecars"];
/// Fields that stand beside `containers` in a pod spec.
const POD_FIELDS: &[&str] =
    &["hostNetwork", "initContainers", "restartPolicy", "serviceAccountName", "volumes"];

impl Context {
    /// Of a property of a node in this context.
    fn of_property(self, name: &str) -> Self {
        if TEMPLATE_FIELDS.contains(&name) {
            Self::Template
        } else if OBJECT_FIELDS.contains(&name) {
            Self::Objects
        } else if self == Self::Template && name != "metadata" {
            Self::Template
        } else {
            Self::Plain
        }
    }

    /// Of the elements of a node in this context.
    fn of_elements(self) -> Self {
        if self == Self::Root { Self::Plain } else { self }
    }
}

/// Properties of a node that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fields(u8);

impl Fields {
    const NAME: Self = Self(1);
    const IMAGE: Self = Self(2);
    const CONTAINERS: Self = Self(4);
    const POD: Self = Self(8);

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What is left of a node once it is decoded.
#[derive(Clone, Copy, Debug, Default)]
struct Node {
    fields: Fields,
    /// Of the elements, if it is an array.
    elements: Fields,
    embedding: Option<Embedding>,
}

impl Node {
    fn found(&mut self, embedding: Embedding) {
        self.embedding = self.embedding.max(Some(embedding));
    }

    /// Takes in an alternative of the same node.
    fn merge(&mut self, other: Self) {
        self.fields.add(other.fields);
        self.elements.add(other.elements);
        self.embedding = self.embedding.max(other.embedding);
    }

    fn property(&mut self, name: &str, node: Self) {
        self.embedding = self.embedding.max(node.embedding);
        match name {
            "name" => self.fields.add(Fields::NAME),
            "image" => self.fields.add(Fields::IMAGE),
            "containers" if node.elements.has(Fields::NAME) && node.elements.has(Fields::IMAGE) => {
                self.fields.add(Fields::CONTAINERS);
            }
            _ => {}
        }
        if POD_FIELDS.contains(&name) {
            self.fields.add(Fields::POD);
        }
        if CONTAINER_LISTS.contains(&name) && node.elements.has(Fields::IMAGE) {
            self.found(Embedding::Containers);
        }
    }

    fn finish(mut self) -> Self {
        if self.fields.has(Fields::CONTAINERS) && self.fields.has(Fields::POD) {
            self.found(Embedding::Pod);
        }
        self
    }
}

/// Decodes a schema, or an array of schemas as one.
#[derive(Clone, Copy)]
struct Walk(Context);

impl<'de> DeserializeSeed<'de> for Walk {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a schema, a boolean or an array of schemas")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "properties" => node.merge(map.next_value_seed(Properties(self.0))?),
                "items" => {
                    let element = map.next_value_seed(Self(self.0.of_elements()))?;
                    node.elements.add(element.fields);
                    node.embedding = node.embedding.max(element.embedding);
                }
                "additionalProperties" => {
                    let element = map.next_value_seed(Self(self.0.of_elements()))?;
                    node.embedding = node.embedding.max(element.embedding);
                }
                "allOf" | "anyOf" | "oneOf" => node.merge(map.next_value_seed(self)?),
                "x-kubernetes-embedded-resource" if map.next_value::<Option<bool>>()? == Some(true) => {
                    node.found(Embedding::Opaque);
                }
                "x-kubernetes-preserve-unknown-fields" if map.next_value::<Option<bool>>()? == Some(true) => {
                    if matches!(self.0, Context::Objects | Context::Template) {
                        node.found(Embedding::Opaque);
                    }
                }
                "x-kubernetes-embedded-resource" | "x-kubernetes-preserve-unknown-fields" => {}
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(node.finish())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        while let Some(alternative) = seq.next_element_seed(self)? {
            node.merge(alternative);
        }
        Ok(node.finish())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Node, E> {
        Ok(Node::default())
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::default())
    }
}

/// Decodes `properties`.
struct Properties(Context);

impl<'de> DeserializeSeed<'de> for Properties {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Properties {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("schemas by property name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut node = Node::default();
        while let Some(name) = map.next_key::<String>()? {
            if self.0 == Context::Root && ["metadata", "status"].contains(&name.as_str()) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let property = map.next_value_seed(Walk(self.0.of_property(&name)))?;
            node.property(&name, property);
        }
        Ok(node)
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::default())
    }
}
