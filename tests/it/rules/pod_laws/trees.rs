//! Trees around the fields that rules read.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Kinds around Pods.
pub(super) const KINDS: &[&str] = &[
    "Namespace",
    "Node",
    "RuntimeClass",
    "ServiceCIDR",
    "Service",
    "NetworkPolicy",
    "MutatingWebhookConfiguration",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
];

type Tree = BoxedStrategy<Value>;
type Field = BoxedStrategy<Option<(&'static str, Value)>>;

/// A Pod.
pub(super) fn pod() -> Tree {
    object(vec![field("metadata", metadata("web")), sure("spec", pod_spec()), field("status", pod_status())])
}

/// A pod template.
pub(super) fn template() -> Tree {
    object(vec![field("metadata", metadata("")), field("spec", pod_spec())])
}

/// An object of one of [`KINDS`].
pub(super) fn object_of(kind: &str) -> Tree {
    let (name, rest) = match kind {
        "Namespace" => ("shop", vec![]),
        "Node" => ("n1", vec![field("spec", node_spec()), field("status", node_status())]),
        "RuntimeClass" => ("kata", vec![field("handler", words(HANDLERS))]),
        "ServiceCIDR" => {
            ("kubernetes", vec![field("spec", object(vec![field("cidrs", list(words(ADDRESSES)))]))])
        }
        "Service" => ("web", vec![field("spec", service_spec()), field("status", service_status())]),
        "NetworkPolicy" => ("policy", vec![field("spec", policy_spec())]),
        "MutatingWebhookConfiguration" => ("hooks", vec![field("webhooks", list(webhook()))]),
        "MutatingAdmissionPolicy" => ("policy", vec![field("spec", admission_spec())]),
        _ => ("binding", vec![field("spec", binding_spec())]),
    };
    let mut fields = vec![sure("metadata", metadata(name))];
    fields.extend(rest);
    object(fields)
}

const HANDLERS: &[&str] = &["", "kata", "kata-qemu", "runc", "gvisor", "*"];
const PATHS: &[&str] = &[
    "/",
    "",
    ".",
    "..",
    "/etc",
    "/etc/hosts",
    "/var/run/docker.sock",
    "/run/",
    "/var/lib/kubelet/plugins",
    "/proc/1/root/etc",
    "/opt",
    "//x//",
    "C:\\",
    "\\\\.\\pipe\\docker_engine",
    "é/ü",
    "/data",
    "/data/.ssh/x",
];
const CAPABILITIES: &[&str] =
    &["ALL", "all", "SYS_ADMIN", "cap_sys_ptrace", "NET_RAW", "NET_BIND_SERVICE", "CHOWN", "", "CAP_", "é"];
const ADDRESSES: &[&str] = &[
    "",
    "10.0.0.1",
    "169.254.169.254",
    "8.8.8.8",
    "::ffff:10.0.0.1",
    "fd00:ec2::254",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "0.0.0.0/1",
    "128.0.0.0/1",
    "10.0.0.0/99",
    "x",
];
const LABELS: &[&str] = &[
    "app",
    "pod-template-hash",
    "sidecar.istio.io/inject",
    "topology.kubernetes.io/zone",
    "pod-security.kubernetes.io/enforce",
    "service.beta.kubernetes.io/aws-load-balancer-internal",
    "service.beta.kubernetes.io/load-balancer-source-ranges",
];
const VALUES: &[&str] = &["", "web", "true", "false", "privileged", "baseline", "10.0.0.0/8, x", "0.0.0.0/0"];

fn pod_spec() -> Tree {
    object(vec![
        field("initContainers", named(container())),
        sure("containers", named(container())),
        field("ephemeralContainers", named(container())),
        sure("volumes", named(volume())),
        field("hostNetwork", flag()),
        field("hostPID", flag()),
        field("hostIPC", flag()),
        field("hostUsers", flag()),
        field("nodeName", words(&["", "n1", "n2"])),
        field("nodeSelector", map(&["kubernetes.io/os"], &["linux", "windows", "x"])),
        field("os", object(vec![field("name", words(&["linux", "windows", "x"]))])),
        field("runtimeClassName", words(&["", "kata", "gvisor", "runc"])),
        field("securityContext", security_context()),
    ])
}

fn container() -> Tree {
    object(vec![
        field("name", words(&["", "a", "b", "c"])),
        field("image", words(&["", "registry.example/a:1"])),
        field("restartPolicy", words(&["Always", "Never", ""])),
        field("securityContext", security_context()),
        field("volumeMounts", list(mount())),
        field("volumeDevices", list(object(vec![field("name", words(&["v", "w"]))]))),
    ])
}

fn security_context() -> Tree {
    let capabilities =
        object(vec![field("add", list(words(CAPABILITIES))), field("drop", list(words(CAPABILITIES)))]);
    object(vec![
        field("privileged", flag()),
        field("capabilities", capabilities),
        field("runAsUser", number()),
        field("runAsNonRoot", flag()),
        field("allowPrivilegeEscalation", flag()),
        field("supplementalGroups", list(number())),
        field("windowsOptions", object(vec![field("hostProcess", flag())])),
    ])
}

fn mount() -> Tree {
    object(vec![
        field("name", words(&["v", "w", "x"])),
        field("mountPath", words(PATHS)),
        field("subPath", words(PATHS)),
        field("subPathExpr", words(&["", "$(POD_NAME)"])),
        field("readOnly", flag()),
        field("recursiveReadOnly", words(&["Enabled", "IfPossible", ""])),
    ])
}

fn volume() -> Tree {
    object(vec![
        field("name", words(&["v", "w"])),
        field("hostPath", object(vec![field("path", words(PATHS))])),
        field("newInKubernetes2", junk()),
    ])
}

fn pod_status() -> Tree {
    let user = object(vec![field("linux", object(vec![field("uid", number())]))]);
    let status = object(vec![
        field("name", words(&["a", "b"])),
        field("containerID", words(&["containerd://1", "cri-o://1", ""])),
        field("user", user),
    ]);
    object(vec![field("phase", words(&["Running", "Failed", ""])), field("containerStatuses", named(status))])
}

fn node_spec() -> Tree {
    object(vec![field("podCIDRs", list(words(ADDRESSES)))])
}

fn node_status() -> Tree {
    let handler = object(vec![
        field("name", words(HANDLERS)),
        field("features", object(vec![field("userNamespaces", flag())])),
    ]);
    let info = object(vec![
        field("operatingSystem", words(&["linux", "windows", ""])),
        field("containerRuntimeVersion", words(&["containerd://2", "cri-o://1", ""])),
    ]);
    object(vec![
        field("runtimeHandlers", list(handler)),
        field("nodeInfo", info),
        field("addresses", list(object(vec![field("address", words(ADDRESSES))]))),
    ])
}

fn service_spec() -> Tree {
    let port = object(vec![
        field("port", number()),
        field("nodePort", number()),
        field("protocol", words(&["UDP", ""])),
    ]);
    object(vec![
        field("type", words(&["ClusterIP", "NodePort", "LoadBalancer", "ExternalName", ""])),
        field("selector", map(LABELS, VALUES)),
        field("ports", list(port)),
        field("externalIPs", list(words(ADDRESSES))),
        field("clusterIPs", list(words(ADDRESSES))),
        field("loadBalancerSourceRanges", list(words(ADDRESSES))),
        field("allocateLoadBalancerNodePorts", flag()),
        field("loadBalancerClass", words(&["", "example.com/lb"])),
        field("healthCheckNodePort", number()),
    ])
}

fn service_status() -> Tree {
    let ingress =
        list(object(vec![field("ip", words(ADDRESSES)), field("hostname", words(&["", "lb.example"]))]));
    object(vec![field("loadBalancer", object(vec![field("ingress", ingress)]))])
}

fn policy_spec() -> Tree {
    object(vec![
        field("podSelector", selector()),
        field("policyTypes", list(words(&["Ingress", "Egress", "x"]))),
        field("ingress", list(junk())),
        field("egress", list(junk())),
    ])
}

fn selector() -> Tree {
    let requirement = object(vec![
        field("key", words(LABELS)),
        field("operator", words(&["In", "NotIn", "Exists", "DoesNotExist", "x"])),
        field("values", list(words(VALUES))),
    ]);
    object(vec![field("matchLabels", map(LABELS, VALUES)), field("matchExpressions", list(requirement))])
}

fn webhook() -> Tree {
    object(vec![
        field("name", words(&["", "a.example", "b.example"])),
        field("rules", list(admission_rule())),
        field("namespaceSelector", selector()),
        field("objectSelector", selector()),
        field("matchConditions", list(junk())),
    ])
}

fn admission_rule() -> Tree {
    object(vec![
        field("operations", list(words(&["CREATE", "UPDATE", "DELETE", "*", ""]))),
        field("apiGroups", list(words(&["", "apps", "rbac.authorization.k8s.io", "*"]))),
        field("apiVersions", list(words(&["v1", "*"]))),
        field("resources", list(words(&["pods", "pods/*", "*/*", "*", "*/", "/", "clusterroles", ""]))),
        field("scope", words(&["Cluster", "Namespaced", "*", ""])),
    ])
}

fn match_resources() -> Tree {
    object(vec![
        field("resourceRules", list(admission_rule())),
        field("excludeResourceRules", list(junk())),
        field("namespaceSelector", selector()),
        field("objectSelector", selector()),
    ])
}

fn admission_spec() -> Tree {
    object(vec![field("matchConstraints", match_resources()), field("matchConditions", list(junk()))])
}

fn binding_spec() -> Tree {
    object(vec![field("policyName", words(&["policy", "x"])), field("matchResources", match_resources())])
}

fn metadata(name: &str) -> Tree {
    let (name, namespace) = (json!(name), words(&["shop", "shop", "kube-system", ""]));
    object(vec![
        sure("name", Just(name).boxed()),
        sure("namespace", namespace),
        field("labels", map(LABELS, VALUES)),
        field("annotations", map(LABELS, VALUES)),
    ])
}

fn object(fields: Vec<Field>) -> Tree {
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().map(owned).collect())).boxed()
}

