//! The shape of a JSON line.

use std::fmt;

use serde_json::json;
use throughline_log::LogLayer;
use tracing::{Level, error, event, info, info_span};

use crate::support::{SPAN_ID, TRACE_ID, in_trace, logged, without_time};

#[track_caller]
fn check(events: impl FnOnce(), expected: &str) {
    let log = logged(LogLayer::json(), events);
    let line = without_time(&log.line());
    assert_eq!(line, format!(r#"{{"timestamp":"",{expected}}}"#));
}

#[test]
fn a_line_has_these_keys_in_this_order() {
    check(
        || info!("hello"),
        r#""level":"INFO","target":"it::json","message":"hello""#,
    );
    check(
        || {
            info!(
                order = 7,
                total = 9.5,
                customer = "Jane",
                "order {}",
                "placed"
            );
        },
        r#""level":"INFO","target":"it::json","message":"order placed","fields":{"order":7,"total":9.5,"customer":"Jane"}"#,
    );
    let everything = format!(
        r#""level":"ERROR","trace_id":"{TRACE_ID}","span_id":"{SPAN_ID}","trace_flags":"01","target":"shop","message":"lost","fields":{{"order":7}},"spans":[{{"name":"query"}},{{"name":"request","fields":{{"method":"GET","attempt":2}}}}]"#
    );
    check(
        || {
            let _trace = in_trace();
            let _request = info_span!("request", method = "GET", attempt = 2).entered();
            let _query = info_span!("query").entered();
            error!(target: "shop", order = 7, "lost");
        },
        &everything,
    );
}

#[test]
fn each_level_has_its_name() {
    for level in ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"] {
        check(
            || match level {
                "ERROR" => event!(Level::ERROR, ""),
                "WARN" => event!(Level::WARN, ""),
                "INFO" => event!(Level::INFO, ""),
                "DEBUG" => event!(Level::DEBUG, ""),
                _ => event!(Level::TRACE, ""),
            },
            &format!(r#""level":"{level}","target":"it::json","message":"""#),
        );
    }
}

#[test]
fn each_type_of_value_is_written_as_documented() {
    #[track_caller]
    fn check(events: impl FnOnce(), expected: &serde_json::Value) {
        let line = logged(LogLayer::json(), events).json();
        assert_eq!(line["fields"], *expected);
    }
    let broken = fmt::Error;
    let error: &(dyn std::error::Error + 'static) = &broken;
    check(|| info!(v = 1_u8), &json!({"v": 1}));
    check(|| info!(v = u64::MAX), &json!({"v": u64::MAX}));
    check(|| info!(v = i64::MIN), &json!({"v": i64::MIN}));
    check(|| info!(v = 1500_u128), &json!({"v": 1500}));
    check(
        || info!(v = u128::MAX),
        &json!({"v": u128::MAX.to_string()}),
    );
    check(
        || info!(v = i128::MIN),
        &json!({"v": i128::MIN.to_string()}),
    );
    check(|| info!(v = 0.5_f32), &json!({"v": 0.5}));
    check(|| info!(v = 1e300), &json!({"v": 1e300}));
    check(|| info!(v = f64::NAN), &json!({"v": null}));
    check(|| info!(v = f64::INFINITY), &json!({"v": null}));
    check(|| info!(v = true), &json!({"v": true}));
    check(|| info!(v = "a\n\"b\""), &json!({"v": "a\n\"b\""}));
    check(|| info!(v = ?Some("a")), &json!({"v": "Some(\"a\")"}));
    check(|| info!(v = %"a b"), &json!({"v": "a b"}));
    check(|| info!(v = error), &json!({"v": fmt::Error.to_string()}));
    check(
        || info!(v = [1_u8, 255].as_slice()),
        &json!({"v": "[01 ff]"}),
    );
    check(|| info!(v = None::<u64>, w = Some(1)), &json!({"w": 1}));
    check(|| info!(v = tracing::field::Empty, w = 1), &json!({"w": 1}));
    check(
        || info!("a\n\"b\"" = 1, r#type = 2),
        &json!({"a\n\"b\"": 1, "type": 2}),
    );
}

#[test]
fn a_message_is_a_string_at_the_top_wherever_it_comes_in_the_event() {
    #[track_caller]
    fn check(events: impl FnOnce(), message: &str) {
        let line = logged(LogLayer::json(), events).json();
        assert_eq!(line["message"], message);
        assert_eq!(line["fields"]["message"], serde_json::Value::Null);
    }
    check(|| info!("a"), "a");
    check(|| info!(v = 1, "a"), "a");
    check(|| info!(v = 1, message = "a"), "a");
    check(|| info!(v = 1, message = "a", w = 2), "a");
    check(|| info!(message = 7), "7");
    check(|| info!(message = ?Some(7)), "Some(7)");
    check(|| info!(message = "a", "b"), "a");
}

#[test]
fn an_event_without_a_message_has_none() {
    check(
        || info!(v = 1),
        r#""level":"INFO","target":"it::json","fields":{"v":1}"#,
    );
}

#[test]
fn a_field_with_one_of_our_names_collides_with_nothing() {
    let log = logged(LogLayer::json(), || {
        let _trace = in_trace();
        let _span = info_span!("a", name = "b", fields = 1, message = "c").entered();
        info!(
            timestamp = 1,
            level = 2,
            target = 3,
            trace_id = 4,
            span_id = 5,
            spans = 6,
            fields = 7,
            "m"
        );
    });
    let line = log.json();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["trace_id"], TRACE_ID);
    assert_eq!(
        line["fields"],
        json!({"timestamp": 1, "level": 2, "target": 3, "trace_id": 4, "span_id": 5, "spans": 6, "fields": 7}),
    );
    assert_eq!(
        line["spans"],
        json!([{"name": "a", "fields": {"name": "b", "fields": 1, "message": "c"}}]),
    );
}

#[test]
fn of_a_name_that_is_there_twice_the_last_value_stands() {
    let log = logged(LogLayer::json(), || info!(a = 1, b = 2, a = 3, "m"));
    assert_eq!(log.json()["fields"], json!({"a": 3, "b": 2}));
    let log = logged(LogLayer::json(), || info!(a = 1, a = None::<u64>, "m"));
    assert_eq!(log.json()["fields"], json!({"a": 1}));
}

#[test]
fn whatever_a_value_holds_it_stays_one_line() {
    let hostile = "a\r\n{\"level\":\"ERROR\"}\u{1b}[2J\u{0}\u{7f}\u{85}\u{9b}\u{2028}\u{2029}\\\"";
    let log = logged(LogLayer::json(), || {
        let _span = info_span!("s", v = hostile, w = %hostile).entered();
        info!(v = hostile, w = %hostile, x = ?hostile, "{hostile}");
    });
    let line = log.json();
    assert_eq!(line["message"], hostile);
    assert_eq!(line["fields"]["v"], hostile);
    assert_eq!(line["fields"]["w"], hostile);
    assert_eq!(line["spans"][0]["fields"]["w"], hostile);
}

#[test]
fn the_timestamp_is_the_present() {
    let second_of_hour = |text: &str| -> u64 {
        let (minute, second) = (&text[14..16], &text[17..19]);
        minute.parse::<u64>().unwrap() * 60 + second.parse::<u64>().unwrap()
    };
    let line = logged(LogLayer::json(), || info!("now")).json();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() % 3600;
    let age = (now + 3600 - second_of_hour(line["timestamp"].as_str().unwrap())) % 3600;
    assert!(age < 60, "{line} is {age} seconds old");
}
