//! Patches: from the present object to the wanted one.
//!
//! Owns the four media types of patches. A strategic merge patch is taken as a merge patch: lists are replaced, not
//! merged by their keys, and `$patch` directives are not understood. Server-side apply merges as well and creates what
//! is not there; it does not know field managers, so nothing that a manager stops applying is removed.

use serde_json::Value;

use super::kinds::{Origin, Resource};
use super::respond::Failure;

/// A patch as it was sent.
pub(super) enum Patch {
    Merge(Value),
    Apply(Value),
    Json(json_patch::Patch),
}

const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

impl Patch {
    /// Reads a patch of a media type.
    pub(super) fn parse(media_type: &str, body: &[u8], resource: &Resource) -> Result<Self, Failure> {
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        match media_type {
            JSON => decode(body).map(Self::Json),
            MERGE => decode(body).map(Self::Merge),
            STRATEGIC if resource.origin == Origin::BuiltIn => decode(body).map(Self::Merge),
            APPLY => decode(body).map(Self::Apply),
            STRATEGIC => Err(Failure::unsupported_media_type(&[JSON, MERGE, APPLY])),
            _ => Err(Failure::unknown_media_type()),
        }
    }

    /// Patches an object.
    pub(super) fn apply(&self, object: &mut Value) -> Result<(), Failure> {
        match self {
            Self::Merge(patch) | Self::Apply(patch) => json_patch::merge(object, patch),
            Self::Json(patch) => json_patch::patch(object, patch).map_err(|error| {
                tracing::debug!(%error, "a JSON patch does not apply");
                Failure::of_code(422).with_empty_details()
            })?,
        }
        Ok(())
    }
}

fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::kinds::{Kinds, Scope};
    use serde_json::json;

    #[test]
    fn custom_resources_take_no_strategic_patch() {
        let mut kinds = Kinds::built_in();
        let custom = kinds.learn("argoproj.io", "v1alpha1", "Application", Scope::Namespaced);
        let built_in = kinds.of_kind("", "Pod").unwrap();
        assert!(Patch::parse(STRATEGIC, b"{}", &built_in).is_ok());
        assert_eq!(Patch::parse(STRATEGIC, b"{}", &custom).err().map(|failure| failure.code), Some(415));
    }

    #[test]
    fn a_failing_json_patch_changes_nothing() {
        let pod = Kinds::built_in().of_kind("", "Pod").unwrap();
        let body = br#"[{"op":"add","path":"/a","value":1},{"op":"test","path":"/a","value":2}]"#;
        let mut object = json!({ "b": 1 });
        let failure = Patch::parse(JSON, body, &pod).unwrap().apply(&mut object).unwrap_err();
        assert_eq!((failure.code, object), (422, json!({ "b": 1 })));
    }
}
