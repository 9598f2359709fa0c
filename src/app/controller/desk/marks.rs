//! AppProjects that are marked: their Applications are.

use crate::app::controller::desk::Desk;
use crate::app::rollback::Failure;
use crate::cluster::{Change, Watching};
use crate::model::meta::Partial;

impl Desk {
    /// Reads the marks of all projects, before any Application is looked at. Without the right to, only Applications'
    /// own marks count.
    pub(super) async fn read_marks(&self) -> Result<Option<Watching<Partial>>, Failure> {
        let Ok(argo) = self.executor.argo() else { return Ok(None) };
        let Some(mut projects) = argo.watch_projects() else { return Ok(None) };
        while let Some(change) = projects.next().await {
            let complete = matches!(change, Change::Listed);
            self.hear_project(change)?;
            if complete {
                return Ok(Some(projects));
            }
        }
        Ok(None)
    }

    pub(super) fn hear_project(&self, change: Change<Partial>) -> Result<(), Failure> {
        let Ok(argo) = self.executor.argo() else { return Ok(()) };
        match change {
            Change::Listing | Change::Listed => {}
            Change::Applied(project) => argo.remember_mark(&project.metadata, false),
            Change::Deleted(project) => argo.remember_mark(&project.metadata, true),
            Change::Hidden(gap) => tracing::warn!("the mark of an AppProject is not known: {gap}"),
            Change::Ended(error) if error.is_final() => {
                argo.forget_marks();
                tracing::warn!("marks of AppProjects do not count: {error}");
            }
            Change::Ended(error) => return Err(error.into()),
        }
        Ok(())
    }
}
