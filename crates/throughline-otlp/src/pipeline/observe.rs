//! What a pipeline tells about itself as metrics (OpenTelemetry semantic conventions, "SDK metrics"). All but the duration
//! of exports is read from its counts when somebody asks.

use std::any::type_name;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

use super::counts::Settled;
use super::shared::Shared;
use super::state::Outcome;
use crate::Signal;
use crate::otlp::{OtlpConfig, Protocol};

/// What a pipeline exports by.
#[derive(Debug)]
pub(super) struct Exporting {
    component: String,
    server: Vec<KeyValue>,
}

impl Exporting {
    /// An exporter of the SDK's: "implementations SHOULD use the language-defined name of the type".
    pub(super) fn of<E>(_exporter: &E) -> Self {
        Self {
            component: type_name::<E>().to_owned(),
            server: Vec::new(),
        }
    }

    pub(super) fn to(config: &OtlpConfig, signal: Signal) -> Self {
        let protocol = match config.protocol {
            Protocol::Grpc => "grpc",
            Protocol::HttpProtobuf => "http",
        };
        Self {
            component: format!("otlp_{protocol}_{}_exporter", noun(signal)),
            server: config.server().map_or_else(Vec::new, |(host, port)| {
                vec![
                    KeyValue::new("server.address", host),
                    KeyValue::new("server.port", i64::from(port)),
                ]
            }),
        }
    }
}

/// Where the durations of exports go.
#[derive(Debug)]
pub(super) struct Durations {
    histogram: Histogram<f64>,
    attributes: Vec<KeyValue>,
}

impl Durations {
    pub(super) fn record(&self, took: Duration, outcome: &Outcome) {
        let error = match outcome {
            Outcome::Exported(delivered) if delivered.rejected == 0 => None,
            Outcome::Exported(_) => Some(REJECTED),
            Outcome::Failed(_) => Some(OTHER),
            Outcome::TimedOut(_) => Some(TIMEOUT),
            Outcome::Panicked(_) => Some(PANIC),
            Outcome::Cancelled => Some(CANCELLED),
        };
        let attributes = with_error(&self.attributes, error);
        self.histogram.record(took.as_secs_f64(), &attributes);
    }
}

// Values of `error.type`.
const ALREADY_SHUTDOWN: &str = "already_shutdown";
const CANCELLED: &str = "cancelled";
const OTHER: &str = "_OTHER";
const PANIC: &str = "panic";
const QUEUE_FULL: &str = "queue_full";
const REJECTED: &str = "rejected";
const TIMEOUT: &str = "timeout";

/// Of pipelines of spans, and of log records.
static NUMBER_OF_NEXT: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Begins to tell about a pipeline; without effect when it is told about already.
pub(super) fn observe(shared: &Arc<Shared>, meter: &Meter, finds_n_plus_one: bool) {
    let signal = shared.limits.signal;
    let (noun, unit) = (noun(signal), unit(signal));
    if shared.observed.swap(true, Ordering::Relaxed) {
        return;
    }
    let number =
        NUMBER_OF_NEXT[usize::from(signal == Signal::Logs)].fetch_add(1, Ordering::Relaxed);
    let processor = component(&format!("batching_{noun}_processor"), number).to_vec();
    let exporter = component(&shared.exporting.component, number);
    let exporter = [&exporter, shared.exporting.server.as_slice()].concat();

    let histogram = meter
        .f64_histogram("otel.sdk.exporter.operation.duration")
        .with_unit("s")
        .with_description("The duration of exporting a batch of telemetry records.")
        // As the conventions want it: one bucket.
        .with_boundaries(Vec::new())
        .build();
    let durations = Durations {
        histogram,
        attributes: exporter.clone(),
    };
    // Nobody else gets this far.
    let _ = shared.durations.set(durations);

    let instruments = Instruments {
        shared: Arc::downgrade(shared),
        meter,
        unit,
    };
    match signal {
        Signal::Logs => instruments.counter(
            "otel.sdk.log.created".to_owned(),
            "The number of log records submitted to the SDK.",
            Vec::new(),
            |counts, _| vec![(None, counts.of_records().emitted)],
        ),
        _ => {
            let sampled = vec![KeyValue::new(
                "otel.span.sampling_result",
                "RECORD_AND_SAMPLE",
            )];
            instruments.counter(
                "otel.sdk.span.started".to_owned(),
                "The number of created spans.",
                sampled.clone(),
                |counts, started| vec![(None, counts.of_spans(started).started)],
            );
            instruments.gauge(
                "otel.sdk.span.live".to_owned(),
                "The number of recording spans that have not ended.",
                sampled,
                |counts, started| counts.of_spans(started).open,
            );
        }
    }
    if finds_n_plus_one {
        instruments.n_plus_one(processor.clone());
    }
    let capacity = shared.limits.queue as u64;
    instruments.gauge(
        format!("otel.sdk.processor.{noun}.queue.capacity"),
        "How much the queue of the processor can hold.",
        processor.clone(),
        move |_, _| capacity,
    );
    instruments.gauge(
        format!("otel.sdk.processor.{noun}.queue.size"),
        "How much waits in the queue of the processor.",
        processor.clone(),
        |counts, _| counts.queued,
    );
    instruments.counter(
        format!("otel.sdk.processor.{noun}.processed"),
        "How much was passed to the exporter or dropped before.",
        processor,
        |counts, _| {
            let dropped = counts.dropped;
            vec![
                (None, counts.passed_on()),
                (Some(QUEUE_FULL), dropped.queue_full),
                (Some(PANIC), dropped.redaction_panicked),
                (Some(ALREADY_SHUTDOWN), dropped.shutdown - counts.cancelled),
            ]
        },
    );
    instruments.gauge(
        format!("otel.sdk.exporter.{noun}.inflight"),
        "How much was passed to the exporter and is not exported yet.",
        exporter.clone(),
        |counts, _| counts.in_flight,
    );
    instruments.counter(
        format!("otel.sdk.exporter.{noun}.exported"),
        "How much the exporter is done with, successfully or not.",
        exporter,
        |counts, _| {
            let dropped = counts.dropped;
            vec![
                (None, counts.exported),
                (Some(OTHER), dropped.export_failed),
                (Some(TIMEOUT), dropped.export_timeout),
                (Some(PANIC), dropped.exporter_panicked),
                (Some(REJECTED), dropped.rejected),
                (Some(CANCELLED), counts.cancelled),
            ]
        },
    );
}

