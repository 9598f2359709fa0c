//! What follows from a write: kept, tried again, waited for, or given up.

use jiff::Timestamp;

use crate::app::rollback::{Executor, Failure, Name, Sight, View, Wrote};
use crate::rollback::{Step, lifted, placed, refused};
use crate::store::states::Kept;

/// What became of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It is written.
    Written,
    /// Something has changed since it was seen, so nothing was written.
    Outdated,
    /// It is on its way: there is nothing to do until something changes, or until this time.
    Waits(Timestamp),
    /// It will not be, for this reason.
    Never(String),
}

impl Executor {
    /// Carries a step out; returns when to look again if something has to happen elsewhere first.
    pub(super) async fn act(
        &self,
        step: &Step,
        name: &Name,
        sight: &Sight,
        kept: &mut Kept,
        wrote: &mut (dyn FnMut(&Wrote) + Send),
    ) -> Result<Option<Timestamp>, Failure> {
        let Some(case) = kept.state.case.clone() else { return Ok(None) };
        let seen = &sight.seen;
        let ours = seen.uid == kept.state.uid && !seen.deleting;
        let done = match &sight.view {
            View::Argo(live) => self.argo()?.act(step, name, (live, seen), &case, ours).await,
            View::Flux(live) => self.flux()?.act(step, name, live, &case, ours).await,
        };
        let why = match done {
            Ok(Done::Written) => {
                match step {
                    Step::RollBack => wrote(&Wrote::Rollback),
                    Step::Hold => self.keep(kept, placed(&kept.state), wrote).await?,
                    Step::Lift => self.keep(kept, lifted(&kept.state), wrote).await?,
                    Step::End | Step::Freeze | Step::Rest(_) | Step::Keep(_) => {}
                }
                return Ok(None);
            }
            Ok(Done::Outdated) => return Ok(None),
            Ok(Done::Waits(until)) => return Ok(Some(until)),
            Ok(Done::Never(why)) => why,
            Err(error) if error.is_final() && *step != Step::Lift => error.to_string(),
            Err(error) => return Err(error),
        };
        let state = refused(seen, &kept.state, &why);
        self.keep(kept, state, wrote).await?;
        Ok(None)
    }
}
