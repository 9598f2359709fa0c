//! Label and field selectors, in the API server's syntax.
//!
//! Owns parsing and matching. It does not know how the objects are stored beyond their labels and field access.

mod fields;
mod labels;

pub(super) use fields::FieldSelector;
pub(super) use labels::LabelSelector;

use super::kinds::Resource;
use super::object::Object;
use super::respond::Failure;

/// Both selectors of one request; each selects everything when the request has none.
#[derive(Debug, Clone, Default)]
pub(super) struct Selectors {
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selectors {
    /// Parses the query parameters `labelSelector` and `fieldSelector`.
    pub(super) fn parse(
        labels: Option<&str>,
        fields: Option<&str>,
        resource: &Resource,
    ) -> Result<Self, Failure> {
        Ok(Self {
            labels: LabelSelector::parse(labels.unwrap_or_default()).map_err(Failure::bad_request)?,
            fields: FieldSelector::parse(fields.unwrap_or_default(), resource)
                .map_err(Failure::bad_request)?,
        })
    }

    pub(super) fn select_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &Object) -> bool {
        self.labels.matches(&object.labels) && self.fields.matches(object)
    }
}
