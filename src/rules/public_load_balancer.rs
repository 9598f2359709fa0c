//! SVC-001: a Service that a load balancer offers to the outside.

use core::net::IpAddr;

use ipnet::IpNet;

use crate::finding::Severity;
use crate::model::meta::Map;
use crate::model::network::Service;
use crate::model::world::World;
use crate::rules::shared::address;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "public-load-balancer",
    code: "SVC-001",
    title: "A load balancer offers a Service to the outside",
    severity: Severity::High,
    reads: &[resources::SERVICES],
    consults: &[],
    help: "Set loadBalancerSourceRanges to who needs it, or ask the provider for an internal load balancer",
    page: include_str!("public_load_balancer.md"),
    sources: &["NSA Network separation", "MITRE T1133", "MITRE T1190"],
    checks: &[Check::Service(check)],
};

/// Annotations that ask for an internal load balancer, from the documentation of the providers' controllers.
const INTERNAL: &[(&str, &[&str])] = &[
    ("cloud.google.com/load-balancer-type", &["internal"]),
    ("networking.gke.io/load-balancer-type", &["internal"]),
    ("oci-network-load-balancer.oraclecloud.com/internal", &["true"]),
    ("service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", &["intranet"]),
    ("service.beta.kubernetes.io/alicloud-loadbalancer-address-type", &["intranet"]),
    // The older controller takes any value but `false`, and people wrote the range here.
    ("service.beta.kubernetes.io/aws-load-balancer-internal", &["true", "0.0.0.0/0"]),
    ("service.beta.kubernetes.io/azure-load-balancer-internal", &["true"]),
    ("service.beta.kubernetes.io/oci-load-balancer-internal", &["true"]),
    ("service.beta.kubernetes.io/openstack-internal-load-balancer", &["true"]),
];
/// Wins over the other annotation of the same provider.
const AWS_SCHEME: &str = "service.beta.kubernetes.io/aws-load-balancer-scheme";
const SOURCE_RANGES: &str = "service.beta.kubernetes.io/load-balancer-source-ranges";

/// All annotations that are read here.
pub(crate) fn annotations() -> impl Iterator<Item = &'static str> {
    INTERNAL.iter().map(|(key, _)| *key).chain([AWS_SCHEME, SOURCE_RANGES])
}

/// Who can reach the load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// A private network.
    Internal,
    /// Everybody, as far as routes go.
    Anybody,
}

fn check(service: &Service, _world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    if service.spec.type_ != "LoadBalancer" {
        return;
    }
    let (severity, whom) = match (audience(service), is_restricted(service)) {
        (Audience::Internal, _) => (Severity::Low, "to a private network"),
        (Audience::Anybody, true) => (Severity::Medium, "to the outside, for some source ranges"),
        (Audience::Anybody, false) => (Severity::High, "to the outside, whoever asks"),
    };
    for port in &service.spec.ports {
        let value = port.label();
        let message = format!("A load balancer offers port {value} of the Service {whom}");
        let observation = Observation::new(severity, value, "spec.type", message);
        sink.finding(if is_unknown(service) { observation.possible() } else { observation });
    }
}

/// What the load balancer reports wins over what was asked of it.
fn audience(service: &Service) -> Audience {
    let reported: Vec<Option<IpAddr>> = reported(service).collect();
    let is_public = |address: &Option<IpAddr>| address.is_some_and(|address| !address::is_private(address));
    if reported.iter().any(is_public) {
        return Audience::Anybody;
    }
    let all_private = !reported.is_empty() && reported.iter().all(Option::is_some);
    let internal = all_private || asks_for_internal(&service.metadata.annotations);
    if internal { Audience::Internal } else { Audience::Anybody }
}

/// The addresses in its status; none for a host name.
fn reported(service: &Service) -> impl Iterator<Item = Option<IpAddr>> {
    service.status.load_balancer.ingress.iter().map(|ingress| address::parse(&ingress.ip))
}

fn asks_for_internal(annotations: &Map) -> bool {
    if let Some(scheme) = annotations.get(AWS_SCHEME) {
        return scheme == "internal";
    }
    INTERNAL.iter().any(|(key, values)| {
        annotations.get(*key).is_some_and(|value| values.iter().any(|it| value.eq_ignore_ascii_case(it)))
    })
}

/// True if the source ranges leave somebody out. The annotation counts only without the field.
fn is_restricted(service: &Service) -> bool {
    let field = &service.spec.load_balancer_source_ranges;
    let annotation = service.metadata.annotations.get(SOURCE_RANGES).map_or("", String::as_str);
    let ranges: Option<Vec<IpNet>> = if field.is_empty() {
        annotation.split(',').map(address::parse_range).collect()
    } else {
        field.iter().map(|range| address::parse_range(range)).collect()
    };
    ranges.is_some_and(|ranges| !address::hold_everything(&ranges))
}

/// True if a provider of its own class may put it anywhere, and nothing tells where.
fn is_unknown(service: &Service) -> bool {
    let asked = service.metadata.annotations.contains_key(AWS_SCHEME);
    !service.spec.load_balancer_class.is_empty() && !asked && !reported(service).any(|ip| ip.is_some())
}
