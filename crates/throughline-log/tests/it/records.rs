//! Events as OpenTelemetry log records.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};

use opentelemetry::logs::{AnyValue, LoggerProvider, Severity};
use opentelemetry::{Context, InstrumentationScope};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider};
use throughline_log::RecordLayer;
use tracing::{Dispatch, debug, error, info, info_span, trace, warn};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::{SPAN_ID, TRACE_ID, ids_of_tracing, in_trace, otel, resolve};

/// Keeps records in memory.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SdkLogRecord>>>);

impl LogProcessor for Kept {
    fn emit(&self, record: &mut SdkLogRecord, _: &InstrumentationScope) {
        self.0.lock().unwrap().push(record.clone());
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
}

/// The records of `events`, below an OpenTelemetry layer and with a resolver.
fn records(events: impl FnOnce()) -> Vec<SdkLogRecord> {
    records_of(|layer| layer, events)
}

fn records_of(
    set: impl FnOnce(RecordLayer<SdkLogger>) -> RecordLayer<SdkLogger>,
    events: impl FnOnce(),
) -> Vec<SdkLogRecord> {
    let kept = Kept::default();
    let provider = SdkLoggerProvider::builder()
        .with_log_processor(kept.clone())
        .build();
    let layer = RecordLayer::new(provider.logger("test")).resolver(resolve);
    let subscriber = tracing_subscriber::registry().with(otel()).with(set(layer));
    tracing::subscriber::with_default(subscriber, events);
    std::mem::take(&mut *kept.0.lock().unwrap())
}

#[track_caller]
fn record(event: impl FnOnce()) -> SdkLogRecord {
    let mut records = records(event);
    assert_eq!(records.len(), 1, "{records:#?}");
    records.remove(0)
}

fn attributes(record: &SdkLogRecord) -> Vec<(&str, AnyValue)> {
    let attributes = record.attributes_iter();
    attributes
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect()
}

/// The ids of a record, as one text.
fn ids(record: &SdkLogRecord) -> Option<String> {
    let context = record.trace_context()?;
    let flags = context.trace_flags.unwrap();
    Some(format!(
        "{}-{}-{flags:02x}",
        context.trace_id, context.span_id
    ))
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl Error for Refused {}

struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("told to panic")
    }
}

#[test]
fn a_record_has_what_the_event_has() {
    let record = record(|| {
        let _trace = in_trace();
        warn!(name: "order.lost", order = 7, "lost: {}", "it");
    });
    assert_eq!(record.body(), Some(&"lost: it".into()));
    assert_eq!(attributes(&record), [("order", 7.into())]);
    assert_eq!(record.severity_number(), Some(Severity::Warn));
    assert_eq!(record.severity_text(), Some("WARN"));
    assert_eq!(record.target().unwrap(), "it::records");
    assert_eq!(record.event_name(), Some("order.lost"));
    assert_eq!(record.timestamp(), record.observed_timestamp());
    assert_eq!(ids(&record), Some(format!("{TRACE_ID}-{SPAN_ID}-01")));
}

#[test]
fn every_type_has_its_value() {
    #[track_caller]
    fn check(event: impl FnOnce(), expected: AnyValue) {
        assert_eq!(attributes(&record(event)), [("v", expected)]);
    }
    check(|| info!(v = true), true.into());
    check(|| info!(v = -1), AnyValue::Int(-1));
    check(|| info!(v = i64::MAX as u64), AnyValue::Int(i64::MAX));
    check(|| info!(v = u64::MAX), u64::MAX.to_string().into());
    check(|| info!(v = 5_i128), AnyValue::Int(5));
    check(|| info!(v = u128::MAX), u128::MAX.to_string().into());
    check(|| info!(v = 0.5), 0.5.into());
    check(|| info!(v = "a\nb"), "a\nb".into());
    check(|| info!(v = ?Some("x")), "Some(\"x\")".into());
    check(|| info!(v = %Refused), "refused".into());
    check(|| info!(v = ?Panics), "<panicked>".into());
    check(|| info!(v = 1, v = 2), AnyValue::Int(2));
}

#[test]
fn long_attributes_are_cut_off_between_characters() {
    let event = || info!(v = "aäöü", w = "aäö", "aäöü");
    let records = records_of(|layer| layer.attribute_value_length_limit(3), event);
    let expected = [("v", "aäö".into()), ("w", "aäö".into())];
    assert_eq!(attributes(&records[0]), expected);
    assert_eq!(records[0].body(), Some(&"aäöü".into()));
}

