//! What a subject may do: the rules that reach it through bindings, with the way they came.
//!
//! Semantics: <https://kubernetes.io/docs/reference/access-authn-authz/rbac/>. Grants only add up; there is no deny.

use std::collections::BTreeSet;

use crate::model::rbac::PolicyRule;
use crate::model::reference::ObjectRef;

/// Where a grant holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// All namespaces and cluster-scoped resources.
    Cluster,
    /// One namespace.
    Namespace(String),
}

/// One policy rule that reaches the subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Where it holds.
    pub scope: Scope,
    /// What it permits.
    pub rule: PolicyRule,
    /// Index of the rule in its role, for people.
    pub index: usize,
    /// The role that holds the rule.
    pub role: ObjectRef,
    /// The binding that brings it; none for what an unbound role would grant.
    pub binding: Option<ObjectRef>,
}

/// All that one subject may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The ServiceAccount, User or Group, or the application's own role that nobody is bound to.
    pub subject: ObjectRef,
    /// Every rule that reaches it.
    pub grants: Vec<Grant>,
    /// Outermost owners of the Pods that run as it.
    pub used_by: BTreeSet<ObjectRef>,
    /// True if at least one of those Pods mounts an API token.
    pub token_mounted: bool,
}

/// A ServiceAccount that the application's Pods run as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountUse {
    /// Outermost owners of the Pods that run as it.
    pub used_by: BTreeSet<ObjectRef>,
    /// True if at least one of those Pods mounts an API token.
    pub token_mounted: bool,
}
