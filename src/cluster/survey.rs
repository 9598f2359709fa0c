//! Looks at everything around an application's Pods: what is its own, who owns whom, what bears on the Pods.
//!
//! Requests do not depend on the number of objects beyond paging. What cannot be seen becomes a gap. The Pods
//! themselves are read later, page by page, by [`judge`](crate::cluster::judge).

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::cluster::Cluster;
use crate::cluster::error::ApiError;
use crate::cluster::list::{Item, Query};
use crate::cluster::look::{Broken, Listed, Look, Seen, unseen};
use crate::cluster::lookups::Lookups;
use crate::cluster::owners::{Belongs, Owner, Owners};
use crate::cluster::surroundings::{own_roles, surroundings};
use crate::declared::Digest;
use crate::finding::Gap;
use crate::model::access::RBAC_GROUP;
use crate::model::meta::Partial;
use crate::model::rbac::Role;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::workload::Workload;
use crate::model::world::World;
use crate::rules::{Resource, resources as r};
use crate::scope::{HELM, MANAGED_BY, Membership, Scope, TrackingMethod};

/// Workloads, in the order in which they are listed.
const WORKLOADS: [Resource; 7] = [
    r::DEPLOYMENTS,
    r::REPLICA_SETS,
    r::STATEFUL_SETS,
    r::DAEMON_SETS,
    r::REPLICATION_CONTROLLERS,
    r::JOBS,
    r::CRON_JOBS,
];

/// What stands around an application's Pods.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// For the rules.
    pub world: World,
    /// Who owns whom, with the templates of what belongs to the application.
    pub owners: Owners,
    /// What the source declares of the application's own objects.
    pub declared: BTreeMap<ObjectRef, Digest>,
    /// What could not be seen.
    pub gaps: BTreeSet<Gap>,
    /// Where the application's Pods are looked for; an empty name means all namespaces.
    pub namespaces: BTreeSet<String>,
    /// The application's own Roles and ClusterRoles.
    pub(super) roles: Vec<Role>,
    pub(super) lookups: Lookups,
}

/// Looks at everything around the application's Pods.
///
/// # Errors
/// The API server is unavailable, or does not say which kinds it has.
pub async fn survey(cluster: &Cluster, scope: &Scope) -> Result<Survey, ApiError> {
    let look = Look { cluster, kinds: cluster.kinds().await?, scope };
    let places = match &scope.namespaces {
        Some(names) => names.iter().cloned().collect(),
        None => vec![String::new()],
    };
    let (workloads, around, roles, marked) = tokio::join!(
        Box::pin(workloads(&look, &places)),
        Box::pin(surroundings(&look, &places)),
        Box::pin(own_roles(&look)),
        Box::pin(marked_pods(&look)),
    );
    let mut survey = Survey::default();
    let (world, seen) = around?;
    survey.world = world;
    survey.take(seen);
    let (roles, seen) = roles?;
    survey.roles = roles;
    survey.take(seen);
    let (owners, mut seen) = workloads?;
    let broken = std::mem::take(&mut seen.broken);
    survey.take(seen);
    survey.add_owners(&look, owners, &broken);
    survey.find_owners(&look).await?;
    survey.keep_broken(&look, broken);
    let (places_of_pods, seen) = marked?;
    survey.take(seen);
    survey.narrow(&look, places_of_pods);
    Ok(survey)
}

type Workloads = (Vec<(String, Owner)>, Seen);

async fn workloads(look: &Look<'_>, places: &[String]) -> Result<Workloads, ApiError> {
    let lists = WORKLOADS.iter().map(|resource| {
        look.pick(resource, places, |listed: Listed<'_, Workload>| {
            let standing = look.standing(&listed.object, &listed.value.metadata);
            let uid = listed.value.metadata.uid.clone();
            Some((uid, Owner::workload(listed.object, standing, listed.value)))
        })
    });
    let mut all = Workloads::default();
    for list in join_all(lists).await {
        let (owners, seen) = list?;
        all.0.extend(owners);
        all.1.absorb(seen);
    }
    Ok(all)
}

/// Where Pods are that carry the application's mark themselves: nothing else tells that there are any. Of other Pods
/// no more is asked for than their metadata, and nothing where the mark is a label.
async fn marked_pods(look: &Look<'_>) -> Result<(BTreeSet<String>, Seen), ApiError> {
    let mut found = BTreeSet::new();
    let Membership::Tracked(tracking) = &look.scope.membership else { return Ok((found, Seen::default())) };
    let (None, Some(kind)) = (&look.scope.namespaces, look.kinds.resource(&r::PODS)) else {
        return Ok((found, Seen::default()));
    };
    let query = Query::new(kind).metadata_only();
    let query = match &tracking.method {
        TrackingMethod::Annotation => query,
        TrackingMethod::Label(key) => query.labels(format!("{key}={}", tracking.instance)),
        TrackingMethod::Helm(_namespace) => query.labels(format!("{MANAGED_BY}={HELM}")),
    };
    let listed = look.cluster.list::<Partial>(&query, |Item { value, .. }| {
        let object = value.metadata.reference(&kind.group_kind());
        if look.scope.owns(&object, &value.metadata) {
            found.insert(object.namespace);
        }
    });
    match listed.await {
        Ok(gaps) => Ok((found, Seen { gaps: gaps.into_iter().collect(), ..Seen::default() })),
        Err(error) => Ok((found, unseen(&error, kind, "")?)),
    }
}

