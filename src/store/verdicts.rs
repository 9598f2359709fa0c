//! What the gate said last, where the end of its Job does not tell: one ConfigMap an application.
//!
//! It is no baseline: a verdict is kept whatever it is, and nothing is compared with it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::model::meta::Meta;
use crate::store::{Error, TRIES, config_maps, named};

/// Label of all ConfigMaps that hold verdicts.
const LABEL: &str = "driftgate.dev/verdict";
/// Key of the verdict in its ConfigMap.
const KEY: &str = "verdict.json";
/// Most characters of a reason.
const REASON_CHARACTERS: usize = 1000;

/// What the gate said last of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastVerdict {
    /// As reports name it.
    pub application: String,
    /// What was judged, as far as it was known.
    pub revision: Option<String>,
    /// When.
    pub time: Timestamp,
    /// Exit code of the verdict, whatever the gate ended with.
    pub exit_code: u8,
    /// The deciding reason.
    pub reason: String,
}

impl LastVerdict {
    /// A verdict.
    pub fn new(
        application: &str,
        revision: Option<&str>,
        time: Timestamp,
        exit_code: u8,
        reason: &str,
    ) -> Self {
        let reason = reason.chars().take(REASON_CHARACTERS).collect();
        Self {
            application: application.to_owned(),
            revision: revision.map(String::from),
            time,
            exit_code,
            reason,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Holder {
    metadata: Meta,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Debug, Deserialize)]
struct Data {
    #[serde(rename = "verdict.json")]
    verdict: Option<String>,
}

/// What the gate said last of an application; none if it never spoke.
///
/// # Errors
/// A request failed, or what is kept cannot be read.
pub async fn last(
    cluster: &Cluster,
    namespace: &str,
    application: &str,
) -> Result<Option<LastVerdict>, Error> {
    let kind = config_maps(cluster).await?;
    let name = name(application);
    let holder = cluster.get::<Holder>(&kind, namespace, &name).await?;
    holder.map(|holder| read(&holder, namespace, &name, application)).transpose()
}

/// Keeps a verdict, unless a later one is kept already.
///
/// # Errors
/// A request failed, or others wrote all the time.
pub async fn keep(cluster: &Cluster, namespace: &str, verdict: &LastVerdict) -> Result<(), Error> {
    let kind = config_maps(cluster).await?;
    let name = name(&verdict.application);
    for _ in 0..TRIES {
        let present = cluster.get::<Holder>(&kind, namespace, &name).await?;
        let later = |holder: &Holder| {
            read(holder, namespace, &name, &verdict.application).is_ok_and(|kept| kept.time > verdict.time)
        };
        if present.as_ref().is_some_and(later) {
            return Ok(());
        }
        let version = present.as_ref().map(|holder| holder.metadata.resource_version.as_str());
        let body = config_map(namespace, &name, verdict, version)?;
        let written = match version {
            Some(_) => cluster.replace(&kind, namespace, &name, &body).await,
            None => cluster.create(&kind, namespace, &body).await,
        };
        match written.map_err(Error::Api) {
            Ok(_) => return Ok(()),
            Err(error) if error.is_outdated(version.is_some()) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Busy { namespace: namespace.to_owned(), name })
}

fn read(holder: &Holder, namespace: &str, name: &str, application: &str) -> Result<LastVerdict, Error> {
    let unreadable = |cause: String| Error::Unreadable {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        key: KEY,
        cause,
    };
    let text = holder.data.as_ref().and_then(|data| data.verdict.as_deref());
    let text = text.ok_or_else(|| unreadable("it is not there".to_owned()))?;
    let verdict: LastVerdict = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
    if verdict.application != application {
        return Err(unreadable(format!(
            "it is of application {}, not of {application}",
            verdict.application
        )));
    }
    Ok(verdict)
}

fn config_map(
    namespace: &str,
    name: &str,
    verdict: &LastVerdict,
    version: Option<&str>,
) -> Result<Value, Error> {
    let text = serde_json::to_string(verdict).map_err(|error| Error::Unwritable {
        what: format!("the verdict on {}", verdict.application),
        cause: error.to_string(),
    })?;
    let mut metadata = json!({
        "name": name,
        "namespace": namespace,
        "labels": { LABEL: "true", "app.kubernetes.io/managed-by": "driftgate" },
        "annotations": { "driftgate.dev/application": verdict.application },
    });
    if let (Some(version), Some(metadata)) = (version, metadata.as_object_mut()) {
        metadata.insert("resourceVersion".to_owned(), version.into());
    }
    Ok(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": { KEY: text } }))
}

fn name(application: &str) -> String {
    named("driftgate-verdict", application)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Api, Fault, Matching, What, Where};

    fn verdict(exit_code: u8, time: &str) -> LastVerdict {
        LastVerdict::new("helm/shop/web", Some("1 (web-1.0.0)"), time.parse().unwrap(), exit_code, "why")
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_verdict_is_kept_whatever_it_is() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        assert_eq!(last(&cluster, "driftgate", "helm/shop/web").await.unwrap(), None);
        let early = verdict(20, "2026-11-24T10:00:00Z");
        let late = verdict(0, "2026-11-24T11:00:00Z");
        for (told, kept) in [(&early, &early), (&late, &late), (&early, &late)] {
            keep(&cluster, "driftgate", told).await.unwrap();
            assert_eq!(last(&cluster, "driftgate", "helm/shop/web").await.unwrap().as_ref(), Some(kept));
        }
        assert_eq!(crate::store::newest(&cluster, "driftgate", "helm/shop/web").await.unwrap(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_conflict_is_decided_again() {
        let api = Api::default();
        let cluster = Cluster::new(api.client());
        keep(&cluster, "driftgate", &verdict(0, "2026-11-24T10:00:00Z")).await.unwrap();
        let update = Matching { verb: Some("update".into()), first: Some(1), ..Matching::default() };
        api.add_fault(Fault { at: Where::Every(update), what: What::Status(409) });
        let newer = verdict(12, "2026-11-24T11:00:00Z");
        keep(&cluster, "driftgate", &newer).await.unwrap();
        assert_eq!(last(&cluster, "driftgate", "helm/shop/web").await.unwrap(), Some(newer));
    }
}
