//! An in-memory Kubernetes API: a tower Service under the real client.
//!
//! It answers requests as a cluster would, so that files (`scan -f`), recorded applications (`rehearse`) and tests take
//! the code path of a real cluster: discovery, lists by pages, watches with bookmarks, all writes with their conflicts,
//! access reviews, and whatever can go wrong on the way. Objects are held as the bytes of their JSON.
//!
//! It owns storage and the wire. It knows nothing of the gate, and it has no controllers and no admission: objects
//! change when a request or a script changes them, and only as told. Not modelled: field managers, RBAC (access is
//! taken away by [`Api::forbid`]), validation, defaults (but for the label that bears a Namespace's name), cascading
//! deletion, the lifecycle of namespaces, schemas of custom resources, tables and protobuf; Events of the core group and
//! of `events.k8s.io` are kept apart.

mod access;
mod clock;
mod direct;
mod discovery;
mod fault;
mod kinds;
mod list;
mod mutate;
mod object;
mod patch;
mod render;
mod respond;
mod route;
mod scale;
mod script;
mod selectors;
mod serve;
mod service;
mod state;
mod store;
#[cfg(test)]
mod testing;
mod watch;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch::{Receiver, Sender};

use access::Forbidden;
use clock::Clock;
use state::State;

pub use direct::{Error, ObjectRef};
pub use fault::{Fault, Matching, What, Where};
pub use object::Malformed;
pub use respond::Body;
pub use script::{Action, ScriptError, Step};
pub use service::Service;
pub use state::Request;

/// What becomes of a seeded object whose kind is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownKinds {
    /// Its kind is served from then on, under a guessed plural; namespaced if the object names a namespace.
    Register,
    /// It is refused.
    Refuse,
}

/// How an API presents itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The time at construction; from there on it passes as tokio's clock does.
    pub start: Timestamp,
    /// The default namespace of clients, and of namespaced objects that name none.
    pub namespace: String,
    /// Who the client is, in refusals.
    pub user: String,
    /// The version of the server.
    pub version: String,
    /// What becomes of objects whose kind is not served.
    pub unknown_kinds: UnknownKinds,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            start: Timestamp::constant(1_767_225_600, 0), // 2026-01-01T00:00:00Z
            namespace: "default".to_owned(),
            user: "system:serviceaccount:driftgate:driftgate".to_owned(),
            version: "v1.36.0".to_owned(),
            unknown_kinds: UnknownKinds::Register,
        }
    }
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    clock: Clock,
    state: Mutex<State>,
    changed: Sender<u64>,
}

/// An in-memory Kubernetes API; clones share everything.
#[derive(Debug, Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

impl Default for Api {
    fn default() -> Self {
        Self::new(Settings::default())
    }
}

impl Api {
    /// An API that serves the built-in kinds and holds no object.
    pub fn new(settings: Settings) -> Self {
        let clock = Clock::starting_at(settings.start);
        let state = Mutex::new(State::new());
        Self { shared: Arc::new(Shared { settings, clock, state, changed: Sender::new(0) }) }
    }

    /// A real client whose requests are answered here; its default namespace is that of the settings.
    ///
    /// Must be called within a tokio runtime, as the client runs a task of its own.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.service(), self.shared.settings.namespace.clone())
    }

    /// The tower Service, for a client with layers of its own.
    pub fn service(&self) -> Service {
        Service::new(self.clone())
    }

    /// Forbids verbs on a resource, in one namespace or everywhere; `*` stands for any verb, group or resource.
    ///
    /// A rule with a namespace covers only requests that name it: lists across all namespaces still show its objects.
    pub fn forbid(&self, verbs: &[&str], group: &str, resource: &str, namespace: Option<&str>) {
        self.lock().access.forbid(Forbidden {
            verbs: verbs.iter().map(|&verb| verb.to_owned()).collect(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
        });
    }

    /// Allows everything again.
    pub fn allow_all(&self) {
        self.lock().access.clear();
    }

    /// Puts a fault in force; of several that fit a request, the one added first befalls it.
    pub fn add_fault(&self, fault: Fault) {
        self.lock().faults.add(fault);
    }

    /// Takes all faults out of force; requests that hang already stay so.
    pub fn clear_faults(&self) {
        self.lock().faults.clear();
    }

    /// All requests that have arrived, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// Forgets all earlier versions: watches and continued lists that start from one are answered with 410.
    pub fn compact(&self) {
        self.change(|state| state.store.forget());
    }

    /// The present time of this API.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn stamp(&self) -> String {
        self.shared.clock.stamp()
    }

    fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and wakes the watches.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.store.version();
        let result = change(&mut state);
        let version = state.store.version();
        drop(state);
        if version != before {
            self.shared.changed.send_replace(version);
        }
        result
    }

    fn changes(&self) -> Receiver<u64> {
        self.shared.changed.subscribe()
    }
}
