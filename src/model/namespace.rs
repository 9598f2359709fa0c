//! Namespaces: what matters is in their labels.

use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;

/// A Namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
}
