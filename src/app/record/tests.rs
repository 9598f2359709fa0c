//! Recordings of what the rules are tested on, and of the examples, are judged as their originals are.

#![expect(clippy::disallowed_methods, reason = "examples are files, and recordings become files")]

use std::collections::BTreeSet;
use std::fs;

use rstest::rstest;
use serde_json::Value;

use super::*;
use crate::app::Rehearsal;
use crate::cluster::{judge, survey};
use crate::engine::Evaluation;
use crate::manifests;
use crate::memory::Api;
use crate::model::meta::Partial;
use crate::model::reference::GroupKind;
use crate::progress::Progress;
use crate::rules::RULES;
use crate::scenario::Scenario;
use crate::scope::{Application, Membership, Scope};

fn shop() -> Picked {
    let options = target::argocd(&crate::cli::ArgoArgs::default());
    Picked::Application { namespace: "argocd".to_owned(), name: "shop".to_owned(), options }
}

const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 24);

/// The objects of a fixture; all are the application's own, but for those of a certain label.
fn load(fixture: &Path) -> (Api, Scope) {
    let api = Api::default();
    let (mut own, mut foreign) = (BTreeSet::new(), 0_usize);
    let problems = manifests::read(&[fixture.to_owned()], io::empty(), |json| {
        let Partial { api_version, kind, metadata } = serde_json::from_slice(json).unwrap();
        if metadata.labels.contains_key("fixture/foreign") {
            foreign += 1;
        } else {
            let group = api_version.rsplit_once('/').map_or("", |(group, _version)| group);
            own.insert(metadata.reference(&GroupKind::new(group, kind)));
        }
        api.seed(json).map(drop).map_err(|error| error.to_string())
    });
    assert_eq!(problems, []);
    let membership = if foreign == 0 { Membership::Everything } else { Membership::Listed(own) };
    let application = Application { name: "the fixture".to_owned(), revision: None };
    (api, Scope { application, membership, namespaces: None, own_job: None })
}

async fn evaluate(api: &Api, scope: &Scope) -> Evaluation {
    let (cluster, settings) = (Cluster::new(api.client()), Settings::default());
    let mut survey = survey(&cluster, scope).await.unwrap();
    judge(&cluster, scope, &mut survey, RULES, &settings).await.unwrap()
}

async fn record(api: &Api, scope: &Scope) -> Recording {
    let picked = Picked::Selection { scope: scope.clone(), selector: None };
    let cluster = Cluster::new(api.client());
    Box::pin(Recording::of(&cluster, &picked, &Settings::default(), TODAY)).await.unwrap()
}

fn seeded(files: &Files) -> Api {
    let api = Api::default();
    for text in files.iter().filter(|(path, _)| path.starts_with(folder::OBJECTS)).map(|(_, text)| text) {
        let problems = manifests::read(&["-".into()], text.as_bytes(), |json| {
            api.seed(json).map(drop).map_err(|error| error.to_string())
        });
        assert_eq!(problems, []);
    }
    api
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_recording_is_judged_like_its_original(
    #[files("tests/fixtures/rules/*/*/*.yaml")] fixture: PathBuf,
) {
    let (api, scope) = load(&fixture);
    if scope.membership == Membership::Listed(BTreeSet::new()) {
        return;
    }
    let recording = record(&api, &scope).await;
    assert_eq!(recording.difference, None);
    let again = seeded(&recording.into_files().unwrap());
    let (live, told) = (evaluate(&api, &scope).await, evaluate(&again, &scope).await);
    assert_eq!(live.findings, told.findings);
    assert_eq!(live.gaps, told.gaps);
}

/// Everything in some namespaces is recorded, too; what is around them is not theirs.
#[rstest]
#[tokio::test(start_paused = true)]
async fn recorded_namespaces_are_judged_like_live_ones(
    #[files("tests/fixtures/rules/*/fail/*.yaml")] fixture: PathBuf,
) {
    let (api, _scope) = load(&fixture);
    let namespaces = ["default".to_owned(), "shop".to_owned()];
    let scope = target::selection(&namespaces, None).unwrap();
    let live = evaluate(&api, &scope).await;
    if live.counts.pods + live.counts.templates > 0 {
        let recording = record(&api, &scope).await;
        assert_eq!(recording.difference, None);
        assert_eq!(recording.live.evaluation.findings, live.findings);
    }
}

/// An example whose gate judges the Application by its name, as a rehearsal of a recording does.
fn by_application(example: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in example.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let lines =
            text.lines().map(|line| if line.starts_with("job: ") { "app: argocd/shop" } else { line });
        fs::write(copy.path().join(path.file_name().unwrap()), lines.collect::<Vec<_>>().join("\n")).unwrap();
    }
    copy
}

/// The verdict with all that led to it, but for texts of others and for times.
fn judgement(report: &crate::report::Report) -> Value {
    let mut report = serde_json::to_value(report).unwrap();
    let members = report.as_object_mut().unwrap();
    for name in ["run", "phases", "reasons", "gaps", "warnings"] {
        members.remove(name);
    }
    drop_texts(&mut report);
    report
}

/// Without where a policy file lies and why something has not settled.
fn drop_texts(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| name != "at" && name != "why");
            members.values_mut().for_each(drop_texts);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_recorded_example_ends_like_the_example(#[files("examples/*/scenario.yaml")] file: PathBuf) {
    let example = by_application(file.parent().unwrap());
    let scenario = Scenario::read(example.path()).unwrap();
    let original = match Rehearsal::prepare(example.path()).await {
        Ok(original) => original,
        Err(error) => {
            assert_eq!(scenario.expect, Some(3), "only a broken policy cannot be rehearsed: {error}");
            return;
        }
    };
    let live = original.run(&Progress::Lines).await.unwrap();
    // Recorded as it was found; where something happens meanwhile, as that leaves it.
    let found = if scenario.steps.is_empty() {
        let found = Rehearsal::prepare(example.path()).await.unwrap();
        crate::scenario::obstruct(found.api(), &scenario.forbid, &scenario.faults);
        found
    } else {
        original
    };
    let cluster = Cluster::new(found.api().client());
    let folder = tempfile::tempdir().unwrap();
    let policies: Vec<PathBuf> = scenario.policy.iter().map(|policy| example.path().join(policy)).collect();
    let to_record = ToRecord { picked: &shop(), policies: &policies, records_namespace: "driftgate" };
    let recorded = to_record.record(&cluster, TODAY, folder.path()).await;
    let lines = match recorded {
        Ok(lines) => lines,
        Err(stop) => {
            assert_eq!(stop.told().0, Exit::Unavailable);
            assert_eq!(live.exit(), Exit::Unavailable);
            return;
        }
    };
    let told = Rehearsal::prepare(folder.path()).await.unwrap().run(&Progress::Lines).await.unwrap();
    assert_eq!(judgement(&told), judgement(&live), "{lines:#?}");
}
