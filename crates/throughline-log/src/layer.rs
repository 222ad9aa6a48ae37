//! The layer and its configuration.

use std::fmt;
use std::io::{self, Write};

use opentelemetry::trace::SpanContext;
use tracing_core::field::Visit;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Dispatch, Event, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::Format;
use crate::fields::{Fields, Message, Recorder, SpanFields};
use crate::guard::contained;
use crate::line;
use crate::resolve::{Resolver, ids_of};
use crate::scratch::with_scratch;
use crate::value::Value;
use crate::visit::Each;

/// Writes one line for each event, with the ids of the trace that it belongs to.
///
/// Its place among the layers of a subscriber does not matter. It has no filter of its own: wrap it in one by
/// [`Layer::with_filter`], which also decides on the spans that a line names. Any number of these layers may share a
/// subscriber, each with its writer and format.
///
/// A line is handed to the writer in one call of [`write_all`](Write::write_all), on the thread of the event. Errors of
/// the writer are ignored. A panic in the `Debug` of a value, in the resolver or in the writer ends here, and costs the
/// value, the ids or the line.
pub struct LogLayer<W = fn() -> io::Stdout> {
    format: Format,
    writer: W,
    resolver: Option<Resolver>,
}

impl LogLayer {
    /// A layer that writes lines of `format` to standard output.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            writer: io::stdout,
            resolver: None,
        }
    }

    /// A layer that writes JSON to standard output.
    #[must_use]
    pub fn json() -> Self {
        Self::new(Format::Json)
    }

    /// A layer that writes text to standard output.
    #[must_use]
    pub fn text() -> Self {
        Self::new(Format::Text)
    }
}

impl<W> LogLayer<W> {
    /// Writes to what `writer` makes for each line. Default: [`io::stdout`].
    ///
    /// For standard error, files, and writers that hand lines over to a thread of their own.
    ///
    /// ```
    /// use throughline_log::LogLayer;
    ///
    /// let layer = LogLayer::text().writer(std::io::stderr);
    /// ```
    #[must_use]
    pub fn writer<W2>(self, writer: W2) -> LogLayer<W2>
    where
        W2: for<'writer> MakeWriter<'writer> + 'static,
    {
        LogLayer {
            format: self.format,
            writer,
            resolver: self.resolver,
        }
    }

    /// Asks `resolver` for the span context of a tracing span. Default: none, and an event with an explicit parent has
    /// no ids.
    ///
    /// Only events with an explicit parent (`info!(parent: &span, …)`) need it: their span may be another one than that
    /// of the current context. It is asked for that span and then, as long as it returns `None` or an invalid context,
    /// for one ancestor after the other. The dispatcher is the one that this layer was registered with.
    ///
    /// With tracing-opentelemetry, whose `get_otel_context` starts the OpenTelemetry span if nobody entered it so far
    /// (its name, kind and parent are fixed from then on):
    ///
    /// ```
    /// use opentelemetry::trace::TraceContextExt as _;
    /// use throughline_log::LogLayer;
    ///
    /// let layer = LogLayer::json().resolver(|id, dispatch| {
    ///     tracing_opentelemetry::get_otel_context(id, dispatch)
    ///         .map(|context| context.span().span_context().clone())
    /// });
    /// ```
    ///
    /// The dispatcher is made known by `Layer::on_register_dispatch`, which tracing-subscriber 0.3.23 does not pass on
    /// into an `Option` or a `Vec` of layers, nor into an `Arc<dyn Subscriber>`: the resolver is never asked there. A
    /// boxed layer is fine. `get_otel_context` finds nothing if the OpenTelemetry layer is inside `reload::Layer`.
    #[must_use]
    pub fn resolver(
        mut self,
        resolver: impl Fn(&Id, &Dispatch) -> Option<SpanContext> + Send + Sync + 'static,
    ) -> Self {
        self.resolver = Some(Resolver::new(resolver));
        self
    }
}

impl<W> fmt::Debug for LogLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLayer")
            .field("format", &self.format)
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        if let Some(resolver) = &self.resolver {
            resolver.register(dispatch);
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        contained(|| self.keep(id, &context, |fields| attributes.record(fields)));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        contained(|| self.keep(id, &context, |fields| values.record(fields)));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        contained(|| self.write(event, &context));
    }
}

impl<W> LogLayer<W> {
    /// Serialises what `visit` shows into the extensions of a span.
    fn keep<S>(&self, id: &Id, context: &Context<'_, S>, visit: impl FnOnce(&mut dyn Visit))
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        with_scratch(|scratch| {
            let mut recorder = Recorder {
                format: self.format,
                fields: &mut scratch.fields,
                message: None,
                is_log_record: false,
            };
            visit(&mut Each(|name, value: &Value<'_>| {
                recorder.record(name, value);
            }));
            // A span without fields needs no lookup.
            if !scratch.fields.is_empty()
                && let Some(span) = context.span(id)
            {
                self.merge(&span, &scratch.fields);
            }
        });
    }

    /// The extensions are locked only once the values are serialised: their `Debug` may log, in this very span.
    fn merge<'a, S: LookupSpan<'a>>(&self, span: &SpanRef<'a, S>, fields: &Fields) {
        let mut extensions = span.extensions_mut();
        if let Some(kept) = extensions.get_mut::<SpanFields>() {
            return kept.of_mut(self.format).merge(fields);
        }
        let mut kept = SpanFields::default();
        kept.of_mut(self.format).merge(fields);
        extensions.insert(kept);
    }

    fn write<S>(&self, event: &Event<'_>, context: &Context<'_, S>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
        W: for<'writer> MakeWriter<'writer> + 'static,
    {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let ids = ids_of::<S>(event, self.resolver.as_ref());
        with_scratch(|scratch| {
            line::begin(&mut scratch.line, self.format, metadata, ids.as_ref());
            let mut recorder = Recorder {
                format: self.format,
                fields: &mut scratch.fields,
                message: Some(Message::at_end_of(&mut scratch.line)),
                is_log_record: normalized.is_some(),
            };
            event.record(&mut Each(|name, value: &Value<'_>| {
                recorder.record(name, value);
            }));
            let scope = context.event_scope(event);
            line::finish(
                &mut scratch.line,
                self.format,
                &scratch.fields,
                scope,
                ids.as_ref(),
            );
            // There is nobody to tell that the log cannot be written.
            let _ = self
                .writer
                .make_writer_for(metadata)
                .write_all(&scratch.line);
        });
    }
}
