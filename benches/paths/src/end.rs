//! The end of a span with ten attributes on its way to a collector: what the thread pays that ends it. What a request
//! brings is a string of its own, which is freed with the span.

use std::io;
use std::time::Duration;

use clap::Args;
use opentelemetry::trace::{Span, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use throughline_otlp::otlp::OtlpConfig;
use throughline_otlp::{ExportRuntime, SpanPipeline};

use crate::drive::Path;
use crate::export::span;

/// The end of a span.
#[derive(Clone, Debug, Args)]
pub struct EndOptions {
    /// Where spans go, by a pipeline with its default settings. It may refuse them, but must answer.
    url: String,
}

impl EndOptions {
    pub(crate) fn path(&self) -> io::Result<Box<dyn Path>> {
        let pipeline = SpanPipeline::builder()
            .build_otlp(&ExportRuntime::start()?, &OtlpConfig::new(&self.url))
            .map_err(io::Error::other)?;
        let provider = SdkTracerProvider::builder()
            .with_span_processor(pipeline.clone())
            .build();
        Ok(Box::new(Ends {
            tracer: provider.tracer("bench"),
            pipeline,
        }))
    }
}

struct Ends {
    tracer: SdkTracer,
    pipeline: SpanPipeline,
}

impl Path for Ends {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            span(&self.tracer, |text| text.to_owned().into()).end();
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
