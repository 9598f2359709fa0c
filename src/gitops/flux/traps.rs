//! What makes a gate under Flux fail open, or never speak: pure checks of its Job and of Kustomizations.
//!
//! The same checks serve the gate, which refuses to start, and `driftgate policy check`, which reads manifests.
//! Sources: `runtime/statusreaders/job.go` and `ssa/manager_{apply,wait}.go` of `fluxcd/pkg`,
//! `internal/controller/kustomization_controller.go` of kustomize-controller 1.9.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::gitops::flux::job::{self, FORCE, GateJob, SSA};
use crate::gitops::flux::kustomization::{Kustomization, RECONCILE};
pub use crate::gitops::trap::Trap;
use crate::model::reference::{GroupKind, ObjectRef};

/// What is wrong where the Job is not tied to the application's content.
pub const CONTENT: &str = "configMapGenerator";

/// The shortest time that kustomize-controller gives health checks.
const SHORTEST: Duration = Duration::from_secs(30);

/// What comes of a Job that is not tied to the application's content, and what to do.
const ADRIFT: (&str, &str) = (
    "the Job stays the same when the application changes, and its verdict with it",
    "list the application's manifests where the component is used: \
     configMapGenerator: [{name: driftgate-content, files: [deployment.yaml]}]",
);

/// What is wrong with a folder that kustomize builds the gate in, and nothing that ties it to the application.
pub fn of_build(folder: &str) -> Trap {
    let kind = GroupKind::new("kustomize.config.k8s.io", "Kustomization");
    Trap::new(&ObjectRef::new(&kind, "", folder), CONTENT, ADRIFT.0, ADRIFT.1)
}

/// What is wrong with a Kustomization of nothing but the gate that depends on none.
pub fn of_lonely(gate: &Kustomization) -> Trap {
    let harm = "it applies nothing but the gate, so there is nothing to judge";
    Trap::new(&gate.reference(), "spec.dependsOn", harm, "add the application's Kustomization")
}

/// What is wrong with the gate's Job, whichever Kustomization applies it; `forced` if that has `spec.force`.
pub fn of_job(gate: &GateJob, forced: bool) -> Vec<Trap> {
    let object = gate.reference();
    let mut traps = Vec::new();
    let mut say = |field: &str, harm: &str, fix: &str| traps.push(Trap::new(&object, field, harm, fix));
    let spec = &gate.spec;
    if spec.ttl_seconds_after_finished.is_some() {
        let harm = "Flux takes a Job that is gone for a healthy one, also if it had failed";
        say(
            "spec.ttlSecondsAfterFinished",
            harm,
            "remove it: the Job is made anew when the application changes",
        );
    }
    if spec.suspend {
        say("spec.suspend", "Flux takes a suspended Job for a healthy one", "remove it");
    }
    if !gate.metadata.generate_name.is_empty() {
        let harm = "kustomize-controller applies no object without a name";
        say("metadata.generateName", harm, "give it metadata.name");
    }
    if spec.template.spec.restart_policy != "Never" {
        let harm = "the exit code does not reach the Job's Failed condition";
        say("spec.template.spec.restartPolicy", harm, "set it to Never");
    }
    let enabled = |value: &str| value.eq_ignore_ascii_case("enabled");
    if !forced && !gate.mark(FORCE).is_some_and(enabled) {
        let harm =
            "a Job cannot be changed, so the next revision is refused or keeps the verdict on this one";
        say(FORCE, harm, &format!("annotate the Job with {FORCE}: enabled"));
    }
    if gate.is_adrift() {
        say(CONTENT, ADRIFT.0, ADRIFT.1);
    }
    let disabled = gate.mark(RECONCILE).is_some_and(|value| value.eq_ignore_ascii_case("disabled"));
    let kept = |value: &str| ["ignore", "ifnotpresent"].contains(&value.to_ascii_lowercase().as_str());
    let harm = "Flux leaves the Job as it is, so its verdict on an earlier revision stands for later ones";
    if disabled {
        say(RECONCILE, harm, "remove it");
    }
    if gate.mark(SSA).is_some_and(kept) {
        say(SSA, harm, "remove it");
    }
    traps
}

