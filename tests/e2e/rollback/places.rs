//! Where an application is deployed to and in whose name: another cluster, an account that Argo CD impersonates; and
//! an API server that is started again in the middle.

use k8s_openapi::api::rbac::v1::Role;
use serde_json::{Value, json};

use super::controller::Controller;
use super::world::{CRITICAL, PASS, World, rolled, rolled_in};
use crate::harness::argocd::{AppOptions, ArgoCd};
use crate::harness::cluster::Ctx;
use crate::harness::credentials::token_of;
use crate::harness::servers::OwnApiServer;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// Commits what the gate rejects, and then a fix.
async fn bad_then_fixed(world: &World<'_>) {
    let automated = world.automated().await;
    let bad = world.commit("bad", CRITICAL);
    world.app.refresh().await;
    let state = world.stage("held").await;
    assert_eq!((&state["case"]["rejected"]["name"], world.image().await.as_str()), (&json!(bad), "good"));
    assert_eq!(world.automated().await["enabled"], false);
    world.has_told(&TOLD[..2]).await;
    let fix = world.commit("fix", PASS);
    world.synced(&fix).await;
    world.free().await;
    assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
    assert_eq!(world.rollbacks().await.len(), 1);
    world.has_told(&TOLD).await;
}

/// Makes Argo CD know a cluster at this address: the same API server, but for Argo CD it is another.
async fn cluster_at(ctx: &Ctx, url: &str) {
    ArgoCd::shared().await;
    let kubeconfig = ctx.plane.endpoint.kubeconfig(&token_of("argocd"), &ctx.ns);
    let authority = &kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"];
    // Its certificate has no name for loopback but the address.
    let tls = json!({"caData": authority, "serverName": "kubernetes.default.svc"});
    let config = json!({"bearerToken": token_of("argocd"), "tlsClientConfig": tls});
    ctx.apply(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "name": format!("cluster-{}", ctx.ns), "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "stringData": {"name": ctx.ns, "server": url, "config": config.to_string()},
    }))
    .await;
}

#[test]
fn what_is_deployed_to_another_cluster_goes_back_too() {
    rolled_in(
        "roll-remote",
        async |ctx: &_| {
            let url = ctx.plane.endpoint.url.replace("127.0.0.1", "localhost");
            cluster_at(ctx, &url).await;
            let also = json!({"spec": {"destination": {"server": url}}});
            World::start(ctx, AppOptions { also, ..AppOptions::default() }).await
        },
        async |world| bad_then_fixed(world).await,
    );
}

/// What the account that Argo CD deploys with may do.
fn role(verbs: &[&str]) -> Value {
    let rule = |group: &str, resource: &str, verbs: &[&str]| json!({"apiGroups": [group], "resources": [resource], "verbs": verbs});
    json!([rule("apps", "deployments", verbs), rule("batch", "jobs", &["*"])])
}

/// A project whose Applications are synced as `deployer`.
async fn impersonated(ctx: &Ctx) -> AppOptions {
    ArgoCd::shared().await;
    ctx.apply(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
        "metadata": {"name": ctx.ns, "namespace": "argocd"},
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}],
            "destinationServiceAccounts": [{"server": "*", "namespace": ctx.ns, "defaultServiceAccount": "deployer"}],
        },
    }))
    .await;
    let group = "rbac.authorization.k8s.io";
    let api_version = format!("{group}/v1");
    ctx.apply(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}})).await;
    ctx.apply(json!({"apiVersion": api_version, "kind": "Role", "metadata": {"name": "deployer"}, "rules": role(&["*"])}))
        .await;
    ctx.apply(json!({
        "apiVersion": api_version, "kind": "RoleBinding", "metadata": {"name": "deployer"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "deployer"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": ctx.ns}],
    }))
    .await;
    AppOptions { also: json!({"spec": {"project": ctx.ns}}), ..AppOptions::default() }
}

#[test]
fn an_account_that_argo_cd_impersonates_goes_back_and_if_it_may_not_that_is_told() {
    rolled_in(
        "roll-impersonated",
        async |ctx: &_| World::start(ctx, impersonated(ctx).await).await,
        async |world| {
            bad_then_fixed(world).await;
            let automated = world.automated().await;
            world.controller = None;
            let bad = world.commit("worse", CRITICAL);
            world.app.refresh().await;
            assert_eq!(world.app.synced_to(&bad).await.phase(), "Failed");
            let reading = json!({"rules": role(&["get", "list", "watch"])});
            world.ctx.merge::<Role>("deployer", reading).await;
            world.controller = Some(Controller::start(world.ctx, "first", &[]).await);
            world.stage("failed").await;
            world.has_told(&[&TOLD[..], &["RollbackDecided", "RollbackFailed"]].concat()).await;
            let messages = world.messages().await;
            let why = messages.last().unwrap();
            assert!(why.contains("forbidden") && why.contains(":deployer"), "{messages:?}");
            assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("worse", 1));
            assert_eq!(world.automated().await["enabled"], false);

            world.ctx.merge::<Role>("deployer", json!({"rules": role(&["*"])})).await;
            let fix = world.commit("fixed", PASS);
            world.synced(&fix).await;
            world.free().await;
            assert_eq!((world.image().await.as_str(), world.automated().await), ("fixed", automated));
            world.has_told(&[&TOLD[..], &["RollbackDecided", "RollbackFailed", "Released"]].concat()).await;
        },
    );
}

#[test]
fn an_api_server_that_is_killed_and_started_again_in_the_middle_loses_nothing() {
    rolled("roll-restarted", AppOptions { retries: 5, ..AppOptions::default() }, async |world| {
        let automated = world.automated().await;
        let mut server = OwnApiServer::start(world.ctx.plane, "kube-apiserver-of-the-controller").await;
        world.controller = None;
        world.controller = Some(Controller::start_at(&server.endpoint.url, world.ctx).await);
        let bad = world.commit_slow("bad", CRITICAL, 2000);
        world.seen(&bad).await;
        // The gate speaks while there is no server, or while it starts.
        server.kill();
        server.revive().await;
        world.stage("due").await;
        server.kill();
        server.revive().await;
        let state = world.stage("held").await;
        assert_eq!((&state["case"]["rejected"]["name"], world.image().await.as_str()), (&json!(bad), "good"));
        assert_eq!(
            (world.automated().await["enabled"].clone(), world.rollbacks().await.len()),
            (json!(false), 1)
        );
        server.kill();
        let fix = world.commit("fix", PASS);
        world.app.refresh().await;
        server.revive().await;
        world.synced(&fix).await;
        world.free().await;
        assert_eq!((world.image().await.as_str(), world.automated().await), ("fix", automated));
        assert_eq!(world.rollbacks().await.len(), 1);
        world.has_told(&TOLD).await;
    });
}
