//! What is kept of an application in a ConfigMap of its own, the latest and nothing else: records and verdicts.
//!
//! Does not know what is kept, but when it is of and how it is read.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::model::meta::Meta;
use crate::store::{Error, Slot, TRIES, config_maps, named};

/// Something of which the latest is kept.
pub(super) trait Latest: Sized {
    /// Label of all ConfigMaps that hold one.
    const LABEL: &'static str;
    /// Its key in the ConfigMap.
    const KEY: &'static str;
    /// What the ConfigMaps' names begin with.
    const PREFIX: &'static str;

    /// What it is about.
    fn application(&self) -> &str;
    /// When it was.
    fn time(&self) -> Timestamp;
    /// From its text.
    ///
    /// # Errors
    /// It is none, in words.
    fn parse(text: &str) -> Result<Self, String>;
    /// Its text.
    ///
    /// # Errors
    /// [`Error::Unwritable`].
    fn text(&self) -> Result<String, Error>;
    /// What `kubectl` shows of it.
    fn annotations(&self) -> Value;
}

/// The ConfigMap.
#[derive(Debug, Deserialize)]
struct Holder {
    metadata: Meta,
    #[serde(default)]
    data: Option<BTreeMap<String, Option<String>>>,
}

/// The latest of an application; none if there never was one.
pub(super) async fn get<T: Latest>(
    cluster: &Cluster,
    namespace: &str,
    application: &str,
) -> Result<Option<T>, Error> {
    let kind = config_maps(cluster).await?;
    let slot = slot::<T>(namespace, application);
    let holder = cluster.get::<Holder>(&kind, namespace, &slot.name).await?;
    holder.map(|holder| read(&holder, &slot, application)).transpose()
}

/// Keeps one, unless a later one of the same application is kept already.
pub(super) async fn keep<T: Latest>(cluster: &Cluster, namespace: &str, it: &T) -> Result<(), Error> {
    let text = it.text()?;
    let kind = config_maps(cluster).await?;
    let slot = slot::<T>(namespace, it.application());
    for _ in 0..TRIES {
        let present = cluster.get::<Holder>(&kind, namespace, &slot.name).await?;
        let later = |holder: &Holder| {
            read::<T>(holder, &slot, it.application()).is_ok_and(|kept| kept.time() > it.time())
        };
        if present.as_ref().is_some_and(later) {
            return Ok(());
        }
        let version = present.as_ref().map(|holder| holder.metadata.resource_version.as_str());
        match slot.write(cluster, &kind, &it.annotations(), &text, version).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_outdated(version.is_some()) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::Busy { namespace: namespace.to_owned(), name: slot.name })
}

fn slot<'a, T: Latest>(namespace: &'a str, application: &str) -> Slot<'a> {
    Slot { namespace, name: named(T::PREFIX, application), label: T::LABEL, key: T::KEY }
}

fn read<T: Latest>(holder: &Holder, slot: &Slot<'_>, application: &str) -> Result<T, Error> {
    let text = holder.data.as_ref().and_then(|data| data.get(T::KEY)?.as_ref());
    let text = text.ok_or_else(|| slot.unreadable("it is not there".to_owned()))?;
    let it = T::parse(text).map_err(|cause| slot.unreadable(cause))?;
    if it.application() != application {
        let cause = format!("it is of application {}, not of {application}", it.application());
        return Err(slot.unreadable(cause));
    }
    Ok(it)
}
