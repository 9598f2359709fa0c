//! How a power came to its subject, for people: binding, role, index of the rule.

use std::collections::BTreeMap;

use crate::model::access::Grant;
use crate::model::reference::ObjectRef;

/// More ways than this are only counted.
const SHOWN: usize = 3;

/// Each grant once, in the order of binding, role and index.
pub(super) fn sorted<'a>(grants: impl Iterator<Item = &'a Grant>) -> Vec<&'a Grant> {
    let key =
        |grant: &'a Grant| (&grant.way.binding, &grant.way.role, &grant.source.role, grant.source.index);
    grants.map(|grant| (key(grant), grant)).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// `ClusterRole web rules[0]`: where the first of the rules stands.
pub(super) fn path(grants: &[&Grant]) -> String {
    grants.first().map_or_else(String::new, |first| {
        format!("{} rules[{}]", short(&first.source.role), first.source.index)
    })
}

/// `ClusterRoleBinding a to ClusterRole b rules[0,2], RoleBinding …`.
pub(super) fn all(grants: &[&Grant]) -> String {
    let mut indexes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for grant in grants {
        indexes.entry(from(grant)).or_default().push(grant.source.index.to_string());
    }
    let more = match indexes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        1 => String::from(", and one more way"),
        more => format!(", and {more} more ways"),
    };
    let shown =
        indexes.iter().take(SHOWN).map(|(from, indexes)| format!("{from} rules[{}]", indexes.join(",")));
    format!("{}{more}", shown.collect::<Vec<_>>().join(", "))
}

/// `ClusterRoleBinding a to ClusterRole b`.
fn from(grant: &Grant) -> String {
    let role = short(&grant.source.role);
    let role = if grant.source.role == grant.way.role {
        role
    } else {
        format!("{}, which aggregates {role}", short(&grant.way.role))
    };
    match &grant.way.binding {
        Some(binding) => format!("{} to {role}", short(binding)),
        None => role,
    }
}

/// `RoleBinding shop/web`: everyone knows the group.
pub(super) fn short(object: &ObjectRef) -> String {
    let ObjectRef { group: _, kind, namespace, name } = object;
    if namespace.is_empty() { format!("{kind} {name}") } else { format!("{kind} {namespace}/{name}") }
}
