//! Which of the objects that were read have to be written down: the application's own, what they belong to and what
//! belongs to them, and what bears on its Pods. Others' workloads and Pods are left out, and so is their RBAC.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::record::heard::{Heard, Objects};
use crate::cluster::{Belongs, Owner, Owners, Survey, standing};
use crate::model::access::{self, AccountUse, Accounts, RBAC_GROUP};
use crate::model::crd::CustomResource;
use crate::model::meta::{Meta, Partial};
use crate::model::network::{NetworkPolicy, Service};
use crate::model::pod::Pod;
use crate::model::rbac::{Binding, Role};
use crate::model::reference::{GroupKind, ObjectRef};
use crate::model::selector::LabelSelector;
use crate::scope::{Membership, Scope};

/// What is kept of what was heard; decoded one by one, because a tree is ten times as large as its text.
pub(super) fn nearby(heard: &Heard, scope: &Scope, survey: &Survey) -> Objects {
    let near = Near { heard, scope, survey, metas: metas(&heard.objects) };
    let mut kept = near.lineage();
    let accounts = accounts(&heard.objects, &kept);
    kept.extend(near.surroundings(&accounts));
    kept.extend(near.access(&accounts));
    kept.extend(near.definitions(&kept));
    let used = uids_of_owners(&near, &kept);
    let text = |name: &ObjectRef| Some(without_noise(name, heard.objects.get(name)?, &used));
    kept.iter().filter_map(|name| Some((name.clone(), text(name)?))).collect()
}

struct Near<'a> {
    heard: &'a Heard,
    scope: &'a Scope,
    survey: &'a Survey,
    metas: BTreeMap<&'a ObjectRef, Meta>,
}

fn metas(objects: &Objects) -> BTreeMap<&ObjectRef, Meta> {
    let meta = |(name, text): (&ObjectRef, &str)| {
        let Partial { metadata, .. } = decode(text).unwrap_or_default();
        let ObjectRef { namespace, name, .. } = name.clone();
        Meta { name, namespace, ..metadata }
    };
    objects.iter().map(|(name, text)| (name, meta((name, text)))).collect()
}

fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// How an object comes to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// By whom it belongs to.
    Lineage,
    /// With the rest of its kind, or because it bears on the Pods.
    Surroundings,
    /// By what it grants to whom.
    Access,
    /// By the kind that it defines.
    Definition,
}

fn part(object: &ObjectRef) -> Part {
    match (object.group.as_str(), object.kind.as_str()) {
        (RBAC_GROUP, _) => Part::Access,
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Part::Definition,
        ("", "Namespace" | "Node" | "Service" | "ServiceAccount")
        | ("networking.k8s.io", "NetworkPolicy" | "ServiceCIDR")
        | ("node.k8s.io" | "admissionregistration.k8s.io" | "discovery.k8s.io", _)
        | ("argoproj.io", "Application")
        | ("kustomize.toolkit.fluxcd.io", "Kustomization")
        | ("helm.toolkit.fluxcd.io", "HelmRelease") => Part::Surroundings,
        _ => Part::Lineage,
    }
}

impl<'a> Near<'a> {
    fn all(&self, wanted: Part) -> impl Iterator<Item = (&'a ObjectRef, &'a str)> {
        let all = self.heard.objects.iter().map(|(name, text)| (name, &**text));
        all.filter(move |(name, _)| part(name) == wanted)
    }

    fn owns(&self, object: &ObjectRef) -> bool {
        self.survey.world.owned.contains(object)
    }

    /// What belongs to the application or may do so, and its owners up to the outermost.
    fn lineage(&self) -> BTreeSet<ObjectRef> {
        let mut owners = Owners::trusting_names(self.scope.membership == Membership::Everything);
        for (name, meta) in &self.metas {
            let owner = Owner::new((*name).clone(), standing(self.scope, name, meta), meta);
            owners.insert(&meta.uid, owner);
        }
        let mut kept = BTreeSet::new();
        let mut makers = BTreeSet::new();
        for (name, text) in self.all(Part::Lineage) {
            let Some(meta) = self.metas.get(name) else { continue };
            let line = owners.line(meta);
            let belongs = line.belongs(standing(self.scope, name, meta), &owners);
            let line = line.owners.iter().map(|index| &owners.at(*index).object);
            let mut is_witness = || line.clone().any(|owner| makes_live_pod(name, text, owner, &mut makers));
            if belongs != Belongs::No || is_witness() {
                kept.extend(line.cloned());
                kept.insert(name.clone());
            }
        }
        kept
    }

