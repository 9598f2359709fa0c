//! What changes the application's Pods on their way in: webhooks and policies, and whether the webhooks are served.
//!
//! Owns which of them concern these Pods. Does not know the Pods, only the labels they are admitted with, nor time.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::admission::{MatchResources, ServiceReference, Webhook};
use crate::model::meta::Map;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::settling::matching::{Selectors, takes_pods};
use crate::settling::seen::{Seen, digest};
use crate::settling::state::Watched;
use crate::settling::table::{Key, Source, Table};

/// Label of an EndpointSlice that names its Service.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Port of a webhook's Service that names none.
const DEFAULT_PORT: i64 = 443;

/// A Service, by namespace and name.
pub type Backend = (String, String);

/// A webhook that takes Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hook {
    name: String,
    digest: u64,
    selectors: Selectors,
    service: Option<ServiceReference>,
    has_ca: bool,
}

/// Webhooks of one configuration that take Pods.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Configuration {
    object: ObjectRef,
    hooks: Vec<Hook>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Policy {
    object: ObjectRef,
    digest: u64,
    /// None if it does not take Pods.
    selectors: Option<Selectors>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Binding {
    object: ObjectRef,
    digest: u64,
    policy: String,
    /// None if it does not take Pods.
    selectors: Option<Selectors>,
}

/// Everything on the way of Pods.
#[derive(Debug, Default)]
pub(super) struct Admission {
    configurations: Table<Configuration>,
    policies: Table<Policy>,
    bindings: Table<Binding>,
    namespaces: Table<(String, Map)>,
    services: Table<(Backend, Vec<i64>)>,
    endpoints: Table<(Backend, usize)>,
    /// Services and endpoints that cannot be seen: nothing is said about webhooks that are served by them.
    hidden: BTreeSet<Watched>,
    /// Something has changed since it was last judged.
    pub(super) dirty: bool,
}

/// How the application's Pods are admitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Injection {
    /// Digests of what concerns the Pods: webhooks, policies, labels of namespaces.
    pub(super) parts: BTreeMap<ObjectRef, u64>,
    /// What is not ready.
    pub(super) why: BTreeMap<ObjectRef, Vec<String>>,
    /// Services that the webhooks are served by.
    pub(super) backends: BTreeSet<Backend>,
}

