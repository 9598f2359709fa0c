//! Lists of whole kinds, with what belongs to the application marked and what cannot be seen as gaps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::cluster::Cluster;
use crate::cluster::error::{ApiError, Reason};
use crate::cluster::kinds::{ApiKind, Kinds};
use crate::cluster::list::{Pages, Query};
use crate::cluster::owners::Standing;
use crate::cluster::page::Entry;
use crate::declared::{Digest, declared};
use crate::finding::{Gap, GapReason, GapScope};
use crate::model::admission::{AdmissionPolicy, AdmissionPolicyBinding, WebhookConfiguration};
use crate::model::meta::{Meta, Partial};
use crate::model::namespace::Namespace;
use crate::model::network::{NetworkPolicy, Service, ServiceCidr};
use crate::model::node::{Node, RuntimeClass};
use crate::model::rbac::{Binding, Role};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::workload::Workload;
use crate::rules::Resource;
use crate::scope::{Membership, Scope};

/// What lists need to know.
#[derive(Clone, Debug)]
pub(super) struct Look<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) kinds: Arc<Kinds>,
    pub(super) scope: &'a Scope,
}

/// What lists brought besides the objects themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The application's own objects among those listed.
    pub(super) owned: BTreeSet<ObjectRef>,
    /// What the source declares of them.
    pub(super) declared: BTreeMap<ObjectRef, Digest>,
    /// What could not be seen.
    pub(super) gaps: BTreeSet<Gap>,
    /// Kinds of which something could not be seen, with the namespace.
    pub(super) hidden: BTreeSet<(GroupKind, String)>,
    /// Objects that could not be decoded beyond their metadata.
    pub(super) broken: Vec<Broken>,
}

/// An object that could not be decoded beyond its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) object: ObjectRef,
    pub(super) meta: Meta,
    pub(super) error: String,
}

impl Broken {
    pub(super) fn gap(self) -> Gap {
        Gap { scope: GapScope::Object(self.object), reason: GapReason::Undecodable, detail: self.error }
    }
}

impl Seen {
    /// Takes in what another list brought.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self { owned, declared, gaps, hidden, broken } = other;
        self.owned.extend(owned);
        self.declared.extend(declared);
        self.gaps.extend(gaps);
        self.hidden.extend(hidden);
        self.broken.extend(broken);
    }

    /// An object that cannot be decoded; without a name it may be any of its kind in its namespace.
    pub(super) fn undecodable(&mut self, kind: &ApiKind, namespace: &str, raw: &str, error: String) {
        let kind = kind.group_kind();
        match serde_json::from_str::<Partial>(raw) {
            Ok(partial) if !partial.metadata.name.is_empty() => {
                let meta = partial.metadata;
                self.broken.push(Broken { object: meta.reference(&kind), meta, error });
            }
            Ok(_) | Err(_) => {
                self.hidden.insert((kind.clone(), namespace.to_owned()));
                let scope = GapScope::Kind(kind, namespace.to_owned());
                self.gaps.insert(Gap { scope, reason: GapReason::Undecodable, detail: error });
            }
        }
    }

    /// What is broken hides itself, whoever's it is.
    pub(super) fn give_up_on_broken(&mut self) {
        for broken in std::mem::take(&mut self.broken) {
            self.hidden.insert((broken.object.group_kind(), broken.object.namespace.clone()));
            self.gaps.insert(broken.gap());
        }
    }
}

/// One object of a list.
pub(super) struct Listed<'a, T> {
    pub(super) value: T,
    pub(super) object: ObjectRef,
    pub(super) is_owned: bool,
    pub(super) raw: &'a str,
}

/// Objects that say who they are.
pub(super) trait Object: DeserializeOwned {
    fn meta(&self) -> &Meta;
}

macro_rules! objects {
    ($($object:ty),+ $(,)?) => {
        $(impl Object for $object {
            fn meta(&self) -> &Meta {
                &self.metadata
            }
        })+
    };
}

objects!(
    AdmissionPolicy,
    AdmissionPolicyBinding,
    Binding,
    Namespace,
    NetworkPolicy,
    Node,
    Partial,
    Role,
    RuntimeClass,
    Service,
    ServiceCidr,
    WebhookConfiguration,
    Workload,
);