    /// Namespaces, Services and policies around the Pods; what is not in namespaces is kept whole.
    fn surroundings(&self, accounts: &'a Accounts) -> impl Iterator<Item = ObjectRef> {
        let world = &self.survey.world;
        let named = |all: Vec<&Meta>, kind: GroupKind| -> Vec<ObjectRef> {
            all.into_iter().map(|meta| meta.reference(&kind)).collect()
        };
        let services = world.services.iter().map(|service| &service.metadata).collect();
        let policies = world.network_policies.iter().map(|policy| &policy.metadata).collect();
        let mut near: BTreeSet<ObjectRef> =
            named(services, GroupKind::new("", "Service")).into_iter().collect();
        near.extend(named(policies, GroupKind::new("networking.k8s.io", "NetworkPolicy")));
        near.extend(backends(self.survey).map(|(namespace, name)| service(namespace, name)));
        self.all(Part::Surroundings)
            .filter(move |(name, text)| {
                let wanted = match name.kind.as_str() {
                    "Namespace" => world.namespaces.contains_key(&name.name),
                    "Service" => near.contains(name) || decode::<Service>(text).is_none(),
                    "NetworkPolicy" => near.contains(name) || decode::<NetworkPolicy>(text).is_none(),
                    "ServiceAccount" => accounts.contains_key(&(name.namespace.clone(), name.name.clone())),
                    _ => true,
                };
                wanted || self.owns(name)
            })
            .map(|(name, _)| name.clone())
    }

    /// Bindings that reach the accounts or are the application's own, their roles, and what those aggregate.
    fn access(&self, accounts: &Accounts) -> BTreeSet<ObjectRef> {
        let mut kept = BTreeSet::new();
        let mut roles = BTreeMap::new();
        for (name, text) in self.all(Part::Access) {
            let is_role = matches!(name.kind.as_str(), "Role" | "ClusterRole");
            match (is_role, decode::<Role>(text), decode::<Binding>(text)) {
                (true, Some(role), _) => drop(roles.insert(name.clone(), role)),
                (false, _, Some(binding)) => {
                    if access::concerns(&binding, accounts, &self.survey.world.owned) {
                        kept.insert(access::role_reference(&binding));
                        kept.insert(name.clone());
                    }
                }
                // Nobody can tell whom it concerns.
                (true, None, _) | (false, _, None) => drop(kept.insert(name.clone())),
            }
        }
        kept.extend(roles.keys().filter(|role| self.owns(role)).cloned());
        while let Some(more) = aggregated(&roles, &kept) {
            kept.extend(more);
        }
        kept
    }

    /// Definitions of the kinds that are kept or could not be seen, and of those whose objects become Pods.
    fn definitions(&self, kept: &BTreeSet<ObjectRef>) -> Vec<ObjectRef> {
        let kinds: BTreeSet<GroupKind> = kept.iter().map(ObjectRef::group_kind).collect();
        let wanted = |name: &ObjectRef, json: &str| {
            let value: Value = decode(json).unwrap_or_default();
            let names = &value["spec"]["names"];
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let group = text(&value["spec"]["group"]);
            let producer = decode::<CustomResource>(json).map(|definition| definition.pod_producer());
            producer.is_none_or(|producer| producer.is_some())
                || kinds.contains(&GroupKind::new(group.clone(), text(&names["kind"])))
                || self.heard.hides(&group, &text(&names["plural"]))
                || self.owns(name)
        };
        self.all(Part::Definition)
            .filter(|(name, text)| wanted(name, text))
            .map(|(name, _)| name.clone())
            .collect()
    }
}

