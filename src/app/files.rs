//! Manifests as a cluster: files go into the in-memory API, so that they take the code path of a real one.

use std::path::PathBuf;

use crate::cluster::Cluster;
use crate::manifests::{self, Problem, causes};
use crate::memory::Api;

/// What the files hold, and what in them is no manifest.
pub(super) struct Files {
    pub(super) cluster: Cluster,
    pub(super) problems: Vec<Problem>,
}

/// Reads files, folders and standard input.
pub(super) fn load(paths: &[PathBuf]) -> Files {
    let api = Api::default();
    let problems = manifests::read(paths, std::io::stdin().lock(), |json| {
        api.seed(json).map(|_count| ()).map_err(|error| causes(&error))
    });
    Files { cluster: Cluster::new(api.client()), problems }
}
