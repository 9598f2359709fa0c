//! The record on a real API server: gates that write it at the same time, and gates that are killed while they do.

use std::path::Path;

use http::StatusCode;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use serde_json::{Value, json};

use super::files::{QUICK, Shop, job};
use super::gated::{Gated, gated};
use super::outside::{driftgate, kubeconfig};
use crate::harness::argocd::ArgoCd;
use crate::harness::cluster::Ctx;
use crate::harness::door::{self, Door};
use crate::harness::platform::{ACCOUNT, RECORDS_NAMESPACE};
use crate::harness::process::{Guarded, Launch};
use crate::harness::state::state_dir;

/// Deployed, with a finding that does not block, and with the record of its own gate.
async fn passed(ctx: &Ctx) -> Gated<'_> {
    let node_port = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "door"},
        "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80}]},
    });
    let shop = Shop::clean("web").with(node_port);
    let (app, first) = Gated::create(ctx, ArgoCd::shared().await, &ctx.ns, &shop, &job(QUICK)).await;
    assert_eq!(first.gate("PostSync").await.exit_code, 0);
    app
}

/// Arguments of a gate for this application that excludes its finding or does not.
fn gate(ctx: &Ctx, app: &Gated<'_>, excludes: bool) -> Vec<String> {
    let exclusion = json!({
        "rule": "node-port", "subject": {"kind": "Service", "namespace": ctx.ns, "name": "door"},
        "reason": "The old customers come in there", "owner": "shop", "expires": "9999-01-01",
    });
    let exclusions = if excludes { vec![exclusion] } else { vec![] };
    let policy = json!({
        "apiVersion": "driftgate.dev/v1alpha1", "kind": "GatePolicy", "spec": {"exclusions": exclusions},
    });
    let file = state_dir(&format!("{}-policies", ctx.ns)).join(format!("{excludes}.yaml"));
    std::fs::write(&file, policy.to_string()).unwrap();
    let name = format!("{}/{}", app.app.namespace, app.app.name);
    let file = file.display().to_string();
    ["gate", "--app", &name, "--policy", &file, "--settle-quiet", "1s"].map(str::to_owned).to_vec()
}

/// A gate that runs beside the test, on its way through the door.
fn started(ctx: &Ctx, door: &Door, name: &str, mut args: Vec<String>) -> Guarded {
    args.extend(["--kubeconfig", &door.kubeconfig].map(str::to_owned));
    let dir = state_dir(&format!("{}-{name}", ctx.ns));
    Guarded::start(Launch {
        program: Path::new(env!("CARGO_BIN_EXE_driftgate")),
        args,
        envs: Vec::new(),
        inherit_env: false,
        dir: &dir,
        stdout: dir.join("stdout"),
        stderr: dir.join("stderr"),
    })
}

/// The record in an object that was to be written.
fn record_in(object: &Value) -> Value {
    serde_json::from_str(object["data"]["record.json"].as_str().unwrap()).unwrap()
}

/// Removes the record, as if the application had never passed.
async fn forgotten(ctx: &Ctx, app: &Gated<'_>) {
    let name = format!("{}/{}", app.app.namespace, app.app.name);
    let maps: Api<ConfigMap> = Api::namespaced(ctx.client.clone(), RECORDS_NAMESPACE);
    for map in maps.list(&ListParams::default()).await.unwrap() {
        let is_ours = |text: &String| text.contains(&format!("\"application\":\"{name}\""));
        if map.data.unwrap_or_default().values().any(is_ours) {
            maps.delete(&map.metadata.name.unwrap(), &DeleteParams::default()).await.unwrap();
        }
    }
    assert_eq!(app.record().await, None);
}

#[test]
fn of_two_gates_that_write_at_once_one_is_on_record_whole() {
    gated("gate-two-at-once", async |ctx| {
        let app = passed(ctx).await;
        forgotten(ctx, &app).await;
        let mut door = Door::open(ctx, ACCOUNT, door::records).await;
        for refused in ["the one that finds a record made", "the one that finds a record replaced"] {
            let mut gates =
                [true, false].map(|it| started(ctx, &door, &format!("gate-{it}"), gate(ctx, &app, it)));
            let writes = [door.write().await, door.write().await];
            let records = writes.each_ref().map(|write| record_in(&write.object()));
            assert_ne!(records[0]["accepted"], records[1]["accepted"], "they can be told apart");

            let [one, other] = writes;
            let (one, other) = tokio::join!(one.carry_out(), other.carry_out());
            let conflicts =
                [&one, &other].into_iter().filter(|it| it.status() == StatusCode::CONFLICT).count();
            assert_eq!(conflicts, 1, "{refused}: {} {}", one.status(), other.status());
            one.tell();
            other.tell();
            for gate in &mut gates {
                let status = loop {
                    tokio::select! {
                        again = door.write() => again.carry_out().await.tell(),
                        status = gate.wait() => break status,
                    }
                };
                assert_eq!(status.code(), Some(0), "{refused}");
            }

            let record = app.record().await.unwrap();
            assert!(records.contains(&record), "{refused}: {record:#} is neither of {records:#?}");
            let time = |record: &Value| record["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            assert_eq!(
                Some(time(&record)),
                records.iter().map(time).max(),
                "{refused}: the later pass stays"
            );
        }
    });
}

#[test]
fn a_gate_that_is_killed_at_its_write_leaves_the_old_record_or_the_new_one() {
    gated("gate-killed", async |ctx| {
        let app = passed(ctx).await;
        let mut door = Door::open(ctx, ACCOUNT, door::records).await;
        let direct = kubeconfig(ctx).await;
        for (had_one, reaches) in [(true, false), (true, true), (false, false), (false, true)] {
            if !had_one {
                forgotten(ctx, &app).await;
            }
            let before = app.record().await;
            let mut killed = started(ctx, &door, "killed", gate(ctx, &app, true));
            let write = door.write().await;
            let written = record_in(&write.object());
            assert_eq!(killed.exited(), None, "it waits at its write");
            if reaches {
                let done = write.carry_out().await;
                assert!(done.status().is_success(), "{}", done.status());
                drop(killed);
            } else {
                drop(killed);
                drop(write);
            }
            let expected = if reaches { Some(&written) } else { before.as_ref() };
            let after = app.record().await;
            assert_eq!(
                after.as_ref(),
                expected,
                "there was one: {had_one}, it reached the server: {reaches}"
            );
            assert_ne!(before.as_ref(), Some(&written), "the new one is another");

            let mut next = gate(ctx, &app, false);
            next.extend(["--kubeconfig", &direct].map(str::to_owned));
            let next = driftgate(&next.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(next.status.code(), Some(0), "{next:?}");
            let record = app.record().await.unwrap();
            assert!(Some(&record) != expected && record["accepted"] != written["accepted"], "{record:#}");
        }
    });
}
