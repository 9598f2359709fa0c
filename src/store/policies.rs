//! The platform's policy in ConfigMaps: the ones whose values are read, because they are ours.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cluster::{ApiKind, Cluster, Item, Query};
use crate::model::meta::Meta;
use crate::store::{Error, config_maps};

/// How many at a time: each may have a megabyte.
const PAGE: usize = 10;
/// Most bytes of all of them together: nobody has written more, and it is read into memory.
const MOST_BYTES: usize = 16 << 20;

/// All of its data.
#[derive(Debug, Deserialize)]
struct Holder {
    metadata: Meta,
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

impl Holder {
    /// Size of its data.
    fn bytes(&self) -> usize {
        self.data.iter().flatten().map(|(_key, text)| text.len()).sum()
    }
}

/// The files of the ConfigMap of this name, or of all those with a label if it is `KEY=VALUE`: each ConfigMap's keys that
/// end in yaml or yml, in order of names.
///
/// # Errors
/// One cannot be read, there is none, one holds no such key, or they are too large.
pub async fn read(cluster: &Cluster, namespace: &str, which: &str) -> Result<Vec<(String, String)>, Error> {
    let kind = config_maps(cluster).await?;
    let mut holders = if which.contains('=') {
        labelled(cluster, &kind, namespace, which).await?
    } else {
        cluster.get::<Holder>(&kind, namespace, which).await?.into_iter().collect()
    };
    if holders.is_empty() {
        return Err(no_policy(namespace, which, "it is not there"));
    }
    if holders.iter().map(Holder::bytes).sum::<usize>() > MOST_BYTES {
        let cause = format!("more than {} MiB is no policy that anybody wrote", MOST_BYTES >> 20);
        return Err(no_policy(namespace, which, &cause));
    }
    holders.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
    let files = holders.into_iter().map(|holder| files(holder, namespace)).collect::<Result<Vec<_>, _>>()?;
    Ok(files.concat())
}

async fn labelled(
    cluster: &Cluster,
    kind: &ApiKind,
    namespace: &str,
    label: &str,
) -> Result<Vec<Holder>, Error> {
    let query = Query::new(kind).namespace(namespace).labels(label).pages_of(PAGE);
    let (mut holders, mut bytes) = (Vec::new(), 0);
    let keep = |item: Item<'_, Holder>| {
        // The one that is too much is kept, so that it is seen; what comes after it is not.
        if bytes <= MOST_BYTES {
            bytes += item.value.bytes();
            holders.push(item.value);
        }
    };
    let unread = cluster.list::<Holder>(&query, keep).await?;
    match unread.first() {
        Some(gap) => Err(no_policy(namespace, label, &gap.detail)),
        None => Ok(holders),
    }
}

fn files(holder: Holder, namespace: &str) -> Result<Vec<(String, String)>, Error> {
    let Holder { metadata: Meta { name, .. }, data } = holder;
    let is_yaml = |key: &str| key.rsplit_once('.').is_some_and(|(_name, end)| matches!(end, "yaml" | "yml"));
    let files = data.unwrap_or_default().into_iter().filter(|(key, _text)| is_yaml(key));
    let files: Vec<_> =
        files.map(|(key, text)| (format!("configmap:{namespace}/{name}/{key}"), text)).collect();
    if files.is_empty() {
        return Err(no_policy(namespace, &name, "no key of it ends in .yaml or .yml"));
    }
    Ok(files)
}

fn no_policy(namespace: &str, name: &str, cause: &str) -> Error {
    Error::NoPolicy { namespace: namespace.to_owned(), name: name.to_owned(), cause: cause.to_owned() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::Api;

    const LABEL: &str = "driftgate.dev/policy=platform";

    fn with(maps: &[(&str, Value)]) -> (Api, Cluster) {
        let api = Api::default();
        for (name, data) in maps {
            let labels = json!({"driftgate.dev/policy": "platform"});
            let metadata = json!({"name": name, "namespace": "driftgate", "labels": labels});
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
            api.seed_value(&map).unwrap();
        }
        let cluster = Cluster::new(api.client());
        (api, cluster)
    }

    async fn why_not(cluster: &Cluster, which: &str) -> String {
        read(cluster, "driftgate", which).await.unwrap_err().to_string()
    }

    #[tokio::test(start_paused = true)]
    async fn files_of_a_label_come_in_order_of_names() {
        let (_api, cluster) = with(&[
            ("b", json!({"one.yaml": "3"})),
            ("a", json!({"two.yml": "2", "one.yaml": "1", "README.md": "no policy"})),
        ]);
        let files = read(&cluster, "driftgate", LABEL).await.unwrap();
        let expected = [("a/one.yaml", "1"), ("a/two.yml", "2"), ("b/one.yaml", "3")];
        let expected = expected.map(|(file, text)| (format!("configmap:driftgate/{file}"), text.to_owned()));
        assert_eq!(files, expected);
        assert_eq!(read(&cluster, "driftgate", "b").await.unwrap(), expected[2..]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_cannot_be_read_is_named_and_is_not_empty() {
        let (api, cluster) = with(&[("a", json!({"one.yaml": "1"})), ("b", json!({"README.md": "1"}))]);
        let why = why_not(&cluster, LABEL).await;
        assert_eq!(why, "ConfigMap driftgate/b: no key of it ends in .yaml or .yml");
        let why = why_not(&cluster, "driftgate.dev/policy=other").await;
        assert_eq!(why, "ConfigMap driftgate/driftgate.dev/policy=other: it is not there");
        assert_eq!(why_not(&cluster, "c").await, "ConfigMap driftgate/c: it is not there");
        api.forbid(&["get", "list"], "", "configmaps", Some("driftgate"));
        for (which, verb) in [("a", "get"), (LABEL, "list")] {
            let why = why_not(&cluster, which).await;
            let grant = format!("grant the verb {verb} on configmaps in namespace driftgate");
            assert!(why.contains(&grant), "{why}");
        }
    }
}
