//! The variables of databases.

use std::time::Duration;

use throughline::{Config, DatabaseSettings, QueryText};

use super::changes::check_rows;
use super::check_warned;

#[test]
fn the_text_of_queries_is_one_of_three() {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_DB_QUERY_TEXT";
    let check = |value: &str, expected, warnings: &[&str]| {
        check_warned(
            &[(VARIABLE, value)],
            |c| c.database.query_text,
            expected,
            warnings,
        );
    };
    check("", QueryText::Parameterized, &[]);
    check("parameterized", QueryText::Parameterized, &[]);
    check(" Sanitized ", QueryText::Sanitized, &[]);
    check("none", QueryText::Off, &[]);
    for wrong in ["raw", "rawwithsecrets", "false"] {
        let warning = format!(
            "{VARIABLE}: {wrong:?} is none of parameterized, sanitized, none; instead: parameterized"
        );
        check(wrong, QueryText::Parameterized, &[&warning]);
    }
}

#[test]
fn a_threshold_is_a_number_of_milliseconds() {
    const VARIABLE: &str = "OTEL_RUST_INSTRUMENTATION_DB_SLOW_THRESHOLD";
    let check = |value: &str, expected: Option<u64>, warnings: &[&str]| {
        let expected = expected.map(Duration::from_millis);
        check_warned(
            &[(VARIABLE, value)],
            |c| c.database.slow_threshold,
            expected,
            warnings,
        );
    };
    check("", None, &[]);
    check("250", Some(250), &[]);
    check("0", Some(0), &[]);
    for wrong in ["1s", "-1", "0.5"] {
        let warning = format!(
            "{VARIABLE}: {wrong:?} is no number of milliseconds, such as 10000 for 10 seconds; instead: none"
        );
        check(wrong, None, &[&warning]);
    }
}

#[test]
fn each_opt_in_is_one_of_a_list() {
    type Read = fn(&DatabaseSettings) -> bool;
    const ALL: [(&str, Read); 4] = [
        ("returned_rows", |c| c.returned_rows),
        ("affected_rows", |c| c.affected_rows),
        ("transaction_spans", |c| c.transaction_spans),
        ("acquire_spans", |c| c.acquire_spans),
    ];
    let on = |c: &Config| ALL.map(|(_, read)| read(&c.database));
    for (at, (name, _)) in ALL.into_iter().enumerate() {
        let mut expected = [false; ALL.len()];
        expected[at] = true;
        let list = format!("{} ,", name.to_uppercase());
        check_warned(
            &[("OTEL_RUST_INSTRUMENTATION_DB_OPT_IN", &list)],
            on,
            expected,
            &[],
        );
    }
}

#[test]
fn each_variable_changes_its_line() {
    check_rows(&[
        (
            "OTEL_RUST_INSTRUMENTATION_DB_QUERY_TEXT",
            "sanitized",
            "database query text: sanitized",
            "raw",
            r#""raw" is none of parameterized, sanitized, none; instead: parameterized"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_DB_OPT_IN",
            "Returned_Rows,acquire_spans",
            "database opt-in: returned_rows,acquire_spans",
            "all",
            r#""all" is none of returned_rows, affected_rows, transaction_spans, acquire_spans; instead: the others of the list"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_DB_ONLY_UNDER_PARENT",
            "true",
            "database spans only under a parent: true",
            "1",
            r#""1" is not true or false; instead: false"#,
        ),
        (
            "OTEL_RUST_INSTRUMENTATION_DB_SLOW_THRESHOLD",
            "250",
            "database slow threshold: 250ms",
            "1s",
            r#""1s" is no number of milliseconds, such as 10000 for 10 seconds; instead: none"#,
        ),
    ]);
}
