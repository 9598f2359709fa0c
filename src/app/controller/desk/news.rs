//! What is watched, and what the watches say.

use std::collections::BTreeSet;

use futures::stream::{BoxStream, SelectAll, StreamExt as _, unfold};

use crate::app::rollback::{Executor, Name, Tool};
use crate::cluster::{ApiKind, Change, Query, Watching};
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::flux::kustomization::Kustomization;
use crate::model::meta::Partial;
use crate::store::states::Holder;

/// Applications of one page: each may have hundreds of kilobytes.
const PAGE: usize = 50;

/// Which applications are watched.
#[derive(Clone, Debug)]
pub(in crate::app::controller) struct Scope {
    /// In these namespaces; in all of them if there is none.
    pub(in crate::app::controller) namespaces: Vec<String>,
    /// With these labels.
    pub(in crate::app::controller) selector: Option<String>,
}

impl Scope {
    /// What the watches of a kind ask for.
    fn queries(&self, kind: &ApiKind) -> Vec<Query> {
        let query = || Query::new(kind).pages_of(PAGE);
        if self.namespaces.is_empty() {
            return vec![query()];
        }
        self.namespaces.iter().map(|namespace| query().namespace(namespace)).collect()
    }

    fn selected(&self, kind: &ApiKind) -> Vec<Query> {
        let select = |query: Query| match &self.selector {
            Some(selector) => query.labels(selector),
            None => query,
        };
        self.queries(kind).into_iter().map(select).collect()
    }

    /// True if an application of this name is watched.
    pub(super) fn covers(&self, name: &Name) -> bool {
        self.namespaces.is_empty() || self.namespaces.contains(&name.namespace)
    }
}

/// What the watches say.
pub(super) enum News {
    Application(usize, Box<Change<Live>>),
    Kustomization(usize, Box<Change<Kustomization>>),
    /// Of a source of this kind.
    Source(String, Box<Change<Partial>>),
    State(Box<Change<Holder>>),
    Project(Box<Change<Partial>>),
}

/// A list of applications as far as it has come.
pub(super) struct Listing {
    pub(super) tool: Tool,
    pub(super) names: BTreeSet<Name>,
    pub(super) complete: bool,
}

impl Listing {
    fn new(tool: Tool) -> Self {
        Self { tool, names: BTreeSet::new(), complete: false }
    }

    /// It begins anew.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.tool);
    }
}

/// All watches of what is deployed, and of what it is deployed from.
pub(super) fn watches(
    executor: &Executor,
    scope: &Scope,
) -> (SelectAll<BoxStream<'static, News>>, Vec<Listing>) {
    let (mut news, mut listings) = (SelectAll::new(), Vec::new());
    if let Ok(argo) = executor.argo() {
        for query in scope.selected(argo.kind()) {
            let index = listings.len();
            listings.push(Listing::new(Tool::ArgoCd));
            let watching = executor.cluster().watch(query);
            news.push(stream(watching, move |change| News::Application(index, Box::new(change))));
        }
    }
    if let Ok(flux) = executor.flux() {
        for query in scope.selected(flux.kind()) {
            let index = listings.len();
            listings.push(Listing::new(Tool::Flux));
            let watching = executor.cluster().watch(query);
            news.push(stream(watching, move |change| News::Kustomization(index, Box::new(change))));
        }
        for kind in flux.sources() {
            for query in scope.queries(kind) {
                let kind = kind.kind.clone();
                let watching = executor.cluster().watch(query);
                news.push(stream(watching, move |change| News::Source(kind.clone(), Box::new(change))));
            }
        }
    }
    (news, listings)
}

pub(super) fn name(live: &Live) -> Name {
    Name { tool: Tool::ArgoCd, namespace: live.metadata.namespace.clone(), name: live.metadata.name.clone() }
}

pub(super) fn stream<T: Send + 'static>(
    watching: Watching<T>,
    words: impl Fn(Change<T>) -> News + Send + 'static,
) -> BoxStream<'static, News> {
    let changes = unfold(watching, |mut watching| async move {
        let change = watching.next().await?;
        Some((change, watching))
    });
    changes.map(words).boxed()
}
