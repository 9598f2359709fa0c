//! From a Kustomization to what the decision needs of it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::gitops::flux::job::GateJob;
use crate::gitops::flux::kustomization::{CASE, Kustomization, OWNER_NAME, OWNER_NAMESPACE, RECONCILE};
use crate::gitops::flux::rollback::clone::Was;
use crate::gitops::flux::rollback::live::Live;
use crate::gitops::flux::rollback::{marks, write};
use crate::gitops::flux::source::commit;
use crate::gitops::wanted::OptIn;
use crate::model::pod_status::Condition;
use crate::rollback as r;
use crate::scope::TRACKING_ID;

/// Kinds of source that can be pinned.
const PINNABLE: [&str; 2] = ["GitRepository", "OCIRepository"];
/// What Flux says of a health check that has failed.
const HEALTH_CHECK_FAILED: &str = "HealthCheckFailed";
/// What Flux says in its history of a revision that became healthy.
const SUCCEEDED: &str = "ReconciliationSucceeded";

/// What a Kustomization does not say itself.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// Whose rollbacks are wanted.
    pub opt_in: OptIn,
    /// What is kept of it: Flux keeps neither what passed nor which revision a Job has judged.
    pub state: &'a r::State,
    /// The present time.
    pub now: Timestamp,
}

/// Observes.
pub fn observe(live: &Live, around: &Around<'_>) -> r::Observed {
    let app = &live.app;
    let state = around.state;
    r::Observed {
        uid: app.metadata.uid.clone(),
        deleting: app.metadata.is_deleting(),
        wanted: around.opt_in.wants(&app.metadata, None),
        operation: Some(operation(live, state)),
        head: head(live).map(|commit| revision(live, commit)),
        content: content(live),
        auto_sync: auto_sync(live, state.case.as_ref()),
        health: health(live, state.case.as_ref()),
        history: history(live, state),
        definitions: definitions(app),
        keeper: forbids(live).map_or(r::Keeper::Nobody, r::Keeper::Forbids),
        place: String::new(),
        found: state.case.is_none().then(|| marks::found(live, around.now)).flatten(),
        now: around.now,
    }
}

fn revision(live: &Live, name: &str) -> r::Revision {
    r::Revision { name: commit(name).to_owned(), source: live.rendered.clone() }
}

/// What the source offers.
fn head(live: &Live) -> Option<&str> {
    let artifact = live.source.as_ref()?.status.artifact.as_ref()?;
    Some(commit(&artifact.revision)).filter(|commit| !commit.is_empty())
}

/// A gate of its own is made anew exactly when the content changes; a gate among what it judges goes back with it.
fn content(live: &Live) -> Option<String> {
    match &live.gate {
        Some(_) => live.job.as_ref().map(|job| job.metadata.rest.uid.clone()),
        None => Some(live.source.as_ref()?.status.artifact.as_ref()?.digest.clone()),
    }
}

/// While our source is in place, the operation is ours; else it is the health check that waits for the gate's Job.
fn operation(live: &Live, state: &r::State) -> r::Operation {
    let ready = live.judge().condition("Ready");
    let message = ready.map(|ready| ready.message.clone()).unwrap_or_default();
    if let Some(id) = live.app.metadata.annotations.get(CASE) {
        let target = state.case.as_ref().map(|case| case.target.1.clone());
        let said = live.app.condition("Ready").map(|ready| ready.message.clone()).unwrap_or_default();
        return ours(id, target, said);
    }
    let job = live.job.as_ref();
    let started = job.map(|job| job.metadata.rest.uid.clone()).unwrap_or_default();
    let attempted = attempted(live.judge());
    let said = job.map_or(r::Gate::Silent, GateJob::said);
    let phase =
        if attempted.is_empty() || attempted != self::attempted(&live.app) || head(live) != Some(attempted) {
            r::Phase::Running
        } else {
            let heard = judged(state, &started).is_some_and(|revision| revision.name == attempted);
            phase(live, attempted, said, heard)
        };
    let over = phase.is_over();
    // A Job is made once for each content: what it said stands for the revision at which it was heard first.
    let judged = judged(state, &started).filter(|_| phase != r::Phase::Succeeded);
    let known = (!attempted.is_empty()).then(|| revision(live, attempted));
    r::Operation {
        started,
        phase,
        revision: judged.or(known),
        gate: if over { said } else { r::Gate::Silent },
        id: None,
        by: "Flux".to_owned(),
        message,
        unlike: Vec::new(),
    }
}

