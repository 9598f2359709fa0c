//! The environment and arguments of a container, as a kubelet composes them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, EnvFromSource, EnvVarSource, Pod, Secret};
use kube::{Api, Client};

use super::pod::identity;
use super::volumes::found;

pub(super) type Env = BTreeMap<String, String>;

/// The variables that the container names, references between them resolved.
pub(super) async fn env_of(
    client: &Client,
    pod: &Pod,
    container: &Container,
    address: &str,
) -> Result<Env, String> {
    let source = Source { client, pod, address };
    let mut env = Env::new();
    for from in container.env_from.iter().flatten() {
        env.extend(source.all(from).await?);
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            Some(from) => source.one(from).await?,
            None => Some(expand(variable.value.as_deref().unwrap_or_default(), &env)),
        };
        if let Some(value) = value {
            env.insert(variable.name.clone(), value);
        }
    }
    Ok(env)
}

struct Source<'a> {
    client: &'a Client,
    pod: &'a Pod,
    address: &'a str,
}

impl Source<'_> {
    async fn all(&self, from: &EnvFromSource) -> Result<Env, String> {
        let mut values = Env::new();
        if let Some(reference) = &from.config_map_ref {
            values = self.config_map(&reference.name, reference.optional).await?;
        }
        if let Some(reference) = &from.secret_ref {
            values = self.secret(&reference.name, reference.optional).await?;
        }
        let prefix = from.prefix.as_deref().unwrap_or_default();
        Ok(values.into_iter().map(|(key, value)| (format!("{prefix}{key}"), value)).collect())
    }

    async fn one(&self, from: &EnvVarSource) -> Result<Option<String>, String> {
        if let Some(reference) = &from.field_ref {
            return Ok(Some(field(self.pod, &reference.field_path, Some(self.address))));
        }
        if let Some(reference) = &from.config_map_key_ref {
            return Ok(self.config_map(&reference.name, reference.optional).await?.remove(&reference.key));
        }
        if let Some(reference) = &from.secret_key_ref {
            return Ok(self.secret(&reference.name, reference.optional).await?.remove(&reference.key));
        }
        Err("a process kubelet cannot resolve this source of a variable".into())
    }

    async fn config_map(&self, name: &str, optional: Option<bool>) -> Result<Env, String> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), identity(self.pod).1);
        let map = found(maps.get_opt(name).await, "configmap", name, optional)?;
        Ok(map.and_then(|map| map.data).unwrap_or_default())
    }

    async fn secret(&self, name: &str, optional: Option<bool>) -> Result<Env, String> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), identity(self.pod).1);
        let secret = found(secrets.get_opt(name).await, "secret", name, optional)?;
        let data = secret.and_then(|secret| secret.data).unwrap_or_default().into_iter();
        Ok(data.map(|(key, value)| (key, String::from_utf8_lossy(&value.0).into_owned())).collect())
    }
}

/// A value of the downward API; the address is not in the object yet when the container starts.
pub(super) fn field(pod: &Pod, path: &str, address: Option<&str>) -> String {
    let meta = &pod.metadata;
    let spec = pod.spec.as_ref().expect("a Pod has a spec");
    let keyed = |map: &Option<BTreeMap<String, String>>, key: &str| {
        map.as_ref().and_then(|map| map.get(key)).cloned().unwrap_or_default()
    };
    match path.split_once('[') {
        Some(("metadata.labels", key)) => return keyed(&meta.labels, key.trim_matches(['\'', '"', ']'])),
        Some(("metadata.annotations", key)) => {
            return keyed(&meta.annotations, key.trim_matches(['\'', '"', ']']));
        }
        _ => {}
    }
    match path {
        "metadata.name" => meta.name.clone().unwrap_or_default(),
        "metadata.namespace" => meta.namespace.clone().unwrap_or_default(),
        "metadata.uid" => meta.uid.clone().unwrap_or_default(),
        "metadata.labels" => lines(meta.labels.as_ref()),
        "metadata.annotations" => lines(meta.annotations.as_ref()),
        "spec.nodeName" => spec.node_name.clone().unwrap_or_default(),
        "spec.serviceAccountName" => spec.service_account_name.clone().unwrap_or_default(),
        "status.podIP" | "status.podIPs" => address.unwrap_or_default().to_owned(),
        "status.hostIP" | "status.hostIPs" => "127.0.0.1".to_owned(),
        other => panic!("the downward API has no {other}"),
    }
}

fn lines(map: Option<&BTreeMap<String, String>>) -> String {
    let lines: Vec<String> =
        map.into_iter().flatten().map(|(key, value)| format!("{key}={value:?}")).collect();
    lines.join("\n")
}

/// `$(NAME)` is the value of NAME; `$$` is a dollar sign; a reference to nothing stays as it is.
pub(super) fn expand(text: &str, env: &Env) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let reference = rest.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        if let Some((value, after)) = reference.and_then(|(name, after)| env.get(name).zip(Some(after))) {
            out.push_str(value);
            rest = after;
        } else {
            out.push('$');
            rest = rest.strip_prefix('$').unwrap_or(rest);
        }
    }
    out + rest
}

#[test]
fn references_to_known_variables_are_expanded() {
    let env = Env::from([("APP".into(), "web".into())]);
    assert_eq!(expand("$(APP) $(NONE) $$(APP) $5", &env), "web $(NONE) $(APP) $5");
}
