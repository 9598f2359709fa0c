//! A thousand Applications: what the controller costs, and that it asks nothing while nothing happens.

use super::crowd;
use crate::harness::argocd::ArgoCd;
use crate::harness::cluster::with_namespace;

#[test]
fn a_thousand_applications_are_watched_in_little_memory_and_nothing_is_asked_while_nothing_happens() {
    with_namespace("roll-scale", async |ctx| {
        ArgoCd::shared().await;
        let cost = crowd::measure(ctx, 1000).await;
        println!("ready after {:.1} s, {:.1} s of CPU, {:.1} MiB", cost.ready, cost.cpu, cost.memory);
        assert_eq!(cost.asked, []);
        // Three seconds are what it takes optimised, on a machine that does nothing else: `cargo bench --bench rollback`.
        assert!(cost.ready < 60.0, "{} s", cost.ready);
        assert!(cost.memory <= 48.0, "{} MiB", cost.memory);
    });
}
