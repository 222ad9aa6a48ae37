//! What is printed for people.

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use throughline_otlp::console;

use crate::support::{AMPLE, Output, Setup};

struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_span_is_one_line_below_its_trace_and_its_events_are_lines_below_it() {
    let output = Output::default();
    let setup = Setup::lazy(console::SpanExporter::new(output.clone()));
    let start = SystemTime::UNIX_EPOCH;
    let mut span = setup
        .tracer
        .span_builder("GET /orders/{id}")
        .with_kind(SpanKind::Server)
        .with_start_time(start)
        .with_attributes([
            KeyValue::new("http.response.status_code", 500),
            KeyValue::new("text", "a \"b\"\nfake line"),
        ])
        .start(&setup.tracer);
    let after = start + Duration::from_millis(1);
    span.add_event_with_timestamp("cache.miss", after, vec![KeyValue::new("hit", false)]);
    span.add_link(span.span_context().clone(), Vec::new());
    span.set_status(Status::error("broken"));
    let (trace, id) = (
        span.span_context().trace_id(),
        span.span_context().span_id(),
    );
    let context = Context::new().with_remote_span_context(span.span_context().clone());
    let mut child = setup
        .tracer
        .span_builder("load\n")
        .with_start_time(start + Duration::from_micros(500))
        .start_with_context(&setup.tracer, &context);
    let after = start + Duration::from_micros(700);
    child.add_event_with_timestamp("done", after, Vec::new());
    child.set_status(Status::error(""));
    child.end_with_timestamp(after);
    let child = child.span_context().span_id();
    span.end_with_timestamp(start + Duration::from_micros(1500));
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let expected = format!(
        r#"trace {trace} shop
└─ GET /orders/{{id}} [Server] 1.5ms span={id} error="broken" http.response.status_code=500 text="a \"b\"\nfake line"
   │  event +1.0ms cache.miss hit=false
   │  link trace={trace} span={id}
   └─ load\n [Internal] 200.0µs at +500.0µs span={child} error
         event +700.0µs done
"#
    );
    assert_eq!(output.text(), expected);
}

#[test]
fn a_broken_output_is_a_failed_export() {
    let setup = Setup::lazy(console::SpanExporter::new(Broken));
    setup.end("span");
    setup.pipeline.shutdown_blocking(AMPLE).unwrap_err();
    assert_eq!(setup.counts().dropped.export_failed, 1);
}

#[test]
fn every_data_point_is_a_line() {
    let output = Output::default();
    let reader = PeriodicReader::builder(console::MetricExporter::new(output.clone())).build();
    let provider = SdkMeterProvider::builder().with_reader(reader).build();
    let meter = provider.meter("test");
    let get = [KeyValue::new("http.request.method", "GET")];
    meter
        .i64_up_down_counter("active")
        .with_unit("{request}")
        .build()
        .add(2, &get);
    meter.f64_gauge("load").build().record(0.5, &[]);
    let duration = meter.f64_histogram("duration").with_unit("s").build();
    duration.record(0.25, &get);
    duration.record(0.5, &get);
    provider.shutdown().unwrap();
    let text = output.text();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "active {request} 2 http.request.method=\"GET\"",
            "duration s count=2 sum=0.75 min=0.25 max=0.5 http.request.method=\"GET\"",
            "load 0.5",
        ]
    );
}