fn owned((key, value): (&str, Value)) -> (String, Value) {
    (key.to_owned(), value)
}

/// A field that may be absent, null, or, rarely, nonsense.
fn field(name: &'static str, value: Tree) -> Field {
    let filled = prop_oneof![400 => value, 20 => Just(Value::Null), 1 => junk()];
    proptest::option::of(filled).prop_map(move |value| Some((name, value?))).boxed()
}

fn sure(name: &'static str, value: Tree) -> Field {
    value.prop_map(move |value| Some((name, value))).boxed()
}

fn list(item: Tree) -> Tree {
    vec(item, 0..3).prop_map(Value::Array).boxed()
}

/// A list whose items differ in their names, as the API server makes sure.
fn named(item: Tree) -> Tree {
    let distinct = |items: Vec<Value>| {
        let mut names = BTreeSet::new();
        let name = |item: &Value| item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        items.into_iter().filter(|item| names.insert(name(item))).collect()
    };
    vec(item, 0..4).prop_map(distinct).boxed()
}

fn words(all: &'static [&'static str]) -> Tree {
    prop_oneof![15 => select(all).prop_map(Value::from), 1 => "\\PC{0,6}".prop_map(Value::from)].boxed()
}

fn map(keys: &'static [&'static str], values: &'static [&'static str]) -> Tree {
    let pairs = vec((select(keys).prop_map(str::to_owned), words(values)), 0..3);
    pairs.prop_map(|pairs| Value::Object(Map::from_iter(pairs))).boxed()
}

fn flag() -> Tree {
    any::<bool>().prop_map(Value::from).boxed()
}

fn number() -> Tree {
    select(&[0, 1, -1, 1000, 30080, 65536, i64::MAX, i64::MIN][..]).prop_map(Value::from).boxed()
}

/// Any JSON.
fn junk() -> Tree {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(2, 8, 3, |inner| {
        let fields = vec(("[a-z]{0,4}", inner.clone()), 0..3);
        prop_oneof![
            vec(inner, 0..3).prop_map(Value::Array),
            fields.prop_map(|fields| Value::Object(Map::from_iter(fields))),
        ]
    });
    inner.boxed()
}
