//! The hook Job: what its name and annotations say about the operation it belongs to.
//!
//! Pure. Argo CD names a hook with `generateName` `<generateName><revision, 7 characters>-<phase>-<unix start>`; the
//! start is the operation's `startedAt`, the same for all its attempts. With several sources the revision is empty.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::pod_status::Condition;
use crate::scope::{HOOK, TRACKING_ID, Tracking, TrackingId, TrackingMethod};

/// A Job, as far as hooks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HookJob {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: Meta,
    /// Observed state.
    #[serde(deserialize_with = "null_as_default")]
    pub status: HookJobStatus,
}

/// `status` of a Job, as far as hooks need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct HookJobStatus {
    /// `Complete`, `Failed`, …
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
}

/// When in the operation the hook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum HookPhase {
    /// After all resources were applied and became healthy.
    PostSync,
    /// After the operation failed.
    SyncFail,
}

impl HookPhase {
    /// Argo CD's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PostSync => "PostSync",
            Self::SyncFail => "SyncFail",
        }
    }
}

/// What a hook's name says about its operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookName<'a> {
    /// `generateName`, with the short revision where there is one.
    pub stem: &'a str,
    /// When it runs.
    pub phase: HookPhase,
    /// Start of the operation.
    pub started_at: Timestamp,
}

impl<'a> HookName<'a> {
    /// Takes a generated name apart; none for a name that was given in the manifest.
    pub fn parse(name: &'a str) -> Option<Self> {
        let (rest, seconds) = name.rsplit_once('-')?;
        let (stem, phase) = rest.rsplit_once('-')?;
        let phase = match phase {
            "postsync" => HookPhase::PostSync,
            "syncfail" => HookPhase::SyncFail,
            _ => return None,
        };
        let started_at = Timestamp::from_second(seconds.parse().ok()?).ok()?;
        Some(Self { stem, phase, started_at })
    }

    /// First seven characters of the revision, where the name holds them.
    pub fn short_revision(&self) -> Option<&'a str> {
        let last = self.stem.rsplit('-').next().filter(|last| !last.is_empty())?;
        let start = last.char_indices().rev().nth(6).map_or(0, |(index, _)| index);
        last.get(start..)
    }

    /// True for the other hook of the same operation and revision.
    pub fn is_sibling(&self, other: &Self) -> bool {
        self.stem == other.stem && self.started_at == other.started_at && self.phase != other.phase
    }
}

impl HookJob {
    /// The application that Argo CD marked this Job with: annotation first, then the label.
    pub fn tracking(&self, label_key: &str) -> Option<Tracking> {
        let by_annotation = self
            .metadata
            .annotations
            .get(TRACKING_ID)
            .and_then(|id| TrackingId::parse(id))
            .map(|id| (id.instance.to_owned(), TrackingMethod::Annotation));
        let by_label = || {
            let instance = self.metadata.labels.get(label_key)?;
            Some((instance.clone(), TrackingMethod::Label(label_key.to_owned())))
        };
        let (instance, method) = by_annotation.or_else(by_label)?;
        let installation = self.metadata.annotations.get(crate::scope::INSTALLATION_ID).cloned();
        Some(Tracking { instance, method, installation })
    }

    /// True if Argo CD runs this Job as a hook.
    pub fn is_hook(&self) -> bool {
        self.metadata.annotations.contains_key(HOOK)
    }

    /// True once the Job has completed or failed.
    pub fn has_spoken(&self) -> bool {
        self.status.conditions.iter().any(|condition| {
            condition.status == "True" && matches!(condition.type_.as_str(), "Complete" | "Failed")
        })
    }
}

/// Namespace and name of the Application that an instance name stands for; `NAMESPACE_NAME` is the form for
/// Applications outside Argo CD's own namespace. Neither part can hold an underscore.
pub fn application_of(instance: &str, argocd_namespace: &str) -> (String, String) {
    match instance.split_once('_') {
        Some((namespace, name)) => (namespace.to_owned(), name.to_owned()),
        None => (argocd_namespace.to_owned(), instance.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_name_holds_revision_phase_and_start() {
        let name = HookName::parse("driftgate-0a1b2c3-postsync-1790000000").unwrap();
        assert_eq!(name.phase, HookPhase::PostSync);
        assert_eq!(name.short_revision(), Some("0a1b2c3"));
        assert_eq!(name.started_at.as_second(), 1_790_000_000);
    }

    #[test]
    fn several_sources_leave_the_revision_out() {
        let name = HookName::parse("driftgate--syncfail-1790000000").unwrap();
        assert_eq!(name.phase, HookPhase::SyncFail);
        assert_eq!(name.short_revision(), None);
    }

    #[test]
    fn a_name_without_a_dash_before_the_revision_still_yields_it() {
        let name = HookName::parse("gate0a1b2c3-postsync-1790000000").unwrap();
        assert_eq!(name.short_revision(), Some("0a1b2c3"));
    }

    #[test]
    fn a_given_name_says_nothing() {
        assert_eq!(HookName::parse("driftgate"), None);
        assert_eq!(HookName::parse("driftgate-presync-1790000000"), None);
        assert_eq!(HookName::parse("driftgate-postsync-soon"), None);
    }

    #[test]
    fn siblings_share_operation_and_revision() {
        let post = HookName::parse("driftgate-0a1b2c3-postsync-1790000000").unwrap();
        let fail = HookName::parse("driftgate-0a1b2c3-syncfail-1790000000").unwrap();
        let later = HookName::parse("driftgate-0a1b2c3-syncfail-1790000001").unwrap();
        let stranger = HookName::parse("other-0a1b2c3-syncfail-1790000000").unwrap();
        assert!(fail.is_sibling(&post));
        assert!(!later.is_sibling(&post));
        assert!(!stranger.is_sibling(&post));
        assert!(!post.is_sibling(&post));
    }

    #[test]
    fn the_annotation_wins_over_the_label() {
        let metadata = Meta {
            annotations: [(TRACKING_ID.into(), "team_web:batch/Job:shop/".into())].into(),
            labels: [("app.kubernetes.io/instance".into(), "web".into())].into(),
            ..Meta::default()
        };
        let job = HookJob { metadata, status: HookJobStatus::default() };
        let tracking = job.tracking("app.kubernetes.io/instance").unwrap();
        assert_eq!(tracking.instance, "team_web");
        assert_eq!(tracking.method, TrackingMethod::Annotation);
        assert_eq!(application_of(&tracking.instance, "argocd"), ("team".into(), "web".into()));
        assert_eq!(application_of("web", "argocd"), ("argocd".into(), "web".into()));
    }
}
