//! Spans and metrics in memory, without globals.

use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{
    InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality,
};
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, ShouldSample, Span, SpanData, SpanLimits, SpanProcessor,
};

use crate::{MetricRecord, SpanRecord, Trace, metric, sdk};

/// A tracer provider and a meter provider that keep everything in memory.
///
/// Nothing is global and no environment variable is read, except by what is tested: any number of tests use one each, at
/// the same time and in one process. A span is there as soon as it has ended; nothing has to be flushed. Clones share
/// their spans and metrics.
///
/// ```
/// use throughline_testing::InMemory;
/// use throughline_testing::opentelemetry::KeyValue;
/// use throughline_testing::opentelemetry::metrics::MeterProvider;
///
/// let memory = InMemory::new();
/// let meter = memory.meter_provider().meter("docs");
/// meter.u64_counter("orders").build().add(2, &[KeyValue::new("paid", true)]);
///
/// let metrics = memory.metrics();
/// assert_eq!(metrics[0].name, "orders");
/// assert_eq!(metrics[0].points[0].value, 2.0);
/// ```
#[derive(Clone)]
pub struct InMemory {
    spans: Finished,
    reader: Reader,
    tracer_provider: SdkTracerProvider,
    meter_provider: SdkMeterProvider,
}

impl InMemory {
    /// Records every span, whatever its parent says.
    #[must_use]
    pub fn new() -> Self {
        Self::with_sampler(Sampler::AlwaysOn)
    }

    /// Records the spans that a sampler chooses. Those that it wants recorded but not sampled are kept as well; their
    /// [`trace_flags`](SpanRecord::trace_flags) tell.
    #[must_use]
    pub fn with_sampler(sampler: impl ShouldSample + 'static) -> Self {
        let spans = Finished::default();
        let reader = Reader::default();
        // What is set here would otherwise be read from the environment of the test run.
        let tracer_provider = SdkTracerProvider::builder()
            .with_sampler(Box::new(sampler) as Box<dyn ShouldSample>)
            .with_span_limits(SpanLimits::default())
            .with_resource(Resource::builder_empty().build())
            .with_span_processor(spans.clone())
            .build();
        let meter_provider = SdkMeterProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_reader(reader.clone())
            .build();
        Self {
            spans,
            reader,
            tracer_provider,
            meter_provider,
        }
    }

    /// The provider to pass to what is tested.
    #[must_use]
    pub fn tracer_provider(&self) -> SdkTracerProvider {
        self.tracer_provider.clone()
    }

    /// The provider to pass to what is tested.
    #[must_use]
    pub fn meter_provider(&self) -> SdkMeterProvider {
        self.meter_provider.clone()
    }

    /// The finished spans, in the order in which they ended.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanRecord> {
        let spans = self.spans.lock().clone();
        spans.into_iter().map(sdk::span).collect()
    }

    /// The finished spans, in the order in which they ended, and forgets them: what ends later is seen alone.
    #[must_use]
    pub fn take_spans(&self) -> Vec<SpanRecord> {
        let spans = mem::take(&mut *self.spans.lock());
        spans.into_iter().map(sdk::span).collect()
    }

    /// The only trace.
    ///
    /// # Panics
    ///
    /// When no span has finished, or the finished spans belong to more than one trace, which most often means that a
    /// parent got lost. The message shows all traces.
    #[must_use]
    #[track_caller]
    pub fn trace(&self) -> Trace {
        let mut traces = self.traces();
        match traces.len() {
            1 => traces.remove(0),
            0 => panic!("no span has finished"),
            several => panic!(
                "the finished spans belong to {several} traces instead of one:\n{}",
                Trace::print_all(&traces)
            ),
        }
    }

    /// The finished spans as trees, one for each trace, by the start of their first span.
    #[must_use]
    pub fn traces(&self) -> Vec<Trace> {
        Trace::group(self.spans())
    }

    /// The metrics since the beginning, collected now and sorted by scope and name. Without any after the meter provider
    /// was shut down.
    #[must_use]
    pub fn metrics(&self) -> Vec<MetricRecord> {
        let mut collected = ResourceMetrics::default();
        match self.reader.collect(&mut collected) {
            Ok(()) => metric::merge(sdk::metrics(&collected)),
            Err(_) => Vec::new(),
        }
    }
}

impl Default for InMemory {
    fn default() -> Self {
        Self::new()
    }
}

