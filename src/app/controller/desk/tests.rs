//! The desk on the in-memory API, beside an Argo CD in small.

use std::task::Poll;

use clap::Parser as _;
use serde_json::json;

use super::*;
use crate::app::Clock;
use crate::app::rollback::tests::argo::Argo;
use crate::app::rollback::tests::options;
use crate::cli::{Cli, Command};
use crate::cluster::Cluster;

async fn desk(argo: &Argo) -> Desk {
    drop(crate::app::install_crypto()); // another test may have done so
    let Command::Controller(given) = Cli::parse_from(["driftgate", "controller"]).command else { panic!() };
    let clock = Clock::starting_at(argo.api.now());
    let executor = Executor::new(&Cluster::new(argo.api.client()), options(), clock).await.unwrap();
    let executor = Arc::new(executor);
    let herald = Arc::new(Herald::new(&executor, &given.executor.notify).await.unwrap());
    let scope = Scope { namespaces: Vec::new(), selector: None };
    Desk::new(executor, herald, Arc::new(Metrics::new()), scope)
}

#[tokio::test(start_paused = true)]
async fn a_malformed_application_does_not_keep_another_one_from_being_served() {
    let argo = Argo::with_a_rejected_head(false);
    for (name, status) in [("a", json!({"history": "none"})), ("z", json!({"operationState": 7}))] {
        let malformed = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd"}, "status": status});
        argo.api.seed_value(&malformed).unwrap();
    }
    let mut desk = desk(&argo).await;
    let asked = std::future::poll_fn(|_| {
        let operation = argo.application()["operation"].take();
        if operation.is_null() { Poll::Pending } else { Poll::Ready(operation) }
    });
    tokio::select! {
        operation = asked => assert_eq!(operation["sync"]["revision"], "good"),
        failure = desk.run() => panic!("{failure}"),
    }
}
