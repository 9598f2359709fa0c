//! Who else writes the Application: an ApplicationSet, a parent application; and windows in the AppProject.

use kube::Api;
use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};

use super::controller::{Controller, may_write_windows};
use super::world::{CRITICAL, PASS, World, rolled_in};
use crate::harness::argocd::{AppOptions, ArgoCd, GitRepo, merge};
use crate::harness::cluster::Ctx;
use crate::harness::runtime::eventually;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// A window of somebody else, which has nothing to do with us.
fn other_window() -> Value {
    json!({"kind": "deny", "schedule": "0 0 1 1 *", "duration": "1h", "applications": ["another"]})
}

/// A project of the test's own, with somebody else's window in it.
async fn project(ctx: &Ctx) -> AppOptions {
    ArgoCd::shared().await;
    ctx.apply(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": ctx.ns, "namespace": "argocd"},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
            "syncWindows": [other_window()],
        },
    }))
    .await;
    AppOptions { also: json!({"spec": {"project": ctx.ns}}), retries: 3, ..AppOptions::default() }
}

/// The windows in the test's project.
async fn windows(ctx: &Ctx) -> Vec<Value> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "AppProject"));
    let projects: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), "argocd", &resource);
    let project = projects.get(&ctx.ns).await.unwrap();
    project.data["spec"]["syncWindows"].as_array().cloned().unwrap_or_default()
}

/// An Application that an ApplicationSet generates.
pub(super) async fn generated(ctx: &Ctx, also: Value) -> World<'_> {
    let options = project(ctx).await;
    ArgoCd::shared().await.generates().await;
    World::made(ctx, options, async |application| {
        let mut template = application.clone();
        template["metadata"]["name"] = json!("{{.name}}");
        let template = json!({"metadata": template["metadata"], "spec": template["spec"]});
        let mut set = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
            "metadata": {"name": ctx.ns, "namespace": "argocd"},
            "spec": {
                "goTemplate": true,
                "generators": [{"list": {"elements": [{"name": ctx.ns}]}}],
                "template": template,
            },
        });
        merge(&mut set["spec"], &also);
        ctx.apply(set).await;
        eventually("the Application is generated", async || {
            let resource =
                ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
            let apps: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), "argocd", &resource);
            apps.get(&ctx.ns).await
        })
        .await;
    })
    .await
}

/// The set writes its Applications back whenever they change; this change it must have seen.
async fn set_has_reconciled(world: &World<'_>) {
    world.app.merge(json!({"metadata": {"labels": {"foreign": "yes"}}})).await;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
    let apps: Api<DynamicObject> = Api::namespaced_with(world.ctx.client.clone(), "argocd", &resource);
    eventually("the ApplicationSet has taken a foreign label away", async || {
        let app = apps.get(&world.app.name).await.map_err(|error| error.to_string())?;
        let labels = app.metadata.labels.unwrap_or_default();
        if labels.contains_key("foreign") { Err(format!("{labels:?}")) } else { Ok(()) }
    })
    .await;
}

#[test]
fn a_generated_application_is_held_by_a_window_and_windows_of_others_stay() {
    rolled_in(
        "roll-generated",
        async |ctx: &_| {
            may_write_windows(ctx).await;
            generated(ctx, json!({})).await
        },
        async |world| {
            let automated = world.automated().await;
            world.commit("bad", CRITICAL);
            world.app.refresh().await;
            world.stage("held").await;
            assert_eq!((world.image().await.as_str(), world.automated().await), ("good", automated.clone()));
            let held = windows(world.ctx).await;
            assert_eq!((held.len(), &held[0]), (2, &other_window()), "{held:?}");
            set_has_reconciled(world).await;
            world.app.refresh().await;
            assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 1));

            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            world.free().await;
            assert_eq!(windows(world.ctx).await, [other_window()]);
            assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
            world.has_told(&TOLD).await;
        },
    );
}

#[test]
fn without_the_right_to_write_windows_a_generated_application_is_not_rolled_back_and_the_message_says_what_to_do()
 {
    rolled_in(
        "roll-no-windows",
        async |ctx: &_| generated(ctx, json!({})).await,
        async |world| {
            let bad = world.commit("bad", CRITICAL);
            world.app.refresh().await;
            assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
            world.has_told(&["RollbackDecided", "NotRolledBack"]).await;
            let messages = world.messages().await;
            let why = messages.last().unwrap();
            for text in ["grant the verb get on appprojects", "ignoreApplicationDifferences"] {
                assert!(why.contains(text), "{why}");
            }
            assert_eq!((world.image().await.as_str(), windows(world.ctx).await.len()), ("bad", 1));
            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            assert_eq!(world.rollbacks().await, [""; 0]);
        },
    );
}

