use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use http::{HeaderMap, StatusCode, header};

const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long to wait after the attempt of this number (from 1) until the next one; `None` when there is none.
pub(super) fn wait_after(attempt: u32, asked_for: Option<Duration>) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    // The attempts end long before this could overflow.
    let backoff = FIRST_WAIT * 2_u32.pow(attempt.saturating_sub(1));
    let wait = backoff.max(asked_for.unwrap_or_default());
    Some(wait.saturating_add(jitter(backoff / 2)))
}

/// The statuses that the specification calls retryable ("OTLP/HTTP response", "Failures").
pub(super) fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// The header `Retry-After` in seconds. Its other form, a date, is taken as absent.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    value.trim().parse().ok().map(Duration::from_secs)
}

/// A random part of the duration, so that many processes do not come back at the same moment.
fn jitter(most: Duration) -> Duration {
    // The keys of each `RandomState` differ, which is all the randomness that is needed here.
    let random = RandomState::new().build_hasher().finish() % 1000;
    most * u32::try_from(random).unwrap_or_default() / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end() {
        for (attempt, least) in [(1, 100), (2, 200), (3, 400), (4, 800)] {
            let least = Duration::from_millis(least);
            let wait = wait_after(attempt, None).unwrap();
            assert!(
                wait >= least && wait <= least * 3 / 2,
                "{attempt}: {wait:?}"
            );
        }
        assert_eq!(wait_after(ATTEMPTS, None), None);
        assert_eq!(wait_after(ATTEMPTS, Some(Duration::from_secs(1))), None);
    }

    #[test]
    fn the_server_may_ask_for_more() {
        let asked = Duration::from_secs(7);
        assert!(wait_after(1, Some(asked)).unwrap() >= asked);
        assert_eq!(wait_after(1, Some(Duration::MAX)), Some(Duration::MAX));
    }

    #[test]
    fn retry_after_is_read_in_seconds() {
        let check = |value: &str, expected: Option<u64>| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers),
                expected.map(Duration::from_secs),
                "{value}"
            );
        };
        check("3", Some(3));
        check("Fri, 31 Dec 1999 23:59:59 GMT", None);
        check("-1", None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
