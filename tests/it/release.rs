//! `driftgate release` beside a controller that writes at the same time.

use driftgate::cluster::Cluster;
use driftgate::gitops::flux::rollback::clone::Was;
use driftgate::memory::{Fault, Matching, ObjectRef, What, Where};
use driftgate::rollback::State;
use driftgate::store::states::{Kept, States};
use serde_json::{Value, json};

use crate::served::Served;

/// What the example's source offers, and the gate's Job that has judged it.
const REJECTED: &str = "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d";
const JOB: &str = "j-9e8d7c6";
const APP: &str = "kustomization/apps/shop";

fn object(api_version: &str, kind: &str, name: &str) -> ObjectRef {
    let [api_version, kind, name] = [api_version, kind, name].map(str::to_owned);
    ObjectRef { api_version, kind, namespace: Some("apps".to_owned()), name }
}

/// What is kept of an application that is back on its good revision.
fn held() -> State {
    let revision = |name: &str| json!({"name": format!("sha1:{name}"), "source": "s"});
    let was = json!({"sourceRef": {"kind": "GitRepository", "name": "fleet", "namespace": ""},
        "namespace": "apps", "annotations": {"kustomize.toolkit.fluxcd.io/reconcile": null}});
    let case = json!({
        "id": "driftgate-1-sha1:bad", "rejected": revision(REJECTED), "operation": JOB, "acted": true,
        "target": [1, revision("good")], "stage": {"held": {"healthy": true}}, "content": JOB,
        "hold": {"source": {"was": was.to_string(), "window": "placed"}},
    });
    let state = json!({"apiVersion": "driftgate.dev/v1alpha1", "kind": "RollbackState", "application": APP,
        "uid": "k-shop", "case": case, "rejected": [revision(REJECTED)], "passed": [revision("good")]});
    State::parse(&state.to_string()).unwrap()
}

/// A cluster in which our copy is in the place of the application's own source.
fn served() -> (Served, ObjectRef) {
    let (served, state) = (Served::example("flux-critical"), held());
    let case = state.case.clone().unwrap();
    let copy = Was::of(&case).unwrap().clone_of(&case).name;
    let source = object("source.toolkit.fluxcd.io/v1", "GitRepository", &copy);
    let clone = json!({"apiVersion": source.api_version, "kind": source.kind,
        "metadata": {"name": copy, "namespace": "apps", "annotations": {"driftgate.dev/rollback-case": case.id}}});
    served.api.seed_value(&clone).unwrap();
    let marks = json!({"driftgate.dev/rollback-case": case.id, "driftgate.dev/original-source": "fleet",
        "driftgate.dev/rejected-revision": format!("sha1:{REJECTED}"), "kustomize.toolkit.fluxcd.io/reconcile": "disabled"});
    let swapped = json!({"metadata": {"annotations": marks}, "spec": {"sourceRef": {"name": copy}}});
    let app = object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "shop");
    served.api.patch(&app, &swapped).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let states = States::new(&Cluster::new(served.api.client()), "driftgate").await.unwrap();
        states.save(&Kept::none(APP), state).await.unwrap();
    });
    (served, source)
}

#[test]
fn a_release_is_not_lost_where_somebody_else_writes_first() {
    for conflicts in 0..3 {
        let (served, copy) = served();
        let matching = Matching {
            verb: Some("update".to_owned()),
            resource: Some("configmaps".to_owned()),
            first: Some(conflicts),
            ..Matching::default()
        };
        served.api.add_fault(Fault { at: Where::Every(matching), what: What::Status(409) });
        let ran = served.run(&["release", APP, "--timeout", "20s"]);
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        let app = object("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "shop");
        let app = served.api.get(&app).unwrap();
        assert_eq!(app["spec"]["sourceRef"]["name"], "fleet", "{conflicts} conflicts: {}", ran.out);
        assert_eq!(app["metadata"]["annotations"]["driftgate.dev/rollback-case"], Value::Null);
        assert!(served.api.get(&copy).is_none(), "the copy is left behind");
        assert!(ran.out.contains("nothing of Kustomization apps/shop is held any more"), "{}", ran.out);
    }
}
