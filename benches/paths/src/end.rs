//! The end of a span on its way to a collector: what the thread pays that ends it. It has ten attributes, or it is a query.
//! What a request brings is a string of its own, which is freed with the span.

use std::io;
use std::time::Duration;

use clap::Args;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use throughline_otlp::otlp::OtlpConfig;
use throughline_otlp::{ExportRuntime, NPlusOne, SpanPipeline};

use crate::drive::Path;
use crate::export::span;

/// The end of a span.
#[derive(Clone, Debug, Args)]
pub struct EndOptions {
    /// Where spans go, by a pipeline with its default settings. It may refuse them, but must answer.
    url: String,
    /// Whether it is a query, under one of some open spans in turn.
    #[arg(long)]
    query: bool,
    /// Whether N+1 queries are looked for. None is found.
    #[arg(long)]
    n_plus_one: bool,
}

impl EndOptions {
    pub(crate) fn path(&self) -> io::Result<Box<dyn Path>> {
        let mut pipeline = SpanPipeline::builder();
        if self.n_plus_one {
            let mut never = NPlusOne::default();
            never.min_queries = usize::MAX;
            pipeline = pipeline.n_plus_one(never);
        }
        let pipeline = pipeline
            .build_otlp(&ExportRuntime::start()?, &OtlpConfig::new(&self.url))
            .map_err(io::Error::other)?;
        let provider = SdkTracerProvider::builder()
            .with_span_processor(pipeline.clone())
            .build();
        Ok(Box::new(Ends {
            tracer: provider.tracer("bench"),
            pipeline,
            parents: match self.query {
                true => (1..=8).map(parent).collect(),
                false => Vec::new(),
            },
        }))
    }
}

struct Ends {
    tracer: SdkTracer,
    pipeline: SpanPipeline,
    /// Of queries.
    parents: Vec<Context>,
}

impl Path for Ends {
    fn run(&mut self, times: u64) {
        for time in 0..times as usize {
            let mut span = match self.parents.len() {
                0 => span(&self.tracer, |text| text.to_owned().into()),
                parents => query(&self.tracer, &self.parents[time % parents]),
            };
            span.end();
        }
        let counts = self.pipeline.counts();
        assert_eq!(counts.dropped.queue_full, 0, "the queue has taken them all");
    }

    /// Empties the queue. What became of the spans is nothing to the thread that ended them.
    fn flush(&mut self) -> io::Result<()> {
        let _ = self.pipeline.flush_blocking(Duration::from_secs(5));
        Ok(())
    }
}

/// An open span of this process.
fn parent(number: u64) -> Context {
    let (flags, state) = (TraceFlags::SAMPLED, TraceState::default());
    let trace = TraceId::from(u128::from(number));
    let span = SpanContext::new(trace, number.into(), flags, false, state);
    Context::new().with_remote_span_context(span)
}

/// A query as an instrumentation of a database tells it.
fn query(tracer: &SdkTracer, parent: &Context) -> Span {
    let attributes = [
        KeyValue::new("db.system.name", "postgresql"),
        KeyValue::new("db.namespace", "shop|public"),
        KeyValue::new("server.address", "db.example"),
        KeyValue::new("server.port", 5433),
        KeyValue::new("db.query.summary", "SELECT items".to_owned()),
        KeyValue::new(
            "db.query.text",
            "SELECT id, name, price, quantity FROM items WHERE order_id = $1 ORDER BY position"
                .to_owned(),
        ),
        KeyValue::new("db.response.returned_rows", 3),
    ];
    let span = tracer
        .span_builder("SELECT items")
        .with_kind(SpanKind::Client);
    span.with_attributes(attributes)
        .start_with_context(tracer, parent)
}
