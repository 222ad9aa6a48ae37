//! What is printed.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{Span, SpanKind, Status, Tracer};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use throughline_otlp::console;

use crate::support::{AMPLE, Setup};

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

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
fn a_span_is_one_line_and_its_events_are_lines_below() {
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
    span.end_with_timestamp(start + Duration::from_micros(1500));
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let expected = format!(
        "shop: GET /orders/{{id}} [Server] 1.5ms trace={trace} span={id} error=\"broken\" \
         http.response.status_code=500 text=\"a \\\"b\\\"\\nfake line\"\n    \
         event +1ms cache.miss hit=false\n    \
         link trace={trace} span={id}\n"
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
