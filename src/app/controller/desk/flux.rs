//! What the watches of Kustomizations and of their sources say.

use crate::app::controller::desk::Desk;
use crate::app::controller::desk::entry::Entry;
use crate::app::controller::desk::news::Listing;
use crate::app::rollback::{Failure, Flux, Name, Tool};
use crate::cluster::Change;
use crate::gitops::flux::kustomization::Kustomization;
use crate::model::meta::{Meta, Partial};

impl Desk {
    pub(super) fn hear_kustomization(
        &mut self,
        change: Change<Kustomization>,
        listing: &mut Listing,
    ) -> Result<(), Failure> {
        match change {
            Change::Listing => listing.restart(),
            Change::Listed => {
                listing.complete = true;
                self.look_for_gone(listing);
            }
            Change::Applied(said) => {
                if !listing.complete {
                    listing.names.insert(Name::flux(&*said.metadata.namespace, &*said.metadata.name));
                }
                for name in self.executor.flux()?.hear(&said) {
                    self.due(&name);
                }
            }
            Change::Deleted(gone) => {
                self.executor.flux()?.forget(&gone);
                let name = Name::flux(&*gone.metadata.namespace, &*gone.metadata.name);
                if self.entries.contains_key(&name) {
                    self.due(&name);
                }
            }
            Change::Hidden(gap) => tracing::warn!("a Kustomization is left alone: {gap}"),
            Change::Ended(error) => return self.ended(error, Some(listing)),
        }
        Ok(())
    }

    /// Work goes on where a source bears on an open case.
    pub(super) fn hear_source(&mut self, kind: &str, change: Change<Partial>) -> Result<(), Failure> {
        let (Change::Applied(source) | Change::Deleted(source)) = change else {
            return if let Change::Ended(error) = change { self.ended(error, None) } else { Ok(()) };
        };
        let Meta { namespace, name, .. } = &source.metadata;
        let concerned = |entry: &Entry| {
            let case = entry.kept.state.case.as_ref();
            entry.busy || case.is_some_and(|case| Flux::concerns(case, kind, namespace, name))
        };
        let entries = self.entries.iter();
        let names = entries.filter(|(name, entry)| name.tool == Tool::Flux && concerned(entry));
        for name in names.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.due(&name);
        }
        Ok(())
    }
}
