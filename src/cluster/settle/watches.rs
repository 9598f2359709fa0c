//! Which watches there are: Pods and what makes them, admission, and what turns out to matter on the way.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::stream::{BoxStream, SelectAll, StreamExt as _, pending};
use serde::Deserialize;

use crate::cluster::settle::live::{Described, Message, Subject, watch};
use crate::cluster::{ApiKind, Cluster, Kinds};
use crate::model::meta::Meta;
use crate::model::namespace::Namespace;
use crate::model::network::Service;
use crate::model::reference::GroupKind;
use crate::model::workload::Workload;
use crate::rollout::{CustomResource, Maker};
use crate::rules::resources as r;
use crate::scope::{Membership, Scope};
use crate::settling::{
    Backend, BindingSeen, EndpointSlice, Importance, PodSeen, PolicySeen, Revision, SERVICE_NAME, Seen,
    Settling, Source, WebhooksSeen,
};

/// All watches of one application.
pub(super) struct Watches {
    client: kube::Client,
    kinds: Arc<Kinds>,
    scope: Arc<Scope>,
    streams: SelectAll<BoxStream<'static, Message>>,
    next: Source,
    backends: BTreeSet<Backend>,
    owners: BTreeSet<(GroupKind, String)>,
}

/// Implements [`Described`] for what has `metadata`.
macro_rules! described {
    ($($kind:ty),* $(,)?) => {
        $(impl Described for $kind {
            fn meta(&self) -> &Meta {
                &self.metadata
            }
        })*
    };
}

described!(
    PodSeen,
    Workload,
    Revision,
    Namespace,
    WebhooksSeen,
    PolicySeen,
    BindingSeen,
    Service,
    EndpointSlice,
    CustomResource,
);

impl Watches {
    /// Opens what is known to matter.
    pub(super) fn open(
        cluster: &Cluster,
        kinds: Arc<Kinds>,
        scope: &Scope,
        namespaces: &BTreeSet<String>,
        settling: &mut Settling,
    ) -> Self {
        let mut watches = Self {
            client: cluster.client.clone(),
            kinds,
            scope: Arc::new(scope.clone()),
            streams: SelectAll::new(),
            next: 0,
            backends: BTreeSet::new(),
            owners: BTreeSet::new(),
        };
        // An empty set of streams ends; this one keeps it open.
        watches.streams.push(pending().boxed());
        for namespace in namespaces {
            watches.makers(namespace, settling);
        }
        watches.admission(namespaces, settling);
        watches.own_kinds(settling);
        watches
    }

    /// The next message of any watch.
    pub(super) async fn next(&mut self) -> Message {
        loop {
            if let Some(message) = self.streams.next().await {
                return message;
            }
            std::future::pending::<()>().await;
        }
    }

    /// The next message, if one is there already.
    pub(super) fn ready(&mut self) -> Option<Message> {
        self.streams.next().now_or_never().flatten()
    }

    /// Opens watches of what turned out to matter: Services of webhooks, and kinds that own Pods.
    pub(super) fn follow(&mut self, settling: &mut Settling) {
        let backends: Vec<Backend> = settling.backends().difference(&self.backends).cloned().collect();
        for backend in backends {
            self.backend(&backend, settling);
            self.backends.insert(backend);
        }
        let owners: Vec<_> = settling.owner_kinds().difference(&self.owners).cloned().collect();
        for (kind, namespace) in owners {
            self.custom(&kind, &namespace, settling);
        }
    }

    fn makers(&mut self, namespace: &str, settling: &mut Settling) {
        let place = |kind: &ApiKind| Subject {
            kind: kind.clone(),
            namespace: namespace.to_owned(),
            fields: None,
            labels: None,
        };
        if let Some(kind) = self.kinds.clone().resource(&r::PODS) {
            self.add(place(kind), Importance::Bears, settling, Seen::Pod);
        }
        for maker in Maker::ALL {
            if let Some(kind) = self.kinds.clone().find(&maker.group_kind()) {
                let seen = move |workload: Workload| Seen::Maker(maker, Box::new(workload));
                self.add(place(kind), Importance::Bears, settling, seen);
            }
        }
        if let Some(kind) = self.kinds.clone().resource(&r::CONTROLLER_REVISIONS) {
            self.add(place(kind), Importance::Bears, settling, Seen::Revision);
        }
    }

