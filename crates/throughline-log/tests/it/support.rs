//! A log in memory, and spans to put around events.

use std::collections::HashSet;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, TracerProvider,
};
use opentelemetry::{Context, ContextGuard};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use throughline_log::LogLayer;
use tracing::{Dispatch, Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

pub(crate) const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const SPAN_ID: &str = "00f067aa0ba902b7";

/// Keeps each call of `write` by itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Vec<u8>>>>);

impl Log {
    pub(crate) fn writer(&self) -> impl Fn() -> Log + Send + Sync + use<> {
        let log = self.clone();
        move || log.clone()
    }

    /// The lines so far, which are forgotten then. Each must have come in one piece, and be one line for any reader.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<String> {
        let writes = std::mem::take(&mut *self.0.lock().unwrap());
        writes.into_iter().map(whole_line).collect()
    }

    /// The only line since the last look.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.remove(0)
    }

    /// The only line since the last look, as JSON without a key that is there twice.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        parse(&self.line())
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[track_caller]
fn whole_line(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).unwrap();
    let line = text.strip_suffix('\n').expect("a line ends in a line feed");
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(!line.contains(['\u{2028}', '\u{2029}']), "{line:?}");
    line.to_owned()
}

#[track_caller]
pub(crate) fn parse(line: &str) -> Value {
    let UniqueKeys = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    serde_json::from_str(line).unwrap()
}

/// JSON in which no object has a key twice, which `Value` would not tell.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueKeys)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some((key, UniqueKeys)) = map.next_entry::<String, _>()? {
            if !keys.insert(key.clone()) {
                return Err(A::Error::custom(format!("{key:?} is there twice")));
            }
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while let Some(UniqueKeys) = seq.next_element()? {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

/// What `events` write through `layer`, the only layer of its subscriber.
#[track_caller]
pub(crate) fn logged(layer: LogLayer, events: impl FnOnce()) -> Log {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry().with(layer.writer(log.writer()));
    tracing::subscriber::with_default(subscriber, events);
    log
}

/// The line without its timestamp, whose shape is checked.
#[track_caller]
pub(crate) fn without_time(line: &str) -> String {
    const SHAPE: &str = "dddd-dd-ddTdd:dd:dd.ddddddZ";
    let start = line.find("20").expect("the year");
    let (before, rest) = line.split_at(start);
    let (time, after) = rest.split_at(SHAPE.len());
    assert_eq!(time.replace(|c: char| c.is_ascii_digit(), "d"), SHAPE);
    format!("{before}{after}")
}

/// Makes a span with [`TRACE_ID`] and [`SPAN_ID`] current.
pub(crate) fn in_trace() -> ContextGuard {
    let span = SpanContext::new(
        TraceId::from_hex(TRACE_ID).unwrap(),
        SpanId::from_hex(SPAN_ID).unwrap(),
        TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    Context::new().with_remote_span_context(span).attach()
}

/// A tracer whose spans have real ids and go nowhere.
pub(crate) fn tracer() -> SdkTracer {
    SdkTracerProvider::builder().build().tracer("test")
}

/// The OpenTelemetry layer of a subscriber.
pub(crate) fn otel<S>() -> OpenTelemetryLayer<S, SdkTracer>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    tracing_opentelemetry::layer().with_tracer(tracer())
}

/// The resolver as users write it.
pub(crate) fn resolve(id: &tracing::Id, dispatch: &Dispatch) -> Option<SpanContext> {
    tracing_opentelemetry::get_otel_context(id, dispatch)
        .map(|context| context.span().span_context().clone())
}

/// The ids of a line, as one text.
pub(crate) fn ids_of_line(line: &Value) -> Option<String> {
    let keys = ["trace_id", "span_id", "trace_flags"];
    let ids: Vec<_> = keys.iter().filter_map(|key| line[key].as_str()).collect();
    assert!(ids.is_empty() || ids.len() == 3, "{line}");
    (!ids.is_empty()).then(|| ids.join("-"))
}

/// The ids that a line of this OpenTelemetry span has to have.
pub(crate) fn ids_of(span: &SpanContext) -> Option<String> {
    let (trace_id, span_id, flags) = (span.trace_id(), span.span_id(), span.trace_flags());
    assert!(span.is_valid());
    Some(format!("{trace_id:032x}-{span_id:016x}-{flags:02x}"))
}

/// The ids of the OpenTelemetry span behind a tracing span.
pub(crate) fn ids_of_tracing(span: &Span) -> Option<String> {
    ids_of(span.context().span().span_context())
}
