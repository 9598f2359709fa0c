//! From a Kustomization to all that it stands for: its inventory, and those of Kustomizations and `HelmReleases` in it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cluster::{ApiError, Cluster, Reason};
use crate::finding::{Gap, GapReason, GapScope};
use crate::gitops::flux::helm_release::{self, HelmRelease};
use crate::gitops::flux::inventory::Entry;
use crate::gitops::flux::kustomization::{self, Kustomization};
use crate::model::reference::ObjectRef;

/// How often something is asked for again that is waited for.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// What a Kustomization stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Names only: whether they are live, the cluster tells.
    pub objects: BTreeSet<ObjectRef>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// Who is asked.
pub(super) struct Walk<'a> {
    pub(super) cluster: &'a Cluster,
    /// The Kustomization that applies the gate's Job: it waits for the gate, so the gate must not wait for it.
    pub(super) gate: Option<&'a ObjectRef>,
    /// Until when nested Kustomizations are waited for.
    pub(super) deadline: Instant,
}

impl Walk<'_> {
    /// The members of a Kustomization.
    ///
    /// # Errors
    /// The API server is unavailable.
    pub(super) async fn of(&self, app: &Kustomization) -> Result<Members, ApiError> {
        let mut members = Members::default();
        let mut visited: BTreeSet<ObjectRef> = self.gate.cloned().into_iter().collect();
        visited.insert(app.reference());
        let mut next = vec![app.clone()];
        while let Some(kustomization) = next.pop() {
            if kustomization.spec.kube_config.is_some() {
                members.gaps.push(elsewhere(kustomization.reference()));
                continue;
            }
            let (objects, unreadable) = kustomization.objects();
            members.gaps.extend(unreadable.iter().map(|id| unread(kustomization.reference(), id)));
            for object in &objects {
                if object.group_kind() == kustomization::kind() && visited.insert(object.clone()) {
                    next.extend(self.nested(app, object, &mut members.gaps).await?);
                }
                if is_release(object) && visited.insert(object.clone()) {
                    self.release(object, &mut members).await?;
                }
            }
            // What stands for other objects is judged by those: no rule reads it, and the gate may only fetch it.
            let stands =
                |object: &ObjectRef| object.group_kind() == kustomization::kind() || is_release(object);
            members.objects.extend(objects.into_iter().filter(|object| !stands(object)));
        }
        Ok(members)
    }

    /// A nested Kustomization once it has done what the application's revision asks of it.
    async fn nested(
        &self,
        app: &Kustomization,
        object: &ObjectRef,
        gaps: &mut Vec<Gap>,
    ) -> Result<Option<Kustomization>, ApiError> {
        loop {
            let Some(nested) = self.read::<Kustomization>(object, gaps).await? else { return Ok(None) };
            if nested.spec.suspend || nested.has_caught_up_with(app) {
                return Ok(Some(nested));
            }
            if Instant::now() + EVERY > self.deadline {
                let detail = "it has not applied the application's revision before the deadline".to_owned();
                gaps.push(Gap {
                    scope: GapScope::Object(object.clone()),
                    reason: GapReason::Changed,
                    detail,
                });
                return Ok(Some(nested));
            }
            sleep_until(Instant::now() + EVERY).await;
        }
    }

    async fn release(&self, object: &ObjectRef, members: &mut Members) -> Result<(), ApiError> {
        let Some(release) = self.read::<HelmRelease>(object, &mut members.gaps).await? else { return Ok(()) };
        if release.spec.kube_config.is_some() {
            members.gaps.push(elsewhere(object.clone()));
            return Ok(());
        }
        let Some(inventory) = release.status.inventory else {
            let detail = "it lists no objects: that needs helm-controller 1.5 or newer".to_owned();
            let scope = GapScope::Object(object.clone());
            members.gaps.push(Gap { scope, reason: GapReason::Missing, detail });
            return Ok(());
        };
        members.objects.extend(inventory.entries.iter().filter_map(Entry::object));
        Ok(())
    }

    /// An object by its name; what keeps it from being read is a gap.
    async fn read<T: serde::de::DeserializeOwned>(
        &self,
        object: &ObjectRef,
        gaps: &mut Vec<Gap>,
    ) -> Result<Option<T>, ApiError> {
        let kinds = self.cluster.kinds().await?;
        let found = match kinds.find(&object.group_kind()) {
            Some(kind) => self.cluster.get(kind, &object.namespace, &object.name).await,
            None => Ok(None),
        };
        let scope = GapScope::Object(object.clone());
        match found {
            Ok(Some(found)) => Ok(Some(found)),
            Ok(None) => {
                let detail = "it is in the inventory, and not there".to_owned();
                gaps.push(Gap { scope, reason: GapReason::Missing, detail });
                Ok(None)
            }
            Err(error) if error.reason() == Reason::Unavailable => Err(error),
            Err(error) => {
                gaps.push(error.gap(scope));
                Ok(None)
            }
        }
    }
}

fn is_release(object: &ObjectRef) -> bool {
    object.group_kind() == helm_release::kind()
}

fn elsewhere(object: ObjectRef) -> Gap {
    let detail = "spec.kubeConfig: its objects are in another cluster, where nobody looks".to_owned();
    Gap { scope: GapScope::Object(object), reason: GapReason::Unreadable, detail }
}

fn unread(object: ObjectRef, id: &str) -> Gap {
    let detail = format!("the id {id:?} in its inventory names no object");
    Gap { scope: GapScope::Object(object), reason: GapReason::Undecodable, detail }
}
