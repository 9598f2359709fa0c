//! The shipped manifests on the real thing: kubectl renders them, the API server takes them, restricted namespaces
//! admit the gate, and its account has the rights that it needs and no more.

use std::collections::BTreeSet;

use k8s_openapi::api::authorization::v1::{SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Api, Client};
use serde_json::{Value, json};

use crate::harness::cluster::{Ctx, with_labelled_namespace, with_namespace};
use crate::harness::platform::{self, ACCOUNT, RECORDS_NAMESPACE, Tree};
use crate::harness::runtime::eventually;

/// As a user would write it beside the application.
const WITH_COMPONENT: &str = "
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: NAMESPACE
components:
- ../../kustomize/components/argocd-postsync
";

fn component(name: &str, namespace: &str) -> Vec<Value> {
    let tree = Tree::copy(name);
    tree.write("apps/shop/kustomization.yaml", &WITH_COMPONENT.replace("NAMESPACE", namespace));
    tree.render("apps/shop")
}

/// `Kind name`, with the namespace if there is one.
fn title(object: &Value) -> String {
    let metadata = &object["metadata"];
    let name = metadata["name"].as_str().or(metadata["generateName"].as_str()).unwrap();
    let kind = object["kind"].as_str().unwrap();
    metadata["namespace"].as_str().map_or(format!("{kind} {name}"), |it| format!("{kind} {it}/{name}"))
}

fn titles(objects: &[Value]) -> BTreeSet<String> {
    objects.iter().map(title).collect()
}

fn plain_job() -> Value {
    serde_saphyr::from_str(include_str!("../../manifests/gate/job.yaml")).unwrap()
}

fn jobs(ctx: &Ctx) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("batch", "v1", "Job"));
    Api::namespaced_with(ctx.client.clone(), &ctx.ns, &resource)
}

#[test]
fn the_platform_installs_namespace_and_roles_once_and_an_account_for_each_namespace() {
    with_namespace("install", async |ctx| {
        platform::installed(ctx).await;
        let tree = Tree::copy("install-again");
        let base = titles(&tree.render("kustomize/base"));
        let expected =
            ["ClusterRole driftgate-gate", "Namespace driftgate", "Role driftgate/driftgate-records"];
        assert_eq!(base, BTreeSet::from(expected.map(String::from)));
        let expected = [
            "ClusterRoleBinding driftgate-gate.install",
            "RoleBinding driftgate/driftgate-records.install",
            "ServiceAccount install/driftgate",
        ];
        assert_eq!(titles(&tree.overlay("install")), BTreeSet::from(expected.map(String::from)));
    });
}

#[test]
fn namespaces_do_not_take_each_others_rights_away() {
    let tree = Tree::copy("two-overlays");
    let (one, other) = (titles(&tree.overlay("one")), titles(&tree.overlay("other")));
    assert_eq!((one.len(), other.len()), (3, 3));
    assert!(one.is_disjoint(&other), "{one:?} and {other:?}");
}

async fn may(client: &Client, verb: &str, group: &str, resource: &str, namespace: &str) -> bool {
    let attributes = json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: serde_json::from_value(attributes).unwrap(),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    reviews.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
}

#[test]
fn the_gates_account_reads_workloads_and_writes_records_and_events_only() {
    with_namespace("rights", async |ctx| {
        platform::installed(ctx).await;
        let client = ctx.client_of(ACCOUNT).await;
        // The authorizer learns of bindings by a watch.
        eventually("the bindings are in force", async || {
            let (read, record) = (
                may(&client, "list", "", "pods", "kube-system").await,
                may(&client, "create", "", "configmaps", RECORDS_NAMESPACE).await,
            );
            if read && record { Ok(()) } else { Err(format!("read: {read}, record: {record}")) }
        })
        .await;
        assert!(may(&client, "create", "events.k8s.io", "events", &ctx.ns).await);
        for verb in ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"] {
            assert!(!may(&client, verb, "", "secrets", &ctx.ns).await, "{verb} secrets");
            assert!(!may(&client, verb, "", "configmaps", &ctx.ns).await, "{verb} configmaps");
        }
        for verb in ["create", "update", "patch", "delete", "deletecollection"] {
            for (group, resource) in [
                ("", "pods"),
                ("", "pods/exec"),
                ("", "serviceaccounts/token"),
                ("apps", "deployments"),
                ("batch", "jobs"),
                ("rbac.authorization.k8s.io", "clusterroles"),
                ("argoproj.io", "applications"),
            ] {
                assert!(!may(&client, verb, group, resource, &ctx.ns).await, "{verb} {resource}");
            }
        }
        assert!(!may(&client, "delete", "", "configmaps", RECORDS_NAMESPACE).await);
    });
}

