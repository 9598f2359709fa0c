//! Volumes as folders: what a kubelet would mount into the container, written to a folder of the Pod, and
//! the paths of the Pod's specification translated to it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, ServiceAccount, Volume,
    VolumeProjection,
};
use kube::api::PostParams;
use kube::{Api, Client};

use super::env::field;
use super::pod::identity;

type Files = BTreeMap<String, Vec<u8>>;

/// What was mounted.
#[derive(Default)]
pub(super) struct Mounts {
    /// Paths in the container, and where they are here.
    pub(super) paths: Vec<(String, String)>,
    /// The token of the Pod's service account, when one is mounted.
    pub(super) token: Option<String>,
}

impl Mounts {
    /// Replaces whole paths of the container by ours, in one pass, so that a replacement is never replaced again.
    pub(super) fn translate(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let at_start = !out.ends_with(|c: char| c.is_alphanumeric() || "/._-".contains(c));
            let mounted = self.paths.iter().find_map(|(from, to)| path_at(rest, from).zip(Some(to)));
            if let (true, Some((after, to))) = (at_start, mounted) {
                out.push_str(to);
                rest = after;
            } else {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        out
    }
}

/// What follows `path` in `text`, if `text` begins with it as a whole path or a folder of one.
fn path_at<'a>(text: &'a str, path: &str) -> Option<&'a str> {
    let after = text.strip_prefix(path)?;
    let ends = !after.starts_with(|c: char| c.is_alphanumeric() || "._-".contains(c));
    ends.then_some(after)
}

/// Writes all volumes of a container under `root`; an error is what the kubelet would wait for.
pub(super) async fn mount(
    client: &Client,
    pod: &Pod,
    container: &Container,
    root: &Path,
) -> Result<Mounts, String> {
    let source = Source { client, pod };
    let volumes = pod.spec.as_ref().and_then(|spec| spec.volumes.as_ref());
    let mut mounts = Mounts::default();
    for mount in container.volume_mounts.iter().flatten() {
        let volume = volumes.into_iter().flatten().find(|volume| volume.name == mount.name);
        let volume = volume.ok_or_else(|| format!("no volume {}", mount.name))?;
        let (files, token) = source.volume(volume).await?;
        let dir = root.join(&volume.name);
        write(&dir, &files);
        let here = dir.join(mount.sub_path.as_deref().unwrap_or_default());
        let path = mount.mount_path.trim_end_matches('/').to_owned();
        mounts.paths.push((path, here.display().to_string().trim_end_matches('/').to_owned()));
        mounts.token = mounts.token.or(token);
    }
    mounts.paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    Ok(mounts)
}

fn write(dir: &Path, files: &Files) {
    fs::create_dir_all(dir).expect("a folder for a volume");
    for (name, bytes) in files {
        let file = dir.join(name);
        fs::create_dir_all(file.parent().expect("a file has a folder")).expect("a folder in a volume");
        fs::write(file, bytes).expect("a file in a volume");
    }
}

struct Source<'a> {
    client: &'a Client,
    pod: &'a Pod,
}

