//! Reads RBAC: what reaches the ServiceAccounts of the application's Pods, and what the application itself grants.
//!
//! Bindings and roles are filtered while they are paged, so memory does not grow with the cluster's.

use std::collections::BTreeSet;

use crate::cluster::error::ApiError;
use crate::cluster::look::{Listed, Look, Seen};
use crate::finding::{Gap, GapReason, GapScope};
use crate::model::access::{self, Access, Accounts, RBAC_GROUP};
use crate::model::rbac::{Binding, Role};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::selector::LabelSelector;
use crate::rules::resources as r;

/// How often ClusterRoles are listed for what an aggregated one selects: `admin` aggregates `edit`, which aggregates
/// `view`.
const MOST_ROUNDS: usize = 8;

/// What the accounts may do and what the application's own roles and bindings grant.
///
/// # Errors
/// The API server is unavailable.
pub(super) async fn accesses(
    look: &Look<'_>,
    accounts: &Accounts,
    owned: &BTreeSet<ObjectRef>,
    own_roles: &[Role],
) -> Result<(Vec<Access>, Seen), ApiError> {
    let everywhere = [String::new()];
    let concerns = |listed: Listed<'_, Binding>| {
        let wanted = listed.is_owned || access::concerns(&listed.value, accounts, owned);
        wanted.then_some(listed.value)
    };
    let (in_namespaces, in_cluster) = tokio::join!(
        look.pick(&r::ROLE_BINDINGS, &everywhere, concerns),
        look.pick(&r::CLUSTER_ROLE_BINDINGS, &[], concerns),
    );
    let (mut bindings, mut seen) = in_namespaces?;
    let (more, other) = in_cluster?;
    bindings.extend(more);
    seen.absorb(other);
    let mut roles = Roles::new(own_roles, &bindings);
    seen.absorb(roles.read(look).await?);
    seen.give_up_on_broken();
    let mut owned = owned.clone();
    owned.extend(seen.owned.iter().cloned());
    Ok((access::accesses(accounts, &roles.held, &bindings, &owned), seen))
}

/// Roles that are wanted, and those of them that are held.
struct Roles {
    held: Vec<Role>,
    names: BTreeSet<ObjectRef>,
    wanted: BTreeSet<ObjectRef>,
}

impl Roles {
    fn new(own: &[Role], bindings: &[Binding]) -> Self {
        let names: BTreeSet<ObjectRef> = own.iter().map(reference).collect();
        let wanted = bindings.iter().map(access::role_reference).filter(|role| !names.contains(role));
        Self { wanted: wanted.collect(), held: own.to_vec(), names }
    }

    async fn read(&mut self, look: &Look<'_>) -> Result<Seen, ApiError> {
        let mut seen = Seen::default();
        if self.wanted.iter().any(|role| !role.namespace.is_empty()) {
            let wanted =
                |listed: Listed<'_, Role>| self.wanted.contains(&listed.object).then_some(listed.value);
            let (roles, other) = look.pick(&r::ROLES, &[String::new()], wanted).await?;
            self.hold(roles);
            seen.absorb(other);
        }
        let mut is_wanted = self.wanted.iter().any(|role| role.namespace.is_empty());
        for _round in 0..MOST_ROUNDS {
            let before = self.selectors();
            if !is_wanted && before.is_empty() {
                return Ok(seen);
            }
            let wanted = |listed: Listed<'_, Role>| {
                let labels = &listed.value.metadata.labels;
                let selected = before.iter().any(|selector| selector.matches(labels));
                let wanted = selected || self.wanted.contains(&listed.object);
                (wanted && !self.names.contains(&listed.object)).then_some(listed.value)
            };
            let (roles, other) = look.pick(&r::CLUSTER_ROLES, &[], wanted).await?;
            self.hold(roles);
            seen.absorb(other);
            if self.selectors().len() == before.len() {
                return Ok(seen);
            }
            is_wanted = true;
        }
        seen.gaps.insert(too_deep());
        Ok(seen)
    }

    fn hold(&mut self, roles: Vec<Role>) {
        self.names.extend(roles.iter().map(reference));
        self.held.extend(roles);
    }

    fn selectors(&self) -> Vec<LabelSelector> {
        let rules = self.held.iter().filter_map(|role| role.aggregation_rule.as_ref());
        rules.flat_map(|rule| rule.cluster_role_selectors.iter().cloned()).collect()
    }
}

fn too_deep() -> Gap {
    let kind = GroupKind::new(RBAC_GROUP, "ClusterRole");
    let detail =
        "aggregated ClusterRoles select others that are aggregated in turn, too deep to follow".to_owned();
    Gap { scope: GapScope::Kind(kind, String::new()), reason: GapReason::Unreadable, detail }
}

fn reference(role: &Role) -> ObjectRef {
    let kind = if role.metadata.namespace.is_empty() { "ClusterRole" } else { "Role" };
    role.metadata.reference(&GroupKind::new(RBAC_GROUP, kind))
}
