//! Sources of Kustomizations, as far as we read them.
//!
//! Source: `api/v1/{gitrepository,ocirepository}_types.go` of source-controller 1.9.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::pod_status::Condition;

/// API group of sources.
pub const SOURCE_GROUP: &str = "source.toolkit.fluxcd.io";

/// A `GitRepository`, an `OCIRepository`, or another source with the same status.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Source {
    /// `group/version`.
    #[serde(deserialize_with = "null_as_default")]
    pub api_version: String,
    /// Kind.
    #[serde(deserialize_with = "null_as_default")]
    pub kind: String,
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Desired state, whole: a clone copies it.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: Value,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: SourceStatus,
}

/// `status` of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SourceStatus {
    /// `Ready`, `ArtifactInStorage`, `FetchFailed`, …
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
    /// Generation that was last reconciled.
    pub observed_generation: Option<i64>,
    /// What it offers; none before the first fetch.
    pub artifact: Option<Artifact>,
}

/// `status.artifact`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Artifact {
    /// `main@sha1:…`, `sha1:…`, `tag@sha256:…`, `sha256:…`.
    #[serde(deserialize_with = "null_as_default")]
    pub revision: String,
    /// `sha256:…` of the archive; the same for the same content.
    #[serde(deserialize_with = "null_as_default")]
    pub digest: String,
    /// Where the archive is.
    #[serde(deserialize_with = "null_as_default")]
    pub url: String,
    /// When it last changed.
    pub last_update_time: Option<Timestamp>,
}

impl Source {
    /// The condition of this type.
    pub fn condition(&self, name: &str) -> Option<&Condition> {
        condition(&self.status.conditions, name)
    }
}

/// What tells a revision from others, however its source follows Git: `main@sha1:0a1b2c3` is `sha1:0a1b2c3`.
pub fn commit(revision: &str) -> &str {
    revision.rsplit_once('@').map_or(revision, |(_, commit)| commit)
}

/// The condition of this type among them.
pub(super) fn condition<'a>(conditions: &'a [Condition], name: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_keeps_its_spec_whole() {
        let text = r#"{"kind":"GitRepository","spec":{"ref":{"branch":"main"},"verify":{"mode":"HEAD"}},
            "status":{"artifact":{"revision":"main@sha1:1","digest":"sha256:2","url":"http://s/a.tar.gz",
            "lastUpdateTime":"2026-11-24T10:00:00Z"},"conditions":[{"type":"Ready","status":"True"}]}}"#;
        let source: Source = serde_json::from_str(text).unwrap();
        assert_eq!(source.spec["verify"]["mode"], "HEAD");
        assert_eq!(source.status.artifact.as_ref().unwrap().revision, "main@sha1:1");
        assert_eq!(source.condition("Ready").unwrap().status, "True");
    }
}
