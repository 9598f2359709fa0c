//! The window in an AppProject that holds a rejected revision.

use crate::app::rollback::argo::Argo;
use crate::app::rollback::{Done, Failure, Name};
use crate::cluster::{ApiKind, Reason};
use crate::gitops::argocd::rollback::window::Project;
use crate::rollback::{Case, Hold};

impl Argo {
    /// Puts the case's window in force.
    pub(in crate::app::rollback) async fn place(&self, name: &Name, case: &Case) -> Result<Done, Failure> {
        let Hold::Window { place, .. } = &case.hold else { return Ok(Done::Written) };
        let Some((kind, project)) = self.project(place).await? else {
            return Err(Failure::NoProject(place.clone()));
        };
        match project.place(&name.name) {
            Some(patch) => self.patch_project(&kind, place, &patch).await,
            None => Ok(Done::Written),
        }
    }

    /// Takes the case's window away, where there is one.
    pub(in crate::app::rollback) async fn remove(&self, name: &Name, case: &Case) -> Result<Done, Failure> {
        let Hold::Window { place, .. } = &case.hold else { return Ok(Done::Written) };
        if !case.hold.has_window() {
            return Ok(Done::Written);
        }
        let Some((kind, project)) = self.project(place).await? else { return Ok(Done::Written) };
        match project.remove(&name.name) {
            Some(patch) => self.patch_project(&kind, place, &patch).await,
            None => Ok(Done::Written),
        }
    }

    async fn project(&self, name: &str) -> Result<Option<(ApiKind, Project)>, Failure> {
        let Some(kind) = &self.projects else { return Ok(None) };
        let project = self.cluster.get::<Project>(kind, &self.namespace, name).await?;
        Ok(project.map(|project| (kind.clone(), project)))
    }

    async fn patch_project(
        &self,
        kind: &ApiKind,
        name: &str,
        patch: &serde_json::Value,
    ) -> Result<Done, Failure> {
        let namespace = &self.namespace;
        match self.cluster.merge_patch(kind, namespace, name, patch).await {
            Ok(_) => Ok(Done::Written),
            Err(error) if matches!(error.reason(), Reason::Conflict | Reason::NotFound) => Ok(Done::Outdated),
            Err(error) => Err(error.into()),
        }
    }
}
