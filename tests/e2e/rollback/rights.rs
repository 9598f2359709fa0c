//! The shipped rights are those that are used.

use std::collections::BTreeSet;

use kube::Api;
use kube::api::{DeleteParams, DynamicObject};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::controller::{ACCOUNT, may_write_windows, run};
use super::keepers::generated;
use super::world::{CRITICAL, PASS, World, rolled_in};
use crate::harness::argocd::{AppOptions, ArgoCd};
use crate::harness::runtime::eventually;

/// Group, resource and verb of all that the shipped roles grant.
fn granted() -> BTreeSet<(String, String, String)> {
    granted_by(&[
        include_str!("../../../manifests/controller/clusterrole.yaml"),
        include_str!("../../../manifests/controller/role.yaml"),
        include_str!("../../../kustomize/components/controller-windows/role.yaml"),
    ])
}

/// The same of these manifests.
pub(crate) fn granted_by(texts: &[&str]) -> BTreeSet<(String, String, String)> {
    let objects = texts.iter().flat_map(|text| serde_saphyr::from_multiple::<Value>(text).unwrap());
    let rules = objects.flat_map(|object| object["rules"].as_array().cloned().unwrap_or_default());
    let list =
        |rule: &Value, field: &str| -> Vec<String> { serde_json::from_value(rule[field].clone()).unwrap() };
    let mut granted = BTreeSet::new();
    for rule in rules {
        for group in list(&rule, "apiGroups") {
            for resource in list(&rule, "resources") {
                let verbs = list(&rule, "verbs").into_iter();
                granted.extend(verbs.map(|verb| (group.clone(), resource.clone(), verb)));
            }
        }
    }
    granted
}

#[test]
fn what_is_granted_is_what_is_used() {
    rolled_in(
        "roll-rights",
        async |ctx: &_| {
            may_write_windows(ctx).await;
            generated(ctx, json!({})).await
        },
        async |world| {
            world.commit("bad", CRITICAL);
            world.app.refresh().await;
            world.stage("held").await;
            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            world.free().await;
            // A command reads the state that the controller has in memory.
            let nothing = run(world.ctx, &["release", &format!("argocd/{}", world.app.name)]).await;
            assert_eq!(nothing.code, 0, "{nothing:?}");
            let sets =
                ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "ApplicationSet"));
            let sets: Api<DynamicObject> = Api::namespaced_with(world.ctx.client.clone(), "argocd", &sets);
            sets.delete(&world.app.name, &DeleteParams::default()).await.unwrap();
            eventually("the state is gone", async || match world.state().await {
                None => Ok(()),
                Some(state) => Err(state.to_string()),
            })
            .await;
            let uses = world.ctx.plane.audit.uses_by(&world.ctx.ns, ACCOUNT);
            let granting =
                uses.into_iter().filter(|it| it.allowed).map(|it| (it.group, it.resource, it.verb));
            assert_eq!(granting.collect::<BTreeSet<_>>(), granted());
        },
    );
}

#[test]
fn a_marked_project_marks_its_applications() {
    rolled_in(
        "roll-project",
        async |ctx: &_| {
            ArgoCd::shared().await;
            ctx.apply(json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
                "metadata": {"name": ctx.ns, "namespace": "argocd", "labels": {"driftgate.dev/rollback": "on"}},
                "spec": {
                    "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                },
            }))
            .await;
            // The Application itself says neither on nor off.
            let annotations = json!({"driftgate.dev/rollback": "as the project says"});
            let also = json!({"metadata": {"annotations": annotations}, "spec": {"project": ctx.ns}});
            World::start(ctx, AppOptions { also, ..AppOptions::default() }).await
        },
        async |world| {
            world.commit("bad", CRITICAL);
            world.app.refresh().await;
            world.stage("held").await;
            assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 1));
        },
    );
}
