//! The catalogue: rules are values in one sorted table.
//!
//! A rule judges one thing; the engine owns the loops. Rules are not async, cannot fail and keep no state. They do
//! not know other rules, exclusions, verdicts or the policy file. One rule is one `.rs`, one `.md`, one fixture
//! folder and one line in [`RULES`].

mod cluster_admin_equivalent;
mod dangerous_capability;
mod exclusion_list_changed;
mod exclusion_not_delegated;
mod external_ips;
mod host_ipc;
mod host_network;
mod host_path_volume;
mod host_pid;
mod missing_ingress_policy;
mod missing_pod_security_enforcement;
mod mutating_admission_installed;
mod mutating_admission_write;
mod node_port;
mod pod_creation;
mod policy_coverage_changed;
mod privileged_container;
mod public_load_balancer;
mod root_container;
mod runtime_socket_mount;
mod secret_read;
mod sensitive_host_path;
mod service_write;
mod shared;
mod sink;
mod workload_creation;

pub use sink::{Observation, Sink};

use crate::finding::Severity;
use crate::model::access::Access;
use crate::model::admission::{AdmissionPolicy, AdmissionPolicyBinding, WebhookConfiguration};
use crate::model::namespace::Namespace;
use crate::model::network::Service;
use crate::model::world::{PodView, World};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case name of the bad thing: `host-network`. For ever: people write it in their exclusions.
    pub id: &'static str,
    /// Catalogue number: `WL-009`.
    pub code: &'static str,
    /// One line, no full stop.
    pub title: &'static str,
    /// The worst severity that the rule reports.
    pub severity: Severity,
    /// Kinds it needs to see: drives collection, gaps and the RBAC manifest.
    pub reads: &'static [Resource],
    /// Kinds that only refine its judgement, for instance Nodes: collected where visible; a hidden one hides no
    /// finding.
    pub consults: &'static [Resource],
    /// What to do, one sentence without a full stop.
    pub help: &'static str,
    /// The rule's page.
    pub page: &'static str,
    /// Where the rule comes from: Pod Security check ids, CIS, NSA, MITRE.
    pub sources: &'static [&'static str],
    /// The judgements, one for each sort of thing that it looks at; none if it is about policies, which are judged as
    /// they are read.
    pub checks: &'static [Check],
}

