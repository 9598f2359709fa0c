//! The stand-in for source-controller: watches sources, makes archives of what they refer to, serves those on
//! loopback and says so in the sources' status.
//!
//! It looks again when a source's spec changes and when somebody requests it by annotation, as `flux reconcile source`
//! and webhook receivers do; it never polls.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::Refused;
use super::archive::{archive, asked, sha256};
use crate::harness::git::GitRepo;
use crate::harness::runtime::background;

const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// The kinds of source that the stand-in serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    Git,
    Oci,
}

impl SourceKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Git => "GitRepository",
            Self::Oci => "OCIRepository",
        }
    }

    /// A source that follows `main`, or the tag `latest`, of a repository.
    pub(crate) fn object(self, name: &str, repo: &GitRepo) -> Value {
        let path = repo.bare().display();
        let spec = match self {
            Self::Git => json!({"url": format!("http://git.test{path}"), "ref": {"branch": "main"}}),
            Self::Oci => json!({"url": format!("oci://registry.test{path}"), "ref": {"tag": "latest"}}),
        };
        let mut object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": self.as_str(), "metadata": {"name": name},
            "spec": spec,
        });
        object["spec"]["interval"] = json!("1h");
        object
    }

    /// The revision of a commit that a source follows.
    pub(crate) fn revision(self, commit: &str) -> String {
        match self {
            Self::Git => format!("main@sha1:{commit}"),
            Self::Oci => format!("latest@{}", digest_of(commit)),
        }
    }

    fn resource(self) -> ApiResource {
        ApiResource::from_gvk(&GroupVersionKind::gvk("source.toolkit.fluxcd.io", "v1", self.as_str()))
    }

    fn api(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(client.clone(), namespace, &self.resource())
    }
}

/// The digest of a commit in the stand-in's registry.
pub(crate) fn digest_of(commit: &str) -> String {
    sha256(format!("manifest of {commit}").as_bytes())
}

/// Requests that a source is looked at.
pub(super) async fn request(client: &Client, kind: SourceKind, namespace: &str, name: &str) {
    let patch = json!({"metadata": {"annotations": {REQUESTED_AT: Timestamp::now().to_string()}}});
    let patched =
        kind.api(client, namespace).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
    patched.unwrap_or_else(|error| panic!("patch {} {name}: {error}", kind.as_str()));
}

/// Archives by path.
type Archives = Arc<Mutex<BTreeMap<String, Bytes>>>;

#[derive(Clone)]
struct Stand {
    client: Client,
    address: String,
    archives: Archives,
    refused: Refused,
}

/// Starts to serve, for as long as the process lives.
pub(super) fn serve(client: Client, refused: Refused) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.set_nonblocking(true).expect("a listener for tokio");
    let address = listener.local_addr().expect("a bound port").to_string();
    let stand = Stand { client, address, archives: Archives::default(), refused };
    background().spawn(accept(listener, stand.archives.clone()));
    for kind in [SourceKind::Git, SourceKind::Oci] {
        background().spawn(stand.clone().watch(kind));
    }
}

impl Stand {
    async fn watch(self, kind: SourceKind) {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &kind.resource());
        let mut events = watcher(api, watcher::Config::default()).default_backoff().applied_objects().boxed();
        while let Some(event) = events.next().await {
            if let Ok(source) = event
                && is_due(&source)
            {
                self.look(kind, &source).await;
            }
        }
    }

    async fn look(&self, kind: SourceKind, source: &DynamicObject) {
        let generation = source.metadata.generation;
        let name = source.metadata.name.clone().expect("a name");
        let namespace = source.metadata.namespace.clone().expect("a namespace");
        let artifact = self.artifact(kind, source);
        let said = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({"type": kind, "status": status, "reason": reason, "message": message,
                "lastTransitionTime": seconds(), "observedGeneration": generation})
        };
        let mut status = match artifact {
            Ok(artifact) => {
                let message = format!("stored artifact for revision '{}'", artifact["revision"]);
                let conditions =
                    ["Ready", "ArtifactInStorage"].map(|it| said(it, "True", "Succeeded", &message));
                json!({"artifact": artifact, "conditions": conditions})
            }
            Err((reason, message)) => {
                let conditions =
                    [said("Ready", "False", reason, &message), said("FetchFailed", "True", reason, &message)];
                json!({"conditions": conditions})
            }
        };
        status["observedGeneration"] = json!(generation);
        status["lastHandledReconcileAt"] = json!(requested(source));
        let patch = Patch::Merge(json!({"status": status}));
        let api = kind.api(&self.client, &namespace);
        // A source that is gone meanwhile needs no status.
        api.patch_status(&name, &PatchParams::default(), &patch).await.ok();
    }

    fn refuses(&self, commit: &str) -> bool {
        self.refused.lock().expect("no panic while looking").contains(commit)
    }

    fn keep(&self, path: &str, bytes: Vec<u8>) {
        self.archives.lock().expect("no panic while noting").insert(path.to_owned(), bytes.into());
    }

    /// The artifact of what a source refers to, or the reason why there is none and words for it.
    fn artifact(&self, kind: SourceKind, source: &DynamicObject) -> Result<Value, (&'static str, String)> {
        let spec = &source.data["spec"];
        let bare = bare(spec["url"].as_str().unwrap_or_default());
        let (commit, revision) = match kind {
            SourceKind::Git => commit(&bare, &spec["ref"]).map_err(|error| ("GitOperationFailed", error))?,
            SourceKind::Oci => {
                tagged(&bare, &spec["ref"]).map_err(|error| ("OCIArtifactPullFailed", error))?
            }
        };
        if self.refuses(&commit) && !spec["verify"].is_null() {
            return Err(("VerificationError", format!("signature verification of commit '{commit}' failed")));
        }
        let bytes = archive(&bare, &commit).map_err(|error| ("StorageOperationFailed", error))?;
        let (digest, size) = (sha256(&bytes), bytes.len());
        let meta = &source.metadata;
        let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        let path = format!("{}/{namespace}/{name}/{commit}.tar.gz", kind.as_str().to_lowercase());
        self.keep(&path, bytes);
        let url = format!("http://{}/{path}", self.address);
        let artifact = json!({"digest": digest, "path": path, "revision": revision, "size": size, "url": url,
            "lastUpdateTime": seconds()});
        let known = &source.data["status"]["artifact"];
        let same = ["digest", "revision"].iter().all(|field| known[*field] == artifact[*field]);
        Ok(if same { known.clone() } else { artifact })
    }
}

