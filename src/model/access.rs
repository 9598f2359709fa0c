//! What a subject may do: the rules that reach it through bindings, with the way they came.
//!
//! Owns subjects, scopes and the union of grants, and what a grant permits ([`permission`]). Does not know which
//! permissions are bad, and cannot see other authorizers, admission or whether an object exists.
//! Semantics: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>. Grants only add up; there is no deny.

mod bootstrap;
pub mod permission;
mod roles;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::access::roles::Roles;
use crate::model::access::subject::Who;
use crate::model::rbac::{Binding, PolicyRule, Role};
use crate::model::reference::{GroupKind, ObjectRef};

pub use crate::model::access::roles::role_reference;

/// API group of roles, bindings, and of Users and Groups as subjects.
pub const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// ServiceAccounts that the application's Pods run as, by namespace and name.
pub type Accounts = BTreeMap<(String, String), AccountUse>;

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All namespaces and cluster-scoped resources.
    Cluster,
    /// One namespace.
    Namespace(String),
}

/// A rule of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    /// The role that holds it; of an aggregated ClusterRole, the one it was copied from.
    pub role: ObjectRef,
    /// Its index in that role, for people.
    pub index: usize,
    /// What it permits.
    pub rule: PolicyRule,
}

/// How a role's rules come to a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where they hold.
    pub scope: Scope,
    /// The binding that brings them; none for what an unbound role would grant.
    pub binding: Option<ObjectRef>,
    /// The role that the binding names.
    pub role: ObjectRef,
}

/// One policy rule that reaches a subject. Cheap to clone: one binding may reach every account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it permits, and where that is written.
    pub source: Arc<RoleRule>,
    /// How it comes to the subject.
    pub way: Arc<Way>,
    /// Who brought it.
    pub origin: Origin,
}

/// Who brought a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The binding or a role on the way is the application's own.
    Application,
    /// It was there before, or somebody else brought it.
    Others,
}

/// What kind of subject holds the grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A ServiceAccount whose token at least one of the application's Pods mounts.
    Mounted,
    /// A ServiceAccount that the application's Pods run as or that it declares, without mounting its token.
    Unmounted,
    /// A User, a Group, or somebody else's ServiceAccount, named by a binding of the application or to one of its
    /// roles.
    Named,
    /// Nobody: one of the application's own roles that no binding gives to anyone.
    UnboundRole,
}

/// All that one subject may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The ServiceAccount, User or Group, or the application's own role that nobody is bound to.
    pub subject: ObjectRef,
    /// What kind of subject it is.
    pub holder: Holder,
    /// Every rule that reaches it.
    pub grants: Vec<Grant>,
    /// True if Pods of the application run as it.
    pub is_used: bool,
}

/// A ServiceAccount that the application's Pods run as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUse {
    /// True if at least one of those Pods mounts an API token.
    pub token_mounted: bool,
}

/// What the application's accounts may do, what its own roles and bindings give to anybody, and what its unbound
/// roles would give. Sorted, and independent of the order of the input.
///
/// Wants every role that a binding in the list names, every ClusterRole that an aggregation could select, and the
/// application's own roles: all roles of the cluster will do. Of the bindings, those for which [`concerns`] holds.
/// A binding to a role that is not in the list gives nothing, except Kubernetes' own user-facing ClusterRoles
/// (`cluster-admin`, `admin`, `edit`, `view`): every cluster has them, a folder of manifests does not.
pub fn accesses(
    accounts: &Accounts,
    roles: &[Role],
    bindings: &[Binding],
    owned: &BTreeSet<ObjectRef>,
) -> Vec<Access> {
    let mut catalogue = Roles::new(roles);
    let mut grants_of = holders(accounts, bindings, owned);
    let mut bound = BTreeSet::new();
    let mut by_name: Vec<(ObjectRef, &Binding)> =
        bindings.iter().map(|binding| (binding_reference(binding), binding)).collect();
    by_name.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, binding) in by_name {
        let role = role_reference(binding);
        let sources = catalogue.rules(&role);
        if !binding.subjects.is_empty() {
            let given = sources.iter().map(|source| &source.role).chain([&role]);
            bound.extend(given.filter(|role| owned.contains(*role)).cloned());
        }
        let reached = subject::reached(binding, &grants_of, owned);
        let grants = grants(name, role, &sources, owned);
        for who in reached {
            grants_of.entry(who).or_default().extend(grants.iter().cloned());
        }
    }
    let unbound = owned.iter().filter(|role| !bound.contains(*role));
    let unbound = unbound.filter_map(|role| catalogue.unbound(role));
    let held = grants_of.into_iter().map(|(who, grants)| access(&who, grants, accounts, owned));
    let mut accesses: Vec<Access> = held.chain(unbound).collect();
    accesses.sort_by(|a, b| a.subject.cmp(&b.subject));
    accesses
}

