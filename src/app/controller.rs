//! `driftgate controller`: watches applications and works on those where something follows from what is seen.
//!
//! One replica acts: the one that holds the Lease. It reads an application anew before it writes anything, and works on
//! each by one task at a time. Nothing is asked while nothing happens.

mod desk;
mod http;
mod metrics;
mod tell;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::app::rollback::{Executor, Failure, Options};
use crate::app::{Clock, inputs};
use crate::cli::ControllerArgs;
use crate::cluster::Candidacy;
use crate::exit::Exit;
use desk::{Desk, Scope};
use metrics::Metrics;
pub(super) use tell::Herald;

/// Name of the Lease.
const LEASE: &str = "driftgate-controller";
/// How long releasing the Lease may take at the end.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);
/// Between tries to begin again after a watch has ended.
const PAUSE: Duration = Duration::from_secs(3);

/// Runs until it is told to end.
pub(super) async fn run(args: &ControllerArgs) -> anyhow::Result<Exit> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut candidacy = None;
    let failed = tokio::select! {
        biased;
        _ = terminated.recv() => None,
        _ = interrupted.recv() => None,
        failure = serve(args, &mut candidacy) => Some(failure),
    };
    if let Some(candidacy) = candidacy
        && timeout(RELEASE_TIMEOUT, candidacy.release()).await.is_err()
    {
        tracing::warn!("the Lease was not released in time; another replica takes over when it expires");
    }
    let Some(failure) = failed else { return Ok(Exit::Pass) };
    crate::app::complain(&failure);
    let unavailable = failure.downcast_ref::<Failure>().is_some_and(Failure::is_unavailable);
    Ok(if unavailable { Exit::Unavailable } else { Exit::Invalid })
}

/// Returns only if it cannot go on.
async fn serve(args: &ControllerArgs, candidacy: &mut Option<Candidacy>) -> anyhow::Error {
    match prepare(args).await {
        Ok((executor, metrics, herald)) => {
            let identity = inputs::variable("POD_NAME").or_else(|| inputs::variable("HOSTNAME"));
            let identity = identity.unwrap_or_else(|| format!("driftgate-{}", std::process::id()));
            match executor.cluster().stand(&args.executor.rollback.namespace, LEASE, &identity).await {
                Ok(stood) => lead(args, candidacy.insert(stood), &executor, &metrics, &herald).await,
                Err(error) => Failure::from(error).into(),
            }
        }
        Err(error) => error,
    }
}

type Prepared = (Arc<Executor>, Arc<Metrics>, Arc<Herald>);

async fn prepare(args: &ControllerArgs) -> anyhow::Result<Prepared> {
    let cluster = inputs::connect(&args.executor.cluster).await.map_err(Failure::from)?;
    let metrics = Arc::new(Metrics::new());
    let listener = TcpListener::bind(args.listen).await?;
    tracing::info!(address = %listener.local_addr()?, "serving /healthz, /readyz and /metrics");
    drop(tokio::spawn(http::serve(listener, metrics.clone())));
    let options = Options::read(&args.executor.rollback, &cluster).await?.serving(&args.tool);
    let executor = Executor::new(&cluster, options, Clock::wall()).await?;
    let executor = Arc::new(executor);
    let herald = Herald::new(&executor, &args.executor.notify).await?;
    Ok((executor, metrics, Arc::new(herald)))
}

/// Acts whenever the Lease is held.
async fn lead(
    args: &ControllerArgs,
    candidacy: &mut Candidacy,
    executor: &Arc<Executor>,
    metrics: &Arc<Metrics>,
    herald: &Arc<Herald>,
) -> anyhow::Error {
    loop {
        metrics.follow();
        candidacy.until(true).await;
        tracing::info!("leading");
        metrics.lead();
        let scope = Scope { namespaces: args.application_namespace.clone(), selector: args.selector.clone() };
        let mut desk = Desk::new(executor.clone(), herald.clone(), metrics.clone(), scope);
        tokio::select! {
            biased;
            () = candidacy.until(false) => tracing::warn!("no longer leading"),
            failure = desk.run() => {
                metrics.failed(&failure);
                tracing::warn!(%failure, "beginning again");
                sleep(PAUSE).await;
            }
        }
    }
}
