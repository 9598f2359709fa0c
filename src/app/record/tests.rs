//! Recordings of what the rules are tested on, and of the examples, are judged as their originals are.

#![expect(clippy::disallowed_methods, reason = "examples are files, and recordings become files")]

use std::collections::BTreeSet;
use std::fs;

use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::app::Rehearsal;
use crate::cluster::{judge, survey};
use crate::engine::Evaluation;
use crate::manifests;
use crate::memory::{Api, Fault, Matching, What, Where};
use crate::model::meta::Partial;
use crate::model::reference::{GroupKind, ObjectRef};
use crate::progress::Progress;
use crate::rules::RULES;
use crate::scenario::{self, Scenario};
use crate::scope::{Application, Membership, Scope};

/// What a scenario names.
fn picked(scenario: &Scenario) -> Picked {
    let options = target::argocd(&crate::cli::ArgoArgs::default());
    if let scenario::Target::Kustomization(namespace, name) = scenario.target(None).unwrap() {
        return Picked::Kustomization { namespace, name };
    }
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

/// An example whose gate judges the application by its name, as a rehearsal of a recording does.
fn by_application(example: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let objects = fs::read_to_string(example.join("objects.yaml")).unwrap();
    let flux = objects.contains("kind: Kustomization\n");
    let app = if flux { "app: kustomization/apps/shop" } else { "app: argocd/shop" };
    for entry in example.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(|line| if line.starts_with("job: ") { app } else { line });
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
    if scenario.release.is_some() {
        return; // `driftgate record` takes no releases of Helm.
    }
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
    let platform =
        scenario.platform_policy.as_ref().map(|file| example.path().join(file).display().to_string());
    let to_record = ToRecord {
        picked: &picked(&scenario),
        policies: &policies,
        platform: platform.as_deref(),
        records_namespace: "driftgate",
    };
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

fn owned_by(api_version: &str, kind: &str, uid: &str) -> Value {
    json!([{"apiVersion": api_version, "kind": kind, "name": "owner", "uid": uid, "controller": true}])
}

fn pod(namespace: &str, name: &str, owners: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners},
        "spec": {"containers": [{"name": "c", "image": "i"}]}, "status": {"phase": "Running"}})
}

fn seeded_with(objects: &[Value]) -> Api {
    let api = Api::default();
    for object in objects {
        api.seed_value(object).unwrap();
    }
    api
}

/// Only this Pod is the application's.
fn only(namespace: &str, name: &str) -> Scope {
    let own = [ObjectRef::new(&GroupKind::new("", "Pod"), namespace, name)];
    let application = Application { name: "a test".to_owned(), revision: None };
    Scope { application, membership: Membership::Listed(own.into()), namespaces: None, own_job: None }
}

#[rstest]
#[case::forbidden(What::Status(403), "forbid:")]
#[case::not_there(What::Status(404), "status: 404")]
#[case::refused(What::Status(400), "status: 400")]
#[case::another_shape(What::GarbageBody, "garbageBody")]
#[tokio::test(start_paused = true)]
async fn what_cannot_be_seen_cannot_be_seen_in_the_recording(#[case] what: What, #[case] written: &str) {
    let api = seeded_with(&[pod("shop", "web", &json!([]))]);
    let resource = Some("clusterrolebindings".to_owned());
    api.add_fault(Fault { at: Where::Every(Matching { resource, ..Matching::default() }), what });
    let recording = record(&api, &only("shop", "web")).await;
    assert_eq!(recording.difference, None);
    assert_eq!(recording.live.evaluation.gaps.len(), 1, "{:?}", recording.live.evaluation.gaps);
    let files = recording.into_files().unwrap();
    assert!(files["scenario.yaml"].contains(written), "{}", files["scenario.yaml"]);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_owns_a_pod_is_not_asked_for() {
    let of_secret = pod("shop", "hidden", &owned_by("v1", "Secret", "u-1"));
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "owner", "namespace": "shop", "uid": "u-1"}});
    let api = seeded_with(&[pod("shop", "web", &json!([])), of_secret, secret]);
    let recording = record(&api, &only("shop", "web")).await;
    assert_eq!(recording.difference, None);
    let gaps = format!("{:?}", recording.live.evaluation.gaps);
    assert!(gaps.contains("Secrets are not read to be recorded"), "{gaps}");
    assert!(!api.requests().iter().any(|request| request.path.contains("/secrets")));
    let files = recording.into_files().unwrap();
    assert!(files["scenario.yaml"].contains("resource: secrets"), "{}", files["scenario.yaml"]);
}