impl Debug for InMemory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("InMemory")
            .field("spans", &self.spans.lock().len())
            .finish_non_exhaustive()
    }
}

/// Keeps spans when they end. [`SpanProcessor::on_end`] runs under the span's own lock and sometimes while a thread
/// unwinds, so it does nothing but push, and a poisoned lock does not matter to it.
#[derive(Clone, Debug, Default)]
struct Finished(Arc<Mutex<Vec<SpanData>>>);

impl Finished {
    fn lock(&self) -> MutexGuard<'_, Vec<SpanData>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for Finished {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.lock().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Reads the metrics at will. The SDK wants to own its readers, so this one is shared.
#[derive(Clone, Debug, Default)]
struct Reader(Arc<ManualReader>);

impl MetricReader for Reader {
    fn register_pipeline(&self, pipeline: Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry::trace::{
        Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
        TraceId, TraceState, Tracer, TracerProvider,
    };
    use opentelemetry::{Array, InstrumentationScope, Value};
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
    use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;

    use super::*;
    use crate::otlp;

    fn remote_context(trace_state: &str) -> SpanContext {
        let trace_state = trace_state.parse::<TraceState>().unwrap();
        let (trace_id, span_id) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([2; 8]));
        SpanContext::new(trace_id, span_id, TraceFlags::SAMPLED, true, trace_state)
    }

    #[test]
    fn a_span_is_the_same_record_after_a_way_over_otlp() {
        let memory = InMemory::new();
        let scope = InstrumentationScope::builder("scope")
            .with_version("1.2.3")
            .with_schema_url("https://opentelemetry.io/schemas/1.44.0")
            .build();
        let tracer = memory.tracer_provider().tracer_with_scope(scope);
        let array = |array| Value::Array(array);
        let mut span = tracer
            .span_builder("GET /orders/{id}")
            .with_kind(SpanKind::Server)
            .with_attributes([
                KeyValue::new("string", "text"),
                KeyValue::new("int", 1),
                KeyValue::new("float", 0.5),
                KeyValue::new("bool", true),
                KeyValue::new("strings", array(Array::String(vec!["a".into()]))),
                KeyValue::new("ints", array(Array::I64(vec![1, 2]))),
            ])
            .with_links(vec![Link::new(
                remote_context("c=d"),
                vec![KeyValue::new("link", 1)],
                0,
            )])
            .start_with_context(
                &tracer,
                &Context::new().with_remote_span_context(remote_context("a=b")),
            );
        span.add_event("event", vec![KeyValue::new("event", "x")]);
        span.set_attribute(KeyValue::new("int", 2));
        span.set_status(Status::error("broken"));
        span.end();
        tracer.start("another").end();

        let resource = ResourceAttributesWithSchema::default();
        let spans = memory.spans.lock().clone();
        let request = ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(spans, &resource),
        };
        let recorded = memory.spans();
        assert_eq!(otlp::spans(&request), recorded);

        assert_eq!(recorded[0].parent_span_id, Some(SpanId::from_bytes([2; 8])));
        assert!(recorded[0].parent_is_remote);
        assert_eq!(recorded[0].trace_state, "a=b");
        assert_eq!(recorded[0].links[0].trace_state, "c=d");
        assert_eq!(recorded[0].attribute("int"), Some(&Value::I64(2)));
        assert_eq!(recorded[0].repeated_attributes, ["int"]);
        assert_eq!(recorded[1].parent_span_id, None);
    }

    #[test]
    fn a_metric_is_the_same_record_after_a_way_over_otlp() {
        let memory = InMemory::new();
        let meter = memory.meter_provider().meter("scope");
        let attributes = [KeyValue::new("key", "value")];
        meter.u64_counter("a").build().add(1, &attributes);
        meter.f64_counter("b").build().add(0.5, &[]);
        meter.i64_up_down_counter("c").build().add(-1, &[]);
        meter.i64_gauge("d").build().record(-2, &[]);
        let histogram = meter.f64_histogram("e").with_unit("s");
        let histogram = histogram.with_boundaries(vec![1.0]).build();
        histogram.record(0.5, &attributes);
        histogram.record(2.0, &attributes);

        let mut collected = ResourceMetrics::default();
        memory.reader.collect(&mut collected).unwrap();
        let request = ExportMetricsServiceRequest::from(&collected);
        assert_eq!(metric::merge(otlp::metrics(&request)), memory.metrics());
    }
}