/// True for the first live Pod of each kind that is not built in and was seen to make Pods: whose they are does not
/// matter for that.
fn makes_live_pod(name: &ObjectRef, text: &str, owner: &ObjectRef, makers: &mut BTreeSet<GroupKind>) -> bool {
    let is_pod = name.group.is_empty() && name.kind == "Pod";
    if !is_pod || matches!(owner.group.as_str(), "" | "apps" | "batch") {
        return false;
    }
    let lives = decode::<Pod>(text).is_some_and(|pod| {
        let is_replaced = pod.metadata.is_deleting() && !pod.metadata.owner_references.is_empty();
        !pod.status.is_finished() && !is_replaced
    });
    lives && makers.insert(owner.group_kind())
}

/// Services of webhooks that change objects, by namespace and name.
pub(super) fn backends(survey: &Survey) -> impl Iterator<Item = (&str, &str)> {
    let webhooks = survey.world.mutating_webhooks.iter().flat_map(|configuration| &configuration.webhooks);
    let services = webhooks.filter_map(|webhook| webhook.client_config.service.as_ref());
    services.map(|service| (service.namespace.as_str(), service.name.as_str()))
}

fn service(namespace: &str, name: &str) -> ObjectRef {
    ObjectRef::new(&GroupKind::new("", "Service"), namespace, name)
}

/// ServiceAccounts of the Pods and templates that are kept.
fn accounts(objects: &Objects, kept: &BTreeSet<ObjectRef>) -> Accounts {
    let mut accounts = Accounts::new();
    for name in kept {
        let Some(value) = objects.get(name).and_then(|text| decode::<Value>(text)) else { continue };
        for place in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
            let Some(spec) = value.pointer(place).filter(|spec| spec.get("containers").is_some()) else {
                continue;
            };
            let account = spec["serviceAccountName"].as_str().filter(|name| !name.is_empty());
            let account = account.unwrap_or("default").to_owned();
            accounts.insert((name.namespace.clone(), account), AccountUse::default());
        }
    }
    accounts
}

/// ClusterRoles that those kept aggregate; none if there are no more.
fn aggregated(roles: &BTreeMap<ObjectRef, Role>, kept: &BTreeSet<ObjectRef>) -> Option<BTreeSet<ObjectRef>> {
    let aggregations = kept.iter().filter_map(|name| roles.get(name)?.aggregation_rule.as_ref());
    let selectors: Vec<&LabelSelector> = aggregations.flat_map(|rule| &rule.cluster_role_selectors).collect();
    let selected = roles.iter().filter(|(name, role)| {
        let labels = &role.metadata.labels;
        name.kind == "ClusterRole" && selectors.iter().any(|selector| selector.matches(labels))
    });
    let more: BTreeSet<_> =
        selected.map(|(name, _)| name).filter(|name| !kept.contains(name)).cloned().collect();
    (!more.is_empty()).then_some(more)
}

/// uids by which owners of what is kept are named.
fn uids_of_owners(near: &Near<'_>, kept: &BTreeSet<ObjectRef>) -> BTreeSet<String> {
    let owners = kept.iter().filter_map(|name| near.metas.get(name)).flat_map(|meta| &meta.owner_references);
    owners.map(|owner| owner.uid.clone()).collect()
}

/// Without what changes and means nothing. A uid says something only where an owner is named by it, and of what changes
/// Pods on their way in, where it tells the old one from the new. An Application counts its refreshes as generations.
fn without_noise(name: &ObjectRef, text: &str, used: &BTreeSet<String>) -> Box<str> {
    let mut value: Value = decode(text).unwrap_or_default();
    let Some(metadata) = value["metadata"].as_object_mut() else { return text.into() };
    let uid = metadata.get("uid").and_then(Value::as_str).unwrap_or_default();
    if !used.contains(uid) && name.group != "admissionregistration.k8s.io" {
        metadata.remove("uid");
    }
    if name.group == "argoproj.io" && name.kind == "Application" {
        metadata.remove("generation");
    }
    value.to_string().into()
}
