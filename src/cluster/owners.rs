//! Who owns whom: from a Pod along its owners to the outermost one, and whether that is the application's.
//!
//! Pure, and open for late arrivals: owners of kinds that nobody listed are added when a Pod names them. Does not
//! know how they are looked up.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::model::meta::{Meta, OwnerReference};
use crate::model::pod::PodTemplate;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::workload::Workload;

/// No chain of owners is longer; a longer one is a circle.
const LONGEST: usize = 16;

/// Whose an object is, by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The application's own.
    Own,
    /// The Job that we run in: never judged.
    Gate,
    /// Somebody else's, unless it belongs to an owner that is the application's.
    Other,
}

/// An object that may own others.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The object.
    pub object: ObjectRef,
    /// Whose it is by itself.
    pub standing: Standing,
    /// The Pods it makes, if it still makes any.
    pub template: Option<Box<Template>>,
    parent: Option<OwnerReference>,
}

/// A workload's template, and of which of its Pods it is the origin.
#[derive(Clone, Debug)]
pub struct Template {
    /// The template.
    pub template: PodTemplate,
    /// Only Pods of this revision were made from it; none if all were.
    revision: Option<String>,
}

/// The label by which StatefulSets and DaemonSets mark what a Pod was made from.
const REVISION: &str = "controller-revision-hash";

impl Template {
    /// True if the Pod of this metadata was made from the template.
    pub fn made(&self, pod: &Meta) -> bool {
        self.revision.as_ref().is_none_or(|revision| pod.labels.get(REVISION) == Some(revision))
    }

    /// The template of a workload. None of one that makes no more Pods: it is going away, or it belongs to something
    /// and is an old revision's ReplicaSet or a finished Job. None either where a custom resource has something else
    /// there.
    fn of(kind: &str, workload: Workload) -> Option<Box<Self>> {
        let is_owned = !workload.metadata.owner_references.is_empty();
        if workload.metadata.is_deleting() || is_owned && is_past(kind, &workload) {
            return None;
        }
        let revision = revision(kind, &workload);
        let of_job = workload.spec.job_template.and_then(|job| job.spec.template);
        let mut template = workload.spec.template.or(of_job)?;
        template.spec.containers.shrink_to_fit();
        (!template.spec.containers.is_empty()).then(|| Box::new(Self { template, revision }))
    }
}

fn is_past(kind: &str, workload: &Workload) -> bool {
    match kind {
        "ReplicaSet" | "ReplicationController" => {
            workload.spec.replicas == Some(0) && workload.status.replicas.unwrap_or_default() == 0
        }
        "Job" => workload.status.conditions.iter().any(|condition| {
            matches!(condition.type_.as_str(), "Complete" | "Failed") && condition.status == "True"
        }),
        _ => false,
    }
}

/// StatefulSets and DaemonSets keep Pods of an older template for a while, or for good. The revision of a DaemonSet's
/// template is not in its status, so none of its Pods is taken to be new before all are. An operator makes of a custom resource's
/// template what it likes.
fn revision(kind: &str, workload: &Workload) -> Option<String> {
    let status = &workload.status;
    match kind {
        "StatefulSet" => Some(status.update_revision.clone()),
        "DaemonSet" if status.updated_number_scheduled != status.desired_number_scheduled => {
            Some(String::new())
        }
        "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Deployment" | "Job" | "CronJob" => None,
        _ => Some(String::new()),
    }
}

impl Owner {
    /// An object that makes no Pods itself, as far as we know.
    pub fn new(object: ObjectRef, standing: Standing, meta: &Meta) -> Self {
        Self { object, standing, template: None, parent: meta.controller().cloned() }
    }

    /// A workload with its template.
    pub fn workload(object: ObjectRef, standing: Standing, workload: Workload) -> Self {
        let owner = Self::new(object, standing, &workload.metadata);
        let template = Template::of(&owner.object.kind, workload);
        Self { template, ..owner }
    }
}

/// All owners we know of.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    all: Vec<Owner>,
    by_uid: BTreeMap<Box<str>, usize>,
    by_name: BTreeMap<ObjectRef, usize>,
    /// True for manifests: their uids are missing, or those of another life.
    trusts_names: bool,
}

/// An object's owners, from the nearest to the outermost.
#[derive(Clone, Debug, Default)]
pub struct Line<'a> {
    /// Indexes of the owners that are known.
    pub owners: Vec<usize>,
    /// Owner of the last of them, if nobody knows it.
    pub missing: Option<Missing<'a>>,
}

/// An owner that nobody knows.
#[derive(Clone, Copy, Debug)]
pub struct Missing<'a> {
    /// How it is named.
    pub reference: &'a OwnerReference,
    /// Namespace of the object that names it; the owner is in the same or in none.
    pub namespace: &'a str,
}

