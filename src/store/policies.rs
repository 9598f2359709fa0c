//! The platform's policy in a ConfigMap: the one whose values are read, because they are ours.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cluster::Cluster;
use crate::store::{Error, config_maps};

/// All of its data.
#[derive(Debug, Deserialize)]
struct Holder {
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

/// Its files by name: the keys that end in yaml or yml.
///
/// # Errors
/// It cannot be read, is not there, or holds no such key.
pub async fn read(cluster: &Cluster, namespace: &str, name: &str) -> Result<Vec<(String, String)>, Error> {
    let kind = config_maps(cluster).await?;
    let missing = |cause: &'static str| Error::NoPolicy {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        cause,
    };
    let holder =
        cluster.get::<Holder>(&kind, namespace, name).await?.ok_or_else(|| missing("it is not there"))?;
    let is_yaml = |key: &str| key.rsplit_once('.').is_some_and(|(_name, end)| matches!(end, "yaml" | "yml"));
    let files = holder.data.unwrap_or_default().into_iter().filter(|(key, _text)| is_yaml(key));
    let files: Vec<_> =
        files.map(|(key, text)| (format!("configmap:{namespace}/{name}/{key}"), text)).collect();
    if files.is_empty() { Err(missing("no key of it ends in .yaml or .yml")) } else { Ok(files) }
}
