//! What service accounts did, as the API server's audit log tells it.
//!
//! The log is written before a request is answered, so whatever a process did is there once it has ended.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The controllers of the control plane are service accounts too, and of no interest.
const POLICY: &str = r#"
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: None
    userGroups: ["system:serviceaccounts:kube-system"]
  - level: Metadata
    userGroups: ["system:serviceaccounts"]
  - level: None
"#;

pub(crate) fn write_policy(file: &Path) {
    fs::write(file, POLICY).expect("an audit policy can be written");
}

/// One right that was needed: what an RBAC rule would have to grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) verb: String,
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) subresource: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) allowed: bool,
}

/// The audit log of the API server.
pub(crate) struct AuditLog {
    file: PathBuf,
}

impl AuditLog {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file }
    }

    /// What a service account asked of resources until now. Paths that are no resources (discovery) are left out.
    pub(crate) fn uses_by(&self, namespace: &str, service_account: &str) -> BTreeSet<Use> {
        let user = format!("system:serviceaccount:{namespace}:{service_account}");
        let log = fs::read_to_string(&self.file).expect("the audit log can be read");
        // The last line may be half written; it cannot be of a request that was answered.
        let events = log.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok());
        events.filter(|event| event.user.username == user).filter_map(Event::into_use).collect()
    }
}

impl AuditLog {
    /// How often a service account has asked for what until now: verb and resource.
    pub(crate) fn count_by(
        &self,
        namespace: &str,
        service_account: &str,
    ) -> BTreeMap<(String, String), usize> {
        let user = format!("system:serviceaccount:{namespace}:{service_account}");
        let log = fs::read_to_string(&self.file).expect("the audit log can be read");
        let mut counts = BTreeMap::new();
        for event in log.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            if event.user.username == user
                && let Some(object) = event.object
            {
                *counts.entry((event.verb, object.resource)).or_default() += 1;
            }
        }
        counts
    }
}

#[derive(Deserialize)]
struct Event {
    verb: String,
    user: User,
    #[serde(rename = "objectRef")]
    object: Option<ObjectRef>,
    #[serde(default)]
    annotations: Annotations,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ObjectRef {
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    api_group: String,
}

#[derive(Default, Deserialize)]
struct Annotations {
    #[serde(rename = "authorization.k8s.io/decision", default)]
    decision: String,
}

impl Event {
    fn into_use(self) -> Option<Use> {
        let ObjectRef { resource, subresource, namespace, name, api_group } = self.object?;
        let allowed = self.annotations.decision == "allow";
        Some(Use { verb: self.verb, group: api_group, resource, subresource, namespace, name, allowed })
    }
}
