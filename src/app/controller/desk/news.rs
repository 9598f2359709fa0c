//! What is watched, and what the watches say.

use futures::stream::{BoxStream, StreamExt as _, unfold};

use crate::app::rollback::{Name, Tool};
use crate::cluster::{ApiKind, Change, Query, Watching};
use crate::gitops::argocd::rollback::live::Live;
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
    /// What the watches ask for.
    pub(super) fn queries(&self, applications: &ApiKind) -> Vec<Query> {
        let query = || {
            let query = Query::new(applications).pages_of(PAGE);
            match &self.selector {
                Some(selector) => query.labels(selector),
                None => query,
            }
        };
        if self.namespaces.is_empty() {
            return vec![query()];
        }
        self.namespaces.iter().map(|namespace| query().namespace(namespace)).collect()
    }
}

/// What the watches say.
pub(super) enum News {
    Application(usize, Box<Change<Live>>),
    State(Box<Change<Holder>>),
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
