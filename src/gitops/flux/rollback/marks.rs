//! A case from the marks that it has left on a Kustomization: what is kept of it may be lost, and a Kustomization that
//! is held would stay so for ever.

use jiff::Timestamp;

use crate::gitops::flux::kustomization::{CASE, Kustomization, ORIGINAL_SOURCE, REJECTED_REVISION};
use crate::gitops::flux::rollback::clone::Was;
use crate::gitops::flux::rollback::live::Live;
use crate::gitops::flux::rollback::write;
use crate::gitops::flux::source::commit;
use crate::rollback::{Case, Hold, Revision, Stage, Window};

/// The case whose marks are on the Kustomization. None if there are none, or if what holds is not what they name:
/// somebody has changed it.
pub fn found(live: &Live, now: Timestamp) -> Option<Case> {
    let annotations = &live.app.metadata.annotations;
    let (id, rejected) = (annotations.get(CASE)?, annotations.get(REJECTED_REVISION)?);
    let revision = |name: &str| Revision { name: commit(name).to_owned(), source: live.rendered.clone() };
    let rejected = revision(rejected);
    let judged = live.job.as_ref().map(|job| job.metadata.rest.uid.clone());
    let operation = judged.filter(|job| Case::id_of(job, &rejected) == *id);
    let content = operation.clone().filter(|_| live.gate.is_some());
    let hold = Hold::Suspension { was: write::was_before(&live.app, &live.app.spec.source_ref.name) };
    let case = Case::new(operation.unwrap_or_default(), rejected.clone(), (0, rejected), hold);
    let case = Case { id: id.clone(), content, stage: Stage::Held { healthy: true }, acted: true, ..case };
    let Some(original) = annotations.get(ORIGINAL_SOURCE) else {
        return live.app.spec.suspend.then_some(Case { content: None, ..case });
    };
    let hold = Hold::Source { was: write::was_before(&live.app, original), window: Window::Placed };
    let case = Case { hold, stage: Stage::Verifying { since: now.as_second() }, ..case };
    let cases = targets(live).map(|target| Case { target: (0, revision(target)), ..case.clone() });
    cases.into_iter().find(|case| follows(&live.app, case))
}

/// Revisions to which it may have gone back.
fn targets(live: &Live) -> impl Iterator<Item = &str> {
    let copied = live.clone.as_ref().and_then(|clone| clone.status.artifact.as_ref());
    let status = &live.app.status;
    let tried = [&status.last_applied_revision, &status.last_attempted_revision];
    copied
        .map(|artifact| artifact.revision.as_str())
        .into_iter()
        .chain(tried.into_iter().flatten().map(String::as_str))
}

/// True if its source is the copy that this case has made: its name comes from case and target.
fn follows(app: &Kustomization, case: &Case) -> bool {
    Was::of(case).is_some_and(|was| was.clone_of(case).name == app.spec.source_ref.name)
}
