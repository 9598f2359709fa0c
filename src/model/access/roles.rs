//! The rules of a role, aggregation included.
//!
//! A controller copies the rules of the selected ClusterRoles into an aggregated one, a little later than they
//! change; so both the copies and the originals count. Source:
//! <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles>.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::model::access::{Access, Grant, Holder, Origin, RBAC_GROUP, RoleRule, Scope, Way, bootstrap};
use crate::model::rbac::{Binding, PolicyRule, Role};
use crate::model::reference::{GroupKind, ObjectRef};

/// Roles by name, with the rules of those that were asked for.
pub(super) struct Roles<'a> {
    by_name: BTreeMap<ObjectRef, &'a Role>,
    expanded: BTreeMap<ObjectRef, Arc<[Arc<RoleRule>]>>,
}

impl<'a> Roles<'a> {
    pub(super) fn new(roles: &'a [Role]) -> Self {
        let by_name = roles.iter().map(|role| (reference(role), role)).collect();
        Self { by_name, expanded: BTreeMap::new() }
    }

    /// The role's rules; none if there is no such role.
    pub(super) fn rules(&mut self, role: &ObjectRef) -> Arc<[Arc<RoleRule>]> {
        if let Some(known) = self.expanded.get(role) {
            return Arc::clone(known);
        }
        let rules: Arc<[Arc<RoleRule>]> = self.expand(role).into();
        self.expanded.insert(role.clone(), Arc::clone(&rules));
        rules
    }

    /// What a role would grant if it were bound; none if the role is not here.
    pub(super) fn unbound(&mut self, role: &ObjectRef) -> Option<Access> {
        self.by_name.get(role)?;
        let scope =
            if role.namespace.is_empty() { Scope::Cluster } else { Scope::Namespace(role.namespace.clone()) };
        let way = Arc::new(Way { scope, binding: None, role: role.clone() });
        let grant = |source: &Arc<RoleRule>| Grant {
            source: Arc::clone(source),
            way: Arc::clone(&way),
            origin: Origin::Application,
        };
        let grants = self.rules(role).iter().map(grant).collect();
        Some(Access { subject: role.clone(), holder: Holder::UnboundRole, grants, is_used: false })
    }

    fn expand(&self, name: &ObjectRef) -> Vec<Arc<RoleRule>> {
        let Some(role) = self.by_name.get(name) else {
            return written(name, &bootstrap::user_facing(name), &HashSet::new());
        };
        let sources = self.aggregated(role);
        let copied = sources.iter().flat_map(|source| &source.rules).collect();
        let mut rules = written(name, &role.rules, &copied);
        for source in sources {
            rules.extend(written(&reference(source), &source.rules, &HashSet::new()));
        }
        rules
    }

    /// ClusterRoles that the role's selectors match, and those that these aggregate in turn.
    fn aggregated(&self, role: &Role) -> Vec<&'a Role> {
        let mut found: BTreeMap<ObjectRef, &'a Role> = BTreeMap::new();
        let mut waiting: Vec<&Role> = vec![role];
        while let Some(next) = waiting.pop() {
            for selected in self.selected(next) {
                let name = reference(selected);
                if name != reference(role) && !found.contains_key(&name) {
                    found.insert(name, selected);
                    waiting.push(selected);
                }
            }
        }
        found.into_values().collect()
    }

    fn selected(&self, role: &Role) -> Vec<&'a Role> {
        let Some(aggregation) = role.aggregation_rule.as_ref().filter(|_| is_cluster_role(role)) else {
            return Vec::new();
        };
        let selects = |candidate: &Role| {
            let labels = &candidate.metadata.labels;
            aggregation.cluster_role_selectors.iter().any(|selector| selector.matches(labels))
        };
        let cluster_roles = self.by_name.values().copied().filter(|role| is_cluster_role(role));
        cluster_roles.filter(|candidate| selects(candidate)).collect()
    }
}

/// Rules that are written in the role itself.
fn written(role: &ObjectRef, rules: &[PolicyRule], copied: &HashSet<&PolicyRule>) -> Vec<Arc<RoleRule>> {
    rules
        .iter()
        .enumerate()
        .filter(|(_, rule)| !copied.contains(rule))
        .map(|(index, rule)| Arc::new(RoleRule { role: role.clone(), index, rule: rule.clone() }))
        .collect()
}

fn is_cluster_role(role: &Role) -> bool {
    role.metadata.namespace.is_empty()
}

/// The role's name.
fn reference(role: &Role) -> ObjectRef {
    let kind = if is_cluster_role(role) { "ClusterRole" } else { "Role" };
    role.metadata.reference(&GroupKind::new(RBAC_GROUP, kind))
}

/// The role that a binding names: a Role is one of the binding's namespace.
pub fn role_reference(binding: &Binding) -> ObjectRef {
    let role = &binding.role_ref;
    let namespace = if role.kind == "Role" { binding.metadata.namespace.as_str() } else { "" };
    ObjectRef::new(&GroupKind::new(RBAC_GROUP, role.kind.clone()), namespace, role.name.clone())
}
