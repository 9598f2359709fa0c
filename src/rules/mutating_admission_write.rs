//! RBAC-006: a subject that may decide how objects are changed on their way in.

use crate::finding::Severity;
use crate::model::access::Access;
use crate::model::access::permission::{Names, Target};
use crate::model::reference::GroupKind;
use crate::model::world::World;
use crate::rules::shared::power::{self, Case, Power};
use crate::rules::shared::webhook_backend;
use crate::rules::{Check, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "mutating-admission-write",
    code: "RBAC-006",
    title: "A subject may control mutating admission",
    severity: Severity::Critical,
    reads: &[
        resources::PODS,
        resources::SERVICE_ACCOUNTS,
        resources::ROLES,
        resources::CLUSTER_ROLES,
        resources::ROLE_BINDINGS,
        resources::CLUSTER_ROLE_BINDINGS,
        resources::MUTATING_WEBHOOKS,
    ],
    consults: &[resources::NAMESPACES],
    help: "Limit patch with resourceNames to the subject's own configuration and drop every other verb",
    page: include_str!("mutating_admission_write.md"),
    sources: &["CIS 5.1.12", "RBAC Good Practices: admission webhooks", "MITRE T1546", "MITRE T1556"],
    checks: &[Check::Access(check)],
};

const REGISTRATION: &str = "admissionregistration.k8s.io";
const WEBHOOKS: Target<'_> = Target::cluster(REGISTRATION, "mutatingwebhookconfigurations");
const POLICIES: Target<'_> = Target::cluster(REGISTRATION, "mutatingadmissionpolicies");
const BINDINGS: Target<'_> = Target::cluster(REGISTRATION, "mutatingadmissionpolicybindings");

/// Policy engines and injectors that change objects of the whole cluster.
const ENGINES: &[Target<'_>] = &[
    Target::cluster("apps.kruise.io", "sidecarsets"),
    Target::cluster("kyverno.io", "clusterpolicies"),
    Target::cluster("mutations.gatekeeper.sh", "assign"),
    Target::cluster("mutations.gatekeeper.sh", "assignimage"),
    Target::cluster("mutations.gatekeeper.sh", "assignmetadata"),
    Target::cluster("mutations.gatekeeper.sh", "modifyset"),
    Target::cluster("policies.kyverno.io", "generatingpolicies"),
    Target::cluster("policies.kyverno.io", "mutatingpolicies"),
];
/// Those that change objects of their own namespace.
const NAMESPACED_ENGINES: &[Target<'_>] = &[
    Target::namespaced("kyverno.io", "policies"),
    Target::namespaced("opentelemetry.io", "instrumentations"),
    Target::namespaced("policies.kyverno.io", "namespacedgeneratingpolicies"),
    Target::namespaced("policies.kyverno.io", "namespacedmutatingpolicies"),
];
/// Changes injected proxies only.
const PROXY_SETTINGS: Target<'_> = Target::namespaced("telemetry.istio.io", "telemetries");

const CHANGE: &[&str] = &["update", "patch"];
const DELETE: &[&str] = &["delete", "deletecollection"];
const VERBS: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const WHY: &str = "it decides what every new object becomes, and may take injected protection away";
const WHY_BACKEND: &str = "a mutating webhook is served from there";

fn check(access: &Access, world: &World, settings: &Settings, sink: &mut Sink<'_>) {
    for case in power::cases(access, VERBS, world, settings) {
        let mut powers = registration(&case);
        powers.extend(engines(&case));
        for power in &mut powers {
            power.severity = match power.permission.names {
                Names::All => power.severity,
                Names::Only(_) => power.severity.min(Severity::Medium),
            };
        }
        let direct = !powers.is_empty();
        powers.extend(backend(&case, world));
        case.report(&powers, if direct { WHY } else { WHY_BACKEND }, sink);
    }
}

/// Webhook configurations and mutating policies. A new policy without a binding does nothing.
fn registration<'a>(case: &Case<'a>) -> Vec<Power<'a>> {
    let mut powers = case.over_any(WEBHOOKS, power::WRITE, Severity::Critical);
    powers.extend(case.over_any(WEBHOOKS, DELETE, Severity::High));
    let bindings = case.over_any(BINDINGS, power::WRITE, Severity::Critical);
    let policies = case.over_any(POLICIES, CHANGE, Severity::High);
    if !bindings.is_empty() {
        powers.extend(case.over_any(POLICIES, &["create"], Severity::Critical));
    }
    powers.extend(bindings);
    powers.extend(policies);
    for target in [POLICIES, BINDINGS] {
        powers.extend(case.over_any(target, DELETE, Severity::High));
    }
    powers
}

fn engines<'a>(case: &Case<'a>) -> Vec<Power<'a>> {
    let of = |targets: &[Target<'static>], severity: Severity| -> Vec<Power<'a>> {
        targets.iter().flat_map(|target| case.over_any(*target, power::WRITE, severity)).collect()
    };
    let namespaced = case.by_reach(Severity::Critical, Severity::High);
    [
        of(ENGINES, Severity::Critical),
        of(NAMESPACED_ENGINES, namespaced),
        of(&[PROXY_SETTINGS], Severity::Medium),
    ]
    .concat()
}

/// Writing what serves somebody else's mutating webhook: its Pods and certificates, or the way to them, which the
/// configuration's CA still guards.
fn backend<'a>(case: &Case<'a>, world: &World) -> Vec<Power<'a>> {
    let kind = GroupKind::new(REGISTRATION, "MutatingWebhookConfiguration");
    let foreign =
        world.mutating_webhooks.iter().filter(|webhook| !world.owns(&webhook.metadata.reference(&kind)));
    if !case.namespace().is_some_and(|namespace| webhook_backend::is_in(namespace, foreign)) {
        return Vec::new();
    }
    let serves = [Target::namespaced("apps", "deployments"), Target::namespaced("", "secrets")];
    let leads_there =
        [Target::namespaced("", "services"), Target::namespaced("discovery.k8s.io", "endpointslices")];
    let of = |targets: [Target<'static>; 2], severity: Severity| {
        targets.into_iter().flat_map(move |target| case.over_any(target, power::WRITE, severity))
    };
    of(serves, Severity::Critical).chain(of(leads_there, Severity::Medium)).collect()
}
