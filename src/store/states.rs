//! States of rollbacks: one ConfigMap an application, each written by whoever read it last or not at all.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::cluster::{ApiKind, Cluster, Query, Watching};
use crate::model::meta::Meta;
use crate::rollback::State;
use crate::store::{Error, Slot, config_maps, named};

/// Label of all ConfigMaps that hold states.
pub const LABEL: &str = "driftgate.dev/rollback-state";
/// Key of the state in its ConfigMap.
const KEY: &str = "state.json";

/// A state, and the version of the ConfigMap that it was read from or written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The state.
    pub state: State,
    /// None if there is no ConfigMap yet.
    pub version: Option<String>,
}

impl Kept {
    /// Nothing is kept.
    pub fn none(application: &str) -> Self {
        Self { state: State::new(application, ""), version: None }
    }
}

/// The ConfigMap, as far as it holds a state.
#[derive(Clone, Debug, Deserialize)]
pub struct Holder {
    metadata: Meta,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Clone, Debug, Deserialize)]
struct Data {
    #[serde(rename = "state.json")]
    state: Option<String>,
}

impl Holder {
    /// The state that it holds.
    ///
    /// # Errors
    /// It holds none.
    pub fn read(&self) -> Result<Kept, Error> {
        let unreadable = |cause: String| Error::Unreadable {
            namespace: self.metadata.namespace.clone(),
            name: self.metadata.name.clone(),
            key: KEY,
            cause,
        };
        let text = self.data.as_ref().and_then(|data| data.state.as_deref());
        let text = text.ok_or_else(|| unreadable("it is not there".to_owned()))?;
        let state = State::parse(text).map_err(|error| unreadable(error.to_string()))?;
        if name(&state.application) != self.metadata.name {
            return Err(unreadable(format!("it is of application {}", state.application)));
        }
        Ok(Kept { state, version: Some(self.metadata.resource_version.clone()) })
    }
}

/// The states in one namespace.
#[derive(Clone, Debug)]
pub struct States {
    cluster: Cluster,
    kind: ApiKind,
    namespace: String,
}

impl States {
    /// Those in a namespace.
    pub async fn new(cluster: &Cluster, namespace: &str) -> Result<Self, Error> {
        Ok(Self {
            cluster: cluster.clone(),
            kind: config_maps(cluster).await?,
            namespace: namespace.to_owned(),
        })
    }

    /// Watches them.
    pub fn watch(&self) -> Watching<Holder> {
        let query = Query::new(&self.kind).namespace(&*self.namespace).labels(LABEL);
        self.cluster.watch(query)
    }

    /// What is kept of an application.
    pub async fn get(&self, application: &str) -> Result<Kept, Error> {
        let holder: Option<Holder> =
            self.cluster.get(&self.kind, &self.namespace, &name(application)).await?;
        holder.map_or_else(|| Ok(Kept::none(application)), |holder| holder.read())
    }

    /// Keeps a state if nobody else has written since.
    pub async fn save(&self, kept: &Kept, state: State) -> Result<Kept, Error> {
        let unwritable = |error: crate::rollback::Error| Error::Unwritable {
            what: format!("the rollback state of {}", state.application),
            cause: error.to_string(),
        };
        let text = state.to_json().map_err(unwritable)?;
        let (slot, version) = (slot(&self.namespace, &state), kept.version.as_deref());
        let written = slot.write(&self.cluster, &self.kind, &annotations(&state), &text, version).await?;
        let version = written["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        Ok(Kept { state, version: Some(version) })
    }

    /// Forgets an application.
    pub async fn forget(&self, application: &str) -> Result<(), Error> {
        Ok(self.cluster.delete(&self.kind, &self.namespace, &name(application)).await?)
    }
}

fn slot<'a>(namespace: &'a str, state: &State) -> Slot<'a> {
    Slot { namespace, name: name(&state.application), label: LABEL, key: KEY }
}

/// What `kubectl` shows of it.
fn annotations(state: &State) -> Value {
    let case = state.case.as_ref();
    json!({
        "driftgate.dev/application": state.application,
        "driftgate.dev/stage": case.map_or("Free", |case| case.stage.as_str()),
        "driftgate.dev/rejected": case.map(|case| case.rejected.short()).unwrap_or_default(),
        "driftgate.dev/target": case.map(|case| case.target.1.short()).unwrap_or_default(),
    })
}

/// For tests: the ConfigMap of a state.
#[cfg(test)]
pub(crate) fn example(namespace: &str, state: &State) -> Value {
    slot(namespace, state).config_map(&annotations(state), &state.to_json().unwrap(), None)
}

fn name(application: &str) -> String {
    named("driftgate-rollback", application)
}
