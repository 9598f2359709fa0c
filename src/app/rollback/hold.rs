//! The window in an AppProject that holds a rejected revision.

use crate::app::rollback::{Executor, Failure, Name};
use crate::cluster::{ApiKind, Reason};
use crate::gitops::argocd::rollback::window::Project;
use crate::rollback::{Case, Hold};

impl Executor {
    /// Puts the case's window in force; false if the project has changed meanwhile.
    pub(super) async fn place(&self, name: &Name, case: &Case) -> Result<bool, Failure> {
        let Hold::Window { place, .. } = &case.hold else { return Ok(true) };
        let Some((kind, project)) = self.project(place).await? else {
            return Err(Failure::NoProject(place.clone()));
        };
        match project.place(&name.name) {
            Some(patch) => self.patch_project(&kind, place, &patch).await,
            None => Ok(true),
        }
    }

    /// Takes the case's window away, where there is one; false if the project has changed meanwhile.
    pub(super) async fn remove(&self, name: &Name, case: &Case) -> Result<bool, Failure> {
        let Hold::Window { place, .. } = &case.hold else { return Ok(true) };
        if !case.hold.has_window() {
            return Ok(true);
        }
        let Some((kind, project)) = self.project(place).await? else { return Ok(true) };
        match project.remove(&name.name) {
            Some(patch) => self.patch_project(&kind, place, &patch).await,
            None => Ok(true),
        }
    }

    async fn project(&self, name: &str) -> Result<Option<(ApiKind, Project)>, Failure> {
        let Some(kind) = &self.projects else { return Ok(None) };
        let project = self.cluster.get::<Project>(kind, &self.options.argocd_namespace, name).await?;
        Ok(project.map(|project| (kind.clone(), project)))
    }

    async fn patch_project(
        &self,
        kind: &ApiKind,
        name: &str,
        patch: &serde_json::Value,
    ) -> Result<bool, Failure> {
        let namespace = &self.options.argocd_namespace;
        match self.cluster.merge_patch(kind, namespace, name, patch).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.reason(), Reason::Conflict | Reason::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
