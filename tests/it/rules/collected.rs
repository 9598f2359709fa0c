//! From the objects of a fixture to an evaluation, the way `scan -f` goes: in-memory API, survey, engine.
//!
//! All objects of the file are the application's own, but for those that carry the label `fixture/foreign`.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use driftgate::cluster::{self, Cluster};
use driftgate::engine::Evaluation;
use driftgate::manifests;
use driftgate::memory::Api;
use driftgate::model::meta::Partial;
use driftgate::model::reference::{GroupKind, ObjectRef};
use driftgate::rules::{Rule, Settings};
use driftgate::scope::{Application, Membership, Scope};

/// Runs one rule on the objects of a multi-document YAML file.
pub(crate) fn judge(rule: &'static Rule, fixture: &Path) -> Evaluation {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (cluster, membership) = load(fixture);
        let application = Application { name: "the fixture".to_owned(), revision: None };
        let scope = Scope { application, membership, namespaces: None, own_job: None };
        let mut survey = cluster::survey(&cluster, &scope).await.unwrap();
        cluster::judge(&cluster, &scope, &mut survey, &[rule], &Settings::default()).await.unwrap()
    })
}

/// The file as a cluster, and what of it belongs to the application.
fn load(fixture: &Path) -> (Cluster, Membership) {
    let api = Api::default();
    let (mut own, mut foreign) = (BTreeSet::new(), 0_usize);
    let problems = manifests::read(&[fixture.to_owned()], io::empty(), |json| {
        let partial: Partial = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        if partial.metadata.labels.contains_key("fixture/foreign") {
            foreign += 1;
        } else {
            own.insert(reference(partial));
        }
        api.seed(json).map(drop).map_err(|error| error.to_string())
    });
    assert!(problems.is_empty(), "{problems:?}");
    let membership = if foreign == 0 { Membership::Everything } else { Membership::Listed(own) };
    (Cluster::new(api.client()), membership)
}

fn reference(partial: Partial) -> ObjectRef {
    let group = partial.api_version.rsplit_once('/').map_or("", |(group, _version)| group);
    partial.metadata.reference(&GroupKind::new(group, partial.kind))
}