#[test]
fn the_first_attributes_are_kept() {
    let event = || info!(v = 1, w = 2, v = 3, x = 4, "message");
    let check = |limit: usize, expected: &[(&str, i64)]| {
        let records = records_of(|layer| layer.attribute_count_limit(limit), event);
        let expected: Vec<_> = (expected.iter())
            .map(|&(name, value)| (name, AnyValue::Int(value)))
            .collect();
        assert_eq!(attributes(&records[0]), expected, "{limit}");
        assert_eq!(records[0].body(), Some(&"message".into()), "{limit}");
    };
    check(0, &[]);
    check(2, &[("v", 3), ("w", 2)]);
    check(3, &[("v", 3), ("w", 2), ("x", 4)]);
}

#[test]
fn an_error_is_an_exception() {
    let record = record(|| error!(cause = &Refused as &dyn Error));
    let expected = [("exception.message", AnyValue::from("refused"))];
    assert_eq!(attributes(&record), expected);
    assert_eq!(record.body(), None);
}

#[test]
fn levels_are_severities_and_an_event_without_a_name_has_none() {
    let records = records(|| {
        error!("m");
        warn!("m");
        info!("m");
        debug!("m");
        trace!("m");
    });
    let named = record(|| info!(name: "event of ours", "m"));
    assert_eq!(named.event_name(), Some("event of ours"));
    let found: Vec<_> = (records.iter())
        .map(|record| record.severity_number().unwrap() as u8)
        .collect();
    assert_eq!(found, [17, 13, 9, 5, 1]);
    assert!(records.iter().all(|record| record.event_name().is_none()));
}

#[test]
fn the_ids_are_those_of_the_log_line() {
    let check = |event: &dyn Fn() -> Option<tracing::Span>| {
        let mut expected = None;
        let record = record(|| {
            let _other = info_span!("other").entered();
            expected = event().and_then(|span| ids_of_tracing(&span));
        });
        assert_eq!(ids(&record), expected);
    };
    check(&|| {
        info!("m");
        Some(tracing::Span::current())
    });
    check(&|| {
        let parent = info_span!(parent: None, "parent");
        parent.in_scope(|| ());
        info!(parent: &parent, "m");
        Some(parent)
    });
    check(&|| {
        info!(parent: None, "m");
        None
    });
}

#[test]
fn a_record_of_the_log_crate_is_one_as_any_other() {
    let record = record(|| {
        let line = tracing_log::log::Record::builder()
            .level(tracing_log::log::Level::Error)
            .target("hyper::client")
            .args(format_args!("pooled"))
            .build();
        tracing_log::format_trace(&line).unwrap();
    });
    assert_eq!(record.body(), Some(&"pooled".into()));
    assert_eq!(record.severity_number(), Some(Severity::Error));
    assert_eq!(record.target().unwrap(), "hyper::client");
    assert_eq!(record.event_name(), None);
    assert_eq!(attributes(&record), []);
}

#[test]
fn what_is_logged_where_telemetry_is_suppressed_is_no_record() {
    let records = records(|| {
        let _suppressed = Context::enter_telemetry_suppressed_scope();
        error!("export failed");
        error!(parent: None, "export failed");
    });
    assert!(records.is_empty(), "{records:#?}");
}

#[test]
fn what_a_thread_logs_on_its_way_out_is_no_record_and_no_harm() {
    struct LastWords(Dispatch);
    impl Drop for LastWords {
        fn drop(&mut self) {
            tracing::dispatcher::with_default(&self.0, || info!("last words"));
        }
    }
    thread_local! {
        static LAST_WORDS: RefCell<Option<LastWords>> = const { RefCell::new(None) };
    }
    let records = records(|| {
        let dispatch = tracing::dispatcher::get_default(Dispatch::clone);
        let thread = std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                // Destructors run in reverse order of first use: the context is gone before these words.
                drop(info_span!("s").entered());
                LAST_WORDS.set(Some(LastWords(dispatch.clone())));
                let _trace = in_trace();
                info!("words");
            });
        });
        thread.join().unwrap();
    });
    let bodies: Vec<_> = records.iter().map(|record| record.body()).collect();
    assert_eq!(bodies, [Some(&"words".into())]);
}
