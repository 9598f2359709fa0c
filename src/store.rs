//! Edge towards the records of what passed: one ConfigMap an application, in the platform's namespace.
//!
//! Written whole or not at all, guarded by its resourceVersion; of two gates that pass at the same time the later
//! pass stays. What is there but cannot be read is an error, never "no record". Does not know verdicts.

mod latest;
pub mod policies;
pub mod states;
pub mod verdicts;

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cluster::{ApiError, ApiKind, Cluster, Reason};
use crate::declared::short_hex;
use crate::model::reference::GroupKind;
use crate::record::Record;
use latest::Latest;

/// Most characters of the application's name in the ConfigMap's.
const NAME_CHARACTERS: usize = 40;
/// How often a write starts over because another gate was faster.
const TRIES: usize = 5;

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The cluster does not serve ConfigMaps.
    #[error("the cluster serves no ConfigMaps")]
    NoKind,
    /// It is there but is no record.
    #[error(
        "ConfigMap {namespace}/{name}: key {key}: {cause}; delete the ConfigMap to start without what it held"
    )]
    Unreadable {
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Its name.
        name: String,
        /// The key of its data.
        key: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// It cannot be written as JSON.
    #[error("writing {what}: {cause}")]
    Unwritable {
        /// What was to be written.
        what: String,
        /// Why.
        cause: String,
    },
    /// There is no policy where one is said to be.
    #[error("ConfigMap {namespace}/{name}: {cause}")]
    NoPolicy {
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Its name, or the label that was asked for.
        name: String,
        /// What is missing.
        cause: String,
    },
    /// Other gates wrote all the time.
    #[error("ConfigMap {namespace}/{name} changed during each of {TRIES} tries to write it")]
    Busy {
        /// Namespace of the ConfigMap.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Error {
    /// True if somebody else has written, made or deleted the ConfigMap since it was read; `existed` says whether there
    /// was one. A create that finds nothing means that the namespace is not there.
    pub fn is_outdated(&self, existed: bool) -> bool {
        let faster = if existed {
            [Reason::Conflict, Reason::NotFound]
        } else {
            [Reason::Conflict, Reason::AlreadyExists]
        };
        matches!(self, Self::Api(error) if faster.contains(&error.reason()))
    }
}

/// The record of the last pass of an application; none if it never passed.
pub async fn newest(cluster: &Cluster, namespace: &str, application: &str) -> Result<Option<Record>, Error> {
    latest::get(cluster, namespace, application).await
}

/// Puts a pass on record, unless a later one is there already. One that cannot be read is replaced: nothing was gained
/// from it.
pub async fn save(cluster: &Cluster, namespace: &str, record: &Record) -> Result<(), Error> {
    latest::keep(cluster, namespace, record).await
}

impl Latest for Record {
    const LABEL: &'static str = "driftgate.dev/record";
    const KEY: &'static str = "record.json";
    const PREFIX: &'static str = "driftgate";

    fn application(&self) -> &str {
        &self.application
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn parse(text: &str) -> Result<Self, String> {
        Self::parse(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> Result<String, Error> {
        self.to_json().map_err(|error| Error::Unwritable {
            what: format!("the record that {} passed", self.application),
            cause: error.to_string(),
        })
    }

    fn annotations(&self) -> Value {
        json!({
            "driftgate.dev/application": self.application,
            "driftgate.dev/revision": self.revision.as_deref().unwrap_or_default(),
        })
    }
}

async fn config_maps(cluster: &Cluster) -> Result<ApiKind, Error> {
    let kinds = cluster.kinds().await?;
    kinds.find(&GroupKind::new("", "ConfigMap")).cloned().ok_or(Error::NoKind)
}

/// One of our ConfigMaps: where it is, and where in it the text.
struct Slot<'a> {
    namespace: &'a str,
    name: String,
    label: &'static str,
    key: &'static str,
}

impl Slot<'_> {
    fn unreadable(&self, cause: String) -> Error {
        Error::Unreadable {
            namespace: self.namespace.to_owned(),
            name: self.name.clone(),
            key: self.key,
            cause,
        }
    }

    /// With this text in it; `version` is of what it replaces, if there is something.
    fn config_map(&self, annotations: &Value, text: &str, version: Option<&str>) -> Value {
        let mut metadata = json!({
            "name": self.name,
            "namespace": self.namespace,
            "labels": { self.label: "true", "app.kubernetes.io/managed-by": "driftgate" },
            "annotations": annotations,
        });
        if let (Some(version), Some(metadata)) = (version, metadata.as_object_mut()) {
            metadata.insert("resourceVersion".to_owned(), version.into());
        }
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { self.key: text } })
    }

    /// Writes the text in place of that version, or as a new ConfigMap; returns what is there now.
    async fn write(
        &self,
        cluster: &Cluster,
        kind: &ApiKind,
        annotations: &Value,
        text: &str,
        version: Option<&str>,
    ) -> Result<Value, Error> {
        let body = self.config_map(annotations, text, version);
        let written = match version {
            Some(_) => cluster.replace(kind, self.namespace, &self.name, &body).await,
            None => cluster.create(kind, self.namespace, &body).await,
        };
        written.map_err(Error::Api)
    }
}

