//! Who a binding's subject is, and which of the holders it means.
//!
//! A ServiceAccount acts as the User `system:serviceaccount:NAMESPACE:NAME` in the Groups `system:serviceaccounts`,
//! `system:serviceaccounts:NAMESPACE` and `system:authenticated`; a binding may name it any of these ways.
//! Does not know the groups of people: only the identity provider does.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::access::{Accounts, RBAC_GROUP, binding_reference, bootstrap};
use crate::model::rbac::{Binding, Subject};
use crate::model::reference::{GroupKind, ObjectRef};

const ACCOUNT_USER: &str = "system:serviceaccount:";
const ALL_ACCOUNTS: &str = "system:serviceaccounts";
const ACCOUNTS_OF: &str = "system:serviceaccounts:";
const AUTHENTICATED: &str = "system:authenticated";

/// A subject in normal form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    /// Namespace and name of a ServiceAccount.
    Account(String, String),
    /// A person or machine.
    User(String),
    /// Whoever the authenticator puts into it.
    Group(String),
}

impl Who {
    pub(super) fn account(namespace: &str, name: &str) -> Self {
        Self::Account(namespace.to_owned(), name.to_owned())
    }

    /// The subject in normal form; none if it means nobody: an unknown kind, or a ServiceAccount without namespace
    /// in a ClusterRoleBinding.
    pub(super) fn of(subject: &Subject, binding: &Binding) -> Option<Self> {
        match subject.kind.as_str() {
            "ServiceAccount" => {
                let own = &subject.namespace;
                let namespace = if own.is_empty() { &binding.metadata.namespace } else { own };
                (!namespace.is_empty()).then(|| Self::account(namespace, &subject.name))
            }
            "User" => Some(Self::of_user(&subject.name)),
            "Group" => Some(Self::Group(subject.name.clone())),
            _ => None,
        }
    }

    fn of_user(name: &str) -> Self {
        match name.strip_prefix(ACCOUNT_USER).and_then(|account| account.split_once(':')) {
            Some((namespace, account)) => Self::account(namespace, account),
            None => Self::User(name.to_owned()),
        }
    }

    /// As the subject of findings.
    pub(super) fn reference(&self) -> ObjectRef {
        match self {
            Self::Account(namespace, name) => {
                ObjectRef::new(&GroupKind::new("", "ServiceAccount"), namespace, name)
            }
            Self::User(name) => ObjectRef::new(&GroupKind::new(RBAC_GROUP, "User"), "", name),
            Self::Group(name) => ObjectRef::new(&GroupKind::new(RBAC_GROUP, "Group"), "", name),
        }
    }

    /// Key of a ServiceAccount in [`Accounts`].
    pub(super) fn account_key(&self) -> Option<(String, String)> {
        match self {
            Self::Account(namespace, name) => Some((namespace.clone(), name.clone())),
            Self::User(_) | Self::Group(_) => None,
        }
    }
}

/// Holders that the binding gives its role to, without those that Kubernetes' own bindings are made for.
pub(super) fn reached<T>(
    binding: &Binding,
    held: &BTreeMap<Who, T>,
    owned: &BTreeSet<ObjectRef>,
) -> BTreeSet<Who> {
    let own = owned.contains(&binding_reference(binding));
    let mut reached = BTreeSet::new();
    for who in binding.subjects.iter().filter_map(|subject| Who::of(subject, binding)) {
        if let Who::Account(namespace, account) = &who
            && !own
            && bootstrap::is_made_for(binding, namespace, account)
        {
            continue;
        }
        if let Who::Group(group) = &who {
            reached.extend(accounts_in(group, held).cloned());
        }
        if held.contains_key(&who) {
            reached.insert(who);
        }
    }
    reached
}

/// ServiceAccounts among the holders that are in the group.
fn accounts_in<'a, T>(group: &'a str, held: &'a BTreeMap<Who, T>) -> impl Iterator<Item = &'a Who> {
    let everyone = group == ALL_ACCOUNTS || group == AUTHENTICATED;
    let namespace = if everyone { Some("") } else { group.strip_prefix(ACCOUNTS_OF) };
    namespace.into_iter().flat_map(move |namespace| {
        held.range(Who::account(namespace, "")..)
            .map(|(who, _)| who)
            .take_while(move |who| matches!(who, Who::Account(of, _) if everyone || of == namespace))
    })
}

/// True if the subject means one of the accounts.
pub(super) fn is_any_of(subject: &Subject, binding: &Binding, accounts: &Accounts) -> bool {
    match Who::of(subject, binding) {
        Some(Who::Account(namespace, name)) => accounts.contains_key(&(namespace, name)),
        Some(Who::Group(group)) if group == ALL_ACCOUNTS || group == AUTHENTICATED => !accounts.is_empty(),
        Some(Who::Group(group)) => group.strip_prefix(ACCOUNTS_OF).is_some_and(|namespace| {
            let first = (namespace.to_owned(), String::new());
            accounts.range(first..).next().is_some_and(|((of, _), _)| of == namespace)
        }),
        Some(Who::User(_)) | None => false,
    }
}
