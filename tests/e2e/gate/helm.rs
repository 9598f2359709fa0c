//! The gate as a test of a release: the real helm, the shipped library chart, the shipped rights.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::files::Shop;
use super::gated::{events, exit_code, gated};
use crate::harness::cluster::Ctx;
use crate::harness::helm::Chart;
use crate::harness::platform::RECORDS_NAMESPACE;

const QUICK: [&str; 2] = ["--settle-quiet=1s", "--settle-timeout=30s"];
const JOB: &str = "web-driftgate";

fn quick() -> Value {
    json!({"args": QUICK})
}

/// What is kept of the release under this key of a ConfigMap.
async fn kept(ctx: &Ctx, key: &str) -> Option<Value> {
    let application = format!("helm/{}/web", ctx.ns);
    let maps: Api<ConfigMap> = Api::namespaced(ctx.client.clone(), RECORDS_NAMESPACE);
    let maps = maps.list(&ListParams::default()).await.unwrap();
    let texts = maps.items.into_iter().filter_map(|map| map.data?.remove(key));
    let mut all = texts.filter_map(|text| serde_json::from_str(&text).ok());
    all.find(|it: &Value| it["application"] == application)
}

/// Exit code of the test's process.
async fn ended(ctx: &Ctx) -> Option<i32> {
    let pods = ctx.pods(&format!("batch.kubernetes.io/job-name={JOB}")).await;
    let [pod] = pods.as_slice() else { panic!("{pods:#?}") };
    exit_code(pod)
}

async fn privileged(ctx: &Ctx) -> Option<bool> {
    let web = ctx.api::<Deployment>().get("web").await.unwrap();
    let pod = web.spec.template.spec.unwrap();
    pod.containers[0].security_context.as_ref().unwrap().privileged
}

/// A chart whose first version is clean, installed and tested.
async fn installed(ctx: &Ctx) -> Chart {
    let chart = Chart::new(ctx, "web");
    chart.write("1.0.0", &Shop::clean("web").text(), &quick());
    let said = chart.install(&[]).await;
    assert!(said.ok, "{}", said.text);
    let said = chart.test().await;
    assert!(said.ok && said.text.contains("Succeeded"), "{}", said.text);
    chart
}

#[test]
fn a_clean_release_passes_its_test_and_goes_on_record() {
    gated("helm-clean", async |ctx| {
        installed(ctx).await;
        assert_eq!(ended(ctx).await, Some(0));
        let record = kept(ctx, "record.json").await.unwrap();
        assert_eq!(record["revision"], "1 (web-1.0.0)", "{record:#}");
        let declared = record["declared"]["apps/Deployment helm-clean/web"].as_str().unwrap();
        assert!(declared.starts_with("managed:"), "Helm's field manager is known: {declared}");
        assert_eq!(kept(ctx, "verdict.json").await.unwrap()["exitCode"], 0);
    });
}

#[test]
fn a_release_that_brings_critical_drift_fails_its_test_and_can_be_rolled_back() {
    gated("helm-critical", async |ctx| {
        let chart = installed(ctx).await;
        chart.write("1.1.0", &Shop::clean("web").privileged().text(), &quick());
        let said = chart.upgrade(&[]).await;
        assert!(said.ok, "{}", said.text);
        let said = chart.test().await;
        assert!(!said.ok && said.text.contains(JOB), "{}", said.text);
        assert!(said.text.contains("exit 20"), "{}", said.text);
        assert!(said.text.contains("privileged-container"), "the log names the finding: {}", said.text);
        assert_eq!(ended(ctx).await, Some(20));
        let verdict = kept(ctx, "verdict.json").await.unwrap();
        assert_eq!((&verdict["exitCode"], &verdict["revision"]), (&json!(20), &json!("2 (web-1.1.0)")));
        let [event] = events(ctx, "Deployment", "web").await.try_into().unwrap();
        assert!(
            event.starts_with("Warning GateCritical: ") && event.contains("privileged-container"),
            "{event}"
        );

        let said = chart.helm(&["rollback", "web", "1", "--timeout=90s"]).await;
        assert!(said.ok, "{}", said.text);
        let said = chart.test().await;
        assert!(said.ok, "{}", said.text);
        assert_eq!(privileged(ctx).await, None);
        assert_eq!(
            kept(ctx, "record.json").await.unwrap()["revision"],
            "1 (web-1.0.0)",
            "its hooks are those of old"
        );
    });
}

