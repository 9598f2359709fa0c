//! What the other tests take for granted: Deployments roll out, webhooks mutate, Jobs end, requests are audited.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::harness::cluster::with_namespace;
use crate::harness::webhook::{Answer, Registration, Webhook};

fn deployment(name: &str, annotations: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "progressDeadlineSeconds": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}, "annotations": annotations},
                "spec": {"containers": [{"name": "main", "image": "registry.test/app:1"}]},
            },
        },
    })
}

fn container_names(pod: &Pod) -> Vec<&str> {
    let spec = pod.spec.as_ref().unwrap();
    spec.containers.iter().map(|container| container.name.as_str()).collect()
}

#[test]
fn a_deployment_rolls_out() {
    with_namespace("rollout", async |ctx| {
        ctx.apply(deployment("web", &json!({}))).await;
        ctx.rolled_out("web").await;
        let pods = ctx.pods("app=web").await;
        let status = pods[0].status.as_ref().unwrap();
        assert_eq!(pods.len(), 2);
        assert_eq!(status.phase.as_deref(), Some("Running"));
        let container = &status.container_statuses.as_ref().unwrap()[0];
        assert!(container.ready);
        assert!(container.image_id.starts_with("registry.test/app@sha256:"), "{}", container.image_id);
    });
}

#[test]
fn a_webhook_adds_a_sidecar_to_live_pods() {
    with_namespace("sidecar", async |ctx| {
        Webhook::register(ctx, "injector", &Registration::default(), |request| {
            assert_eq!(request["operation"], "CREATE");
            let sidecar = json!({"name": "injected", "image": "registry.test/sidecar:1"});
            Answer::Patch(vec![json!({"op": "add", "path": "/spec/containers/-", "value": sidecar})])
        })
        .await;
        ctx.apply(deployment("web", &json!({}))).await;
        ctx.rolled_out("web").await;
        for pod in ctx.pods("app=web").await {
            assert_eq!(container_names(&pod), ["main", "injected"]);
            assert_eq!(pod.status.unwrap().container_statuses.unwrap().len(), 2);
        }
    });
}

#[test]
fn a_deployment_that_never_becomes_ready_exceeds_its_deadline() {
    with_namespace("never-ready", async |ctx| {
        ctx.apply(deployment("web", &json!({"test.driftgate.dev/phase": "never-ready"}))).await;
        ctx.until("web", "is given up", |deployment: &Deployment| {
            let conditions = deployment.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.into_iter().any(|it| it.reason.as_deref() == Some("ProgressDeadlineExceeded"))
        })
        .await;
    });
}

#[test]
fn a_job_tells_the_exit_code_of_its_container() {
    with_namespace("exit-code", async |ctx| {
        let rule = json!({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [20]}});
        ctx.apply(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "check"},
            "spec": {
                "podFailurePolicy": {"rules": [rule]},
                "template": {
                    "metadata": {"annotations": {"test.driftgate.dev/exit-code": "20"}},
                    "spec": {"restartPolicy": "Never", "containers": [{"name": "check", "image": "check"}]},
                },
            },
        }))
        .await;
        let failure = ctx.job_ended("check").await.unwrap_err();
        assert!(failure.contains("failed with exit code 20 matching FailJob rule at index 0"), "{failure}");
    });
}

#[test]
fn the_audit_log_tells_what_a_service_account_did() {
    with_namespace("audited", async |ctx| {
        let maps: Api<ConfigMap> = Api::namespaced(ctx.client_of("default").await, &ctx.ns);
        maps.list(&ListParams::default()).await.unwrap_err();
        let uses = ctx.plane.audit.uses_by(&ctx.ns, "default");
        let seen: Vec<_> =
            uses.iter().map(|it| (it.verb.as_str(), it.resource.as_str(), it.allowed)).collect();
        assert_eq!(seen, [("list", "configmaps", false)]);
    });
}
