//! Which watches there have to be: Pods and what makes them, admission, and what turns out to matter on the way.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::cluster::settle::watches::Watches;
use crate::cluster::{ApiKind, Kinds, Query};
use crate::finding::{Gap, GapReason};
use crate::model::reference::GroupKind;
use crate::model::workload::Workload;
use crate::rollout::{CustomResource, Maker};
use crate::rules::{Resource, resources as r};
use crate::scope::{Membership, Scope};
use crate::settling::{Backend, Importance, SERVICE_NAME, Seen, Settling, Watched};

/// What is watched so far.
pub(super) struct Sources {
    kinds: Arc<Kinds>,
    namespaces: BTreeSet<String>,
    backends: BTreeSet<Backend>,
    customs: BTreeSet<Watched>,
    /// Kinds that the API server may have, but could not tell.
    pub(super) untold: BTreeSet<Gap>,
}

impl Sources {
    /// Nothing yet; in these namespaces Pods and what makes them are watched, an empty name means all namespaces.
    pub(super) fn new(kinds: Arc<Kinds>, namespaces: &BTreeSet<String>) -> Self {
        let namespaces = if namespaces.contains("") { [String::new()].into() } else { namespaces.clone() };
        let (backends, customs, untold) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { kinds, namespaces, backends, customs, untold }
    }

    /// Opens what is known to matter.
    pub(super) fn open(&mut self, scope: &Scope, watches: &mut Watches, settling: &mut Settling) {
        for namespace in self.namespaces.clone() {
            self.makers(&namespace, watches, settling);
        }
        self.admission(watches, settling);
        let Membership::Listed(objects) = &scope.membership else { return };
        // Custom resources that the GitOps tool names may make Pods.
        for object in objects.iter().filter(|object| is_custom(&object.group)) {
            self.custom(&object.group_kind(), &object.namespace, watches, settling);
        }
    }

    /// Opens what has turned out to matter: Services of webhooks, and kinds that own Pods.
    pub(super) fn follow(&mut self, watches: &mut Watches, settling: &mut Settling) {
        let backends: Vec<Backend> = settling.backends().difference(&self.backends).cloned().collect();
        for backend in backends {
            self.backend(&backend, watches, settling);
            self.backends.insert(backend);
        }
        for (kind, namespace) in settling.owner_kinds().clone() {
            self.custom(&kind, &namespace, watches, settling);
        }
    }

    fn makers(&mut self, namespace: &str, watches: &mut Watches, settling: &mut Settling) {
        let in_namespace = |query: Query| query.namespace(namespace);
        self.add(&r::PODS, namespace, in_namespace, watches, settling, Seen::Pod);
        self.add(&r::CONTROLLER_REVISIONS, namespace, in_namespace, watches, settling, Seen::Revision);
        for maker in Maker::ALL {
            let seen = move |workload: Workload| Seen::Maker(maker, Box::new(workload));
            self.add(resource(maker), namespace, in_namespace, watches, settling, seen);
        }
    }

    /// Whatever changes Pods on their way in, and the labels by which namespaces are chosen.
    fn admission(&mut self, watches: &mut Watches, settling: &mut Settling) {
        let mut names = self.namespaces.iter();
        let only = match (names.next(), names.next()) {
            (Some(name), None) if !name.is_empty() => Some(format!("metadata.name={name}")),
            _ => None,
        };
        let narrow = |query: Query| match &only {
            Some(name) => query.fields(name),
            None => query,
        };
        let all = |query: Query| query;
        self.add(&r::NAMESPACES, "", narrow, watches, settling, Seen::Namespace);
        self.add(&r::MUTATING_WEBHOOKS, "", all, watches, settling, Seen::Webhooks);
        self.add(&r::MUTATING_POLICIES, "", all, watches, settling, Seen::Policy);
        self.add(&r::MUTATING_POLICY_BINDINGS, "", all, watches, settling, Seen::Binding);
    }

    /// The Service of a webhook and its endpoints.
    fn backend(&mut self, (namespace, name): &Backend, watches: &mut Watches, settling: &mut Settling) {
        let service = |query: Query| query.namespace(namespace).fields(format!("metadata.name={name}"));
        self.add(&r::SERVICES, namespace, service, watches, settling, Seen::Service);
        let slices = |query: Query| query.namespace(namespace).labels(format!("{SERVICE_NAME}={name}"));
        self.add(&r::ENDPOINT_SLICES, namespace, slices, watches, settling, Seen::Endpoints);
    }

    /// A kind that is not built in, in a namespace if it lives in namespaces.
    fn custom(&mut self, kind: &GroupKind, namespace: &str, watches: &mut Watches, settling: &mut Settling) {
        let node = kind.group.is_empty() && kind.kind == "Node";
        if node || Maker::ALL.iter().any(|maker| maker.group_kind() == *kind) {
            return;
        }
        let Some(served) = self.find(kind) else { return };
        let everywhere = !served.namespaced || self.namespaces.contains("");
        let namespace = if everywhere { "" } else { namespace }.to_owned();
        let place = Watched { kind: kind.clone(), namespace };
        if !self.customs.insert(place.clone()) {
            return;
        }
        let query = Query::new(&served).namespace(&place.namespace);
        let kind = kind.clone();
        let seen = move |object: CustomResource| Seen::Custom(kind.clone(), object);
        watches.open(settling, (query, place, Importance::May), seen);
    }

    /// A built-in kind without which nobody can say that anything has settled.
    fn add<T: DeserializeOwned + Send + 'static>(
        &mut self,
        resource: &Resource,
        namespace: &str,
        narrow: impl Fn(Query) -> Query,
        watches: &mut Watches,
        settling: &mut Settling,
        seen: impl Fn(T) -> Seen + Send + Sync + 'static,
    ) {
        let kind = GroupKind::new(resource.group, resource.kind);
        let Some(served) = self.find(&kind) else { return };
        let query = narrow(Query::new(&served));
        let place = Watched { kind, namespace: namespace.to_owned() };
        watches.open(settling, (query, place, Importance::Bears), seen);
    }

    /// A kind that the API server does not have has no objects; one of a group that it cannot look into may.
    fn find(&mut self, kind: &GroupKind) -> Option<ApiKind> {
        let found = self.kinds.find(kind).cloned();
        if found.is_none() && self.kinds.is_silent(&kind.group) {
            let detail = format!("the API server does not say what is in the group {}", kind.group);
            let scope = Watched { kind: kind.clone(), namespace: String::new() }.gap_scope();
            self.untold.insert(Gap { scope, reason: GapReason::Unreadable, detail });
        }
        found
    }
}

/// Groups of the Kubernetes project hold nothing that makes Pods, apart from what is watched anyway.
fn is_custom(group: &str) -> bool {
    group.contains('.') && !group.ends_with(".k8s.io")
}

fn resource(maker: Maker) -> &'static Resource {
    match maker {
        Maker::Deployment => &r::DEPLOYMENTS,
        Maker::ReplicaSet => &r::REPLICA_SETS,
        Maker::ReplicationController => &r::REPLICATION_CONTROLLERS,
        Maker::StatefulSet => &r::STATEFUL_SETS,
        Maker::DaemonSet => &r::DAEMON_SETS,
        Maker::Job => &r::JOBS,
        Maker::CronJob => &r::CRON_JOBS,
    }
}