/// What is wrong with the Kustomization that applies the gate's Job.
pub fn of_gate(gate: &Kustomization, job: &GateJob) -> Vec<Trap> {
    let object = gate.reference();
    let mut traps = of_job(job, gate.spec.force);
    let checked = gate.spec.health_checks.iter().any(|check| {
        let namespace = [&check.namespace, &gate.metadata.namespace].into_iter().find(|it| !it.is_empty());
        let kind =
            GroupKind::new(check.api_version.rsplit_once('/').map_or("", |(group, _)| group), &check.kind);
        let place = namespace.map(String::as_str).unwrap_or_default();
        let meta = &job.metadata.rest;
        kind == job::kind()
            && check.name == meta.name
            && (meta.namespace.is_empty() || place == meta.namespace)
    });
    if !gate.spec.wait && !checked {
        let harm = "Flux does not wait for the gate, so nothing follows from its verdict";
        traps.push(Trap::new(&object, "spec.wait", harm, "set it to true"));
    }
    let timeout = timeout(gate);
    let deadline = job
        .spec
        .active_deadline_seconds
        .map(|seconds| Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    if let Some(timeout) = timeout
        && deadline.is_none_or(|deadline| deadline >= timeout)
    {
        let limit = timeout.as_secs();
        let field = "spec.activeDeadlineSeconds";
        let harm = format!("Flux gives up after {limit} s, before the gate must have spoken");
        let fix = format!("set it below {limit}, or raise spec.timeout of {object}");
        traps.push(Trap::new(&job.reference(), field, &harm, &fix));
    }
    traps
}

/// What is wrong between the Kustomization that applies the gate's Job and the one whose objects it judges.
pub fn of_pair(gate: &Kustomization, app: &Kustomization) -> Vec<Trap> {
    let (object, judged) = (gate.reference(), app.reference());
    if object == judged {
        return Vec::new();
    }
    let mut traps = Vec::new();
    let dependency = gate.spec.depends_on.iter().zip(gate.dependencies()).find(|(_, it)| *it == judged);
    match dependency {
        None => {
            let harm = format!("the gate does not wait until {judged} is applied");
            let fix = format!("add {{name: {}, namespace: {}}}", judged.name, judged.namespace);
            traps.push(Trap::new(&object, "spec.dependsOn", &harm, &fix));
        }
        Some((dependency, _)) if dependency.ready_expr.is_none() && gate.source() != app.own_source() => {
            let harm = format!(
                "with another source than {judged}, Flux compares no revisions, so the gate may judge the one before"
            );
            let fix = "use the same source, or give the entry of dependsOn a readyExpr";
            traps.push(Trap::new(&object, "spec.sourceRef", &harm, fix));
        }
        Some(_) => {}
    }
    let waits = app.spec.health_checks.iter().any(|check| {
        let namespace = if check.namespace.is_empty() { &judged.namespace } else { &check.namespace };
        check.kind == object.kind && check.name == object.name && *namespace == object.namespace
    });
    if waits {
        let harm = format!("it waits for {object}, which waits for it");
        traps.push(Trap::new(&judged, "spec.healthChecks", &harm, "remove the entry"));
    }
    traps
}

/// Kustomizations that wait for themselves by way of `dependsOn`.
pub fn circles<'a>(all: impl IntoIterator<Item = &'a Kustomization>) -> Vec<Trap> {
    let edges: BTreeMap<ObjectRef, BTreeSet<ObjectRef>> =
        all.into_iter().map(|it| (it.reference(), it.dependencies().collect())).collect();
    let reaches_itself = |start: &ObjectRef| {
        let mut seen = BTreeSet::new();
        let mut next: Vec<&ObjectRef> = edges.get(start).into_iter().flatten().collect();
        while let Some(object) = next.pop() {
            if object == start {
                return true;
            }
            if seen.insert(object) {
                next.extend(edges.get(object).into_iter().flatten());
            }
        }
        false
    };
    let harm = "it depends on itself by way of others, so none of them is ever applied";
    let found = edges.keys().filter(|object| reaches_itself(object));
    found.map(|object| Trap::new(object, "spec.dependsOn", harm, "remove one of the entries")).collect()
}

/// How long health checks may take; none if it cannot be read.
fn timeout(gate: &Kustomization) -> Option<Duration> {
    let given = gate.spec.timeout.as_deref().filter(|text| !text.is_empty());
    let timeout = match given {
        Some(text) => duration(text)?,
        None => duration(&gate.spec.interval)?.checked_sub(SHORTEST).unwrap_or_default(),
    };
    Some(timeout.max(SHORTEST))
}

/// A duration as Go writes it, in whole units: `1h30m0s`, `90s`, `500ms`.
fn duration(text: &str) -> Option<Duration> {
    humantime::parse_duration(text).ok()
}

#[cfg(test)]
mod tests;
