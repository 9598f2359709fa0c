//! Which Kustomization has the gate's Job.

use crate::gitops::flux::job;
use crate::gitops::flux::kustomization::Kustomization;
use crate::gitops::job::GATE;
use crate::model::reference::ObjectRef;

/// The Jobs that a Kustomization has applied: one of them may be a gate's.
pub fn jobs(of: &Kustomization) -> Vec<ObjectRef> {
    let (objects, _unreadable) = of.objects();
    objects.into_iter().filter(|object| object.group_kind() == job::kind()).collect()
}

/// What a Kustomization gates that has nothing but a gate: those that it depends on. Empty if it has an application of
/// its own.
pub fn gated(by: &Kustomization) -> Vec<ObjectRef> {
    let (objects, unreadable) = by.objects();
    let gate_only = unreadable.is_empty() && objects.iter().all(|object| object.name.contains(GATE));
    let has_job = objects.iter().any(|object| object.group_kind() == job::kind());
    if gate_only && has_job { by.dependencies().collect() } else { Vec::new() }
}
