//! ADM-001: an application that changes objects on their way into the cluster.

use crate::finding::{Cause, Severity};
use crate::model::admission::{AdmissionPolicy, AdmissionPolicyBinding, Webhook, WebhookConfiguration};
use crate::model::reference::GroupKind;
use crate::model::world::World;
use crate::rules::shared::admission::{self, Selectors};
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "mutating-admission-installed",
    code: "ADM-001",
    title: "The application changes objects on their way into the cluster",
    severity: Severity::Critical,
    reads: &[resources::MUTATING_WEBHOOKS, resources::MUTATING_POLICIES, resources::MUTATING_POLICY_BINDINGS],
    consults: &[resources::CUSTOM_RESOURCE_DEFINITIONS],
    help: "Narrow namespaceSelector and objectSelector to what the application owns, and list only what it must change",
    page: include_str!("mutating_admission_installed.md"),
    sources: &["CIS 5.1.12", "MITRE T1546"],
    checks: &[
        Check::MutatingWebhook(webhooks),
        Check::MutatingPolicy(policy),
        Check::MutatingBinding(foreign_policy),
    ],
};

fn webhooks(configuration: &WebhookConfiguration, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    for webhook in &configuration.webhooks {
        let reach = webhook_reach(webhook, world);
        let what = admission::in_words(&webhook.rules);
        let message = format!("Webhook {} may change {what}{}", webhook.name, reach.words());
        let path = format!("webhooks[name={}].rules", webhook.name);
        sink.finding(Observation::new(reach.severity(), webhook.name.clone(), path, message));
    }
}

fn webhook_reach(webhook: &Webhook, world: &World) -> Reach {
    let selectors = Selectors { namespace: &webhook.namespace_selector, object: &webhook.object_selector };
    let wide = admission::is_cluster_wide(&[&webhook.rules[..]], &[], &[selectors], world);
    Reach::of(wide, !webhook.match_conditions.is_empty())
}

/// A policy does something through each of its bindings.
fn policy(policy: &AdmissionPolicy, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    let name = &policy.metadata.name;
    let what = admission::in_words(&policy.spec.match_constraints.resource_rules);
    let path = "spec.matchConstraints";
    let bindings = world.mutating_policy_bindings.iter().filter(|it| it.spec.policy_name == *name);
    let mut is_bound = false;
    for binding in bindings {
        is_bound = true;
        let reach = policy_reach(policy, binding, world);
        let bound = &binding.metadata.name;
        let message = format!("The policy may change {what} through binding {bound}{}", reach.words());
        let object = binding.metadata.reference(&kind("MutatingAdmissionPolicyBinding"));
        sink.finding(
            Observation::new(reach.severity(), bound.clone(), path, message).caused_by(Cause::Object(object)),
        );
    }
    if !is_bound {
        let message = format!("The policy may change {what} as soon as a binding names it");
        sink.finding(Observation::new(Severity::High, "unbound", path, message));
    }
}

/// A binding of the application to somebody else's policy; its own policies speak for theirs.
fn foreign_policy(
    binding: &AdmissionPolicyBinding,
    world: &World,
    _settings: &Settings,
    sink: &mut Sink<'_>,
) {
    let name = &binding.spec.policy_name;
    let policy = world.mutating_policies.iter().find(|policy| policy.metadata.name == *name);
    let (severity, message) = match policy {
        Some(policy) if world.owns(&policy.metadata.reference(&kind("MutatingAdmissionPolicy"))) => return,
        Some(policy) => {
            let reach = policy_reach(policy, binding, world);
            let what = admission::in_words(&policy.spec.match_constraints.resource_rules);
            let words = reach.words();
            (reach.severity(), format!("The binding lets policy {name} of others change {what}{words}"))
        }
        None => (Severity::High, format!("The binding puts policy {name} in force, which was not seen")),
    };
    sink.finding(Observation::new(severity, name.clone(), "spec.policyName", message));
}

fn policy_reach(policy: &AdmissionPolicy, binding: &AdmissionPolicyBinding, world: &World) -> Reach {
    let (constraints, narrowed) = (&policy.spec.match_constraints, &binding.spec.match_resources);
    let selectors = [constraints, narrowed]
        .map(|it| Selectors { namespace: &it.namespace_selector, object: &it.object_selector });
    let excluded = [&constraints.exclude_resource_rules[..], &narrowed.exclude_resource_rules[..]].concat();
    let mut rules = vec![&constraints.resource_rules[..]];
    if !narrowed.resource_rules.is_empty() {
        rules.push(&narrowed.resource_rules);
    }
    let wide = admission::is_cluster_wide(&rules, &excluded, &selectors, world);
    Reach::of(wide, !policy.spec.match_conditions.is_empty())
}

fn kind(kind: &str) -> GroupKind {
    GroupKind::new("admissionregistration.k8s.io", kind)
}

/// How far a change goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Pods, workloads or RBAC of the whole cluster.
    Cluster,
    /// The same, but for conditions in CEL, which are not evaluated.
    Conditional,
    /// Less.
    Some,
}

impl Reach {
    fn of(is_cluster_wide: bool, has_conditions: bool) -> Self {
        match (is_cluster_wide, has_conditions) {
            (true, false) => Self::Cluster,
            (true, true) => Self::Conditional,
            (false, _) => Self::Some,
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Cluster => Severity::Critical,
            Self::Conditional | Self::Some => Severity::High,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Cluster => ", anywhere in the cluster",
            Self::Conditional => ", anywhere in the cluster as far as its match conditions go",
            Self::Some => "",
        }
    }
}
