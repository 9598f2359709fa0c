//! Which AppProjects are marked: their Applications are.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crate::app::rollback::Failure;
use crate::app::rollback::argo::Argo;
use crate::cluster::{Query, Watching};
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::argocd::rollback::observe::project_of;
use crate::gitops::wanted::Mark;
use crate::model::meta::{Meta, Partial};

/// Marks of projects by name; none while nobody watches them.
pub(super) type Marks = RwLock<Option<BTreeMap<String, Mark>>>;

impl Argo {
    /// All projects, and whatever happens to them; none where there are no projects.
    pub(in crate::app) fn watch_projects(&self) -> Option<Watching<Partial>> {
        let query = Query::new(self.projects.as_ref()?).namespace(&*self.namespace).metadata_only();
        self.forget_marks();
        Some(self.cluster.watch(query))
    }

    /// No project is known to be marked.
    pub(in crate::app) fn forget_marks(&self) {
        *self.marks.write().unwrap_or_else(PoisonError::into_inner) = Some(BTreeMap::new());
    }

    /// Remembers the mark of a project, or that it has none.
    pub(in crate::app) fn remember_mark(&self, project: &Meta, gone: bool) {
        let mut marks = self.marks.write().unwrap_or_else(PoisonError::into_inner);
        let marks = marks.get_or_insert_default();
        match Mark::of(project).filter(|_| !gone) {
            Some(mark) => marks.insert(project.name.clone(), mark),
            None => marks.remove(&project.name),
        };
    }

    /// The mark of an Application's project, as far as the watch has told.
    pub(super) fn known_mark(&self, live: &Live) -> Option<Mark> {
        let marks = self.marks.read().unwrap_or_else(PoisonError::into_inner);
        marks.as_ref()?.get(project_of(live)).copied()
    }

    /// The mark of an Application's project. Where nobody watches, it is asked for if it matters; what may not be read
    /// is no mark.
    pub(super) async fn mark(&self, live: &Live) -> Result<Option<Mark>, Failure> {
        let watched = self.marks.read().unwrap_or_else(PoisonError::into_inner).is_some();
        let decided = Mark::of(&live.metadata) == Some(Mark::On) || self.opt_in.all && !self.opt_in.opt_out;
        let Some(kind) = self.projects.as_ref().filter(|_| !watched && !decided) else {
            return Ok(self.known_mark(live));
        };
        match self.cluster.get::<Partial>(kind, &self.namespace, project_of(live)).await {
            Ok(project) => Ok(project.and_then(|project| Mark::of(&project.metadata))),
            Err(error) if error.is_final() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