#[tokio::test(start_paused = true)]
async fn a_kind_whose_plural_cannot_be_guessed_is_hidden_as_it_was() {
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "oxen.example.com"}, "spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"plural": "oxen", "kind": "Ox"}, "versions": [{"name": "v1", "served": true, "storage": true}]}});
    let of_ox = pod("shop", "hidden", &owned_by("example.com/v1", "Ox", "u-1"));
    let api = seeded_with(&[definition, pod("shop", "web", &json!([])), of_ox]);
    api.forbid(&["list"], "example.com", "oxen", None);
    let recording = record(&api, &only("shop", "web")).await;
    assert_eq!(recording.difference, None);
    assert!(format!("{:?}", recording.live.evaluation.gaps).contains("Forbidden"));
}

#[tokio::test(start_paused = true)]
async fn what_is_others_is_left_out_but_for_one_pod_of_a_kind_that_makes_pods() {
    let ox = json!({"apiVersion": "example.com/v1", "kind": "Ox", "metadata": {"name": "owner", "namespace": "shop", "uid": "u-1"}});
    let grant = |name: &str, account: &str| {
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": "shop"}, "roleRef": {"kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": account}]})
    };
    let objects = [
        ox,
        pod("shop", "web", &json!([])),
        pod("shop", "first-of-ox", &owned_by("example.com/v1", "Ox", "u-1")),
        pod("shop", "second-of-ox", &owned_by("example.com/v1", "Ox", "u-1")),
        pod("shop", "others", &json!([])),
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "others", "namespace": "shop"},
            "spec": {"template": {"spec": {"containers": [{"name": "c"}]}}}}),
        grant("ours", "default"),
        grant("others", "somebody"),
    ];
    let recording = record(&seeded_with(&objects), &only("shop", "web")).await;
    assert_eq!(recording.difference, None);
    let all: String = recording.into_files().unwrap().into_values().collect();
    for kept in ["name: web\n", "name: first-of-ox\n", "kind: Ox\n", "name: ours\n"] {
        assert!(all.contains(kept), "{kept}: {all}");
    }
    for left_out in ["name: second-of-ox\n", "name: others\n"] {
        assert!(!all.contains(left_out), "{left_out}: {all}");
    }
}

#[tokio::test(start_paused = true)]
async fn uids_stay_where_they_say_something() {
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "owner", "namespace": "shop", "uid": "u-1"}});
    let mut of_set = pod("shop", "owner-0", &owned_by("apps/v1", "StatefulSet", "u-1"));
    of_set["metadata"]["uid"] = json!("u-2");
    let own = [ObjectRef::new(&GroupKind::new("apps", "StatefulSet"), "shop", "owner")];
    let scope = Scope { membership: Membership::Listed(own.into()), ..only("shop", "web") };
    let recording = record(&seeded_with(&[set, of_set]), &scope).await;
    let files = recording.into_files().unwrap();
    assert!(files["objects/statefulsets.apps.yaml"].contains("uid: u-1"), "{files:#?}");
    assert!(!files["objects/pods.yaml"].contains("uid: u-2"), "{files:#?}");
}

#[test]
fn policies_of_the_same_name_are_all_kept() {
    let files = policy_files(
        "policy",
        &["a/p.yaml", "b/p.yaml", "q.yml"].map(|path| (path.to_owned(), path.to_owned())),
    );
    let expected =
        [("policy/2-p.yaml", "b/p.yaml"), ("policy/p.yaml", "a/p.yaml"), ("policy/q.yml", "q.yml")];
    assert_eq!(files, expected.map(|(path, text)| (path.to_owned(), text.to_owned())).into());
}
