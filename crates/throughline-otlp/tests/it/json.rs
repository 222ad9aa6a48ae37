//! What is printed for programs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, LoggerProvider, Severity};
use opentelemetry::metrics::MeterProvider;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use throughline_otlp::console::JsonExporter;
use throughline_otlp::{ExportRuntime, LogPipeline};

use crate::support::{AMPLE, Output, Setup};

#[test]
fn an_export_of_spans_is_one_line_of_otlp() {
    let output = Output::default();
    let setup = Setup::lazy(JsonExporter::new(output.clone()));
    let scope = InstrumentationScope::builder("cart")
        .with_version("1.2")
        .build();
    let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_581_452_772_000_000_321);
    let remote = SpanContext::new(
        0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c.into(),
        0x00f0_67aa_0ba9_02b7.into(),
        TraceFlags::SAMPLED,
        true,
        TraceState::from_key_value([("vendor", "x")]).unwrap(),
    );
    let tracer = setup.provider.tracer_with_scope(scope);
    let mut span = tracer
        .span_builder("GET \"/\"")
        .with_kind(SpanKind::Server)
        .with_start_time(start)
        .with_attributes([
            KeyValue::new("status", 500),
            KeyValue::new("tags", Value::Array(Array::from(vec![0.5, f64::NAN]))),
        ])
        .start_with_context(
            &tracer,
            &Context::new().with_remote_span_context(remote.clone()),
        );
    let after = start + Duration::from_millis(1);
    span.add_event_with_timestamp("miss", after, vec![KeyValue::new("hit", false)]);
    span.add_link(remote, Vec::new());
    span.set_status(Status::error("broken"));
    let id = span.span_context().span_id();
    span.end_with_timestamp(start + Duration::from_secs(1));
    setup.end("second");
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();

    let text = output.text();
    let (line, rest) = text.split_once('\n').unwrap();
    assert_eq!(rest, "");
    let first = r#"{"resourceSpans":[{
        "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
        "scopeSpans":[{
        "scope":{"name":"cart","version":"1.2"},
        "spans":[{
        "traceId":"0af7651916cd43dd8448eb211c80319c",
        "spanId":"ID",
        "traceState":"vendor=x",
        "parentSpanId":"00f067aa0ba902b7",
        "name":"GET \"/\"",
        "kind":2,
        "startTimeUnixNano":"1581452772000000321",
        "endTimeUnixNano":"1581452773000000321",
        "attributes":[{"key":"status","value":{"intValue":"500"}},
        {"key":"tags","value":{"arrayValue":{"values":[{"doubleValue":0.5},{"doubleValue":"NaN"}]}}}],
        "events":[{"timeUnixNano":"1581452772001000321","name":"miss",
        "attributes":[{"key":"hit","value":{"boolValue":false}}]}],
        "links":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7",
        "traceState":"vendor=x","flags":769}],
        "status":{"message":"broken","code":2},
        "flags":769}]},{
        "scope":{"name":"test"},
        "spans":[{"#;
    let first = first.lines().map(str::trim_start).collect::<String>();
    let first = first.replace("ID", &id.to_string());
    assert!(
        line.starts_with(&first),
        "{line}\ndoes not start with\n{first}"
    );
    assert!(line.ends_with(r#""flags":257}]}]}]}"#), "{line}");

    let line = line.replace(r#""NaN""#, "1.5");
    let read: ExportTraceServiceRequest = serde_json::from_str(&line).unwrap();
    let scopes = &read.resource_spans[0].scope_spans;
    let names = scopes
        .iter()
        .flat_map(|scope| &scope.spans)
        .map(|span| &*span.name);
    assert_eq!(names.collect::<Vec<_>>(), ["GET \"/\"", "second"]);
}

/// Prints what it is given, and keeps it as `opentelemetry-proto` understands it.
struct Keep {
    json: JsonExporter,
    kept: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
}

impl PushMetricExporter for Keep {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.kept.lock().unwrap().push(metrics.into());
        self.json.export(metrics).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.json.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        PushMetricExporter::shutdown_with_timeout(&self.json, timeout)
    }

    fn temporality(&self) -> Temporality {
        self.json.temporality()
    }
}

#[test]
fn an_export_of_metrics_is_one_line_of_otlp() {
    let output = Output::default();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let exporter = Keep {
        json: JsonExporter::new(output.clone()),
        kept: kept.clone(),
    };
    let exponential = |instrument: &Instrument| {
        let aggregation = Aggregation::Base2ExponentialHistogram {
            max_size: 160,
            max_scale: 20,
            record_min_max: true,
        };
        let stream = Stream::builder().with_aggregation(aggregation);
        (instrument.name() == "exponential").then(|| stream.build().unwrap())
    };
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter).build())
        .with_view(exponential)
        .build();
    let meter = provider.meter("test");
    let get = [KeyValue::new("http.request.method", "GET")];
    meter
        .i64_up_down_counter("active")
        .with_unit("{request}")
        .build()
        .add(-2, &get);
    meter
        .u64_counter("total")
        .with_description("so far")
        .build()
        .add(3, &[]);
    meter.f64_gauge("load").build().record(0.5, &get);
    for name in ["bounds", "exponential"] {
        let histogram = meter.f64_histogram(name).with_unit("s").build();
        for value in [0.0, 0.25, -1.5, 1e9] {
            histogram.record(value, &get);
        }
    }
    provider.shutdown().unwrap();

    let text = output.text();
    let (line, rest) = text.split_once('\n').unwrap();
    assert_eq!(rest, "");
    let read: ExportMetricsServiceRequest = serde_json::from_str(line).unwrap();
    assert_eq!([read], kept.lock().unwrap()[..]);
    for part in [
        r#"{"name":"active","unit":"{request}","sum":{"dataPoints":[{"startTimeUnixNano":""#,
        r#"","asInt":"-2","attributes":[{"key":"http.request.method","value":{"stringValue":"GET"}}]}],"aggregationTemporality":2}}"#,
        r#""asInt":"3"}],"aggregationTemporality":2,"isMonotonic":true}}"#,
        r#""asDouble":0.5,"#,
        r#""count":"4","sum":999999998.75,"bucketCounts":["2","1","0","#,
        r#""explicitBounds":[0.0,5.0,10.0,"#,
        r#""zeroCount":"1","positive":{"offset":"#,
        r#""min":-1.5,"max":1000000000.0"#,
    ] {
        assert!(line.contains(part), "{part} is not in\n{line}");
    }
}

#[test]
fn the_temporality_of_metrics_is_a_setting() {
    let output = Output::default();
    let exporter = JsonExporter::new(output.clone()).with_temporality(Temporality::Delta);
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(exporter).build())
        .build();
    let counter = provider.meter("test").u64_counter("total").build();
    counter.add(1, &[]);
    provider.shutdown().unwrap();
    let text = output.text();
    assert!(
        text.contains(r#""asInt":"1"}],"aggregationTemporality":1"#),
        "{text}"
    );
}

#[test]
fn an_export_of_log_records_is_one_line_of_otlp() {
    let output = Output::default();
    let runtime = ExportRuntime::start().unwrap();
    let pipeline = LogPipeline::builder().build(&runtime, JsonExporter::new(output.clone()));
    let provider = SdkLoggerProvider::builder()
        .with_resource(Resource::builder_empty().with_service_name("shop").build())
        .with_log_processor(pipeline.clone())
        .build();
    let logger = provider.logger("cart");
    let mut record = logger.create_log_record();
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_581_452_772_000_000_321);
    record.set_timestamp(time);
    record.set_observed_timestamp(time);
    record.set_severity_number(Severity::Warn);
    record.set_severity_text("WARN");
    record.set_event_name("order.lost");
    record.set_body("lost".into());
    record.add_attribute("raw", AnyValue::from(&b"\x00\xff"[..]));
    record.add_attribute("map", AnyValue::from_iter([("k", 1)]));
    record.add_attribute("list", AnyValue::from_iter(["a"]));
    let trace_id = TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    record.set_trace_context(trace_id, SpanId::from(5), Some(TraceFlags::SAMPLED));
    logger.emit(record);
    pipeline.shutdown_blocking(AMPLE).unwrap();
    let line = r#"{"resourceLogs":[{
        "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},
        "scopeLogs":[{
        "scope":{"name":"cart"},
        "logRecords":[{
        "timeUnixNano":"1581452772000000321",
        "severityNumber":13,
        "severityText":"WARN",
        "body":{"stringValue":"lost"},
        "attributes":[{"key":"raw","value":{"bytesValue":"AP8="}},
        {"key":"map","value":{"kvlistValue":{"values":[{"key":"k","value":{"intValue":"1"}}]}}},
        {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"a"}]}}}],
        "flags":1,
        "traceId":"0af7651916cd43dd8448eb211c80319c",
        "spanId":"0000000000000005",
        "observedTimeUnixNano":"1581452772000000321",
        "eventName":"order.lost"}]}]}]}"#;
    let line: String = line.lines().map(str::trim_start).collect();
    assert_eq!(output.text(), line + "\n");
}