/// A DNS label: the application's name as far as it fits, and a digest that tells all names apart.
fn named(prefix: &str, application: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(application.as_bytes());
    let allowed = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let words: String = application.chars().take(NAME_CHARACTERS).map(allowed).collect();
    format!("{prefix}-{}-{}", words.trim_matches('-'), short_hex(hasher))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::memory::{Api, Fault, Matching, ObjectRef, What, Where};

    fn record(application: &str, revision: &str, time: &str) -> Record {
        let time = time.parse().unwrap();
        Record::new(application, Some(revision.into()), time, [], &BTreeMap::new())
    }

    fn holder() -> ObjectRef {
        ObjectRef {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            namespace: Some("driftgate".into()),
            name: named("driftgate", "argocd/shop"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_saved_is_the_newest() {
        let cluster = Cluster::new(Api::default().client());
        assert_eq!(newest(&cluster, "driftgate", "argocd/shop").await.unwrap(), None);
        for (revision, time) in [("a", "2026-11-24T10:00:00Z"), ("b", "2026-11-24T11:00:00Z")] {
            let record = record("argocd/shop", revision, time);
            save(&cluster, "driftgate", &record).await.unwrap();
            assert_eq!(newest(&cluster, "driftgate", "argocd/shop").await.unwrap(), Some(record));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_pass_stays() {
        let cluster = Cluster::new(Api::default().client());
        let later = record("argocd/shop", "b", "2026-11-24T11:00:00Z");
        save(&cluster, "driftgate", &later).await.unwrap();
        save(&cluster, "driftgate", &record("argocd/shop", "a", "2026-11-24T10:00:00Z")).await.unwrap();
        assert_eq!(newest(&cluster, "driftgate", "argocd/shop").await.unwrap(), Some(later));
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_decided_again() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        save(&cluster, "driftgate", &record("argocd/shop", "a", "2026-11-24T10:00:00Z")).await.unwrap();
        let update = Matching { verb: Some("update".into()), first: Some(1), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(update), what: What::Status(409) });
        let newer = record("argocd/shop", "b", "2026-11-24T11:00:00Z");
        save(&cluster, "driftgate", &newer).await.unwrap();
        assert_eq!(newest(&cluster, "driftgate", "argocd/shop").await.unwrap(), Some(newer));
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_gates_that_pass_at_once_one_is_on_record_whole() {
        let api = Api::default();
        let [one, other] = [api.client(), api.client()].map(Cluster::new);
        let early = record("argocd/shop", "a", "2026-11-24T10:00:00Z");
        let late = record("argocd/shop", "b", "2026-11-24T10:00:01Z");
        let (first, second) = tokio::join!(save(&one, "driftgate", &late), save(&other, "driftgate", &early));
        first.unwrap();
        second.unwrap();
        assert_eq!(newest(&one, "driftgate", "argocd/shop").await.unwrap(), Some(late));
    }

    #[tokio::test(start_paused = true)]
    async fn other_gates_that_never_stop_writing_are_an_error() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        let create = Matching { verb: Some("create".into()), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(create), what: What::Status(409) });
        let record = record("argocd/shop", "a", "2026-11-24T10:00:00Z");
        let error = save(&cluster, "driftgate", &record).await.unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_namespace_that_is_not_there_is_an_error() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        let create = Matching { verb: Some("create".into()), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(create), what: What::Status(404) });
        let record = record("argocd/shop", "a", "2026-11-24T10:00:00Z");
        let error = save(&cluster, "driftgate", &record).await.unwrap_err();
        assert!(matches!(&error, Error::Api(error) if error.reason() == Reason::NotFound), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_record_of_another_application_is_not_taken_for_ours() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        save(&cluster, "driftgate", &record("argocd/shop", "a", "2026-11-24T10:00:00Z")).await.unwrap();
        let forged = record("argocd/other", "a", "2026-11-24T10:00:00Z").to_json().unwrap();
        api.patch(&holder(), &json!({"data": {Record::KEY: forged}})).unwrap();
        let error = newest(&cluster, "driftgate", "argocd/shop").await.unwrap_err();
        assert!(error.to_string().contains("it is of application argocd/other"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_but_cannot_be_read_is_an_error() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        save(&cluster, "driftgate", &record("argocd/shop", "a", "2026-11-24T10:00:00Z")).await.unwrap();
        for data in [json!({Record::KEY: "{\"apiVersion\":"}), json!({Record::KEY: null})] {
            api.patch(&holder(), &json!({"data": data})).unwrap();
            let error = newest(&cluster, "driftgate", "argocd/shop").await.unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{error}");
        }
        api.forbid(&["get"], "", "configmaps", None);
        let Err(Error::Api(error)) = newest(&cluster, "driftgate", "argocd/shop").await else {
            panic!("a forbidden record is not absent")
        };
        assert_eq!(error.reason(), Reason::Forbidden);
    }

    #[test]
    fn names_are_dns_labels_and_tell_applications_apart() {
        let long = "n".repeat(300);
        let names: Vec<_> =
            ["argocd/shop", "argocd-shop", "argocd/", &long].map(|it| named("driftgate", it)).to_vec();
        for name in &names {
            assert!(
                name.len() <= 63 + 5 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
                "{name}"
            );
        }
        assert_ne!(names[0], names[1]);
    }
}
