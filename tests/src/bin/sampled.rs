//! Says which traces a sampler takes, for comparisons with other SDKs: of each trace id on standard input, a line in
//! hexadecimal, `1` or `0` on standard output. The sampler is that of the `OTEL_*` variables, and every span has a remote
//! parent in the trace that is not recorded.

use std::io::{BufWriter, Write, stdin, stdout};

use anyhow::Context as _;
use throughline::opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use throughline::opentelemetry::{Context, global};

fn main() -> anyhow::Result<()> {
    let telemetry = throughline::init()?;
    let tracer = global::tracer("sampled");
    let mut answers = BufWriter::new(stdout().lock());
    for line in stdin().lines() {
        let line = line?;
        let trace_id = TraceId::from_hex(&line).with_context(|| format!("{line:?} is no id"))?;
        let (flags, state) = (TraceFlags::NOT_SAMPLED, TraceState::default());
        let parent = SpanContext::new(trace_id, SpanId::from(1), flags, true, state);
        let parent = Context::new().with_remote_span_context(parent);
        let span = tracer.start_with_context("span", &parent);
        let is_sampled = parent.with_span(span).span().span_context().is_sampled();
        writeln!(answers, "{}", u8::from(is_sampled))?;
    }
    answers.flush()?;
    telemetry.shutdown_blocking()?;
    Ok(())
}