/// Time as Kubernetes writes it, in whole seconds.
fn seconds() -> String {
    Timestamp::from_second(Timestamp::now().as_second()).expect("the present").to_string()
}

/// True for a source whose spec was not looked at yet, or that somebody wants to be looked at.
fn is_due(source: &DynamicObject) -> bool {
    let status = &source.data["status"];
    let suspended = source.data["spec"]["suspend"] == true;
    let seen = status["observedGeneration"].as_i64() == source.metadata.generation;
    let heard = status["lastHandledReconcileAt"].as_str() == requested(source);
    !(suspended || seen && heard)
}

fn requested(source: &DynamicObject) -> Option<&str> {
    source.metadata.annotations.as_ref()?.get(REQUESTED_AT).map(String::as_str)
}

/// The folder behind an address of ours: its path.
fn bare(url: &str) -> PathBuf {
    let path = url.split_once("://").map_or("", |(_, rest)| rest);
    PathBuf::from(path.find('/').map_or("", |at| &path[at..]))
}

/// The commit of a `GitRepository`'s reference, and its revision. A pinned commit must be on the branch.
fn commit(bare: &Path, reference: &Value) -> Result<(String, String), String> {
    let branch = reference["branch"].as_str();
    let Some(pinned) = reference["commit"].as_str() else {
        let branch = branch.unwrap_or("main");
        let commit = asked(bare, &["rev-parse", "--verify", &format!("refs/heads/{branch}^{{commit}}")])?;
        let revision = format!("{branch}@sha1:{commit}");
        return Ok((commit, revision));
    };
    let found = asked(bare, &["merge-base", "--is-ancestor", pinned, branch.unwrap_or("main")]);
    found.map_err(|error| format!("unable to get commit object for '{pinned}': object not found {error}"))?;
    let revision = branch.map_or_else(String::new, |branch| format!("{branch}@"));
    Ok((pinned.to_owned(), format!("{revision}sha1:{pinned}")))
}

/// The commit behind a tag or digest of an `OCIRepository`; each commit of the repository is one manifest of its
/// registry, and each tag stands for `main`.
fn tagged(bare: &Path, reference: &Value) -> Result<(String, String), String> {
    let Some(digest) = reference["digest"].as_str() else {
        let commit = asked(bare, &["rev-parse", "--verify", "refs/heads/main^{commit}"])?;
        let tag = reference["tag"].as_str().unwrap_or("latest");
        let revision = format!("{tag}@{}", digest_of(&commit));
        return Ok((commit, revision));
    };
    let commits = asked(bare, &["rev-list", "refs/heads/main"])?;
    let commit = commits.lines().find(|commit| digest_of(commit) == digest);
    let commit = commit.ok_or_else(|| format!("MANIFEST_UNKNOWN: manifest unknown; {digest}"))?;
    Ok((commit.to_owned(), digest.to_owned()))
}

async fn accept(listener: TcpListener, archives: Archives) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for tokio");
    loop {
        let (stream, _peer) = listener.accept().await.expect("loopback accepts");
        let archives = archives.clone();
        tokio::spawn(async move {
            let service = service_fn(async |request: Request<Incoming>| {
                let path = request.uri().path().trim_start_matches('/');
                let found = archives.lock().expect("no panic while looking").get(path).cloned();
                let status = if found.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
                let mut response = Response::new(Full::new(found.unwrap_or_default()));
                *response.status_mut() = status;
                Ok::<_, Infallible>(response)
            });
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}
