//! Owners of kinds that nobody listed: each kind is listed once a namespace, however many objects name it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::error::ApiError;
use crate::cluster::kinds::ApiKind;
use crate::cluster::list::{Item, Query};
use crate::cluster::look::{Look, Seen, unseen};
use crate::cluster::owners::{Missing, Owner, Owners};
use crate::finding::{Gap, GapReason, GapScope};
use crate::model::meta::Partial;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::workload::Workload;

/// A kind in a namespace; empty for all namespaces and for cluster-scoped kinds.
pub(super) type Place = (GroupKind, String);

/// What was looked up so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Lookups {
    /// Why nothing was found there, if the list failed.
    done: BTreeMap<Place, Option<(GapReason, String)>>,
}

impl Lookups {
    /// Where to look for an owner that nobody knows.
    pub(super) fn place(look: &Look<'_>, missing: &Missing<'_>) -> Place {
        let kind = missing.reference.group_kind();
        let everywhere = look.scope.namespaces.is_none() || !look.is_namespaced(&kind);
        let namespace = if everywhere { String::new() } else { missing.namespace.to_owned() };
        (kind, namespace)
    }

    /// True if the place was looked at: what is not known from there does not exist or cannot be seen.
    pub(super) fn is_done(&self, place: &Place) -> bool {
        self.done.contains_key(place)
    }

    /// Lists what is wanted and adds it to the owners.
    ///
    /// # Errors
    /// The API server is unavailable. Any other failure is kept for [`Self::why`].
    pub(super) async fn look_up(
        &mut self,
        look: &Look<'_>,
        wanted: BTreeSet<Place>,
        owners: &mut Owners,
    ) -> Result<Seen, ApiError> {
        let mut all = Seen::default();
        for place in wanted {
            let why = match look.kinds.find(&place.0) {
                Some(kind) => {
                    let (seen, why) = list(look, kind, &place.1, owners).await?;
                    all.absorb(seen);
                    why
                }
                None if look.kinds.is_silent(&place.0.group) => {
                    let detail =
                        format!("the API server does not say what is in the group {}", place.0.group);
                    Some((GapReason::Unreadable, detail))
                }
                None => Some((GapReason::Missing, "the API server does not have the kind".to_owned())),
            };
            self.done.insert(place, why);
        }
        Ok(all)
    }

    /// Why an owner is not known, after its place was looked at.
    fn why(&self, place: &Place) -> (GapReason, String) {
        let gone = || (GapReason::Missing, "there is no such object".to_owned());
        self.done.get(place).cloned().flatten().unwrap_or_else(gone)
    }
}

async fn list(
    look: &Look<'_>,
    kind: &ApiKind,
    namespace: &str,
    owners: &mut Owners,
) -> Result<(Seen, Option<(GapReason, String)>), ApiError> {
    let mut seen = Seen::default();
    let query = query(kind, namespace);
    let listed = look.cluster.list::<Partial>(&query, |Item { value, raw }| {
        let meta = value.metadata;
        let object = meta.reference(&kind.group_kind());
        let standing = look.standing(&object, &meta);
        if look.scope.owns(&object, &meta) {
            seen.owned.insert(object.clone());
            seen.declared.extend(look.digest(raw).map(|digest| (object.clone(), digest)));
        }
        // Many custom resources carry a pod template where a Deployment does; for others it is no template.
        let owner = match serde_json::from_str::<Workload>(raw) {
            Ok(workload) => Owner::workload(object, standing, workload),
            Err(_another_shape) => Owner::new(object, standing, &meta),
        };
        owners.insert(&meta.uid, owner);
    });
    match listed.await {
        Ok(_undecodable) => Ok((seen, None)),
        Err(error) => {
            unseen(&error, kind, namespace)?;
            let gap = error.gap(GapScope::Application);
            Ok((seen, Some((gap.reason, error.to_string()))))
        }
    }
}

/// Values of Secrets and ConfigMaps stay where they are.
fn query(kind: &ApiKind, namespace: &str) -> Query {
    let query = Query::new(kind).namespace(namespace);
    let holds_values = kind.group.is_empty() && matches!(kind.plural.as_str(), "secrets" | "configmaps");
    if holds_values { query.metadata_only() } else { query }
}

/// Objects of which nobody can tell whether they are the application's.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden(BTreeMap<(GroupKind, String, Place), BTreeSet<String>>);

/// How many names a gap's text holds.
const MOST_NAMES: usize = 3;

impl Hidden {
    /// Notes an object whose owner is not known.
    pub(super) fn add(&mut self, look: &Look<'_>, object: &ObjectRef, missing: &Missing<'_>) {
        let place = Lookups::place(look, missing);
        let key = (object.group_kind(), object.namespace.clone(), place);
        self.0.entry(key).or_default().insert(object.name.clone());
    }

    /// One gap for all objects of a kind that one kind of owner hides.
    pub(super) fn gaps(self, lookups: &Lookups) -> impl Iterator<Item = Gap> {
        self.0.into_iter().map(|((kind, namespace, place), names)| {
            let (reason, cause) = lookups.why(&place);
            let shown: Vec<_> = names.iter().take(MOST_NAMES).map(String::as_str).collect();
            let more = match names.len() - shown.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let detail = format!(
                "{}{more} may belong to the application, but the owner, a {}, is not known: {cause}",
                shown.join(", "),
                place.0
            );
            Gap { scope: GapScope::Kind(kind, namespace), reason, detail }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_and_config_maps_are_not_asked_for() {
        for (plural, kind) in [("secrets", "Secret"), ("configmaps", "ConfigMap")] {
            let kind = ApiKind::example("", plural, kind);
            assert_eq!(query(&kind, "shop"), Query::new(&kind).namespace("shop").metadata_only());
        }
        let kind = ApiKind::example("example.com", "secrets", "Secret");
        assert_eq!(query(&kind, "shop"), Query::new(&kind).namespace("shop"));
    }
}
