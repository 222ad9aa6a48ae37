use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};

const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// How long to wait after the attempt of this number (from 1) until the next one; `None` when there is none.
pub(super) fn wait_after(attempt: u32, asked_for: Duration) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    // The attempts end long before this could overflow.
    let backoff = FIRST_WAIT * 2_u32.pow(attempt.saturating_sub(1));
    let wait = backoff.max(asked_for);
    Some(wait.saturating_add(jitter(backoff / 2)))
}

/// The statuses that the OTLP specification calls retryable ("OTLP/HTTP Response", "Retryable Response Codes").
pub(super) fn is_retryable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// The header `Retry-After`, in seconds or as a date (RFC 9110, "Retry-After"); zero when it is absent, wrong or past.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Duration {
    let value = headers.get(header::RETRY_AFTER);
    let value = value
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than fits is long enough.
        return Duration::from_secs(value.parse().unwrap_or(u64::MAX));
    }
    let date = httpdate::parse_http_date(value);
    date.map(|date| date.duration_since(now).unwrap_or_default())
        .unwrap_or_default()
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
            let wait = wait_after(attempt, Duration::ZERO).unwrap();
            assert!(
                wait >= least && wait <= least * 3 / 2,
                "{attempt}: {wait:?}"
            );
        }
        assert_eq!(wait_after(ATTEMPTS, Duration::ZERO), None);
        assert_eq!(wait_after(ATTEMPTS, Duration::from_secs(1)), None);
    }

    #[test]
    fn the_server_may_ask_for_more() {
        let asked = Duration::from_secs(7);
        assert!(wait_after(1, asked).unwrap() >= asked);
        assert_eq!(wait_after(1, Duration::MAX), Some(Duration::MAX));
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        // Sun, 06 Nov 1994 08:49:37 GMT, the date of the RFC's examples.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let check = |value: &str, expected: u64| {
            let headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().unwrap())]);
            assert_eq!(
                retry_after(&headers, now),
                Duration::from_secs(expected),
                "{value}"
            );
        };
        check("3", 3);
        check(" 120 ", 120);
        check("Sun, 06 Nov 1994 08:50:37 GMT", 60);
        check("Sunday, 06-Nov-94 08:50:37 GMT", 60);
        check("Sun Nov  6 08:50:37 1994", 60);
        check("Fri, 31 Dec 1993 23:59:59 GMT", 0);
        check("99999999999999999999999", u64::MAX);
        check("-1", 0);
        check("+1", 0);
        check("soon", 0);
        check("", 0);
        assert_eq!(retry_after(&HeaderMap::new(), now), Duration::ZERO);
    }

    #[test]
    fn only_the_statuses_of_the_specification_are_retryable() {
        let retryable: Vec<u16> = (100..600)
            .filter(|code| is_retryable(StatusCode::from_u16(*code).unwrap()))
            .collect();
        assert_eq!(retryable, [429, 502, 503, 504]);
    }
}