/// A kind of object that a rule or an edge reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Plural, as in RBAC rules.
    pub plural: &'static str,
    /// Kind in CamelCase.
    pub kind: &'static str,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Each live Pod, and each template whose Pods do not exist now.
    Pod(fn(&PodView<'_>, &World, &Settings, &mut Sink<'_>)),
    /// What one subject may do.
    Access(fn(&Access, &World, &Settings, &mut Sink<'_>)),
    /// Each of the application's Services.
    Service(fn(&Service, &World, &Settings, &mut Sink<'_>)),
    /// Each namespace that the application's Pods run in.
    Namespace(fn(&Namespace, &World, &Settings, &mut Sink<'_>)),
    /// Each of the application's mutating webhook configurations.
    MutatingWebhook(fn(&WebhookConfiguration, &World, &Settings, &mut Sink<'_>)),
    /// Each of the application's MutatingAdmissionPolicies.
    MutatingPolicy(fn(&AdmissionPolicy, &World, &Settings, &mut Sink<'_>)),
    /// Each of the application's MutatingAdmissionPolicyBindings.
    MutatingBinding(fn(&AdmissionPolicyBinding, &World, &Settings, &mut Sink<'_>)),
}

/// Parameters of rules.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Namespaces where a grant is as bad as in the whole cluster; shell-style patterns are not supported here.
    pub sensitive_namespaces: Vec<String>,
    /// Runtime handlers that put a kernel or a hypervisor of their own between a container and the node; a trailing
    /// `*` stands for any ending.
    pub sandbox_handlers: Vec<String>,
    /// Capabilities that any container may add.
    pub allowed_capabilities: Vec<String>,
    /// Paths of a node that any container may mount, with all below them, unless they are sensitive.
    pub allowed_host_paths: Vec<String>,
    /// Custom resources that become Pods besides those that are known: `plural.group`.
    pub pod_producers: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let names = [
            "kube-system",
            "kube-public",
            "argocd",
            "flux-system",
            "cert-manager",
            "ingress-nginx",
            "istio-system",
        ];
        Self {
            sensitive_namespaces: names.map(String::from).to_vec(),
            sandbox_handlers: ["kata*", "runsc", "gvisor"].map(String::from).to_vec(),
            allowed_capabilities: Vec::new(),
            allowed_host_paths: Vec::new(),
            pod_producers: Vec::new(),
        }
    }
}

/// Kinds that rules and edges read.
pub mod resources {
    use super::Resource;

    /// Pods.
    pub const PODS: Resource = Resource { group: "", plural: "pods", kind: "Pod" };
    /// Nodes.
    pub const NODES: Resource = Resource { group: "", plural: "nodes", kind: "Node" };
    /// RuntimeClasses.
    pub const RUNTIME_CLASSES: Resource =
        Resource { group: "node.k8s.io", plural: "runtimeclasses", kind: "RuntimeClass" };
    /// ServiceCIDRs.
    pub const SERVICE_CIDRS: Resource =
        Resource { group: "networking.k8s.io", plural: "servicecidrs", kind: "ServiceCIDR" };
    /// Namespaces.
    pub const NAMESPACES: Resource = Resource { group: "", plural: "namespaces", kind: "Namespace" };
    /// Services.
    pub const SERVICES: Resource = Resource { group: "", plural: "services", kind: "Service" };
    /// ServiceAccounts.
    pub const SERVICE_ACCOUNTS: Resource =
        Resource { group: "", plural: "serviceaccounts", kind: "ServiceAccount" };
    /// ReplicationControllers.
    pub const REPLICATION_CONTROLLERS: Resource =
        Resource { group: "", plural: "replicationcontrollers", kind: "ReplicationController" };
    /// Deployments.
    pub const DEPLOYMENTS: Resource = Resource { group: "apps", plural: "deployments", kind: "Deployment" };
    /// ReplicaSets.
    pub const REPLICA_SETS: Resource = Resource { group: "apps", plural: "replicasets", kind: "ReplicaSet" };
    /// StatefulSets.
    pub const STATEFUL_SETS: Resource =
        Resource { group: "apps", plural: "statefulsets", kind: "StatefulSet" };
    /// DaemonSets.
    pub const DAEMON_SETS: Resource = Resource { group: "apps", plural: "daemonsets", kind: "DaemonSet" };
    /// ControllerRevisions.
    pub const CONTROLLER_REVISIONS: Resource =
        Resource { group: "apps", plural: "controllerrevisions", kind: "ControllerRevision" };
    /// Jobs.
    pub const JOBS: Resource = Resource { group: "batch", plural: "jobs", kind: "Job" };
    /// CronJobs.
    pub const CRON_JOBS: Resource = Resource { group: "batch", plural: "cronjobs", kind: "CronJob" };
    /// NetworkPolicies.
    pub const NETWORK_POLICIES: Resource =
        Resource { group: "networking.k8s.io", plural: "networkpolicies", kind: "NetworkPolicy" };
    /// EndpointSlices.
    pub const ENDPOINT_SLICES: Resource =
        Resource { group: "discovery.k8s.io", plural: "endpointslices", kind: "EndpointSlice" };
    /// Roles.
    pub const ROLES: Resource =
        Resource { group: "rbac.authorization.k8s.io", plural: "roles", kind: "Role" };
    /// ClusterRoles.
    pub const CLUSTER_ROLES: Resource =
        Resource { group: "rbac.authorization.k8s.io", plural: "clusterroles", kind: "ClusterRole" };
    /// RoleBindings.
    pub const ROLE_BINDINGS: Resource =
        Resource { group: "rbac.authorization.k8s.io", plural: "rolebindings", kind: "RoleBinding" };
    /// ClusterRoleBindings.
    pub const CLUSTER_ROLE_BINDINGS: Resource = Resource {
        group: "rbac.authorization.k8s.io",
        plural: "clusterrolebindings",
        kind: "ClusterRoleBinding",
    };
    /// MutatingWebhookConfigurations.
    pub const MUTATING_WEBHOOKS: Resource = Resource {
        group: "admissionregistration.k8s.io",
        plural: "mutatingwebhookconfigurations",
        kind: "MutatingWebhookConfiguration",
    };
    /// ValidatingWebhookConfigurations.
    pub const VALIDATING_WEBHOOKS: Resource = Resource {
        group: "admissionregistration.k8s.io",
        plural: "validatingwebhookconfigurations",
        kind: "ValidatingWebhookConfiguration",
    };
    /// MutatingAdmissionPolicies.
    pub const MUTATING_POLICIES: Resource = Resource {
        group: "admissionregistration.k8s.io",
        plural: "mutatingadmissionpolicies",
        kind: "MutatingAdmissionPolicy",
    };
    /// MutatingAdmissionPolicyBindings.
    pub const MUTATING_POLICY_BINDINGS: Resource = Resource {
        group: "admissionregistration.k8s.io",
        plural: "mutatingadmissionpolicybindings",
        kind: "MutatingAdmissionPolicyBinding",
    };
    /// CustomResourceDefinitions.
    pub const CUSTOM_RESOURCE_DEFINITIONS: Resource = Resource {
        group: "apiextensions.k8s.io",
        plural: "customresourcedefinitions",
        kind: "CustomResourceDefinition",
    };
    /// What every rule about Pods reads: the Pods and whatever makes them.
    pub const POD_MAKERS: &[Resource] = &[
        PODS,
        REPLICATION_CONTROLLERS,
        DEPLOYMENTS,
        REPLICA_SETS,
        STATEFUL_SETS,
        DAEMON_SETS,
        JOBS,
        CRON_JOBS,
    ];
    /// What tells how far a container is confined: its node's platform and its runtime class.
    pub const PLATFORM: &[Resource] = &[NODES, RUNTIME_CLASSES];
    /// What every rule about access reads: the Pods' ServiceAccounts and all of RBAC.
    pub const ACCESS: &[Resource] =
        &[PODS, SERVICE_ACCOUNTS, ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS];
}

/// The catalogue, sorted by code.
pub static RULES: &[&Rule] = &[
    &mutating_admission_installed::RULE,
    &exclusion_not_delegated::RULE,
    &exclusion_list_changed::RULE,
    &missing_ingress_policy::RULE,
    &policy_coverage_changed::RULE,
    &missing_pod_security_enforcement::RULE,
    &cluster_admin_equivalent::RULE,
    &pod_creation::RULE,
    &workload_creation::RULE,
    &secret_read::RULE,
    &mutating_admission_write::RULE,
    &service_write::RULE,
    &public_load_balancer::RULE,
    &node_port::RULE,
    &external_ips::RULE,
    &privileged_container::RULE,
    &root_container::RULE,
    &dangerous_capability::RULE,
    &host_pid::RULE,
    &host_ipc::RULE,
    &host_network::RULE,
    &runtime_socket_mount::RULE,
    &sensitive_host_path::RULE,
    &host_path_volume::RULE,
];

impl Rule {
    /// Every kind it looks at: what it needs, then what it consults.
    pub fn resources(&self) -> impl Iterator<Item = &'static Resource> {
        self.reads.iter().chain(self.consults)
    }
}

/// Annotations that rules read: what a recording has to keep.
pub fn annotations() -> impl Iterator<Item = &'static str> {
    public_load_balancer::annotations()
}

/// The rule of that id or code.
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().copied().find(|rule| rule.id == name || rule.code.eq_ignore_ascii_case(name))
}