/// True if the binding gives its role to one of the accounts: by name, as a User, or through a Group.
pub fn reaches(binding: &Binding, accounts: &Accounts) -> bool {
    binding.subjects.iter().any(|one| subject::is_any_of(one, binding, accounts))
}

/// True if the binding matters to [`accesses`]: it reaches an account, or it or its role is the application's own.
pub fn concerns(binding: &Binding, accounts: &Accounts, owned: &BTreeSet<ObjectRef>) -> bool {
    reaches(binding, accounts)
        || owned.contains(&binding_reference(binding))
        || owned.contains(&role_reference(binding))
}

/// The binding's name.
pub fn binding_reference(binding: &Binding) -> ObjectRef {
    let cluster = binding.metadata.namespace.is_empty();
    let kind = if cluster { "ClusterRoleBinding" } else { "RoleBinding" };
    binding.metadata.reference(&GroupKind::new(RBAC_GROUP, kind))
}

/// Everyone whose grants are wanted, still without any.
fn holders(
    accounts: &Accounts,
    bindings: &[Binding],
    owned: &BTreeSet<ObjectRef>,
) -> BTreeMap<Who, Vec<Grant>> {
    let used = accounts.keys().map(|(namespace, name)| Who::account(namespace, name));
    let named = bindings
        .iter()
        .filter(|binding| {
            owned.contains(&binding_reference(binding)) || owned.contains(&role_reference(binding))
        })
        .flat_map(|binding| binding.subjects.iter().filter_map(|subject| Who::of(subject, binding)));
    used.chain(named).map(|who| (who, Vec::new())).collect()
}

/// What a binding brings to each of its subjects. Paths that are not resources are dead outside the whole cluster.
fn grants(
    binding: ObjectRef,
    role: ObjectRef,
    rules: &[Arc<RoleRule>],
    owned: &BTreeSet<ObjectRef>,
) -> Vec<Grant> {
    let scope = if binding.namespace.is_empty() {
        Scope::Cluster
    } else {
        Scope::Namespace(binding.namespace.clone())
    };
    let own_way = owned.contains(&binding) || owned.contains(&role);
    let way = Arc::new(Way { scope, binding: Some(binding), role });
    rules
        .iter()
        .filter(|source| way.scope == Scope::Cluster || !source.rule.resources.is_empty())
        .map(|source| {
            let own = own_way || owned.contains(&source.role);
            let origin = if own { Origin::Application } else { Origin::Others };
            Grant { source: Arc::clone(source), way: Arc::clone(&way), origin }
        })
        .collect()
}

fn access(who: &Who, grants: Vec<Grant>, accounts: &Accounts, owned: &BTreeSet<ObjectRef>) -> Access {
    let subject = who.reference();
    let used = who.account_key().and_then(|key| accounts.get(&key));
    let holder = match used {
        Some(used) if used.token_mounted => Holder::Mounted,
        Some(_) => Holder::Unmounted,
        None if owned.contains(&subject) => Holder::Unmounted,
        None => Holder::Named,
    };
    Access { subject, holder, grants, is_used: used.is_some() }
}

#[cfg(test)]
mod tests;