impl Admission {
    /// Takes in an object.
    pub(super) fn put(&mut self, row: (Source, u32), seen: &Seen) {
        let (object, meta) = (seen.reference(), seen.meta());
        let key = Key::of(&object, meta);
        let uid = meta.uid.as_str();
        let changed = match seen {
            Seen::Webhooks(seen) => {
                let hooks =
                    seen.webhooks.iter().filter_map(|(hook, own)| Hook::of(hook, digest(&(uid, own))));
                put(&mut self.configurations, key, row, Configuration { object, hooks: hooks.collect() })
            }
            Seen::Policy(seen) => {
                let selectors = selectors(&seen.spec.match_constraints);
                put(
                    &mut self.policies,
                    key,
                    row,
                    Policy { object, digest: digest(&(uid, seen.digest)), selectors },
                )
            }
            Seen::Binding(seen) => {
                let narrowed = &seen.spec.match_resources;
                let selectors =
                    if narrowed.resource_rules.is_empty() { Some(of(narrowed)) } else { selectors(narrowed) };
                let (policy, digest) = (seen.spec.policy_name.clone(), digest(&(uid, seen.digest)));
                put(&mut self.bindings, key, row, Binding { object, digest, policy, selectors })
            }
            Seen::Namespace(_) => put(&mut self.namespaces, key, row, (object.name, meta.labels.clone())),
            Seen::Service(seen) => {
                let ports = seen.spec.ports.iter().map(|port| port.port).collect();
                put(&mut self.services, key, row, ((object.namespace, object.name), ports))
            }
            Seen::Endpoints(seen) => {
                let ready = seen.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false));
                let service = meta.labels.get(SERVICE_NAME).cloned().unwrap_or_default();
                put(&mut self.endpoints, key, row, ((object.namespace, service), ready.count()))
            }
            Seen::Pod(_) | Seen::Maker(..) | Seen::Revision(_) | Seen::Custom(..) => false,
        };
        self.dirty |= changed;
    }

    /// Takes in that something cannot be seen, or that it can.
    pub(super) fn hide(&mut self, watched: &Watched, hidden: bool) {
        let differs = if hidden { self.hidden.insert(watched.clone()) } else { self.hidden.remove(watched) };
        self.dirty |= differs;
    }

    /// Forgets an object.
    pub(super) fn remove(&mut self, key: Key) {
        self.dirty |= self.configurations.remove(key).is_some();
        self.dirty |= self.policies.remove(key).is_some();
        self.dirty |= self.bindings.remove(key).is_some();
        self.dirty |= self.namespaces.remove(key).is_some();
        self.dirty |= self.services.remove(key).is_some();
        self.dirty |= self.endpoints.remove(key).is_some();
    }

    /// Forgets what a listing did not bring again.
    pub(super) fn sweep(&mut self, source: Source, listing: u32) {
        let missed = [
            self.configurations.missed(source, listing),
            self.policies.missed(source, listing),
            self.bindings.missed(source, listing),
            self.namespaces.missed(source, listing),
            self.services.missed(source, listing),
            self.endpoints.missed(source, listing),
        ];
        for key in missed.into_iter().flatten() {
            self.remove(key);
        }
    }

    /// How Pods with these labels are admitted.
    pub(super) fn judge(&self, shapes: &[&(String, Map)]) -> Injection {
        let mut injection = Injection::default();
        let namespaces: BTreeMap<&str, &Map> =
            self.namespaces.values().map(|(name, labels)| (name.as_str(), labels)).collect();
        for name in shapes.iter().map(|(namespace, _)| namespace.as_str()).collect::<BTreeSet<_>>() {
            if let Some(labels) = namespaces.get(name) {
                let object = ObjectRef::new(&GroupKind::new("", "Namespace"), "", name);
                injection.parts.insert(object, digest(labels));
            }
        }
        let takes = |selectors: &Selectors| {
            shapes.iter().any(|(namespace, labels)| {
                selectors.take(namespaces.get(namespace.as_str()).copied(), labels)
            })
        };
        for configuration in self.configurations.values() {
            self.configuration(configuration, &takes, &mut injection);
        }
        self.policies(&takes, &mut injection);
        injection
    }

    fn configuration(
        &self,
        configuration: &Configuration,
        takes: &impl Fn(&Selectors) -> bool,
        injection: &mut Injection,
    ) {
        let hooks: Vec<&Hook> = configuration.hooks.iter().filter(|hook| takes(&hook.selectors)).collect();
        if hooks.is_empty() {
            return;
        }
        let digests: Vec<u64> = hooks.iter().map(|hook| hook.digest).collect();
        injection.parts.insert(configuration.object.clone(), digest(&digests));
        let why: Vec<String> = hooks.iter().filter_map(|hook| self.unserved(hook)).collect();
        if !why.is_empty() {
            injection.why.insert(configuration.object.clone(), why);
        }
        injection.backends.extend(hooks.iter().filter_map(|hook| hook.service.as_ref()).map(backend));
    }

    /// A policy works where one of its bindings puts it in force.
    fn policies(&self, takes: &impl Fn(&Selectors) -> bool, injection: &mut Injection) {
        for policy in self.policies.values() {
            let bindings = self.bindings.values().filter(|binding| {
                binding.policy == policy.object.name && binding.selectors.as_ref().is_some_and(takes)
            });
            let bindings: Vec<&Binding> = bindings.collect();
            if bindings.is_empty() || !policy.selectors.as_ref().is_some_and(takes) {
                continue;
            }
            injection.parts.insert(policy.object.clone(), policy.digest);
            for binding in bindings {
                injection.parts.insert(binding.object.clone(), binding.digest);
            }
        }
    }

    /// Why the API server cannot call a webhook; one outside the cluster cannot be looked into.
    fn unserved(&self, hook: &Hook) -> Option<String> {
        let service = hook.service.as_ref()?;
        let Hook { name, .. } = hook;
        let ServiceReference { namespace, name: of, port } = service;
        let port = port.unwrap_or(DEFAULT_PORT);
        if !hook.has_ca {
            return Some(format!("webhook {name} has no CA bundle yet"));
        }
        let backend = backend(service);
        if self.hides(&backend.0) {
            return None;
        }
        let ports = self.services.values().find(|(service, _)| *service == backend).map(|(_, ports)| ports);
        let Some(ports) = ports else {
            return Some(format!("webhook {name} is served by Service {namespace}/{of}, which is not there"));
        };
        if !ports.contains(&port) {
            return Some(format!(
                "webhook {name} is served by Service {namespace}/{of}, which has no port {port}"
            ));
        }
        let slices = self.endpoints.values().filter(|(service, _)| *service == backend);
        let ready: usize = slices.map(|(_, ready)| ready).sum();
        (ready == 0).then(|| {
            format!("webhook {name} is served by Service {namespace}/{of}, which has no ready endpoint")
        })
    }
}

impl Admission {
    fn hides(&self, namespace: &str) -> bool {
        let parts = [GroupKind::new("", "Service"), GroupKind::new("discovery.k8s.io", "EndpointSlice")];
        self.hidden.iter().any(|watched| {
            parts.contains(&watched.kind) && (watched.namespace.is_empty() || watched.namespace == namespace)
        })
    }
}

impl Hook {
    fn of(hook: &Webhook, digest: u64) -> Option<Self> {
        takes_pods(&hook.rules).then(|| Self {
            name: hook.name.clone(),
            digest,
            selectors: Selectors {
                namespaces: hook.namespace_selector.clone(),
                objects: hook.object_selector.clone(),
            },
            service: hook.client_config.service.clone(),
            has_ca: !hook.client_config.ca_bundle.is_empty(),
        })
    }
}

fn put<T: PartialEq>(table: &mut Table<T>, key: Key, row: (Source, u32), value: T) -> bool {
    let before = table.put(key, row, value);
    before.as_ref() != table.get(key)
}

fn backend(service: &ServiceReference) -> Backend {
    (service.namespace.clone(), service.name.clone())
}

fn selectors(resources: &MatchResources) -> Option<Selectors> {
    takes_pods(&resources.resource_rules).then(|| of(resources))
}

fn of(resources: &MatchResources) -> Selectors {
    Selectors { namespaces: resources.namespace_selector.clone(), objects: resources.object_selector.clone() }
}
