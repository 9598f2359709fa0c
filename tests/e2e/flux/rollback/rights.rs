//! The shipped rights are those that are used.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};

use super::world::{CRITICAL, Layout, PASS, rolled, run};
use crate::harness::flux::SourceKind;
use crate::harness::runtime::eventually;
use crate::rollback::controller::ACCOUNT;
use crate::rollback::rights::granted_by;

/// The source of another kind, for which the same is granted; a test of its own uses it.
const OTHER: &str = "ocirepositories";

#[test]
fn what_is_granted_is_what_is_used() {
    rolled("flux-rights", Layout::Separate, SourceKind::Git, async |world| {
        world.commit("bad", CRITICAL).await;
        world.held().await;
        let fix = world.commit("fix", PASS).await;
        world.judge().ready_at(&fix).await;
        world.free().await;
        let app = format!("kustomization/{}/web", world.ctx.ns);
        // A command reads the state that the controller has in memory.
        let nothing = run(world.ctx, &["release", &app]).await;
        assert_eq!(nothing.code, 0, "{nothing:?}");
        let kind = GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization");
        let apps: Api<DynamicObject> =
            Api::namespaced_with(world.ctx.client.clone(), &world.ctx.ns, &ApiResource::from_gvk(&kind));
        apps.delete("web", &DeleteParams::default()).await.unwrap();
        eventually("the state is gone", async || {
            let maps: Api<ConfigMap> = world.ctx.api();
            let kept = ListParams::default().labels("driftgate.dev/rollback-state");
            match maps.list(&kept).await.unwrap().items.as_slice() {
                [] => Ok(()),
                left => Err(format!("{left:?}")),
            }
        })
        .await;
        let granted = granted_by(&[
            include_str!("../../../../manifests/controller-flux/clusterrole.yaml"),
            include_str!("../../../../manifests/controller/role.yaml"),
        ]);
        let audited = world.ctx.plane.audit.uses_by(&world.ctx.ns, ACCOUNT);
        let used: BTreeSet<_> =
            audited.into_iter().filter(|it| it.allowed).map(|it| (it.group, it.resource, it.verb)).collect();
        let here = |all: &BTreeSet<(String, String, String)>| -> BTreeSet<_> {
            all.iter().filter(|(_, resource, _)| resource != OTHER).cloned().collect()
        };
        assert_eq!(here(&used), here(&granted));
        let verbs = |of: &str| -> BTreeSet<_> {
            granted.iter().filter(|(_, resource, _)| resource == of).map(|(_, _, verb)| verb).collect()
        };
        assert_eq!(verbs(OTHER), verbs("gitrepositories"));
    });
}