impl Survey {
    fn take(&mut self, seen: Seen) {
        self.world.owned.extend(seen.owned);
        self.world.hidden.extend(seen.hidden);
        self.declared.extend(seen.declared);
        self.gaps.extend(seen.gaps);
    }

    /// Whoever may own Pods: workloads, those of them that say no more than who they are, and Nodes, which own the
    /// Pods that the kubelet reads from files.
    fn add_owners(&mut self, look: &Look<'_>, workloads: Vec<(String, Owner)>, broken: &[Broken]) {
        self.owners = Owners::trusting_names(look.scope.membership == Membership::Everything);
        for (uid, owner) in workloads {
            self.owners.insert(&uid, owner);
        }
        for Broken { object, meta, .. } in broken {
            let standing = look.standing(object, meta);
            self.owners.insert(&meta.uid, Owner::new(object.clone(), standing, meta));
        }
        for node in self.world.nodes.values() {
            let object = node.metadata.reference(&GroupKind::new("", "Node"));
            let standing = look.standing(&object, &node.metadata);
            self.owners.insert(&node.metadata.uid, Owner::new(object, standing, &node.metadata));
        }
    }

    /// Looks up the owners of workloads that nobody knows, and theirs in turn.
    async fn find_owners(&mut self, look: &Look<'_>) -> Result<(), ApiError> {
        loop {
            let lines = self.owners.iter().map(|(index, _owner)| self.owners.line_of(index));
            let places = lines.filter_map(|line| line.missing.map(|missing| Lookups::place(look, &missing)));
            let wanted: BTreeSet<_> = places.filter(|place| !self.lookups.is_done(place)).collect();
            if wanted.is_empty() {
                return Ok(());
            }
            let seen = self.lookups.look_up(look, wanted, &mut self.owners).await?;
            self.take(seen);
        }
    }

    /// A workload that cannot be decoded is a gap unless it is known to be somebody else's.
    fn keep_broken(&mut self, look: &Look<'_>, broken: Vec<Broken>) {
        for broken in broken {
            let standing = look.standing(&broken.object, &broken.meta);
            let line = self.owners.line(&broken.meta);
            if line.belongs(standing, &self.owners) != Belongs::No {
                self.world.hidden.insert((broken.object.group_kind(), broken.object.namespace.clone()));
                self.gaps.insert(broken.gap());
            }
        }
    }

    /// Leaves out what is not near the application.
    fn narrow(&mut self, look: &Look<'_>, places_of_pods: BTreeSet<String>) {
        self.owners.drop_templates_of_others();
        self.namespaces = match (&look.scope.namespaces, &look.scope.membership) {
            (Some(names), _) => names.clone(),
            (None, Membership::Tracked(_) | Membership::Listed(_)) => {
                let mut names = self.namespaces_of_its_own(look.scope);
                names.extend(places_of_pods);
                names
            }
            (None, Membership::Namespace | Membership::Selector(_) | Membership::Everything) => {
                [String::new()].into()
            }
        };
        if self.namespaces.contains("") {
            return;
        }
        let Self { world, namespaces, .. } = self;
        world.namespaces.retain(|name, _| namespaces.contains(name));
        world.services.retain(|service| namespaces.contains(&service.metadata.namespace));
        world.network_policies.retain(|policy| namespaces.contains(&policy.metadata.namespace));
    }

    /// Where its workloads are, and its other objects; a RoleBinding elsewhere brings no Pods there. Pods have not been
    /// seen yet: of those that nothing makes, the GitOps tool's list tells where they are.
    fn namespaces_of_its_own(&self, scope: &Scope) -> BTreeSet<String> {
        let owners = self.owners.iter();
        let workloads = owners.filter(|(index, owner)| {
            self.owners.line_of(*index).belongs(owner.standing, &self.owners) == Belongs::Yes
        });
        let workloads = workloads.map(|(_index, owner)| &owner.object);
        let objects = self.world.owned.iter().filter(|object| object.group != RBAC_GROUP);
        let listed = if let Membership::Listed(objects) = &scope.membership { Some(objects) } else { None };
        let pods =
            listed.into_iter().flatten().filter(|object| object.group.is_empty() && object.kind == "Pod");
        let all = workloads.chain(objects).chain(pods).chain(&scope.own_job);
        let names = all.map(|object| object.namespace.clone());
        names.filter(|name| !name.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests;