#[test]
fn an_upgrade_whose_hook_is_the_gate_goes_back_by_itself() {
    gated("helm-atomic", async |ctx| {
        let chart = installed(ctx).await;
        let values = json!({"args": QUICK, "hook": "post-install,post-upgrade"});
        chart.write("1.1.0", &Shop::clean("web").privileged().text(), &values);
        let said = chart.upgrade(&["--rollback-on-failure"]).await;
        assert!(!said.ok && said.text.contains(JOB), "{}", said.text);
        assert_eq!(privileged(ctx).await, None, "{}", said.text);
        let history = chart.helm(&["history", "web"]).await;
        assert!(history.text.contains("Rollback to 1"), "{}", history.text);
        assert_eq!(kept(ctx, "record.json").await.unwrap()["revision"], "1 (web-1.0.0)");
    });
}

#[test]
fn a_first_release_with_drift_succeeds_at_its_test_and_is_told_as_not_passed() {
    gated("helm-first", async |ctx| {
        let chart = Chart::new(ctx, "web");
        chart.write("1.0.0", &Shop::clean("web").privileged().text(), &quick());
        assert!(chart.install(&[]).await.ok);
        let said = chart.test().await;
        assert!(said.ok, "nothing is known to go back to: {}", said.text);
        assert_eq!(ended(ctx).await, Some(0));
        let [event] = events(ctx, "Job", JOB).await.try_into().unwrap();
        assert!(event.starts_with("Warning GateBlocked: "), "{event}");
        assert_eq!(kept(ctx, "record.json").await, None, "it is no baseline");
        assert_eq!(kept(ctx, "verdict.json").await.unwrap()["exitCode"], 10);
        let pods = ctx.pods(&format!("batch.kubernetes.io/job-name={JOB}")).await;
        let log = ctx.plane.kubelet.log(&ctx.ns, pods[0].metadata.name.as_deref().unwrap());
        assert!(log.stdout.contains("not passed, but the Helm test succeeds"), "{}", log.stdout);
    });
}

#[test]
fn what_does_not_settle_fails_a_test_only_where_the_policy_says_so() {
    gated("helm-unsettled", async |ctx| {
        let chart = installed(ctx).await;
        chart.write(
            "1.1.0",
            &Shop::clean("web").never_ready().text(),
            &json!({"args": ["--settle-quiet=1s", "--settle-timeout=5s"]}),
        );
        let said = chart.upgrade(&["--wait=hookOnly"]).await;
        assert!(said.ok, "{}", said.text);
        let said = chart.test().await;
        assert!(said.ok, "{}", said.text);
        assert_eq!(kept(ctx, "verdict.json").await.unwrap()["exitCode"], 13);
        assert_eq!(kept(ctx, "record.json").await.unwrap()["revision"], "1 (web-1.0.0)");
        ctx.apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "driftgate-policy"},
            "data": {"policy.yaml": "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec:\n  helmRelease: {rollbackOn: [critical, not-settled]}\n"},
        }))
        .await;
        let said = chart.test().await;
        assert!(!said.ok && said.text.contains("exit 13"), "{}", said.text);
    });
}

#[test]
fn a_verdict_job_fails_on_any_verdict_but_a_pass() {
    gated("helm-verdict", async |ctx| {
        let chart = installed(ctx).await;
        let job = |name: &str| {
            let shipped = include_str!("../../../kustomize/components/helm-verdict/job.yaml");
            let job = shipped.replace("helmrelease/NAMESPACE/NAME", &format!("helm/{}/web", ctx.ns));
            job.replace("name: driftgate-verdict", &format!("name: {name}"))
        };
        ctx.apply_yaml(&job("after-a-pass")).await;
        assert_eq!(ctx.job_ended("after-a-pass").await, Ok(()));
        // It blocks, and rolls nothing back: nothing of it is critical.
        ctx.apply(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "driftgate-policy"},
            "data": {"policy.yaml": "apiVersion: driftgate.dev/v1alpha1\nkind: GatePolicy\nspec: {failAt: low}\n"},
        }))
        .await;
        let port = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "open"},
            "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]}});
        chart.write("1.1.0", &Shop::clean("web").with(port).text(), &quick());
        assert!(chart.upgrade(&[]).await.ok);
        let said = chart.test().await;
        assert!(said.ok, "{}", said.text);
        let verdict = kept(ctx, "verdict.json").await.unwrap();
        assert_eq!(verdict["exitCode"], 10, "{verdict:#}");
        ctx.apply_yaml(&job("after-a-block")).await;
        let failed = ctx.job_ended("after-a-block").await.unwrap_err();
        assert!(failed.contains("exit code 10"), "{failed}");
    });
}
