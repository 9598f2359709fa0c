//! The writes to an application, and what follows if they are refused.

use serde_json::Value;

use crate::app::rollback::{Executor, Failure, Name, Wrote};
use crate::cluster::Reason;
use crate::gitops::argocd::rollback::live::Live;
use crate::gitops::argocd::rollback::write;
use crate::rollback::{Case, Keeper, Observed, Step, lifted, refused};
use crate::store::states::Kept;

impl Executor {
    pub(super) async fn act(
        &self,
        step: &Step,
        name: &Name,
        live: &Live,
        seen: &Observed,
        kept: &mut Kept,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<(), Failure> {
        let Some(case) = kept.state.case.clone() else { return Ok(()) };
        let outcome = match step {
            Step::Hold => self.place(name, &case).await,
            Step::End => self.patch(name, &write::end(live, &case)).await,
            Step::RollBack => match write::roll_back(live, &case) {
                Some(patch) => self.patch(name, &patch).await,
                None => {
                    return self.refuse(seen, kept, "the history no longer holds its target", wrote).await;
                }
            },
            Step::Lift => return self.lift(name, live, seen, kept, &case, wrote).await,
            Step::Rest(_) | Step::Keep(_) => return Ok(()),
        };
        match outcome {
            Ok(true) => {
                match step {
                    Step::RollBack => wrote(&Wrote::Rollback),
                    Step::Hold => self.keep(kept, crate::rollback::placed(&kept.state), wrote).await?,
                    Step::End | Step::Lift | Step::Rest(_) | Step::Keep(_) => {}
                }
                Ok(())
            }
            Ok(false) => Ok(()),
            Err(error) if error.is_final() => {
                let why = if *step == Step::Hold { unheld(seen, &error) } else { error.to_string() };
                self.refuse(seen, kept, &why, wrote).await
            }
            Err(error) => Err(error),
        }
    }

    async fn refuse(
        &self,
        seen: &Observed,
        kept: &mut Kept,
        why: &str,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<(), Failure> {
        let state = refused(seen, &kept.state, why);
        self.keep(kept, state, wrote).await
    }

    /// False if the application has changed since it was seen, so that nothing was written.
    async fn patch(&self, name: &Name, patch: &Value) -> Result<bool, Failure> {
        let written = self.cluster.merge_patch(&self.applications, &name.namespace, &name.name, patch).await;
        match written {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.reason(), Reason::Conflict | Reason::NotFound) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn lift(
        &self,
        name: &Name,
        live: &Live,
        seen: &Observed,
        kept: &mut Kept,
        case: &Case,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<(), Failure> {
        if !self.remove(name, case).await? {
            return Ok(());
        }
        let same = seen.uid == kept.state.uid && !seen.deleting;
        if same && !self.patch(name, &write::lift(live, case)).await? {
            return Ok(());
        }
        self.keep(kept, lifted(&kept.state), wrote).await
    }
}

/// Why a revision cannot be held, and what to do.
fn unheld(seen: &Observed, error: &Failure) -> String {
    let who = match &seen.keeper {
        Keeper::Reverts(who) | Keeper::Forbids(who) => who.as_str(),
        Keeper::Nobody => "whoever applies it",
    };
    format!(
        "{who} switches auto-sync on again, so only a sync window could hold it, and that cannot be written: {error}; \
         or let {who} ignore /spec/syncPolicy/automated (ignoreApplicationDifferences of an ApplicationSet)"
    )
}
