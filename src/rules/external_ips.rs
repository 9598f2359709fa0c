//! SVC-003: a Service that takes traffic for addresses of its own choice.

use core::net::IpAddr;

use crate::finding::Severity;
use crate::model::network::Service;
use crate::model::world::World;
use crate::rules::shared::address;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "external-ips",
    code: "SVC-003",
    title: "A Service takes traffic for addresses of its own choice",
    severity: Severity::Critical,
    reads: &[resources::SERVICES],
    consults: &[resources::SERVICE_CIDRS, resources::NODES],
    help: "Remove externalIPs and use a load balancer or a Gateway; refuse the field by an admission policy",
    page: include_str!("external_ips.md"),
    sources: &["CVE-2020-8554", "KEP-5707", "MITRE T1557"],
    checks: &[Check::Service(check)],
};

fn check(service: &Service, world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    if service.spec.type_ == "ExternalName" {
        return;
    }
    for text in &service.spec.external_ips {
        let parsed = address::parse(text);
        let value = parsed.map_or_else(|| text.clone(), |address| address.to_string());
        let (severity, whose) = match parsed.and_then(|address| victim(address, service, world)) {
            Some(victim) => (Severity::Critical, format!(", which is {victim}")),
            None => (Severity::High, String::new()),
        };
        let message = format!("The Service takes all traffic from Pods and nodes to {value}{whose}");
        sink.finding(Observation::new(severity, value, "spec.externalIPs", message));
    }
}

/// Who owns the address, if that is something in or beneath the cluster.
fn victim(address: IpAddr, service: &Service, world: &World) -> Option<&'static str> {
    let is = |text: &String| address::parse(text) == Some(address);
    let in_services = || world.service_cidrs.iter().any(|range| address::is_in(address, &range.spec.cidrs));
    let of_service = || {
        let others = world.services.iter().filter(|other| other.metadata.uid != service.metadata.uid);
        others.into_iter().any(|other| other.spec.cluster_ips.iter().any(is))
    };
    let of_node = || world.nodes.values().any(|node| node.status.addresses.iter().any(|it| is(&it.address)));
    let in_pods = || world.nodes.values().any(|node| address::is_in(address, &node.spec.pod_cidrs));
    if address::is_metadata(address) {
        Some("where a cloud gives instances their credentials")
    } else if in_services() || of_service() {
        Some("an address of Services, as the API server has one")
    } else if of_node() {
        Some("a node's")
    } else if in_pods() {
        Some("an address of Pods")
    } else {
        None
    }
}
