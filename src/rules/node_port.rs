//! SVC-002: a Service that every node offers.

use crate::finding::Severity;
use crate::model::network::Service;
use crate::model::world::World;
use crate::rules::{Check, Observation, Rule, Settings, Sink, resources};

pub(crate) static RULE: Rule = Rule {
    id: "node-port",
    code: "SVC-002",
    title: "Every node offers a port of a Service",
    severity: Severity::Medium,
    reads: &[resources::SERVICES],
    consults: &[],
    help: "Use ClusterIP behind an Ingress or a Gateway; for a load balancer, set allocateLoadBalancerNodePorts: false",
    page: include_str!("node_port.md"),
    sources: &["NSA Network separation", "MITRE T1133"],
    checks: &[Check::Service(check)],
};

fn check(service: &Service, _world: &World, _settings: &Settings, sink: &mut Sink<'_>) {
    let spec = &service.spec;
    if spec.type_ == "ExternalName" {
        return;
    }
    for port in &spec.ports {
        let node_port = match port.node_port {
            0 if spec.type_ == "NodePort" => "a port of the API server's choice".to_owned(),
            0 => continue,
            number => format!("port {number}"),
        };
        let value = port.label();
        let message = format!("Every node offers port {value} of the Service on {node_port}");
        let path = format!("spec.ports[port={value}].nodePort");
        sink.finding(Observation::new(Severity::Medium, value, path, message));
    }
    if spec.health_check_node_port != 0 {
        let number = spec.health_check_node_port;
        let message = format!("Every node tells on port {number} how many Pods of the Service it runs");
        let path = "spec.healthCheckNodePort";
        sink.finding(Observation::new(Severity::Low, "health check", path, message));
    }
}