fn ours(id: &str, target: Option<r::Revision>, message: String) -> r::Operation {
    r::Operation {
        started: String::new(),
        phase: r::Phase::Succeeded,
        revision: target,
        gate: r::Gate::Silent,
        id: Some(id.to_owned()),
        by: "driftgate".to_owned(),
        message,
        unlike: Vec::new(),
    }
}

fn attempted(of: &Kustomization) -> &str {
    commit(of.status.last_attempted_revision.as_deref().unwrap_or_default())
}

fn applied(of: &Kustomization) -> &str {
    commit(of.status.last_applied_revision.as_deref().unwrap_or_default())
}

/// Flux tries a revision that has failed again and again; what was heard of it once stands meanwhile. Of another one the
/// Job may be about to be made anew.
fn phase(live: &Live, attempted: &str, said: r::Gate, heard: bool) -> r::Phase {
    let is = |ready: &Condition, status: &str| ready.status == status;
    let Some(ready) = live.judge().condition("Ready") else { return r::Phase::Running };
    let failed = is(ready, "False") && ready.reason == HEALTH_CHECK_FAILED || heard && is(ready, "Unknown");
    let everywhere = applied(live.judge()) == attempted && applied(&live.app) == attempted;
    match said {
        r::Gate::Critical | r::Gate::Failed if failed => r::Phase::Failed,
        r::Gate::Passed if is(ready, "True") && everywhere => r::Phase::Succeeded,
        r::Gate::Critical | r::Gate::Failed | r::Gate::Passed | r::Gate::Silent => r::Phase::Running,
    }
}

fn judged(state: &r::State, job: &str) -> Option<r::Revision> {
    let case = state.case.as_ref().filter(|case| case.operation == job).map(|case| &case.rejected);
    let settled = state.settled.as_ref().filter(|(known, _)| known == job).map(|(_, revision)| revision);
    case.or(settled).filter(|_| !job.is_empty()).cloned()
}

fn auto_sync(live: &Live, case: Option<&r::Case>) -> r::AutoSync {
    let swapped = case.and_then(|case| Some((case, Was::of(case)?))).filter(|(case, _)| swapped(live, case));
    let Some((case, was)) = swapped else { return r::AutoSync::Follows(write::was(&live.app)) };
    if matches!(case.hold, r::Hold::Suspension { .. }) {
        return frozen(live, case);
    }
    let clone = was.clone_of(case);
    let source = &live.app.spec.source_ref;
    if source.name != clone.name || source.kind != clone.kind {
        return r::AutoSync::Unpinned(format!(
            "its source has been changed to {} {}",
            source.kind, source.name
        ));
    }
    let annotations = &live.app.metadata.annotations;
    if annotations.get(CASE) != Some(&case.id) || annotations.get(RECONCILE).is_none_or(|it| it != "disabled")
    {
        return r::AutoSync::Unpinned(format!("the annotation {RECONCILE} or {CASE} has been taken away"));
    }
    if live.clone.as_ref().is_none_or(|clone| clone.metadata.is_deleting()) {
        return r::AutoSync::Unpinned(format!(
            "{} {}, which pinned it, has been deleted; its own source is put back",
            clone.kind, clone.name
        ));
    }
    r::AutoSync::Pinned
}

/// Whether it is still left as it is.
fn frozen(live: &Live, case: &r::Case) -> r::AutoSync {
    if !live.app.spec.suspend {
        return r::AutoSync::Unpinned("it has been resumed".to_owned());
    }
    if live.app.metadata.annotations.get(CASE) != Some(&case.id) {
        return r::AutoSync::Unpinned(format!("the annotation {CASE} has been taken away"));
    }
    r::AutoSync::Pinned
}

