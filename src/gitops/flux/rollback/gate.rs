//! Which Kustomization has the gate's Job.

use crate::gitops::flux::discover::Layout;
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
/// its own, or no Job that is named as gates are.
pub fn gated(by: &Kustomization) -> Vec<ObjectRef> {
    let mut gates = jobs(by).into_iter().filter(|job| job.name.contains(GATE));
    let separate = gates.any(|job| by.layout(&job) == Layout::Separate);
    if separate { by.dependencies().collect() } else { Vec::new() }
}
