//! Both layouts on the in-memory API: what is judged, what is waited for, what is refused.

use serde_json::{Value, json};

use super::*;
use crate::finding::GapReason;
use crate::gitops::flux::job::FORCE;
use crate::gitops::flux::kustomization::{ORIGINAL_SOURCE, REJECTED_REVISION};
use crate::memory::Api;

const REVISION: &str = "main@sha1:bad";

fn gate_job(change: &Value) -> Value {
    let mut job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "driftgate", "namespace": "shop", "annotations": {FORCE: "enabled"}, "labels": {
            "kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "apps"}},
        "spec": {"activeDeadlineSeconds": 600, "template": {"spec": {"restartPolicy": "Never"}}}});
    json_patch::merge(&mut job, change);
    job
}

/// A Kustomization that waits for the health of what it has applied.
fn checking(name: &str, ids: &[&str], spec: &Value) -> Value {
    let entries: Vec<_> = ids.iter().map(|id| json!({"id": id, "v": "v1"})).collect();
    let message = format!("Running health checks for revision {REVISION} with a timeout of 15m0s");
    let mut object = json!({"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "apps", "generation": 1},
        "spec": {"interval": "1h", "timeout": "15m", "wait": true, "sourceRef": {"kind": "GitRepository", "name": "shop"}},
        "status": {"lastAttemptedRevision": REVISION, "lastAppliedRevision": "main@sha1:good",
            "inventory": {"entries": entries}, "conditions": [
                {"type": "Ready", "status": "Unknown", "reason": "Progressing", "message": message},
                {"type": "Healthy", "status": "Unknown", "reason": "Progressing", "message": message}]}});
    json_patch::merge(&mut object, &json!({"spec": spec}));
    object
}

/// One that has become healthy.
fn ready(name: &str, ids: &[&str], spec: &Value) -> Value {
    let mut object = checking(name, ids, spec);
    json_patch::merge(
        &mut object,
        &json!({"status": {"lastAppliedRevision": REVISION, "observedGeneration": 1,
        "conditions": [{"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded"}]}}),
    );
    object
}

fn api(objects: &[Value]) -> Api {
    let api = Api::default();
    for object in objects {
        api.seed_value(object).unwrap();
    }
    api
}

async fn found(api: &Api, app: Option<(&str, &str)>) -> Result<Discovery, Error> {
    let cluster = Cluster::new(api.client());
    let job = job(&cluster, "shop", "driftgate").await?.unwrap();
    let app = app.map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    let options = Options { layout: None, app, timeout: Duration::from_secs(60) };
    of_job(&cluster, &job, &options).await
}

fn members(discovery: &Discovery) -> Vec<String> {
    let Membership::Listed(objects) = &discovery.scope.membership else { panic!("{discovery:?}") };
    objects.iter().map(ToString::to_string).collect()
}

const JOB_ID: &str = "shop_driftgate_batch_Job";
const WEB_ID: &str = "shop_web_apps_Deployment";

#[tokio::test(start_paused = true)]
async fn the_kustomization_of_the_job_is_the_application() {
    let api = api(&[gate_job(&json!({})), checking("shop", &[JOB_ID, WEB_ID], &json!({}))]);
    let discovery = found(&api, None).await.unwrap();
    assert_eq!(members(&discovery), ["apps/Deployment shop/web", "batch/Job shop/driftgate"]);
    assert_eq!(discovery.scope.application.name, "kustomization/apps/shop");
    assert_eq!(discovery.scope.application.revision.as_deref(), Some(REVISION));
    assert_eq!(discovery.previous.as_deref(), Some("main@sha1:good"));
    assert_eq!(discovery.scope.own_job.unwrap().name, "driftgate");
    assert_eq!(discovery.phase, HookPhase::HealthCheck);
}

#[tokio::test(start_paused = true)]
async fn a_kustomization_of_nothing_but_the_gate_stands_for_what_it_depends_on() {
    let spec = json!({"dependsOn": [{"name": "web"}]});
    let ids = [JOB_ID, "shop_driftgate-content-4t2k__ConfigMap"];
    let objects = [gate_job(&json!({})), checking("shop", &ids, &spec), ready("web", &[WEB_ID], &json!({}))];
    let discovery = found(&api(&objects), None).await.unwrap();
    assert_eq!(members(&discovery), ["apps/Deployment shop/web"]);
    assert_eq!(discovery.scope.application.name, "kustomization/apps/web");
    let more = json!({"dependsOn": [{"name": "web"}, {"name": "db"}]});
    let two = [&objects[..1], &[checking("shop", &ids, &more), objects[2].clone()]].concat();
    let error = found(&api(&two), None).await.unwrap_err().to_string();
    assert!(error.contains("depends on 2 Kustomizations; say which is judged with --app"), "{error}");
    assert_eq!(
        found(&api(&two), Some(("apps", "web"))).await.unwrap().scope.application.name,
        "kustomization/apps/web"
    );
}

