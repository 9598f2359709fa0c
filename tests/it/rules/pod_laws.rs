//! Laws of the rules about Pods and the objects around them: no JSON makes them panic, and what they say depends
//! neither on the name of a Pod nor on the order of its lists.
//!
//! Objects are trees around the fields that rules read, with gaps, nulls and nonsense in them. Those that decode are
//! judged, as an edge would do.

mod trees;

use std::collections::BTreeMap;

use driftgate::engine::{Engine, Evaluation};
use driftgate::finding::{Identity, Severity};
use driftgate::model::meta::Meta;
use driftgate::model::pod::{Pod, PodTemplate};
use driftgate::model::reference::{GroupKind, ObjectRef};
use driftgate::model::world::{Evidence, PodView, World};
use driftgate::rules::{RULES, Settings};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An application with one Pod.
#[derive(Clone, Debug)]
struct Application {
    pod: Value,
    template: Value,
    around: Vec<(&'static str, Value)>,
}

impl Application {
    fn judge(&self, pod_name: &str) -> Evaluation {
        self.judge_replicas(&[pod_name])
    }

    /// The application with Pods of these names, which are alike but for them.
    fn judge_replicas(&self, pod_names: &[&str]) -> Evaluation {
        let (world, settings) = (self.world(), Settings::default());
        let rules = RULES.iter().copied().filter(|rule| !rule.code.starts_with("RBAC-"));
        let mut engine = Engine::new(rules, &settings, &world);
        let root = ObjectRef::new(&GroupKind::new("apps", "Deployment"), "shop", "web");
        let template: Option<PodTemplate> = decode(&self.template);
        for (pod_name, pod) in pod_names.iter().filter_map(|name| Some((name, decode::<Pod>(&self.pod)?))) {
            let object = ObjectRef::new(&GroupKind::new("", "Pod"), "shop", *pod_name);
            engine.pod(&PodView {
                evidence: Evidence::Live,
                object: &object,
                root: &root,
                labels: &pod.metadata.labels,
                annotations: &pod.metadata.annotations,
                spec: &pod.spec,
                status: Some(&pod.status),
                template: template.as_ref(),
            });
        }
        if let Some(template) = &template {
            engine.pod(&PodView {
                evidence: Evidence::Template,
                object: &root,
                root: &root,
                labels: &template.metadata.labels,
                annotations: &template.metadata.annotations,
                spec: &template.spec,
                status: None,
                template: None,
            });
        }
        engine.finish(&[])
    }

    fn world(&self) -> World {
        let mut world = World::default();
        for (kind, object) in &self.around {
            let Some(meta) = decode::<Named>(object).map(|named| named.metadata) else { continue };
            let group = if *kind == "Service" { "" } else { "admissionregistration.k8s.io" };
            world.owned.insert(meta.reference(&GroupKind::new(group, *kind)));
            match *kind {
                "Namespace" => world.namespaces.extend(named(&meta, object)),
                "Node" => world.nodes.extend(named(&meta, object)),
                "RuntimeClass" => world.runtime_classes.extend(named(&meta, object)),
                "ServiceCIDR" => world.service_cidrs.extend(decode(object)),
                "Service" => world.services.extend(decode(object)),
                "NetworkPolicy" => world.network_policies.extend(decode(object)),
                "MutatingWebhookConfiguration" => world.mutating_webhooks.extend(decode(object)),
                "MutatingAdmissionPolicy" => world.mutating_policies.extend(decode(object)),
                "MutatingAdmissionPolicyBinding" => world.mutating_policy_bindings.extend(decode(object)),
                _ => panic!("no place for a {kind}"),
            }
        }
        world
    }
}

#[derive(serde::Deserialize)]
struct Named {
    metadata: Meta,
}

fn named<T: DeserializeOwned>(meta: &Meta, object: &Value) -> Option<(String, T)> {
    Some((meta.name.clone(), decode(object)?))
}

fn decode<T: DeserializeOwned>(object: &Value) -> Option<T> {
    T::deserialize(object).ok()
}

fn any_application() -> impl Strategy<Value = Application> {
    let around = proptest::sample::select(trees::KINDS)
        .prop_flat_map(|kind| trees::object_of(kind).prop_map(move |object| (kind, object)));
    (trees::pod(), trees::template(), proptest::collection::vec(around, 0..8))
        .prop_map(|(pod, template, around)| Application { pod, template, around })
}

fn severities(evaluation: &Evaluation) -> BTreeMap<Identity, Severity> {
    let findings = evaluation.findings.iter();
    findings.map(|(identity, finding)| (identity.clone(), finding.severity)).collect()
}

/// Turns every list of the tree around.
fn reversed(tree: &Value) -> Value {
    match tree {
        Value::Array(items) => items.iter().rev().map(reversed).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), reversed(value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => tree.clone(),
    }
}

proptest! {
    // An application is a large tree: building it costs more than judging it.
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(application in any_application()) {
        prop_assert_eq!(application.judge("web-1").gaps.into_iter().next(), None);
    }

    #[test]
    fn the_name_of_a_pod_identifies_nothing(application in any_application()) {
        let names = ["web-1", "web-2"].map(|name| severities(&application.judge(name)));
        prop_assert_eq!(&names[0], &names[1]);
    }

    #[test]
    fn replicas_are_no_new_findings(application in any_application()) {
        let (one, three) = (application.judge("web-1"), application.judge_replicas(&["web-1", "web-3", "web-2"]));
        prop_assert_eq!(severities(&one), severities(&three));
    }

    #[test]
    fn hashes_identify_nothing(application in any_application()) {
        let hashed = |hash: &str| {
            let mut other = application.clone();
            for key in ["pod-template-hash", "controller-revision-hash"] {
                if let Some(labels) = other.pod.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
                    labels.insert(key.to_owned(), Value::from(hash));
                }
            }
            severities(&other.judge("web-1"))
        };
        prop_assert_eq!(hashed("5d4f"), hashed("7c9b"));
    }

    #[test]
    fn no_label_or_annotation_of_a_workload_silences_anything(
        application in any_application(),
        key in "driftgate\\.dev/(ignore|exclude|skip|allow|off|[a-z-]{1,9})",
        value in "(true|\\*|all|critical|privileged-container|WL-001)",
    ) {
        let mut other = application.clone();
        for metadata in [&mut other.pod, &mut other.template] {
            for map in ["/metadata/labels", "/metadata/annotations"] {
                if let Some(map) = metadata.pointer_mut(map).and_then(Value::as_object_mut) {
                    map.insert(key.clone(), Value::from(value.as_str()));
                }
            }
        }
        let now = severities(&other.judge("web-1"));
        for (identity, severity) in severities(&application.judge("web-1")) {
            prop_assert!(now.get(&identity).is_some_and(|it| *it >= severity), "{identity} was {severity}");
        }
    }

    #[test]
    fn the_order_of_lists_does_not_matter(application in any_application()) {
        let turned = Application {
            pod: reversed(&application.pod),
            template: reversed(&application.template),
            around: application.around.iter().map(|(kind, object)| (*kind, reversed(object))).collect(),
        };
        prop_assert_eq!(severities(&application.judge("web-1")), severities(&turned.judge("web-1")));
    }
}

#[test]
fn most_trees_decode() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let pods = trees::pod();
    let is_judged =
        |pod: Value| decode::<Pod>(&pod).is_some_and(|pod| pod.spec.every_container().next().is_some());
    let decoded = (0..256).filter(|_| is_judged(pods.new_tree(&mut runner).unwrap().current())).count();
    assert!(decoded > 128, "only {decoded} of 256 Pods decode and have containers");
}
