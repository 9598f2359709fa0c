//! Services, their endpoints and ranges, and NetworkPolicies.

use super::meta::{META, SELECTOR};
use super::shape::{PLAIN_LIST, PLAIN_MAP, Shape};
use Shape::{List, Object, Plain};

pub(super) const SERVICE: Shape = Object(&[
    ("metadata", META),
    ("spec", SERVICE_SPEC),
    (
        "status",
        Object(&[(
            "loadBalancer",
            Object(&[("ingress", List(&Object(&[("hostname", Plain), ("ip", Plain), ("ipMode", Plain)])))]),
        )]),
    ),
]);

const SERVICE_SPEC: Shape = Object(&[
    ("allocateLoadBalancerNodePorts", Plain),
    ("clusterIP", Plain),
    ("clusterIPs", PLAIN_LIST),
    ("externalIPs", PLAIN_LIST),
    ("externalName", Plain),
    ("externalTrafficPolicy", Plain),
    ("healthCheckNodePort", Plain),
    ("internalTrafficPolicy", Plain),
    ("ipFamilies", PLAIN_LIST),
    ("ipFamilyPolicy", Plain),
    ("loadBalancerClass", Plain),
    ("loadBalancerIP", Plain),
    ("loadBalancerSourceRanges", PLAIN_LIST),
    ("ports", List(&SERVICE_PORT)),
    ("publishNotReadyAddresses", Plain),
    ("selector", PLAIN_MAP),
    ("sessionAffinity", Plain),
    ("type", Plain),
]);

const SERVICE_PORT: Shape = Object(&[
    ("appProtocol", Plain),
    ("name", Plain),
    ("nodePort", Plain),
    ("port", Plain),
    ("protocol", Plain),
    ("targetPort", Plain),
]);

pub(super) const SERVICE_CIDR: Shape =
    Object(&[("metadata", META), ("spec", Object(&[("cidrs", PLAIN_LIST)]))]);

/// Whether endpoints are ready, not where they are.
pub(super) const ENDPOINT_SLICE: Shape = Object(&[
    ("metadata", META),
    ("addressType", Plain),
    (
        "endpoints",
        List(&Object(&[(
            "conditions",
            Object(&[("ready", Plain), ("serving", Plain), ("terminating", Plain)]),
        )])),
    ),
]);

pub(super) const POLICY: Shape = Object(&[
    ("metadata", META),
    (
        "spec",
        Object(&[
            ("egress", List(&Object(&[("ports", List(&POLICY_PORT)), ("to", List(&PEER))]))),
            ("ingress", List(&Object(&[("from", List(&PEER)), ("ports", List(&POLICY_PORT))]))),
            ("podSelector", SELECTOR),
            ("policyTypes", PLAIN_LIST),
        ]),
    ),
]);

const PEER: Shape = Object(&[
    ("ipBlock", Object(&[("cidr", Plain), ("except", PLAIN_LIST)])),
    ("namespaceSelector", SELECTOR),
    ("podSelector", SELECTOR),
]);

const POLICY_PORT: Shape = Object(&[("endPort", Plain), ("port", Plain), ("protocol", Plain)]);
