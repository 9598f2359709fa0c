//! What is kept of an object: digests, counts and a sentence, never the object.

use crate::model::meta::{LABELS_BY_CONTROLLERS, Map, Meta};
use crate::model::pod::PodTemplate;
use crate::model::pod_status::Condition;
use crate::model::reference::GroupKind;
use crate::model::workload::Workload;
use crate::rollout::{CustomResource, Maker, Placement, Rollout, trouble};
use crate::settling::seen::{PodSeen, Revision, digest};

/// Annotation that numbers the ReplicaSets of a Deployment.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The labels that admission selects by, without what differs from Pod to Pod.
pub(super) fn shape(labels: &Map) -> Map {
    let common = |(key, value): (&String, &String)| {
        let value = if LABELS_BY_CONTROLLERS.contains(&key.as_str()) { String::new() } else { value.clone() };
        (key.clone(), value)
    };
    labels.iter().map(common).collect()
}

/// Facts of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Facts {
    Pod(PodFacts),
    Maker(Box<MakerFacts>),
    Revision { number: i64, hash: String },
    Custom { rollout: Rollout, generation: Option<i64> },
}

impl Facts {
    /// How far the object is, if it is a workload or of a kind we have no rules for.
    pub(super) fn rollout(&self) -> Option<&Rollout> {
        match self {
            Self::Maker(maker) => Some(&maker.rollout),
            Self::Custom { rollout, .. } => Some(rollout),
            Self::Pod(_) | Self::Revision { .. } => None,
        }
    }
}

/// Facts of a Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodFacts {
    /// Labels, images, ephemeral containers, generation, and whether it has a node or goes away.
    pub(super) digest: u64,
    /// All its containers have ended for good.
    pub(super) finished: bool,
    /// Deletion was asked for.
    pub(super) deleting: bool,
    /// Its labels may still change: it has no node, and the scheduler has not given up.
    pub(super) unplaced: bool,
    /// Which template it was made from, as its controller marks it.
    pub(super) hash: Box<str>,
    /// Its number in a StatefulSet.
    pub(super) ordinal: Option<i64>,
    /// What keeps it from running.
    pub(super) trouble: Option<Box<str>>,
    /// How far it is, if nobody looks after it.
    pub(super) alone: Option<Box<Rollout>>,
}

impl PodFacts {
    pub(super) fn of(pod: &PodSeen) -> Self {
        let (meta, spec, status) = (&pod.metadata, &pod.spec, &pod.status);
        let placement = Placement::of(&spec.node_name, status);
        let deleting = meta.is_deleting();
        let containers = (&spec.init_containers, &spec.containers, &spec.ephemeral_containers);
        let label = |key: &str| meta.labels.get(key).map(String::as_str);
        let hash = label("controller-revision-hash").or(label("pod-template-hash")).unwrap_or_default();
        let alone = meta.owner_references.is_empty();
        let assigned = placement == Placement::Assigned;
        Self {
            digest: digest(&(&meta.labels, containers, meta.generation, assigned, deleting)),
            finished: status.is_finished(),
            deleting,
            unplaced: matches!(placement, Placement::Pending | Placement::Gated),
            hash: hash.into(),
            ordinal: label("apps.kubernetes.io/pod-index")
                .or_else(|| meta.name.rsplit_once('-').map(|(_, ordinal)| ordinal))
                .and_then(|ordinal| ordinal.parse().ok()),
            trouble: trouble(&spec.node_name, status).map(Into::into),
            alone: alone.then(|| Box::new(Rollout::of_pod(meta, &spec.node_name, status))),
        }
    }

    /// It is there, and it stays.
    pub(super) fn lives(&self) -> bool {
        !self.finished && !self.deleting
    }
}

/// Facts of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MakerFacts {
    pub(super) maker: Maker,
    pub(super) rollout: Rollout,
    /// How many Pods there have to be.
    pub(super) wanted: Wanted,
    /// Which template they have to be made from.
    pub(super) template: Template,
    /// Its own number and mark (ReplicaSet).
    pub(super) number: i64,
    pub(super) hash: String,
    /// Its desired state.
    pub(super) generation: Option<i64>,
    /// It has ended and only its record is left (Job).
    pub(super) ended: bool,
}