#[test]
fn one_line_in_a_kustomization_adds_a_hook_for_each_phase() {
    with_namespace("component", async |ctx| {
        let objects = component("component", &ctx.ns);
        let expected = ["Job component/driftgate", "Job component/driftgate-syncfail"];
        assert_eq!(titles(&objects), BTreeSet::from(expected.map(String::from)));
        let dry_run = PostParams { dry_run: true, ..PostParams::default() };
        for object in objects {
            let job = serde_json::from_value(object).unwrap();
            jobs(ctx).create(&dry_run, &job).await.unwrap();
        }
    });
}

/// Creates the Job as Argo CD would, and waits for its Pod.
async fn admitted(ctx: &Ctx, job: Value) {
    let job: DynamicObject = serde_json::from_value(job).unwrap();
    let created = jobs(ctx).create(&PostParams::default(), &job).await.unwrap();
    let name = created.metadata.name.unwrap();
    eventually(&format!("Job {name} has a Pod"), async || {
        let pods = ctx.pods(&format!("batch.kubernetes.io/job-name={name}")).await;
        if pods.is_empty() { Err("none") } else { Ok(()) }
    })
    .await;
}

#[test]
fn a_namespace_that_enforces_restricted_admits_the_gate() {
    let labels = [("pod-security.kubernetes.io/enforce", "restricted")];
    with_labelled_namespace("restricted", &labels, async |ctx| {
        platform::installed(ctx).await;
        let plain =
            json!({"metadata": {"name": "plain"}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
        let plain: Pod = serde_json::from_value(plain).unwrap();
        let refusal = ctx.api::<Pod>().create(&PostParams::default(), &plain).await.unwrap_err();
        assert!(refusal.to_string().contains("violates PodSecurity \"restricted"), "{refusal}");
        admitted(ctx, plain_job()).await;
        for job in component("restricted-component", &ctx.ns) {
            admitted(ctx, job).await;
        }
    });
}

#[test]
fn the_hub_gets_a_controller_that_a_restricted_namespace_admits() {
    let labels = [("pod-security.kubernetes.io/enforce", "restricted")];
    with_labelled_namespace("hub", &labels, async |ctx| {
        platform::installed(ctx).await;
        let objects = Tree::copy("hub").render("kustomize/hub");
        let dry_run = PatchParams { dry_run: true, ..PatchParams::apply("e2e").force() };
        let mut kinds = BTreeSet::new();
        for object in &objects {
            let kind = object["kind"].as_str().unwrap();
            let api_version = object["apiVersion"].as_str().unwrap();
            let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let api: Api<DynamicObject> = match object["metadata"]["namespace"].as_str() {
                Some(namespace) => Api::namespaced_with(ctx.client.clone(), namespace, &resource),
                None => Api::all_with(ctx.client.clone(), &resource),
            };
            let name = object["metadata"]["name"].as_str().unwrap();
            api.patch(name, &dry_run, &Patch::Apply(object)).await.unwrap();
            if name == "driftgate-controller" {
                kinds.insert(kind);
            }
        }
        let expected = [
            "ClusterRole",
            "ClusterRoleBinding",
            "Deployment",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "Role",
            "RoleBinding",
            "ServiceAccount",
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
        let mut pod = deployment["spec"]["template"].clone();
        pod["metadata"]["name"] = json!("controller");
        pod["spec"]["serviceAccountName"] = json!("default");
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let params = PostParams { dry_run: true, ..PostParams::default() };
        ctx.api::<Pod>().create(&params, &pod).await.unwrap();
    });
}
