//! The hook Job: what its name and annotations say about the operation it belongs to.
//!
//! Pure. Argo CD names a hook with `generateName` `<generateName><revision, 7 characters>-<phase>-<unix start>`; the
//! start is the operation's `startedAt`, the same for all its attempts. With several sources the revision is empty.

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::lenient::null_as_default;
use crate::model::meta::Meta;
use crate::model::pod_status::Condition;
use crate::scope::{HOOK, HookPhase, TRACKING_ID, Tracking, TrackingId, TrackingMethod};

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

/// Label by which the shipped Jobs are known as gates.
const COMPONENT: &str = "app.kubernetes.io/component";
/// Its value.
const GATE: &str = "gate";
/// Within how many seconds of a failed PostSync hook Argo CD makes the SyncFail hook; it looks at a running operation
/// at least every 30 seconds.
const SIBLING_SECONDS: i64 = 60;

/// What tells apart the given names of a SyncFail gate and of its counterpart; names may have been prefixed or
/// suffixed as a whole.
const SYNC_FAIL_SUFFIX: &str = "-syncfail";

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

    /// When in the operation this Job runs: its generated name tells, else its annotation if that names one phase.
    pub fn phase(&self) -> HookPhase {
        let named = HookName::parse(&self.metadata.name).map(|name| name.phase);
        named.unwrap_or_else(|| {
            let phases = self.metadata.annotations.get(HOOK).map_or("", String::as_str);
            if phases.trim() == "SyncFail" { HookPhase::SyncFail } else { HookPhase::PostSync }
        })
    }

    /// When the Job completed or failed; none while it has not spoken.
    pub fn spoke_at(&self) -> Option<Timestamp> {
        let ended = |condition: &&Condition| {
            condition.status == "True" && matches!(condition.type_.as_str(), "Complete" | "Failed")
        };
        self.status.conditions.iter().find(ended).and_then(|condition| condition.last_transition_time)
    }

    /// True if `other` is the gate that ran as PostSync hook in the operation in which this one runs as SyncFail hook,
    /// and has spoken. Generated names tell the operation; given names tell only which gate is the counterpart. An
    /// earlier attempt has the same names: so the other one must have spoken just before this Job was made, as Argo CD
    /// runs SyncFail hooks at once.
    pub fn follows(&self, other: &Self, label_key: &str) -> bool {
        let Some(spoke_at) = other.spoke_at() else { return false };
        let made = self.metadata.creation_timestamp.unwrap_or(Timestamp::MIN);
        let just_before = (0..=SIBLING_SECONDS).contains(&(made.as_second() - spoke_at.as_second()));
        let gate = other.metadata.labels.get(COMPONENT).map(String::as_str) == Some(GATE);
        let (name, other_name) = (&self.metadata.name, &other.metadata.name);
        let related = match (HookName::parse(name), HookName::parse(other_name)) {
            (Some(this), Some(other)) => this.is_sibling(&other),
            (None, None) => {
                other.phase() == HookPhase::PostSync && name.replacen(SYNC_FAIL_SUFFIX, "", 1) == *other_name
            }
            (Some(_), None) | (None, Some(_)) => false,
        };
        gate && related && just_before && self.tracking(label_key) == other.tracking(label_key)
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

    fn follows(this: &HookJob, other: &HookJob) -> bool {
        this.follows(other, "app.kubernetes.io/instance")
    }

    fn gate(name: &str, hook: &str, made: i64, failed: Option<i64>) -> HookJob {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let metadata = Meta {
            name: name.into(),
            annotations: [(HOOK.into(), hook.into())].into_iter().collect(),
            labels: [(COMPONENT.into(), GATE.into())].into_iter().collect(),
            creation_timestamp: at(made),
            ..Meta::default()
        };
        let failed = failed.map(|second| Condition {
            type_: "Failed".into(),
            status: "True".into(),
            last_transition_time: at(second),
            ..Condition::default()
        });
        HookJob { metadata, status: HookJobStatus { conditions: failed.into_iter().collect() } }
    }

    #[test]
    fn a_sync_fail_gate_follows_the_post_sync_gate_of_its_operation() {
        let fail = gate("driftgate-0a1b2c3-syncfail-1000", "PostSync,SyncFail", 1100, None);
        assert!(follows(
            &fail,
            &gate("driftgate-0a1b2c3-postsync-1000", "PostSync,SyncFail", 1010, Some(1095))
        ));
        assert!(!follows(&fail, &gate("driftgate-0a1b2c3-postsync-1000", "PostSync,SyncFail", 1010, None)));
        assert!(!follows(
            &fail,
            &gate("driftgate-0a1b2c3-postsync-900", "PostSync,SyncFail", 910, Some(950))
        ));
    }

    #[test]
    fn a_gate_of_an_earlier_attempt_is_not_followed() {
        let fail = gate("driftgate-0a1b2c3-syncfail-1000", "PostSync,SyncFail", 1300, None);
        assert!(!follows(
            &fail,
            &gate("driftgate-0a1b2c3-postsync-1000", "PostSync,SyncFail", 1010, Some(1095))
        ));
    }

    #[test]
    fn gates_with_given_names_follow_by_time() {
        let fail = gate("driftgate-syncfail", "SyncFail", 1100, None);
        assert_eq!(fail.phase(), HookPhase::SyncFail);
        assert!(follows(&fail, &gate("driftgate", "PostSync", 1010, Some(1095))));
        assert!(!follows(&fail, &gate("driftgate", "PostSync", 1010, Some(1000))));
        assert!(!follows(&fail, &fail));
        assert!(!follows(&fail, &gate("other", "PostSync", 1010, Some(1095))), "no counterpart of this one");
        let prefixed = gate("shop-driftgate-syncfail-eu", "SyncFail", 1100, None);
        assert!(follows(&prefixed, &gate("shop-driftgate-eu", "PostSync", 1010, Some(1095))));
    }

    #[test]
    fn a_gate_of_another_application_is_not_followed() {
        let mark = |mut job: HookJob, instance: &str| {
            job.metadata.annotations.insert(TRACKING_ID.into(), format!("{instance}:batch/Job:shop/x"));
            job
        };
        let fail = mark(gate("driftgate-syncfail", "SyncFail", 1100, None), "web");
        let post = gate("driftgate", "PostSync", 1010, Some(1095));
        assert!(follows(&fail, &mark(post.clone(), "web")));
        assert!(!follows(&fail, &mark(post, "api")));
    }

    #[test]
    fn the_annotation_wins_over_the_label() {
        let metadata = Meta {
            annotations: [(TRACKING_ID.into(), "team_web:batch/Job:shop/".into())].into_iter().collect(),
            labels: [("app.kubernetes.io/instance".into(), "web".into())].into_iter().collect(),
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
