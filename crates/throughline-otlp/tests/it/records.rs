//! Log records on their way to a collector and to exporters of the SDK's.

use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use opentelemetry::logs::{LogRecord as _, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{SpanId, TraceFlags, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogger, SdkLoggerProvider};
use throughline_otlp::otlp::OtlpConfig;
use throughline_otlp::{ExportRuntime, FlushError, LogPipeline, LogPipelineBuilder, Signal};
use throughline_testing::{Behavior, Collector};

use crate::server::both;
use crate::support::{AMPLE, Gate, SHORT, within_deadline};

/// A pipeline that exports only when it is told to, with an SDK in front of it.
struct Setup {
    pipeline: LogPipeline,
    provider: SdkLoggerProvider,
    logger: SdkLogger,
}

impl Setup {
    fn of(pipeline: LogPipeline) -> Self {
        let provider = SdkLoggerProvider::builder()
            .with_log_processor(pipeline.clone())
            .with_resource(Resource::builder_empty().with_service_name("shop").build())
            .build();
        let logger = provider.logger("test");
        Self {
            pipeline,
            provider,
            logger,
        }
    }

    fn to(collector: &Collector) -> Self {
        let endpoint = format!("{}/v1/logs", collector.http_endpoint());
        let config = OtlpConfig::new(endpoint);
        let runtime = ExportRuntime::start().unwrap();
        Self::of(lazy().build_otlp(&runtime, &config).unwrap())
    }

    fn emit(&self, body: &str) {
        let mut record = self.logger.create_log_record();
        record.set_body(body.to_owned().into());
        self.logger.emit(record);
    }
}

fn lazy() -> LogPipelineBuilder {
    LogPipeline::builder()
        .schedule_delay(AMPLE * 10)
        .export_timeout(AMPLE * 10)
}

/// Blocks its thread until the gate opens; says how many records it was given.
#[derive(Debug)]
struct Blocks(Gate, Sender<usize>);

impl LogExporter for Blocks {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        self.1.send(batch.iter().count()).unwrap();
        self.0.wait();
        Ok(())
    }
}

#[test]
fn a_record_arrives_whole() {
    both(|protocol| {
        let collector = Collector::start_blocking().unwrap();
        let mut config = OtlpConfig::new(match protocol {
            throughline_otlp::otlp::Protocol::Grpc => collector.grpc_endpoint(),
            _ => format!("{}/v1/logs", collector.http_endpoint()),
        });
        config.protocol = protocol;
        let runtime = ExportRuntime::start().unwrap();
        let setup = Setup::of(lazy().build_otlp(&runtime, &config).unwrap());
        let mut record = setup.logger.create_log_record();
        record.set_target("shop::orders");
        record.set_event_name("order.placed");
        record.set_severity_number(Severity::Info);
        record.set_severity_text("INFO");
        record.set_body("placed".into());
        record.add_attribute("order", 7);
        let (trace_id, span_id) = (TraceId::from(5), SpanId::from(6));
        record.set_trace_context(trace_id, span_id, Some(TraceFlags::SAMPLED));
        setup.logger.emit(record);
        setup.pipeline.flush_blocking(AMPLE).unwrap();

        let records = collector.logs();
        assert_eq!(records.len(), 1);
        let record = &records[0];
        assert_eq!(record.service.as_deref(), Some("shop"));
        assert_eq!(record.scope, "shop::orders");
        assert_eq!(record.event_name.as_deref(), Some("order.placed"));
        assert_eq!(record.severity_number, 9);
        assert_eq!(record.body, Some("placed".into()));
        assert_eq!(record.attribute("order"), Some(&7.into()));
        assert_eq!(
            (record.trace_id, record.span_id),
            (Some(trace_id), Some(span_id))
        );
        assert_eq!(record.trace_flags, TraceFlags::SAMPLED);
        let stats = setup.pipeline.stats();
        assert_eq!((stats.exports, stats.most_queued), (1, 1));
        assert!(stats.bytes > 0, "{stats}");
    });
}

