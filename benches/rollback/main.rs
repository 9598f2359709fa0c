//! `cargo bench --bench rollback`: what the controller costs and how fast it is, on a real API server and a real Argo CD.
//!
//! It stands on the harness of the e2e tests. A thousand Applications of about 30 kB each: from the controller's start
//! until it leads and is ready, its largest resident size, and what it asks for while nothing happens. Then one
//! Application whose commits are rejected again and again, with attempts to come and without: from the moment when the
//! gate's row is visible in the Application until the rollback's operation is, and from the moment when Argo CD has
//! seen the next commit until auto-sync is on again. The same for a Kustomization of Flux: from the failed health check
//! to the swap of its source, and from the source offering the next commit to the release. All that the servers take is
//! in these figures, and they run on the same machine. `-- --smoke` only shows that it works.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a benchmark may stop at the first surprise and prints, and the harness offers more than it uses"
)]

#[allow(unused_imports, reason = "tests of the harness itself are not built here")]
#[path = "../../tests/e2e/harness/mod.rs"]
mod harness;

#[path = "../../tests/e2e/rollback/controller.rs"]
mod controller;
#[path = "../../tests/e2e/rollback/crowd.rs"]
mod crowd;
#[path = "../../tests/e2e/rollback/world.rs"]
mod world;

/// Where the e2e tests have it.
mod rollback {
    pub(crate) use crate::{controller, world};
}

mod flux;
mod pace;

use harness::argocd::ArgoCd;
use harness::cluster::with_namespace;

fn main() {
    let smoke = std::env::args().any(|argument| argument == "--smoke");
    let (applications, rollbacks) = if smoke { (20, 1) } else { (1000, 20) };
    with_namespace("bench-crowd", async |ctx| {
        ArgoCd::shared().await;
        let cost = crowd::measure(ctx, applications).await;
        println!(
            "controller applications={applications} ready_s={:.2} cpu_s={:.2} rss_mib={:.1} idle_requests={}",
            cost.ready,
            cost.cpu,
            cost.memory,
            cost.asked.len()
        );
        assert_eq!(cost.asked, []);
        assert!(smoke || cost.ready <= 3.0, "ready after {:.2} s", cost.ready);
        assert!(smoke || cost.memory <= 48.0, "{:.1} MiB", cost.memory);
    });
    for retries in [0, 5] {
        with_namespace(&format!("bench-pace-{retries}"), async |ctx| {
            let pace = pace::measure(ctx, retries, rollbacks).await;
            let [row, ended, back] = [&pace.from_row, &pace.from_end, &pace.until_on].map(|it| pace::of(it));
            println!(
                "rollback retries={retries} count={rollbacks} row_to_written {row}; ended_to_written {ended}; seen_to_auto_sync {back}"
            );
            assert!(smoke || row.p95 <= 2.0, "a rollback takes {:.2} s", row.p95);
            assert!(smoke || back.most <= 5.0, "auto-sync is back after {:.2} s", back.most);
        });
    }
    with_namespace("bench-flux", async |ctx| {
        let pace = flux::measure(ctx, rollbacks).await;
        let [swap, release] = [&pace.to_swap, &pace.to_release].map(|it| pace::of(it));
        println!("flux count={rollbacks} failed_to_swapped {swap}; offered_to_released {release}");
        assert!(smoke || swap.p95 <= 2.0, "a swap takes {:.2} s", swap.p95);
        assert!(smoke || release.most <= 5.0, "a release takes {:.2} s", release.most);
    });
}
