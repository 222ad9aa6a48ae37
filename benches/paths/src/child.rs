//! A span with two attributes below one that is open, and an event on it.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use clap::{Args, ValueEnum};
use opentelemetry::metrics::Meter;
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, ContextGuard, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use throughline_core::{
    Details, Instrumentation, Instruments, Operation, Outcome, Parent, RecordingSpan, SpanRequest,
    install,
};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use crate::drive::Path;
use crate::request::Input;
use crate::sdk;

/// A child span.
#[derive(Clone, Debug, Args)]
pub struct ChildOptions {
    /// What opens it.
    by: Child,
    /// Whether the parent is sampled.
    input: Input,
    /// Whether it has an event.
    #[arg(long)]
    event: bool,
}

/// What opens a child span.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Child {
    /// Nothing.
    Bare,
    /// `throughline-core`.
    Throughline,
    /// The OpenTelemetry API.
    Api,
    /// `#[instrument]`, under the subscriber of `throughline::init()`.
    Instrument,
    /// `#[instrument]`, under tracing-opentelemetry as it comes.
    InstrumentDefault,
    /// `#[instrument]`, under tracing-subscriber's registry alone.
    InstrumentRegistry,
}

/// How `#[instrument]` spans become OpenTelemetry spans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tracing {
    /// As `throughline::init()` has it: without the attributes that say nothing of the request.
    Lean,
    /// As tracing-opentelemetry comes.
    Default,
}

/// Installs the subscriber that makes `#[instrument]` spans OpenTelemetry spans.
pub fn install_tracing(tracing: Tracing, provider: &SdkTracerProvider) {
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("tracing"));
    let layer = match tracing {
        Tracing::Default => layer,
        Tracing::Lean => layer
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false),
    };
    install_subscriber(Registry::default().with(layer));
}

pub(crate) fn install_subscriber(subscriber: impl tracing::Subscriber + Send + Sync) {
    tracing::subscriber::set_global_default(subscriber).expect("a program installs one subscriber");
}

/// Makes a remote span current, as it is below a layer.
#[must_use]
pub fn under_a_parent(input: Input) -> ContextGuard {
    let flags = match input {
        Input::Sampled | Input::AlwaysOn => TraceFlags::SAMPLED,
        Input::Unsampled | Input::AlwaysOff => TraceFlags::default(),
    };
    let parent = SpanContext::new(
        TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
        SpanId::from(0xb7ad_6b71_6920_3331),
        flags,
        true,
        TraceState::default(),
    );
    Context::new().with_remote_span_context(parent).attach()
}

#[tracing::instrument]
pub(crate) fn instrumented(order: i64, item: &str) {
    black_box((order, item));
}

#[tracing::instrument]
pub(crate) fn instrumented_with_event(order: i64, item: &str) {
    tracing::info!(order, item, "placed");
}

impl ChildOptions {
    pub(crate) fn path(&self) -> io::Result<Box<dyn Path>> {
        let provider = sdk::tracers(self.input, None)?;
        match self.by {
            Child::Instrument => install_tracing(Tracing::Lean, &provider),
            Child::InstrumentDefault => install_tracing(Tracing::Default, &provider),
            Child::InstrumentRegistry => install_subscriber(Registry::default()),
            Child::Throughline => {
                install(sdk::installation(&provider, self.input, false));
            }
            Child::Bare | Child::Api => {}
        }
        Ok(Box::new(Children {
            by: self.by,
            event: self.event,
            tracer: provider.tracer("bench"),
            instrumentation: Instrumentation::new("bench", "0"),
            provider,
            _parent: under_a_parent(self.input),
        }))
    }
}

struct Children {
    by: Child,
    event: bool,
    tracer: SdkTracer,
    instrumentation: Instrumentation<Unmeasured>,
    provider: SdkTracerProvider,
    _parent: ContextGuard,
}

impl Children {
    fn child(&self) {
        match self.by {
            Child::Bare => {
                black_box((7, "book"));
            }
            Child::Api => {
                let mut span = self.tracer.start("child");
                span.set_attribute(KeyValue::new("order", 7));
                span.set_attribute(KeyValue::new("item", "book"));
                let _current = Context::current_with_span(span).attach();
                if self.event {
                    let attributes = vec![KeyValue::new("order", 7), KeyValue::new("item", "book")];
                    Context::map_current(|context| context.span().add_event("placed", attributes));
                }
            }
            Child::Throughline => {
                let request = SpanRequest {
                    kind: SpanKind::Internal,
                    name: "child".into(),
                    parent: Parent::Local(Context::current()),
                };
                let attributes = || vec![KeyValue::new("order", 7), KeyValue::new("item", "book")];
                let resolved = self.instrumentation.resolve();
                let mut operation: Operation<Nothing> =
                    resolved.start(request, attributes, Nothing);
                operation.enter(|| black_box((7, "book")));
                operation.finish(Outcome::Finished);
            }
            Child::Instrument | Child::InstrumentDefault | Child::InstrumentRegistry => {
                match self.event {
                    true => instrumented_with_event(7, "book"),
                    false => instrumented(7, "book"),
                }
            }
        }
    }
}

impl Path for Children {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            self.child();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.provider.force_flush().map_err(io::Error::other)
    }
}

struct Unmeasured;

impl Instruments for Unmeasured {
    fn new(_: &Meter, _: bool) -> Self {
        Self
    }
}

struct Nothing;

impl Details for Nothing {
    fn finish(self, _: Outcome, _: Duration, _: Option<RecordingSpan<'_>>) {}
}