#[test]
fn a_set_that_ignores_auto_sync_needs_no_window() {
    let ignores = json!({"ignoreApplicationDifferences": [{"jsonPointers": ["/spec/syncPolicy/automated"]}]});
    rolled_in(
        "roll-ignored",
        async |ctx: &_| generated(ctx, ignores).await,
        async |world| {
            let automated = world.automated().await;
            world.commit("bad", CRITICAL);
            world.app.refresh().await;
            world.stage("held").await;
            set_has_reconciled(world).await;
            assert_eq!(world.automated().await["enabled"], json!(false));
            assert_eq!((world.image().await.as_str(), windows(world.ctx).await.len()), ("good", 1));
            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            assert_eq!(world.automated().await, automated);
            world.has_told(&TOLD).await;
        },
    );
}

/// An Application that a parent application deploys from a repository of its own, and heals.
async fn child(ctx: &Ctx, also: Value) -> World<'_> {
    let mut options = project(ctx).await;
    merge(&mut options.also, &also);
    World::made(ctx, options, async |application| {
        let repo = GitRepo::new(&format!("{}-parent", ctx.ns));
        repo.commit(&[("child.yaml", &application.to_string())]);
        let parent = format!("{}-parent", ctx.ns);
        ctx.apply(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": parent, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {"repoURL": repo.url(), "path": ".", "targetRevision": "main"},
                "destination": {"server": "https://kubernetes.default.svc", "namespace": "argocd"},
                "syncPolicy": {"automated": {"selfHeal": true}},
            },
        }))
        .await;
        eventually("the parent has deployed its child", async || {
            let resource =
                ApiResource::from_gvk(&GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application"));
            let apps: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), "argocd", &resource);
            apps.get(&ctx.ns).await
        })
        .await;
    })
    .await
}

#[test]
fn a_parent_that_does_not_declare_the_switch_leaves_it_alone() {
    rolled_in(
        "roll-child",
        async |ctx: &_| child(ctx, json!({})).await,
        async |world| {
            let automated = world.automated().await;
            world.commit("bad", CRITICAL);
            world.app.refresh().await;
            world.stage("held").await;
            assert_eq!(world.automated().await["enabled"], json!(false));
            assert_eq!((world.image().await.as_str(), windows(world.ctx).await.len()), ("good", 1));
            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            assert_eq!((world.automated().await, world.rollbacks().await.len()), (automated, 1));
            world.has_told(&TOLD).await;
        },
    );
}

#[test]
fn a_parent_that_declares_the_switch_is_left_alone_and_a_window_holds() {
    let declared = json!({"spec": {"syncPolicy": {"automated": {"enabled": true}}}});
    rolled_in(
        "roll-declared",
        async |ctx: &_| {
            may_write_windows(ctx).await;
            child(ctx, declared).await
        },
        async |world| {
            let automated = world.automated().await;
            world.commit("bad", CRITICAL);
            world.app.refresh().await;
            world.stage("held").await;
            assert_eq!((world.automated().await, windows(world.ctx).await.len()), (automated, 2));
            assert_eq!(world.image().await, "good");
            let fix = world.commit("fix", PASS);
            world.synced(&fix).await;
            world.free().await;
            assert_eq!((world.image().await.as_str(), windows(world.ctx).await.len()), ("fix", 1));
            world.has_told(&TOLD).await;
        },
    );
}

#[test]
fn a_window_that_denies_every_sync_denies_the_rollback_too() {
    rolled_in(
        "roll-denied",
        async |ctx: &_| {
            let options = project(ctx).await;
            World::start(ctx, AppOptions { retries: 0, ..options }).await
        },
        async |world| {
            // Nobody acts until somebody has closed the project.
            world.controller = None;
            let bad = world.commit("bad", CRITICAL);
            world.app.refresh().await;
            assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
            let deny = json!({"kind": "deny", "schedule": "* * * * *", "duration": "24h", "applications": [world.ctx.ns]});
            let project = json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
                "metadata": {"name": world.ctx.ns, "namespace": "argocd"},
                "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}], "syncWindows": [deny]},
            });
            world.ctx.apply(project).await;
            world.controller = Some(Controller::start(world.ctx, "first", &[]).await);
            world.stage("failed").await;
            world.has_told(&["RollbackDecided", "RollbackFailed"]).await;
            assert!(world.messages().await[1].contains("a sync window denies it"));
            assert_eq!((world.image().await.as_str(), windows(world.ctx).await), ("bad", vec![deny]));
        },
    );
}
