//! From the objects of a fixture to an evaluation.
//!
//! All objects of the file are the application's own, unless the label `fixture/foreign` says otherwise.

use std::collections::BTreeMap;

use driftgate::engine::{Engine, Evaluation};
use driftgate::model::access::{RBAC_GROUP, accesses};
use driftgate::model::crd::pod_producer;
use driftgate::model::meta::{Meta, Partial};
use driftgate::model::pod::{Pod, PodTemplate};
use driftgate::model::rbac::{Binding, Role};
use driftgate::model::reference::{GroupKind, ObjectRef};
use driftgate::model::workload::Workload;
use driftgate::model::world::{Evidence, PodView, World};
use driftgate::rules::{Rule, Settings};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Runs one rule on the objects of a multi-document YAML file.
pub(crate) fn judge(rule: &'static Rule, yaml: &str) -> Evaluation {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    let mut collected = Collected::default();
    for document in documents.into_iter().filter(|document| !document.is_null()) {
        collected.take(document);
    }
    collected.judge(rule)
}

#[derive(Default)]
struct Collected {
    world: World,
    pods: Vec<(ObjectRef, Pod)>,
    makers: BTreeMap<ObjectRef, Maker>,
    roles: Vec<Role>,
    bindings: Vec<Binding>,
}

struct Maker {
    metadata: Meta,
    template: Option<PodTemplate>,
}

impl Collected {
    fn take(&mut self, document: Value) {
        let partial: Partial = decode(document.clone());
        let group = partial.api_version.rsplit_once('/').map_or("", |(group, _version)| group);
        let kind = GroupKind::new(group, partial.kind);
        let object = partial.metadata.reference(&kind);
        if !partial.metadata.labels.contains_key("fixture/foreign") {
            self.world.owned.insert(object.clone());
        }
        match (group, kind.kind.as_str()) {
            ("", "Pod") => self.pods.push((object, decode(document))),
            ("", "Namespace") => {
                self.world.namespaces.insert(object.name, decode(document));
            }
            ("", "Node") => {
                self.world.nodes.insert(object.name, decode(document));
            }
            ("", "Service") => self.world.services.push(decode(document)),
            ("node.k8s.io", _) => {
                self.world.runtime_classes.insert(object.name, decode(document));
            }
            ("networking.k8s.io", "NetworkPolicy") => self.world.network_policies.push(decode(document)),
            ("networking.k8s.io", "ServiceCIDR") => self.world.service_cidrs.push(decode(document)),
            ("admissionregistration.k8s.io", kind) => self.take_admission(kind, document),
            (RBAC_GROUP, "Role" | "ClusterRole") => self.roles.push(decode(document)),
            (RBAC_GROUP, _) => self.bindings.push(decode(document)),
            ("apiextensions.k8s.io", _) => {
                self.world.pod_producers.extend(pod_producer(&document.to_string()));
            }
            (_, _) => {
                let workload: Workload = decode(document);
                let template = workload.template().cloned();
                self.makers.insert(object, Maker { metadata: workload.metadata, template });
            }
        }
    }

    fn take_admission(&mut self, kind: &str, document: Value) {
        let world = &mut self.world;
        match kind {
            "MutatingWebhookConfiguration" => world.mutating_webhooks.push(decode(document)),
            "ValidatingWebhookConfiguration" => world.validating_webhooks.push(decode(document)),
            "MutatingAdmissionPolicy" => world.mutating_policies.push(decode(document)),
            "MutatingAdmissionPolicyBinding" => world.mutating_policy_bindings.push(decode(document)),
            _ => panic!("no place for a {kind}"),
        }
    }

    fn judge(&self, rule: &'static Rule) -> Evaluation {
        let settings = Settings::default();
        let mut engine = Engine::new([rule], &settings, &self.world);
        for (object, pod) in &self.pods {
            let owner = owner(object, &pod.metadata);
            let root = owner.as_ref().map_or_else(|| object.clone(), |owner| self.root(owner));
            engine.pod(&PodView {
                evidence: Evidence::Live,
                object,
                root: &root,
                labels: &pod.metadata.labels,
                annotations: &pod.metadata.annotations,
                spec: &pod.spec,
                status: Some(&pod.status),
                template: owner.and_then(|owner| self.makers.get(&owner)?.template.as_ref()),
            });
        }
        for (object, template) in self.idle_templates() {
            engine.pod(&PodView {
                evidence: Evidence::Template,
                object,
                root: object,
                labels: &template.metadata.labels,
                annotations: &template.metadata.annotations,
                spec: &template.spec,
                status: None,
                template: Some(template),
            });
        }
        let accesses = accesses(engine.accounts(), &self.roles, &self.bindings, &self.world.owned);
        engine.finish(&accesses)
    }

    /// Templates of outermost owners that have no Pod in the file.
    fn idle_templates(&self) -> impl Iterator<Item = (&ObjectRef, &PodTemplate)> {
        self.makers.iter().filter_map(|(object, maker)| {
            let busy = self.pods.iter().any(|(pod, live)| {
                owner(pod, &live.metadata).is_some_and(|owner| self.root(&owner) == *object)
            });
            let idle = !busy && maker.metadata.controller().is_none();
            Some((object, maker.template.as_ref()?)).filter(|_| idle)
        })
    }

    fn root(&self, object: &ObjectRef) -> ObjectRef {
        let above = self.makers.get(object).and_then(|maker| owner(object, &maker.metadata));
        above.map_or_else(|| object.clone(), |above| self.root(&above))
    }
}

fn owner(object: &ObjectRef, metadata: &Meta) -> Option<ObjectRef> {
    let owner = metadata.controller()?;
    Some(ObjectRef::new(&owner.group_kind(), object.namespace.clone(), owner.name.clone()))
}

fn decode<T: DeserializeOwned>(document: Value) -> T {
    serde_json::from_value(document).unwrap()
}
