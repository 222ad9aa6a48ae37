//! The layer that makes log records.

use std::fmt;
use std::time::SystemTime;

use opentelemetry::Context as Current;
use opentelemetry::logs::{AnyValue, LogRecord, Logger, Severity};
use opentelemetry::trace::SpanContext;
use tracing_core::span::Id;
use tracing_core::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::guard::contained;
use crate::ids::has_context;
use crate::resolve::{Resolver, ids_of};
use crate::value::Value;
use crate::visit::Each;

/// Makes an OpenTelemetry log record of each event, with the ids that a [`LogLayer`](crate::LogLayer) would write
/// (OpenTelemetry specification, "Logs Data Model").
///
/// ```
/// use opentelemetry::logs::LoggerProvider as _;
/// use opentelemetry_sdk::logs::SdkLoggerProvider;
/// use throughline_log::RecordLayer;
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let provider = SdkLoggerProvider::builder().build();
/// let subscriber = tracing_subscriber::registry().with(RecordLayer::new(provider.logger("shop")));
/// ```
///
/// | of the record | is |
/// |---|---|
/// | body | the message |
/// | severity | `ERROR` (17), `WARN` (13), `INFO` (9), `DEBUG` (5) or `TRACE` (1) |
/// | scope | the target, where the exporter supports it, as OTLP does |
/// | event name | the name of the event, if it was given one (`info!(name: "order.placed", …)`) |
/// | attributes | the fields of the event; of several with one name the last |
/// | `exception.message` | a field that is an error, whatever its name: the error, then its sources (16 at most) |
///
/// An integer that does not fit a signed one of 64 bits is a string. Everything goes out as it was logged: nothing is
/// redacted, so log no secrets, and no errors that hold them. The fields of the spans around the event are not in the record: they are on the
/// spans of its trace.
///
/// It has no filter of its own: wrap it in one by [`Layer::with_filter`]. Where telemetry is suppressed, as in exporters,
/// there are no records: what an exporter logs never comes back to it.
pub struct RecordLayer<L> {
    logger: L,
    resolver: Option<Resolver>,
    attribute_value_length: usize,
    attribute_count: usize,
}

impl<L> RecordLayer<L> {
    /// A layer that gives its records to `logger`.
    #[must_use]
    pub fn new(logger: L) -> Self {
        Self {
            logger,
            resolver: None,
            attribute_value_length: usize::MAX,
            attribute_count: 128,
        }
    }

    /// Asks `resolver` for the span context of a tracing span, as
    /// [`LogLayer::resolver`](crate::LogLayer::resolver) does, and under the same conditions. Default: none.
    #[must_use]
    pub fn resolver(
        mut self,
        resolver: impl Fn(&Id, &Dispatch) -> Option<SpanContext> + Send + Sync + 'static,
    ) -> Self {
        self.resolver = Some(Resolver::new(resolver));
        self
    }

    /// How many characters of a string attribute are kept (OpenTelemetry specification, Common, "Attribute Limits").
    /// Default: all. The message is not an attribute.
    #[must_use]
    pub fn attribute_value_length_limit(mut self, characters: usize) -> Self {
        self.attribute_value_length = characters;
        self
    }

    /// How many attributes a record keeps, the first of the event's fields (OpenTelemetry specification, Common,
    /// "Attribute Limits"). Default: 128. The message is not an attribute. The SDK's records have no count of those that
    /// are dropped.
    #[must_use]
    pub fn attribute_count_limit(mut self, attributes: usize) -> Self {
        self.attribute_count = attributes;
        self
    }
}

impl<L> fmt::Debug for RecordLayer<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordLayer")
            .field("resolver", &self.resolver)
            .finish_non_exhaustive()
    }
}

impl<S, L> Layer<S> for RecordLayer<L>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    L: Logger + Send + Sync + 'static,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        if let Some(resolver) = &self.resolver {
            resolver.register(dispatch);
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // The SDK asks for the current context, which a thread that ends may have no longer.
        if has_context() {
            contained(|| self.emit::<S>(event));
        }
    }
}

impl<L: Logger> RecordLayer<L> {
    fn emit<S>(&self, event: &Event<'_>)
    where
        S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let severity = severity(*metadata.level());
        let name = given_name(event.metadata());
        if !(self.logger).event_enabled(severity, metadata.target(), name) {
            return;
        }
        let mut record = self.logger.create_log_record();
        let now = SystemTime::now();
        record.set_timestamp(now);
        record.set_observed_timestamp(now);
        record.set_severity_number(severity);
        record.set_severity_text(severity.name());
        match &normalized {
            Some(metadata) => record.set_target(metadata.target().to_owned()),
            None => record.set_target(event.metadata().target()),
        }
        if let Some(name) = name {
            record.set_event_name(name);
        }
        let mut fields = Fields {
            body: None,
            attributes: Vec::new(),
            is_log_record: normalized.is_some(),
            value_length: self.attribute_value_length,
            count: self.attribute_count,
        };
        event.record(&mut Each(|name, value: &Value<'_>| {
            fields.record(name, value);
        }));
        if let Some(body) = fields.body {
            record.set_body(body);
        }
        record.add_attributes(fields.attributes);
        match ids_of::<S>(event, self.resolver.as_ref()) {
            Some(ids) => {
                record.set_trace_context(ids.trace_id, ids.span_id, Some(ids.trace_flags));
                self.logger.emit(record);
            }
            None => {
                // The SDK would take those of the current context, which are not the event's.
                let _none = (!event.is_contextual()).then(|| Current::new().attach());
                self.logger.emit(record);
            }
        }
    }
}

/// An event that is given no name has its place in the source for one, and a record of the `log` crate "log event".
fn given_name(metadata: &'static Metadata<'static>) -> Option<&'static str> {
    let name = metadata.name();
    let is_place = || {
        let place = name
            .strip_prefix("event ")?
            .strip_prefix(metadata.file()?)?;
        Some(place.starts_with(':'))
    };
    let is_default = name == "log event" || is_place() == Some(true);
    (!is_default).then_some(name)
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

/// The fields of an event as they go into its record.
struct Fields {
    body: Option<AnyValue>,
    attributes: Vec<(&'static str, AnyValue)>,
    /// Whether the event is a record of the `log` crate, whose `log.*` fields are metadata.
    is_log_record: bool,
    value_length: usize,
    count: usize,
}

impl Fields {
    fn record(&mut self, name: &'static str, value: &Value<'_>) {
        let name = match value {
            // Semantic conventions, "Exceptions in logs".
            Value::Error(_) => "exception.message",
            _ => name,
        };
        if name == "message" {
            self.body = Some(value.to_any_value());
            return;
        }
        if self.is_log_record && name.starts_with("log.") {
            return;
        }
        let value = shortened(value.to_any_value(), self.value_length);
        let has_room = self.attributes.len() < self.count;
        match (self.attributes.iter_mut()).find(|(other, _)| *other == name) {
            Some((_, earlier)) => *earlier = value,
            None if has_room => self.attributes.push((name, value)),
            None => {}
        }
    }
}

/// The value with so many characters at most, if it is a string.
fn shortened(value: AnyValue, characters: usize) -> AnyValue {
    match value {
        AnyValue::String(text) if text.as_str().len() > characters => {
            let text = text.as_str();
            let end = text.char_indices().nth(characters);
            let end = end.map_or(text.len(), |(at, _)| at);
            text[..end].to_owned().into()
        }
        value => value,
    }
}
