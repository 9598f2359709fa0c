//! What is counted, and whether the controller is ready.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::app::rollback::Failure;
use crate::rollback::Reason;

/// Upper bounds of the histogram, in seconds.
const BOUNDS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];

/// Labels of decisions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Why {
    reason: &'static str,
}

/// All metrics.
pub(super) struct Metrics {
    registry: Mutex<Registry>,
    notices: Family<Why, Counter>,
    errors: Family<Why, Counter>,
    delay: Histogram,
    quarantined: Gauge,
    leading: Gauge,
    ready: AtomicBool,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("driftgate");
        let (notices, errors) = (Family::<Why, Counter>::default(), Family::<Why, Counter>::default());
        let (quarantined, leading) = (Gauge::default(), Gauge::default());
        let delay = Histogram::new(BOUNDS);
        for reason in Reason::ALL {
            drop(notices.get_or_create(&Why { reason: reason.as_str() }));
        }
        registry.register("rollback_decisions", "What was decided, by reason", notices.clone());
        registry.register(
            "controller_errors",
            "Work that failed and is begun anew, by reason",
            errors.clone(),
        );
        registry.register_with_unit(
            "rollback_delay",
            "From the gate's verdict being seen to the rollback being written",
            Unit::Seconds,
            delay.clone(),
        );
        registry.register(
            "quarantined_applications",
            "Applications with a rejected revision",
            quarantined.clone(),
        );
        registry.register("controller_leading", "Whether this replica acts", leading.clone());
        let registry = Mutex::new(registry);
        Self { registry, notices, errors, delay, quarantined, leading, ready: AtomicBool::new(false) }
    }

    /// In the text format of Prometheus.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        if encode(&mut text, &registry).is_err() {
            text.clear();
        }
        text
    }

    pub(super) fn decided(&self, reason: Reason) {
        self.notices.get_or_create(&Why { reason: reason.as_str() }).inc();
    }

    pub(super) fn failed(&self, failure: &Failure) {
        self.errors.get_or_create(&Why { reason: failure.reason() }).inc();
    }

    pub(super) fn rolled_back_after(&self, seconds: f64) {
        self.delay.observe(seconds);
    }

    pub(super) fn quarantined(&self, count: usize) {
        self.quarantined.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Waits for the Lease: ready, because there is nothing else to do.
    pub(super) fn follow(&self) {
        self.leading.set(0);
        self.set_ready(true);
    }

    /// Acts, but has not seen anything yet.
    pub(super) fn lead(&self) {
        self.leading.set(1);
        self.set_ready(false);
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}