impl Source<'_> {
    async fn volume(&self, volume: &Volume) -> Result<(Files, Option<String>), String> {
        if let Some(source) = &volume.config_map {
            let files = self.config_map(&source.name, source.items.as_deref(), source.optional).await?;
            return Ok((files, None));
        }
        if let Some(source) = &volume.secret {
            let name = source.secret_name.as_deref().unwrap_or_default();
            return Ok((self.secret(name, source.items.as_deref(), source.optional).await?, None));
        }
        if let Some(source) = &volume.downward_api {
            return Ok((self.downward(source.items.as_deref()), None));
        }
        if let Some(source) = &volume.projected {
            return self.projected(source.sources.as_deref().unwrap_or_default()).await;
        }
        if volume.empty_dir.is_some() {
            return Ok((Files::new(), None));
        }
        Err(format!("volume {}: a process kubelet cannot mount this", volume.name))
    }

    async fn projected(&self, sources: &[VolumeProjection]) -> Result<(Files, Option<String>), String> {
        let mut files = Files::new();
        let mut token = None;
        for source in sources {
            if let Some(source) = &source.config_map {
                files.extend(self.config_map(&source.name, source.items.as_deref(), source.optional).await?);
            }
            if let Some(source) = &source.secret {
                files.extend(self.secret(&source.name, source.items.as_deref(), source.optional).await?);
            }
            if let Some(source) = &source.downward_api {
                files.extend(self.downward(source.items.as_deref()));
            }
            if let Some(source) = &source.service_account_token {
                let fresh = self.token(source.audience.as_deref(), source.expiration_seconds).await?;
                files.insert(source.path.clone(), fresh.clone().into_bytes());
                token = Some(fresh);
            }
        }
        Ok((files, token))
    }

    async fn config_map(
        &self,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<Files, String> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), identity(self.pod).1);
        let Some(map) = found(maps.get_opt(name).await, "configmap", name, optional)? else {
            return Ok(Files::new());
        };
        let text = map.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.into_bytes()));
        let binary = map.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
        select(text.chain(binary).collect(), items)
    }

    async fn secret(
        &self,
        name: &str,
        items: Option<&[KeyToPath]>,
        optional: Option<bool>,
    ) -> Result<Files, String> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), identity(self.pod).1);
        let Some(secret) = found(secrets.get_opt(name).await, "secret", name, optional)? else {
            return Ok(Files::new());
        };
        let data = secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0));
        select(data.collect(), items)
    }

    fn downward(&self, items: Option<&[DownwardAPIVolumeFile]>) -> Files {
        let items = items.unwrap_or_default().iter();
        items
            .filter_map(|item| {
                let path = &item.field_ref.as_ref()?.field_path;
                Some((item.path.clone(), field(self.pod, path, None).into_bytes()))
            })
            .collect()
    }

    async fn token(&self, audience: Option<&str>, seconds: Option<i64>) -> Result<String, String> {
        let (name, namespace) = identity(self.pod);
        let account = self.pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref());
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                attestations: None,
                audiences: audience.map(|it| vec![it.to_owned()]),
                bound_object_ref: Some(BoundObjectReference {
                    api_version: Some("v1".into()),
                    kind: Some("Pod".into()),
                    name: Some(name.to_owned()),
                    uid: self.pod.metadata.uid.clone(),
                }),
                expiration_seconds: seconds,
            }),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(account.unwrap_or("default"), &PostParams::default(), &request)
            .await
            .map_err(|error| format!("no token: {error}"))?;
        answer.status.and_then(|status| status.token).ok_or_else(|| "no token in the answer".into())
    }
}

/// An absent object is an error unless the Pod calls it optional.
pub(super) fn found<T>(
    answer: kube::Result<Option<T>>,
    kind: &str,
    name: &str,
    optional: Option<bool>,
) -> Result<Option<T>, String> {
    match answer.map_err(|error| format!("{kind} {name}: {error}"))? {
        None if optional != Some(true) => Err(format!("{kind} \"{name}\" not found")),
        other => Ok(other),
    }
}

fn select(mut files: Files, items: Option<&[KeyToPath]>) -> Result<Files, String> {
    let Some(items) = items else { return Ok(files) };
    let take = |item: &KeyToPath| match files.remove(&item.key) {
        Some(bytes) => Ok((item.path.clone(), bytes)),
        None => Err(format!("references non-existent key {}", item.key)),
    };
    items.iter().map(take).collect()
}

#[test]
fn whole_paths_are_translated_once() {
    let paths = [("/dev/termination-log", "/tmp/a/log"), ("/tmp", "/tmp/a/scratch")];
    let paths = paths.map(|(from, to)| (from.to_owned(), to.to_owned())).into();
    let mounts = Mounts { paths, token: None };
    let translated = mounts.translate("--log=/dev/termination-log,/tmp/x /tmpfs /var/tmp");
    assert_eq!(translated, "--log=/tmp/a/log,/tmp/a/scratch/x /tmpfs /var/tmp");
}