/// True if our source was put in place at some time, or if it was suspended.
fn swapped(live: &Live, case: &r::Case) -> bool {
    let marked = live.app.metadata.annotations.get(CASE) == Some(&case.id);
    marked
        || match &case.stage {
            r::Stage::Verifying { .. } | r::Stage::Held { .. } | r::Stage::Failed | r::Stage::Overtaken => {
                true
            }
            r::Stage::Due | r::Stage::Acting { .. } | r::Stage::Lifting { .. } => false,
        }
}

/// Well if it is ready at the target. Where kustomize-controller begins before it has heard of its own last write, the
/// revision that was applied stays the one before; Ready and current, it has applied what it has attempted.
fn health(live: &Live, case: Option<&r::Case>) -> r::Health {
    let Some(case) = case else { return r::Health::Waiting };
    let app = &live.app;
    let target = commit(&case.target.1.name);
    let current = app.status.observed_generation == app.metadata.generation;
    let there = applied(app) == target || attempted(app) == target;
    match app.condition("Ready") {
        Some(ready) if ready.status == "True" && current && there => r::Health::Good,
        Some(ready) if ready.status == "False" && attempted(app) == target => r::Health::Bad,
        Some(_) | None => r::Health::Waiting,
    }
}

/// What Flux remembers, and then what is kept as passed: the newest comes last.
fn history(live: &Live, state: &r::State) -> Vec<r::Entry> {
    let remembered = |of: &Kustomization| {
        let snapshots = of.status.history.iter().rev().filter(|it| it.last_reconciled_status == SUCCEEDED);
        let mut names: Vec<String> =
            snapshots.filter_map(|it| it.metadata.get("revision").cloned()).collect();
        names.extend(of.status.last_applied_revision.clone());
        names
    };
    let mut names = remembered(&live.app);
    names.extend(live.gate.iter().flat_map(remembered));
    let mut revisions: Vec<r::Revision> = Vec::new();
    let known = names.iter().filter(|name| !name.is_empty()).map(|name| revision(live, name));
    for revision in known.chain(state.passed.iter().cloned()) {
        revisions.retain(|other| other.name != revision.name);
        revisions.push(revision);
    }
    let entry = |(id, revision): (usize, r::Revision)| r::Entry {
        id: i64::try_from(id).unwrap_or(i64::MAX),
        fits: revision.source == live.rendered,
        revision,
    };
    revisions.into_iter().enumerate().map(entry).collect()
}

/// What pruning would delete with all its objects.
fn definitions(app: &Kustomization) -> BTreeSet<String> {
    if !app.spec.prune {
        return BTreeSet::new();
    }
    let (objects, _unreadable) = app.objects();
    let definition = |object: &&crate::model::reference::ObjectRef| {
        object.group == "apiextensions.k8s.io" && object.kind == "CustomResourceDefinition"
    };
    objects.iter().filter(definition).map(|object| object.name.clone()).collect()
}

/// Why it cannot be rolled back, whatever the gate says.
fn forbids(live: &Live) -> Option<String> {
    let Kustomization { metadata, spec, .. } = &live.app;
    let own = |label: &str, value: &str| metadata.labels.get(label).is_some_and(|it| it == value);
    let source = &spec.source_ref;
    if own(OWNER_NAME, &metadata.name) && own(OWNER_NAMESPACE, &metadata.namespace) {
        return Some(
            "the Kustomization applies itself, so going back would take Flux's own settings along: revert the commit"
                .to_owned(),
        );
    }
    if !PINNABLE.contains(&source.kind.as_str()) {
        return Some(format!(
            "its source is a {}, which cannot be pinned to an earlier revision: revert the change there",
            source.kind
        ));
    }
    if spec.suspend {
        return Some(
            "it is suspended, so nothing would be applied: run flux resume kustomization first".to_owned(),
        );
    }
    if let Some(owner) = metadata.annotations.get(TRACKING_ID) {
        return Some(format!("Argo CD applies it ({owner}) and would put its source back"));
    }
    if live.source.is_none() {
        return Some(format!("its {} {} is not there", source.kind, source.name));
    }
    None
}