/// Makes instruments that look at the counts of a pipeline, for as long as there is one.
struct Instruments<'a> {
    shared: Weak<Shared>,
    meter: &'a Meter,
    unit: &'static str,
}

impl Instruments<'_> {
    /// `read` gets the counts and the number of spans that were started. What is zero for an error is left out.
    fn counter(
        &self,
        name: String,
        description: &'static str,
        attributes: Vec<KeyValue>,
        read: impl Fn(Settled, u64) -> Vec<(Option<&'static str>, u64)> + Send + Sync + 'static,
    ) {
        let shared = self.shared.clone();
        self.meter
            .u64_observable_counter(name)
            .with_unit(self.unit)
            .with_description(description)
            .with_callback(move |observer| {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let (counts, started) = shared.counts();
                for (error, value) in read(counts, started) {
                    if error.is_none() || value > 0 {
                        observer.observe(value, &with_error(&attributes, error));
                    }
                }
            })
            .build();
    }

    /// The conventions have none for it.
    fn n_plus_one(&self, attributes: Vec<KeyValue>) {
        let shared = self.shared.clone();
        self.meter
            .u64_observable_counter("throughline.n_plus_one.found")
            .with_unit("{query}")
            .with_description(
                "The number of queries that were repeated under a span, one after the other.",
            )
            .with_callback(move |observer| {
                if let Some(shared) = shared.upgrade() {
                    observer.observe(shared.n_plus_one_found(), &attributes);
                }
            })
            .build();
    }

    fn gauge(
        &self,
        name: String,
        description: &'static str,
        attributes: Vec<KeyValue>,
        read: impl Fn(Settled, u64) -> u64 + Send + Sync + 'static,
    ) {
        let shared = self.shared.clone();
        self.meter
            .i64_observable_up_down_counter(name)
            .with_unit(self.unit)
            .with_description(description)
            .with_callback(move |observer| {
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                let (counts, started) = shared.counts();
                let value = i64::try_from(read(counts, started)).unwrap_or(i64::MAX);
                observer.observe(value, &attributes);
            })
            .build();
    }
}

/// The names of a component. "The first would have `batching_span_processor/0`": pipelines are numbered all together, which
/// is as unique.
fn component(kind: &str, number: u64) -> [KeyValue; 2] {
    [
        KeyValue::new("otel.component.type", kind.to_owned()),
        KeyValue::new("otel.component.name", format!("{kind}/{number}")),
    ]
}

fn with_error(attributes: &[KeyValue], error: Option<&'static str>) -> Vec<KeyValue> {
    let error = error.map(|error| KeyValue::new("error.type", error));
    attributes.iter().cloned().chain(error).collect()
}

/// What the conventions call one thing of a signal.
fn noun(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "span",
        Signal::Metrics => "metric",
        Signal::Logs => "log",
    }
}

fn unit(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "{span}",
        Signal::Metrics => "{data_point}",
        Signal::Logs => "{log_record}",
    }
}
