//! The shape of a text line.

use std::fmt;

use throughline_log::{Format, LogLayer};
use tracing::{debug, error, info, info_span, trace, warn};

use crate::support::{SPAN_ID, TRACE_ID, in_trace, logged, without_time};

#[track_caller]
fn check(events: impl FnOnce(), expected: &str) {
    let log = logged(LogLayer::new(Format::Text), events);
    assert_eq!(without_time(&log.line()), expected);
}

#[test]
fn a_line_reads_from_what_happened_to_where() {
    check(|| info!("hello"), "  INFO it::text: hello");
    check(
        || info!(order = 7, customer = "Jane Doe", "order {}", "placed"),
        r#"  INFO it::text: order placed order=7 customer="Jane Doe""#,
    );
    check(|| info!(order = 7), "  INFO it::text: order=7");
    check(
        || {
            let _trace = in_trace();
            let _request = info_span!("request", method = "GET", attempt = 2).entered();
            let _query = info_span!("query").entered();
            info!(target: "shop", order = 7, "lost");
        },
        &format!(
            r#"  INFO shop: lost order=7 in query in request{{method="GET" attempt=2}} trace_id={TRACE_ID} span_id={SPAN_ID} trace_flags=01"#
        ),
    );
}

#[test]
fn levels_are_aligned() {
    check(|| error!("m"), " ERROR it::text: m");
    check(|| warn!("m"), "  WARN it::text: m");
    check(|| info!("m"), "  INFO it::text: m");
    check(|| debug!("m"), " DEBUG it::text: m");
    check(|| trace!("m"), " TRACE it::text: m");
}

#[test]
fn each_type_of_value_is_written_as_documented() {
    #[track_caller]
    fn check_value(events: impl FnOnce(), expected: &str) {
        check(events, &format!("  INFO it::text: v={expected}"));
    }
    let broken = fmt::Error;
    let error: &(dyn std::error::Error + 'static) = &broken;
    check_value(|| info!(v = -1), "-1");
    check_value(|| info!(v = u128::MAX), &u128::MAX.to_string());
    check_value(|| info!(v = 9.5), "9.5");
    check_value(|| info!(v = f64::NAN), "NaN");
    check_value(|| info!(v = false), "false");
    check_value(|| info!(v = "a \"b\""), r#""a \"b\"""#);
    check_value(|| info!(v = ?Some("a")), r#"Some("a")"#);
    check_value(|| info!(v = %"a b"), "a b");
    check_value(
        || info!(v = error),
        &format!("{:?}", fmt::Error.to_string()),
    );
}

#[test]
fn whatever_a_value_holds_it_stays_one_line() {
    let hostile = "a\r\n2026 ERROR\u{1b}[2J\u{0}\u{7f}\u{85}\u{9b}\u{2028}";
    let escaped = r"a\r\n2026 ERROR\u001b[2J\u0000\u007f\u0085\u009b\u2028";
    check(
        || {
            let _span = info_span!("s", v = %hostile).entered();
            info!(v = hostile, w = %hostile, "a\nb" = 1, "{hostile}");
        },
        &format!(
            "  INFO it::text: {escaped} v=\"{escaped}\" w={escaped} a\\nb=1 in s{{v={escaped}}}"
        ),
    );
}

#[test]
fn a_backslash_is_left_alone_outside_of_quotes() {
    check(
        || info!(v = r"C:\x", w = %r"C:\x", r"C:\x"),
        r#"  INFO it::text: C:\x v="C:\\x" w=C:\x"#,
    );
}
