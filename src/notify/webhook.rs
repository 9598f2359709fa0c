//! What a generic webhook receives.

use serde_json::Value;

use crate::report::summary::Summary;

/// The summary itself: `apiVersion: driftgate.dev/v1alpha1`, `kind: GateSummary`.
pub(super) fn payload(summary: &Summary) -> serde_json::Result<Value> {
    serde_json::to_value(summary)
}