#[tokio::test(start_paused = true)]
async fn the_inventory_of_an_earlier_revision_is_not_used() {
    let mut early = checking("shop", &[JOB_ID], &json!({}));
    early["status"]["conditions"] = json!([
        {"type": "Ready", "status": "Unknown", "reason": "Progressing",
            "message": format!("Detecting drift for revision {REVISION} with a timeout of 15m0s")},
        {"type": "Healthy", "status": "True", "reason": "Succeeded"}]);
    let error = found(&api(&[gate_job(&json!({})), early]), None).await.unwrap_err().to_string();
    assert!(error.ends_with("the gate's Job with it: not within 60 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_trap_is_refused_with_the_fix() {
    let trapped = gate_job(&json!({"spec": {"ttlSecondsAfterFinished": 300}}));
    let error =
        found(&api(&[trapped, checking("shop", &[JOB_ID, WEB_ID], &json!({}))]), None).await.unwrap_err();
    assert!(matches!(error, Error::Traps(_)));
    assert!(
        error.to_string().contains("spec.ttlSecondsAfterFinished: Flux takes a Job that is gone"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_nested_is_the_applications_too() {
    let nested = "apps_more_kustomize.toolkit.fluxcd.io_Kustomization";
    let own = "apps_shop_kustomize.toolkit.fluxcd.io_Kustomization";
    let release = "apps_db_helm.toolkit.fluxcd.io_HelmRelease";
    let far = "apps_far_kustomize.toolkit.fluxcd.io_Kustomization";
    let chart = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease",
        "metadata": {"name": "db", "namespace": "apps"}, "status": {"inventory": {"entries": [
            {"id": "shop_db_apps_StatefulSet", "v": "v1"}]}}});
    let api = api(&[
        gate_job(&json!({})),
        checking("shop", &[JOB_ID, nested, own], &json!({})),
        ready("more", &[WEB_ID, release, far], &json!({})),
        ready("far", &["x_y_apps_Deployment"], &json!({"kubeConfig": {"secretRef": {"name": "x"}}})),
        chart,
    ]);
    let discovery = found(&api, None).await.unwrap();
    let workloads: Vec<_> = members(&discovery).into_iter().filter(|it| it.starts_with("apps/")).collect();
    assert_eq!(workloads, ["apps/Deployment shop/web", "apps/StatefulSet shop/db"]);
    let gaps: Vec<_> = discovery.gaps.iter().map(ToString::to_string).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert!(gaps[0].contains("Kustomization apps/far: unreadable: spec.kubeConfig"), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn a_nested_kustomization_that_lags_behind_is_a_gap() {
    let nested = "apps_more_kustomize.toolkit.fluxcd.io_Kustomization";
    let mut behind = ready("more", &[WEB_ID], &json!({}));
    behind["status"]["lastAppliedRevision"] = json!("main@sha1:good");
    let objects = [gate_job(&json!({})), checking("shop", &[JOB_ID, nested], &json!({})), behind];
    let discovery = found(&api(&objects), None).await.unwrap();
    assert_eq!(discovery.gaps.len(), 1);
    assert_eq!(discovery.gaps[0].reason, GapReason::Changed);
    assert!(members(&discovery).contains(&"apps/Deployment shop/web".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_revision_stays_rejected_and_the_next_one_is_waited_for() {
    let spec =
        json!({"dependsOn": [{"name": "web"}], "sourceRef": {"kind": "GitRepository", "name": "shop"}});
    let source = |revision: &str| {
        json!({"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": "shop", "namespace": "apps"}, "status": {"artifact": {"revision": revision}}})
    };
    let mut held = ready("web", &[WEB_ID], &json!({"sourceRef": {"name": "shop-rollback"}}));
    held["metadata"]["annotations"] = json!({ORIGINAL_SOURCE: "shop", REJECTED_REVISION: REVISION});
    held["status"]["lastAppliedRevision"] = json!("main@sha1:good");
    let gate = checking("shop", &[JOB_ID], &spec);
    let objects = [gate_job(&json!({})), gate, held, source(REVISION)];
    let error = found(&api(&objects), None).await.unwrap_err().to_string();
    let held = "was rejected and is still what the source offers, so kustomization/apps/web is held at main@sha1:good";
    assert_eq!(error, format!("{REVISION} {held}"));
    let moved = [&objects[..3], &[source("main@sha1:fixed")]].concat();
    let error = found(&api(&moved), None).await.unwrap_err().to_string();
    assert!(error.contains("is released and has applied its source's revision: not within 60 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_flux_did_not_apply_is_somebody_elses() {
    let argo =
        json!({"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "web:batch/Job:shop/x"}}});
    for change in [argo, json!({"metadata": {"labels": null}})] {
        let api = api(&[gate_job(&change)]);
        assert_eq!(job(&Cluster::new(api.client()), "shop", "driftgate").await.unwrap(), None);
    }
}
