//! Filters and formats.

use throughline::{Config, Format};

use super::changes::check_change;
use super::{check, check_warned, from};

#[test]
fn the_log_filter_is_checked_when_it_is_read() {
    const VARIABLE: &str = "RUST_LOG";
    let read = |c: &Config| c.log_filter.clone();
    for (value, expected) in [
        ("", "info"),
        ("off", "off"),
        ("warn,shop=debug", "warn,shop=debug"),
        (
            "shop[place_order{user}]=trace",
            "shop[place_order{user}]=trace",
        ),
    ] {
        check(&[(VARIABLE, value)], read, expected.to_owned());
    }
    for value in ["shop=loud", "a=b=c"] {
        let config = from(&[(VARIABLE, value)]).unwrap();
        assert_eq!(config.log_filter, "info");
        let [warning] = &config.warnings[..] else {
            panic!("{:?}", config.warnings)
        };
        // What is in brackets is the words of the filter's parser.
        let message = warning.to_string();
        let begin = format!("{VARIABLE}: {value:?} is no filter (");
        assert!(message.starts_with(&begin), "{message}");
        assert!(message.ends_with("); instead: info"), "{message}");
    }
}

#[test]
fn log_lines_are_json_where_nobody_reads_them() {
    const VARIABLE: &str = "OTEL_RUST_LOG_FORMAT";
    for (value, expected) in [
        ("json", Format::Json),
        ("JSON", Format::Json),
        ("text", Format::Text),
        ("Text", Format::Text),
    ] {
        check(&[(VARIABLE, value)], |c| c.log_format, expected);
    }
    // The default depends on the terminal that the tests may or may not run in.
    let default = from(&[]).unwrap().log_format;
    check(&[(VARIABLE, "")], |c| c.log_format, default);
    let warning = format!("{VARIABLE}: \"pretty\" is not json or text; instead: {default}");
    check_warned(
        &[(VARIABLE, "pretty")],
        |c| c.log_format,
        default,
        &[&warning],
    );
}

#[test]
fn the_span_filter_leaves_the_carriers_of_requests_out() {
    const VARIABLE: &str = "OTEL_RUST_SPAN_FILTER";
    const DEFAULT: &str = "info,h2=off,hyper=off,hyper_util=off,opentelemetry=off,reqwest=off,rustls=off,tokio=off,\
                           tonic=off,tower=off,tower_http=off";
    let read = |c: &Config| c.span_filter.clone();
    check(&[], read, DEFAULT.to_owned());
    check(&[(VARIABLE, "")], read, DEFAULT.to_owned());
    check(
        &[(VARIABLE, "off,shop=debug")],
        read,
        "off,shop=debug".to_owned(),
    );
    let config = from(&[(VARIABLE, "shop=loud")]).unwrap();
    assert_eq!(config.span_filter, DEFAULT);
    let message = config.warnings[0].to_string();
    assert!(
        message.starts_with(&format!("{VARIABLE}: \"shop=loud\" is no filter (")),
        "{message}"
    );
    assert!(message.ends_with("); instead: the default"), "{message}");
}

#[test]
fn each_variable_changes_its_line() {
    check_change(&[], ("RUST_LOG", "warn"), &["log filter: warn"], &[]);
    let filter = "OTEL_RUST_SPAN_FILTER";
    check_change(&[], (filter, "debug"), &["span filter: debug"], &[]);
    for format in ["json", "text"] {
        let config = from(&[("OTEL_RUST_LOG_FORMAT", format)]).unwrap();
        let line = format!("log format: {format} (OTEL_RUST_LOG_FORMAT)");
        assert!(config.to_string().lines().any(|it| it == line), "{config}");
    }
}
