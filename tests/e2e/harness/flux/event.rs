//! What notification-controller takes for an event.

use std::collections::BTreeSet;

use serde_json::Value;

/// Fails unless notification-controller takes this for an event (`apis/event/v1beta1` of fluxcd/pkg).
pub(crate) fn fits(event: &Value) {
    let fields: BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let required = ["involvedObject", "severity", "timestamp", "message", "reason", "reportingController"];
    assert!(required.iter().all(|field| fields.contains(field)), "{event:#}");
    let optional = ["metadata", "reportingInstance"];
    assert!(fields.iter().all(|it| required.contains(it) || optional.contains(it)), "{event:#}");
    assert!(["info", "error", "trace"].contains(&event["severity"].as_str().unwrap()), "{event:#}");
    event["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!((1..=39_000).contains(&event["message"].as_str().unwrap().len()), "{event:#}");
    let group = event["involvedObject"]["apiVersion"].as_str().unwrap().split('/').next().unwrap();
    for (key, value) in event["metadata"].as_object().into_iter().flatten() {
        let known = [group, "event.toolkit.fluxcd.io"].contains(&key.split('/').next().unwrap());
        assert!(known && value.is_string(), "{key} is dropped: {event:#}");
    }
}