/// Whether an object is the application's, directly or through its owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Belongs {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// One of its owners is not known.
    Unknown,
}

impl Owners {
    /// No owners; `trusts_names` for manifests, where a uid may be missing or that of another life.
    pub fn trusting_names(trusts_names: bool) -> Self {
        Self { trusts_names, ..Self::default() }
    }

    /// Adds an owner; one that is known already is replaced if the newcomer knows its template.
    pub fn insert(&mut self, uid: &str, owner: Owner) {
        let known = self.by_name.get(&owner.object).copied();
        match known {
            Some(index) if owner.template.is_some() || self.all[index].template.is_none() => {
                self.all[index] = owner;
                self.by_uid.insert(uid.into(), index);
            }
            Some(index) => {
                self.by_uid.insert(uid.into(), index);
            }
            None => {
                self.by_name.insert(owner.object.clone(), self.all.len());
                self.by_uid.insert(uid.into(), self.all.len());
                self.all.push(owner);
            }
        }
    }

    /// Forgets the templates of what is known to be somebody else's.
    pub(super) fn drop_templates_of_others(&mut self) {
        let of_others = |(index, owner): (usize, &Owner)| {
            let belongs = self.line_of(index).belongs(owner.standing, self);
            (belongs == Belongs::No).then_some(index)
        };
        let others: Vec<usize> = self.iter().filter_map(of_others).collect();
        for index in others {
            self.all[index].template = None;
        }
    }

    /// Hands over the template of an owner, which has none from then on.
    pub(super) fn take_template(&mut self, index: usize) -> Option<Box<Template>> {
        self.all[index].template.take()
    }

    /// The owner of an index in a [`Line`].
    pub fn at(&self, index: usize) -> &Owner {
        &self.all[index]
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Owner)> {
        self.all.iter().enumerate()
    }

    /// The owners of an object with this metadata.
    pub fn line<'a>(&'a self, meta: &'a Meta) -> Line<'a> {
        self.follow(meta.controller(), &meta.namespace)
    }

    /// The owners of an owner.
    pub fn line_of(&self, index: usize) -> Line<'_> {
        let owner = &self.all[index];
        self.follow(owner.parent.as_ref(), &owner.object.namespace)
    }

    fn follow<'a>(&'a self, mut next: Option<&'a OwnerReference>, mut namespace: &'a str) -> Line<'a> {
        let mut line = Line::default();
        while let Some(reference) = next {
            match self.find(reference, namespace) {
                Some(index) if line.owners.len() < LONGEST => {
                    line.owners.push(index);
                    let owner = &self.all[index];
                    (next, namespace) = (owner.parent.as_ref(), owner.object.namespace.as_str());
                }
                Some(_) | None => {
                    line.missing = Some(Missing { reference, namespace });
                    break;
                }
            }
        }
        line
    }

    fn find(&self, reference: &OwnerReference, namespace: &str) -> Option<usize> {
        let by_uid = self.by_uid.get(reference.uid.as_str()).copied();
        if by_uid.is_some() || !self.trusts_names {
            return by_uid;
        }
        let kind = reference.group_kind();
        let named = |namespace: &str| ObjectRef::new(&kind, namespace, reference.name.clone());
        self.by_name.get(&named(namespace)).or_else(|| self.by_name.get(&named(""))).copied()
    }
}

impl<'a> Line<'a> {
    /// Whether an object of this standing with these owners is the application's.
    pub fn belongs(&self, standing: Standing, owners: &Owners) -> Belongs {
        let standings =
            || std::iter::once(standing).chain(self.owners.iter().map(|index| owners.at(*index).standing));
        if standings().any(|standing| standing == Standing::Gate) {
            Belongs::No
        } else if standings().any(|standing| standing == Standing::Own) {
            Belongs::Yes
        } else if self.missing.is_some() {
            Belongs::Unknown
        } else {
            Belongs::No
        }
    }

    /// The outermost owner that is known or at least named; none for an object without owners.
    pub fn root(
        &self,
        owners: &'a Owners,
        is_namespaced: impl Fn(&GroupKind) -> bool,
    ) -> Option<Cow<'a, ObjectRef>> {
        if let Some(missing) = self.missing {
            return Some(Cow::Owned(missing.object(is_namespaced)));
        }
        self.owners.last().map(|index| Cow::Borrowed(&owners.at(*index).object))
    }
}

impl Missing<'_> {
    /// The owner's name as far as its reference tells.
    pub fn object(&self, is_namespaced: impl Fn(&GroupKind) -> bool) -> ObjectRef {
        let kind = self.reference.group_kind();
        let namespace = if is_namespaced(&kind) { self.namespace } else { "" };
        ObjectRef::new(&kind, namespace, self.reference.name.clone())
    }
}
