//! The clock of the in-memory API.
//!
//! Owns the step from tokio's time, which a test or a rehearsal may drive, to the timestamps that objects carry. It
//! does not know the time of day: the start is given, so that the same scenario always writes the same timestamps.

use jiff::Timestamp;
use tokio::time::Instant;

/// A start instant, and how much of tokio's time has passed since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    start: Timestamp,
    origin: Instant,
}

impl Clock {
    /// A clock that shows `start` now.
    pub(super) fn starting_at(start: Timestamp) -> Self {
        Self { start, origin: Instant::now() }
    }

    /// The present instant.
    pub(super) fn now(&self) -> Timestamp {
        let elapsed = Instant::now().saturating_duration_since(self.origin);
        self.start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// The present instant as `metadata.creationTimestamp` writes it: RFC 3339, whole seconds, UTC.
    pub(super) fn stamp(&self) -> String {
        self.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn stamps_follow_virtual_time() {
        let clock = Clock::starting_at("2026-03-01T10:00:00.9Z".parse().unwrap());
        assert_eq!(clock.stamp(), "2026-03-01T10:00:00Z");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(clock.stamp(), "2026-03-01T11:00:00Z");
    }
}