/// How many Pods a workload has to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wanted {
    Any,
    /// Pods on nodes that have become unsuitable stay (DaemonSet).
    AtLeast(i64),
    Exactly(i64),
}

/// Which template the Pods of a workload have to be made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Template {
    /// Whichever.
    Any,
    /// That of the ReplicaSet, or ControllerRevision, with the highest number.
    Newest,
    /// The one with this mark, from this ordinal on (StatefulSet).
    Marked(String, i64),
}

impl MakerFacts {
    pub(super) fn of(maker: Maker, workload: &Workload) -> Self {
        let (meta, spec) = (&workload.metadata, &workload.spec);
        let rollout = Rollout::of_workload(maker, workload);
        let label = |key: &str| meta.labels.get(key).cloned().unwrap_or_default();
        let complete = |condition: &Condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        };
        Self {
            maker,
            rollout,
            wanted: wanted(maker, workload),
            template: template(maker, workload),
            number: meta.annotations.get(REVISION).and_then(|number| number.parse().ok()).unwrap_or(0),
            hash: label("pod-template-hash"),
            generation: meta.generation,
            ended: maker == Maker::Job && workload.status.conditions.iter().any(complete)
                || maker == Maker::ReplicaSet && spec.replicas == Some(0),
        }
    }

    /// A Job that has failed has ended: nothing more comes of it, and what failed it is not ours to judge.
    pub(super) fn problem(&self) -> Option<&str> {
        match &self.rollout {
            Rollout::Done(_) => None,
            Rollout::Failed(_) if self.maker == Maker::Job => None,
            Rollout::Waiting(why) | Rollout::Failed(why) => Some(why),
        }
    }

    /// What counts as a change of the workload itself.
    pub(super) fn digest(&self) -> u64 {
        if self.ended { 0 } else { digest(&(self.generation, &self.wanted, &self.template)) }
    }
}

fn wanted(maker: Maker, workload: &Workload) -> Wanted {
    match maker {
        Maker::Deployment | Maker::ReplicaSet | Maker::ReplicationController | Maker::StatefulSet => {
            Wanted::Exactly(workload.spec.replicas.unwrap_or(1))
        }
        Maker::DaemonSet => Wanted::AtLeast(workload.status.desired_number_scheduled.unwrap_or(0)),
        Maker::Job | Maker::CronJob => Wanted::Any,
    }
}

fn template(maker: Maker, workload: &Workload) -> Template {
    let strategy = &workload.spec.update_strategy;
    let held = workload.spec.paused || strategy.type_ == "OnDelete";
    match maker {
        Maker::Deployment | Maker::DaemonSet if !held => Template::Newest,
        Maker::StatefulSet if !held => {
            let from = strategy.rolling_update.partition.unwrap_or(0);
            Template::Marked(workload.status.update_revision.clone(), from)
        }
        Maker::Deployment
        | Maker::DaemonSet
        | Maker::StatefulSet
        | Maker::ReplicaSet
        | Maker::ReplicationController
        | Maker::Job
        | Maker::CronJob => Template::Any,
    }
}

/// Facts of an object of a kind that we have no rules for.
pub(super) fn custom(kind: &GroupKind, object: &CustomResource) -> Facts {
    Facts::Custom { rollout: Rollout::of_custom(kind, object), generation: object.metadata.generation }
}

/// Facts of a ControllerRevision.
pub(super) fn revision(revision: &Revision) -> Facts {
    let label = |key: &str| revision.metadata.labels.get(key);
    let hash = label("controller-revision-hash").or_else(|| label("controller.kubernetes.io/hash"));
    Facts::Revision { number: revision.revision, hash: hash.cloned().unwrap_or_default() }
}

/// The labels that the Pods of a template are admitted with, apart from those its controller adds.
pub(super) fn template_shape(workload: &Workload) -> Option<Map> {
    workload.template().map(|PodTemplate { metadata: Meta { labels, .. }, .. }| shape(labels))
}