impl Look<'_> {
    /// Lists a kind in some places (namespaces, or `""` for all of them) and keeps what `pick` picks.
    ///
    /// # Errors
    /// The API server is unavailable. Any other failure is a gap.
    pub(super) async fn pick<T: Object, U>(
        &self,
        resource: &Resource,
        places: &[String],
        mut pick: impl FnMut(Listed<'_, T>) -> Option<U>,
    ) -> Result<(Vec<U>, Seen), ApiError> {
        let (mut picked, mut seen) = (Vec::new(), Seen::default());
        let Some(kind) = self.kinds.resource(resource) else {
            seen.absorb(self.unknown(resource));
            return Ok((picked, seen));
        };
        let everywhere = [String::new()];
        let places = if kind.namespaced { places } else { &everywhere };
        for namespace in places {
            let query = query(kind, namespace);
            let mut pages = Pages::new(self.cluster, &query);
            loop {
                let page = match pages.next::<T>().await {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(error) => {
                        seen.absorb(unseen(&error, kind, namespace)?);
                        break;
                    }
                };
                for Entry { place, value } in page.items {
                    let raw = &page.text[place];
                    match value {
                        Ok(value) => {
                            picked.extend(pick(self.mark(kind, value, raw, &mut seen)));
                        }
                        Err(error) => seen.undecodable(kind, namespace, raw, error),
                    }
                }
            }
        }
        Ok((picked, seen))
    }

    /// Lists a kind and keeps all of it.
    pub(super) async fn all<T: Object>(
        &self,
        resource: &Resource,
        places: &[String],
    ) -> Result<(Vec<T>, Seen), ApiError> {
        self.pick(resource, places, |listed| Some(listed.value)).await
    }

    /// Whose an object is by itself.
    pub(super) fn standing(&self, object: &ObjectRef, meta: &Meta) -> Standing {
        standing(self.scope, object, meta)
    }

    /// True if objects of the kind live in namespaces; a kind that the API server does not have is taken to.
    pub(super) fn is_namespaced(&self, kind: &GroupKind) -> bool {
        self.kinds.find(kind).is_none_or(|kind| kind.namespaced)
    }

    /// What a source declares matters where there is a source: files are their own.
    pub(super) fn digest(&self, raw: &str) -> Option<Digest> {
        if self.scope.membership == Membership::Everything { None } else { declared(raw) }
    }

    fn mark<'r, T: Object>(&self, kind: &ApiKind, value: T, raw: &'r str, seen: &mut Seen) -> Listed<'r, T> {
        let object = value.meta().reference(&kind.group_kind());
        let is_owned = self.scope.owns(&object, value.meta());
        if is_owned {
            if let Some(digest) = self.digest(raw) {
                seen.declared.insert(object.clone(), digest);
            }
            seen.owned.insert(object.clone());
        }
        Listed { value, object, is_owned, raw }
    }

    /// A kind that the API server does not have is absent, unless it could not say.
    fn unknown(&self, resource: &Resource) -> Seen {
        let mut seen = Seen::default();
        if self.kinds.is_silent(resource.group) {
            let kind = GroupKind::new(resource.group, resource.kind);
            seen.hidden.insert((kind.clone(), String::new()));
            let detail = format!("the API server does not say what is in the group {}", resource.group);
            let scope = GapScope::Kind(kind, String::new());
            seen.gaps.insert(Gap { scope, reason: GapReason::Unreadable, detail });
        }
        seen
    }
}

/// Whose an object is by itself.
pub fn standing(scope: &Scope, object: &ObjectRef, meta: &Meta) -> Standing {
    if scope.own_job.as_ref() == Some(object) {
        return Standing::Gate;
    }
    let any = match &scope.membership {
        Membership::Namespace | Membership::Everything => {
            !object.namespace.is_empty()
                && scope.namespaces.as_ref().is_none_or(|names| names.contains(&object.namespace))
        }
        Membership::Tracked(_) | Membership::Listed(_) | Membership::Selector(_) => false,
    };
    if any || scope.owns(object, meta) { Standing::Own } else { Standing::Other }
}

fn query(kind: &ApiKind, namespace: &str) -> Query {
    let query = Query::new(kind).namespace(namespace);
    // A definition holds whole schemas: 500 of them may be hundreds of megabytes.
    if kind.plural == "customresourcedefinitions" { query.pages_of(20) } else { query }
}

/// A list that failed hides its kind. An API server that is unavailable fails the whole run.
pub(super) fn unseen(error: &ApiError, kind: &ApiKind, place: &str) -> Result<Seen, ApiError> {
    if error.reason() == Reason::Unavailable {
        return Err(error.clone());
    }
    let scope = GapScope::Kind(kind.group_kind(), place.to_owned());
    Ok(Seen {
        gaps: [error.gap(scope)].into(),
        hidden: [(kind.group_kind(), place.to_owned())].into(),
        ..Seen::default()
    })
}
