//! Several controllers, and an API server that goes away.

use k8s_openapi::api::coordination::v1::Lease;

use super::controller::Controller;
use super::proxy::Proxy;
use super::world::{CRITICAL, PASS, World, rolled};
use crate::harness::argocd::AppOptions;
use crate::harness::runtime::eventually;

const TOLD: [&str; 3] = ["RollbackDecided", "RolledBack", "Released"];

/// Who holds the Lease.
async fn leader(world: &World<'_>) -> String {
    eventually("somebody leads", async || {
        let lease =
            world.ctx.api::<Lease>().get("driftgate-controller").await.map_err(|error| error.to_string())?;
        lease.spec.and_then(|spec| spec.holder_identity).ok_or_else(|| "nobody".to_owned())
    })
    .await
}

#[test]
fn another_replica_takes_over_in_the_middle() {
    rolled("roll-replicas", AppOptions::default(), async |world| {
        assert_eq!(leader(world).await, "first");
        let other = Controller::start(world.ctx, "second", &[]).await;
        world.commit("bad", CRITICAL);
        world.app.refresh().await;
        world.stage("due").await;
        world.controller = None;
        world.stage("held").await;
        assert_eq!(leader(world).await, "second");
        assert_eq!((world.image().await.as_str(), world.rollbacks().await.len()), ("good", 1));
        world.has_told(&TOLD[..2]).await;
        assert_eq!(other.get("/readyz").await, "ok\n");
        let metrics = other.get("/metrics").await;
        for line in [
            "driftgate_controller_leading 1",
            "driftgate_quarantined_applications 1",
            "driftgate_rollback_decisions_total{reason=\"RolledBack\"} 1",
        ] {
            assert!(metrics.lines().any(|it| it == line), "{line}: {metrics}");
        }
    });
}

#[test]
fn an_api_server_that_goes_away_in_the_middle_is_waited_for() {
    rolled("roll-away", AppOptions { retries: 5, ..AppOptions::default() }, async |world| {
        let automated = world.automated().await;
        let way = Proxy::to(&world.ctx.plane.endpoint.url).await;
        world.controller = None;
        world.controller = Some(Controller::start_at(&way.url, world.ctx).await);
        let bad = world.commit_slow("bad", CRITICAL, 2000);
        world.seen(&bad).await;
        way.set_open(false);
        // The gate speaks while nobody listens.
        world
            .app
            .until("waits for its next attempt, or has failed", |app| {
                !app["status"]["operationState"]["finishedAt"].is_null()
                    && app["status"]["operationState"]["syncResult"]["revision"] == bad
            })
            .await;
        way.set_open(true);
        eventually("a case is open", async || {
            let state = world.state().await.unwrap_or_default();
            if state["case"].is_null() { Err(state.to_string()) } else { Ok(()) }
        })
        .await;
        way.set_open(false);
        let fix = world.commit("fix", PASS);
        world.app.refresh().await;
        way.set_open(true);
        world.synced(&fix).await;
        world.free().await;
        assert_eq!((world.automated().await, world.rollbacks().await.len()), (automated, 1));
        world.has_told(&TOLD).await;
    });
}