#[test]
fn a_full_queue_drops_the_newest_and_nobody_waits_for_the_exporter() {
    let gate = Gate::default();
    let (sender, exports) = mpsc::channel();
    let runtime = ExportRuntime::start().unwrap();
    let builder = lazy().max_queue_size(10).max_export_batch_size(5);
    let setup = Setup::of(builder.build(&runtime, Blocks(gate.clone(), sender)));
    for _ in 0..5 {
        setup.emit("in flight");
    }
    assert_eq!(exports.recv_timeout(AMPLE), Ok(5));
    for _ in 0..12 {
        setup.emit("queued or dropped");
    }
    let counts = setup.pipeline.counts();
    assert_eq!((counts.emitted, counts.queued), (17, 15));
    assert_eq!(counts.dropped.queue_full, 2);
    gate.open();
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    setup.emit("after the end");
    let counts = setup.pipeline.counts();
    assert_eq!(
        (counts.emitted, counts.exported, counts.queued),
        (18, 15, 0)
    );
    assert_eq!(counts.dropped.shutdown, 1);
    let said = "18 log records emitted: 15 exported, 3 dropped (queue full: 2, shutdown: 1)";
    assert_eq!(counts.to_string(), said);
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    let gate = Gate::default();
    let (sender, _exports) = mpsc::channel();
    let runtime = ExportRuntime::start().unwrap();
    let setup = Setup::of(lazy().build(&runtime, Blocks(gate.clone(), sender)));
    let megabyte = "x".repeat(1024 * 1024);
    for _ in 0..20 {
        setup.emit(&megabyte);
    }
    let counts = setup.pipeline.counts();
    // 16 MiB wait at most, and as much as one export takes is on its way.
    assert!((15..=19).contains(&counts.queued), "{counts}");
    assert_eq!(counts.queued + counts.dropped.queue_full, 20);
    gate.open();
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
}

#[test]
fn what_is_lost_is_counted_by_its_reason() {
    let check = |behavior: Behavior, deadline, expected: &str, said: &str| {
        let collector = Collector::start_blocking().unwrap();
        collector.behave(behavior);
        let setup = Setup::to(&collector);
        setup.emit("a");
        setup.emit("b");
        let error = within_deadline(|| setup.pipeline.shutdown_blocking(deadline)).unwrap_err();
        assert_eq!(setup.pipeline.counts().to_string(), expected);
        let message = error.to_string();
        assert!(message.starts_with(said), "{message}");
    };
    check(
        Behavior::Status(400),
        AMPLE,
        "2 log records emitted: 0 exported, 2 dropped (export failed: 2)",
        "2 log records dropped: http://127.0.0.1:",
    );
    check(
        Behavior::PartialSuccess { rejected: 1 },
        AMPLE,
        "2 log records emitted: 1 exported, 1 dropped (rejected: 1)",
        "1 log record dropped: ",
    );
    check(
        Behavior::Hang,
        SHORT,
        "2 log records emitted: 0 exported, 2 dropped (shutdown: 2)",
        "2 log records not exported within 500ms",
    );
}

#[test]
fn the_sdk_flushes_and_shuts_down_through_the_processor() {
    let collector = Collector::start_blocking().unwrap();
    let setup = Setup::to(&collector);
    setup.emit("flushed");
    setup.provider.force_flush().unwrap();
    assert_eq!(collector.logs().len(), 1);
    setup.emit("shut down");
    setup.provider.shutdown_with_timeout(AMPLE).unwrap();
    assert_eq!(collector.logs().len(), 2);
    assert_eq!(setup.pipeline.shutdown_blocking(Duration::ZERO), Ok(()));
}

#[test]
fn an_exporter_that_panics_costs_its_batch_only() {
    #[derive(Debug)]
    struct Panics;
    impl LogExporter for Panics {
        async fn export(&self, _: LogBatch<'_>) -> OTelSdkResult {
            panic!("told to panic")
        }
    }
    let setup = Setup::of(lazy().build(&ExportRuntime::start().unwrap(), Panics));
    for _ in 0..2 {
        setup.emit("lost");
        let error = setup.pipeline.flush_blocking(AMPLE).unwrap_err();
        let expected = FlushError::Lost {
            signal: Signal::Logs,
            count: 1,
            reason: "told to panic".to_owned(),
        };
        assert_eq!(error, expected);
    }
    assert_eq!(setup.pipeline.counts().dropped.exporter_panicked, 2);
}
