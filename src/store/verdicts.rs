//! What the gate said last, where the end of its Job does not tell: one ConfigMap an application.
//!
//! It is no baseline: a verdict is kept whatever it is, and nothing is compared with it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::store::Error;
use crate::store::latest::{self, Latest};

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

impl Latest for LastVerdict {
    const LABEL: &'static str = "driftgate.dev/verdict";
    const KEY: &'static str = "verdict.json";
    const PREFIX: &'static str = "driftgate-verdict";

    fn application(&self) -> &str {
        &self.application
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    fn text(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::Unwritable {
            what: format!("the verdict on {}", self.application),
            cause: error.to_string(),
        })
    }

    fn annotations(&self) -> Value {
        json!({ "driftgate.dev/application": self.application })
    }
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
    latest::get(cluster, namespace, application).await
}

/// Keeps a verdict, unless a later one is kept already.
///
/// # Errors
/// A request failed, or others wrote all the time.
pub async fn keep(cluster: &Cluster, namespace: &str, verdict: &LastVerdict) -> Result<(), Error> {
    latest::keep(cluster, namespace, verdict).await
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
