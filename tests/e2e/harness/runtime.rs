//! Where futures run, and how long a test waits for anything.
//!
//! Each test drives its own single-threaded runtime. What must outlive a test (the kubelet, webhook servers)
//! runs on one background thread, which lives as long as the process.

use std::fmt::Display;
use std::future::{Future, pending};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Far above what anything takes, so that only a hang runs into it, on a busy machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

const PROBE_EVERY: Duration = Duration::from_millis(50);

fn single_threaded() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime starts")
}

/// Runs one test to its end.
pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    single_threaded().block_on(test)
}

/// The runtime of everything that outlives a test.
pub(crate) fn background() -> &'static Handle {
    static HANDLE: OnceLock<Handle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let runtime = single_threaded();
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("e2e-background".into())
            .spawn(move || runtime.block_on(pending::<()>()))
            .expect("a thread starts");
        handle
    })
}

/// Runs a future on the background runtime, so that the tasks it spawns stay there.
pub(crate) async fn in_background<F>(future: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    match background().spawn(future).await {
        Ok(output) => output,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Asks again and again until the answer is `Ok`; the last `Err` says in the failure how far things had come.
pub(crate) async fn eventually<T, E: Display>(what: &str, mut probe: impl AsyncFnMut() -> Result<T, E>) -> T {
    let start = Instant::now();
    let mut ticks = interval(PROBE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match probe().await {
            Ok(value) => return value,
            Err(state) => assert!(start.elapsed() < PATIENCE, "{what}: not after {PATIENCE:?}, now: {state}"),
        }
    }
}
