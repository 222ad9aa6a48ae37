//! Records of the `log` crate, which reach the subscriber as events of one fixed shape.

use serde_json::{Value, json};
use throughline_log::LogLayer;
use tracing::{info, info_span};
use tracing_log::log::{Level, Record};

use crate::support::{TRACE_ID, in_trace, logged};

fn emit(target: &str, message: &str) {
    let result = tracing_log::format_trace(
        &Record::builder()
            .level(Level::Warn)
            .target(target)
            .module_path(Some("module"))
            .file(Some("file.rs"))
            .line(Some(1))
            .args(format_args!("{message}"))
            .build(),
    );
    result.unwrap();
}

#[test]
fn a_record_is_a_line_as_any_other() {
    let line = logged(LogLayer::json(), || {
        let _trace = in_trace();
        let _span = info_span!("s").entered();
        emit("hyper::client", "pooled");
    })
    .json();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["target"], "hyper::client");
    assert_eq!(line["message"], "pooled");
    assert_eq!(line["trace_id"], TRACE_ID);
    assert_eq!(line["fields"], Value::Null);
    assert_eq!(line["spans"], json!([{"name": "s"}]));
}

#[test]
fn a_target_made_at_run_time_cannot_break_the_line() {
    let line = logged(LogLayer::json(), || emit("a\"\n{", "m")).json();
    assert_eq!(line["target"], "a\"\n{");
    let line = logged(LogLayer::text(), || emit("a\n", "m")).line();
    assert!(line.ends_with(r"  WARN a\n: m"), "{line}");
}

#[test]
fn fields_of_ordinary_events_may_begin_with_log() {
    let line = logged(LogLayer::json(), || info!(log.target = "x", "m")).json();
    assert_eq!(line["target"], "it::log_crate");
    assert_eq!(line["fields"], json!({"log.target": "x"}));
}
