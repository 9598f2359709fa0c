//! What time it is: the wall's at the start, and what the runtime's clock adds, so that a virtual clock drives both.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A clock that was set once.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Timestamp,
    origin: Instant,
}

impl Clock {
    /// A clock that shows the wall's time.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks for the time")]
    pub fn wall() -> Self {
        Self::starting_at(Timestamp::now())
    }

    /// A clock that shows the given time now.
    pub fn starting_at(start: Timestamp) -> Self {
        Self { start, origin: Instant::now() }
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.origin.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// Today's date, in UTC.
    pub fn today(&self) -> Date {
        self.now().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// The time at which the clock was set.
    pub fn start(&self) -> Timestamp {
        self.start
    }
}
