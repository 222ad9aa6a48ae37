use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Shortest time between two warnings of the same kind.
const INTERVAL: Duration = Duration::from_secs(60);

/// Lets one warning of a kind through in a minute and counts what the next one has to report.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    last: Option<Instant>,
    held: u64,
}

impl Throttle {
    pub(crate) fn add(&mut self, count: u64) {
        self.held = self.held.saturating_add(count);
    }

    /// Counts one more, and returns what to report now, if anything.
    pub(crate) fn count(throttle: &Mutex<Self>) -> Option<u64> {
        let mut throttle = throttle.lock().unwrap_or_else(PoisonError::into_inner);
        throttle.add(1);
        throttle.release(Instant::now())
    }

    /// What to report now, if anything.
    pub(crate) fn release(&mut self, now: Instant) -> Option<u64> {
        let waits = |last: Instant| now.saturating_duration_since(last) < INTERVAL;
        if self.held == 0 || self.last.is_some_and(waits) {
            return None;
        }
        self.last = Some(now);
        self.rest()
    }

    /// What is left to report at the end, if anything.
    pub(crate) fn rest(&mut self) -> Option<u64> {
        let held = std::mem::take(&mut self.held);
        (held > 0).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_a_minute_carries_the_count_of_the_whole_minute() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        assert_eq!(throttle.release(start), None);
        throttle.add(2);
        assert_eq!(throttle.release(start), Some(2));
        throttle.add(3);
        throttle.add(4);
        assert_eq!(throttle.release(start + INTERVAL / 2), None);
        assert_eq!(throttle.release(start + INTERVAL), Some(7));
        assert_eq!(throttle.release(start + 3 * INTERVAL), None);
        throttle.add(5);
        assert_eq!(throttle.rest(), Some(5));
        assert_eq!(throttle.rest(), None);
    }
}