    /// Whatever changes Pods on their way in, and the labels by which namespaces are chosen.
    fn admission(&mut self, namespaces: &BTreeSet<String>, settling: &mut Settling) {
        let whole = |kind: &ApiKind| Subject {
            kind: kind.clone(),
            namespace: String::new(),
            fields: None,
            labels: None,
        };
        let kinds = self.kinds.clone();
        if let Some(kind) = kinds.resource(&r::NAMESPACES) {
            let mut subject = whole(kind);
            if let (Some(name), 1) = (namespaces.first().filter(|name| !name.is_empty()), namespaces.len()) {
                subject.fields = Some(format!("metadata.name={name}"));
            }
            self.add(subject, Importance::Bears, settling, Seen::Namespace);
        }
        if let Some(kind) = kinds.resource(&r::MUTATING_WEBHOOKS) {
            self.add(whole(kind), Importance::Bears, settling, Seen::Webhooks);
        }
        if let Some(kind) = kinds.resource(&r::MUTATING_POLICIES) {
            self.add(whole(kind), Importance::Bears, settling, Seen::Policy);
        }
        if let Some(kind) = kinds.resource(&r::MUTATING_POLICY_BINDINGS) {
            self.add(whole(kind), Importance::Bears, settling, Seen::Binding);
        }
    }

    /// Custom resources that the GitOps tool names: they may make Pods.
    fn own_kinds(&mut self, settling: &mut Settling) {
        let Membership::Listed(objects) = &self.scope.membership else { return };
        let makers: BTreeSet<GroupKind> = Maker::ALL.iter().map(|maker| maker.group_kind()).collect();
        let custom = |kind: &GroupKind| kind.group.contains('.') && !kind.group.ends_with(".k8s.io");
        let places: BTreeSet<_> = objects
            .iter()
            .map(|object| (object.group_kind(), object.namespace.clone()))
            .filter(|(kind, _)| custom(kind) && !makers.contains(kind))
            .collect();
        for (kind, namespace) in places {
            self.custom(&kind, &namespace, settling);
        }
    }

    fn custom(&mut self, kind: &GroupKind, namespace: &str, settling: &mut Settling) {
        if !self.owners.insert((kind.clone(), namespace.to_owned())) {
            return;
        }
        let built_in =
            Maker::ALL.iter().any(|maker| maker.group_kind() == *kind) || *kind == GroupKind::new("", "Node");
        let Some(known) = self.kinds.clone().find(kind).filter(|_| !built_in).cloned() else { return };
        let namespace = namespace.to_owned();
        let subject = Subject { kind: known, namespace, fields: None, labels: None };
        let kind = kind.clone();
        let seen = move |object: CustomResource| Seen::Custom(kind.clone(), object);
        self.add(subject, Importance::May, settling, seen);
    }

    /// The Service of a webhook and its endpoints.
    fn backend(&mut self, (namespace, name): &Backend, settling: &mut Settling) {
        let kinds = self.kinds.clone();
        if let Some(kind) = kinds.resource(&r::SERVICES) {
            let fields = Some(format!("metadata.name={name}"));
            let subject = Subject { kind: kind.clone(), namespace: namespace.clone(), fields, labels: None };
            self.add(subject, Importance::Bears, settling, Seen::Service);
        }
        if let Some(kind) = kinds.resource(&r::ENDPOINT_SLICES) {
            let labels = Some(format!("{SERVICE_NAME}={name}"));
            let subject = Subject { kind: kind.clone(), namespace: namespace.clone(), fields: None, labels };
            self.add(subject, Importance::Bears, settling, Seen::Endpoints);
        }
    }

    fn add<T>(
        &mut self,
        subject: Subject,
        importance: Importance,
        settling: &mut Settling,
        seen: impl Fn(T) -> Seen + Send + 'static,
    ) where
        T: for<'de> Deserialize<'de> + Described + Clone + std::fmt::Debug + Send + 'static,
    {
        let source = self.next;
        self.next += 1;
        settling.open(source, subject.watched(), importance);
        let scope = self.scope.clone();
        let seen = move |object: T| {
            let seen = seen(object);
            (scope.waits_for(&seen.reference(), seen.meta()), seen)
        };
        self.streams.push(watch(self.client.clone(), subject, source, seen));
    }
}
