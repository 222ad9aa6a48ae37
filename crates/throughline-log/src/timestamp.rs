//! RFC 3339 timestamps in UTC, to the microsecond.

use std::time::SystemTime;

const MICROS: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// 0000-01-01T00:00:00Z in seconds from 1970.
const FIRST: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z in seconds from 1970.
const LAST: i64 = 253_402_300_799;

/// Appends `time` as `2026-11-21T08:30:00.123456Z`.
///
/// RFC 3339 has four digits for the year: a time before year 0 is written as its first moment, one after 9999 as its
/// last.
pub(crate) fn push_timestamp(out: &mut Vec<u8>, time: SystemTime) {
    let micros = micros_since_1970(time);
    let seconds = micros.div_euclid(MICROS);
    let (year, month, day) = date(seconds.div_euclid(SECONDS_PER_DAY));
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let micros = micros.rem_euclid(MICROS);

    let mut text = *b"0000-00-00T00:00:00.000000Z";
    for (at, pair) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3600),
        (14, second / 60 % 60),
        (17, second % 60),
        (20, micros / 10_000),
        (22, micros / 100 % 100),
        (24, micros % 100),
    ] {
        text[at] += (pair / 10) as u8;
        text[at + 1] += (pair % 10) as u8;
    }
    out.extend_from_slice(&text);
}

fn micros_since_1970(time: SystemTime) -> i64 {
    let micros = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i128::from(after.as_secs()) * 1_000_000 + i128::from(after.subsec_micros()),
        // Rounded down, as times after 1970 are.
        Err(before) => -(before.duration().as_nanos().div_ceil(1000) as i128),
    };
    let (first, last) = (FIRST * MICROS, LAST * MICROS + (MICROS - 1));
    micros.clamp(first.into(), last.into()) as i64
}

/// The Gregorian year, month and day of a day counted from 1970-01-01.
///
/// Years are taken to begin in March, so that the leap day comes last, and counted from 0000-03-01 in cycles of 400
/// years, which all have the same number of days.
fn date(days_since_1970: i64) -> (i64, i64, i64) {
    const CYCLE: i64 = 146_097;
    let days = days_since_1970 + 719_468;
    let (cycle, day) = (days.div_euclid(CYCLE), days.rem_euclid(CYCLE));
    // Without the leap days before it, each year of the cycle has 365 days.
    let year = (day - day / 1460 + day / 36_524 - day / (CYCLE - 1)) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    // From March on, months have 153 days in five.
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (cycle * 400 + year + next_year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(time: SystemTime, expected: &str) {
        let mut out = Vec::new();
        push_timestamp(&mut out, time);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    fn after(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
    }

    fn before(seconds: u64, nanos: u32) -> SystemTime {
        SystemTime::UNIX_EPOCH - Duration::new(seconds, nanos)
    }

    #[test]
    fn a_time_is_written_in_utc_to_the_microsecond() {
        check(after(0, 0), "1970-01-01T00:00:00.000000Z");
        check(after(0, 999), "1970-01-01T00:00:00.000000Z");
        check(after(0, 1000), "1970-01-01T00:00:00.000001Z");
        check(after(59, 999_999_999), "1970-01-01T00:00:59.999999Z");
        check(after(86_399, 0), "1970-01-01T23:59:59.000000Z");
        check(after(86_400, 0), "1970-01-02T00:00:00.000000Z");
        check(after(68_169_600, 0), "1972-02-29T00:00:00.000000Z");
        check(after(951_782_400, 0), "2000-02-29T00:00:00.000000Z");
        check(after(951_868_800, 0), "2000-03-01T00:00:00.000000Z");
        check(after(978_307_199, 0), "2000-12-31T23:59:59.000000Z");
        check(after(1_000_000_000, 0), "2001-09-09T01:46:40.000000Z");
        check(
            after(1_234_567_890, 123_456_789),
            "2009-02-13T23:31:30.123456Z",
        );
        check(after(1_709_164_799, 0), "2024-02-28T23:59:59.000000Z");
        check(after(1_709_164_800, 0), "2024-02-29T00:00:00.000000Z");
        check(after(2_147_483_648, 0), "2038-01-19T03:14:08.000000Z");
        check(after(4_107_542_399, 0), "2100-02-28T23:59:59.000000Z");
        check(after(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
        check(
            after(253_402_300_799, 999_999_999),
            "9999-12-31T23:59:59.999999Z",
        );
    }

    #[test]
    fn a_time_before_1970_is_rounded_down_too() {
        check(before(0, 1), "1969-12-31T23:59:59.999999Z");
        check(before(1, 0), "1969-12-31T23:59:59.000000Z");
        check(before(14_182_940, 0), "1969-07-20T20:17:40.000000Z");
        check(before(2_203_977_600, 0), "1900-02-28T00:00:00.000000Z");
        check(before(2_203_891_200, 0), "1900-03-01T00:00:00.000000Z");
        check(before(62_167_219_200, 0), "0000-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_year_of_more_than_four_digits_is_held_at_the_border() {
        check(after(253_402_300_800, 0), "9999-12-31T23:59:59.999999Z");
        check(after(1 << 60, 0), "9999-12-31T23:59:59.999999Z");
        check(before(62_167_219_200, 1), "0000-01-01T00:00:00.000000Z");
    }

    #[test]
    fn each_day_of_ten_thousand_years_follows_the_one_before() {
        fn days_in(year: i64, month: i64) -> i64 {
            match month {
                2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            }
        }
        let mut expected = (0, 1, 1);
        for day in FIRST / SECONDS_PER_DAY..=LAST / SECONDS_PER_DAY {
            assert_eq!(date(day), expected, "day {day}");
            let (year, month, day) = expected;
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                _ if day == days_in(year, month) => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
        assert_eq!(expected, (10_000, 1, 1));
    }
}
