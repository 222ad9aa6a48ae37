//! Where batches go: an exporter of the SDK's, or a collector.

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use opentelemetry_sdk::trace::SpanExporter;

use super::batch::{Batch, Items, Record};
use super::shared::Shared;
use crate::encode;
use crate::otlp::{self, Target};
use crate::transport::{Answer, Payload, Transport};

/// Takes batches, one at a time, on the export thread.
pub(super) trait Destination: Send + Sync + 'static {
    fn export(&self, batch: Batch) -> impl Future<Output = Result<Delivered, OTelSdkError>> + Send;

    fn set_resource(&mut self, resource: &Resource);

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        Ok(())
    }

    /// The bytes of all requests so far, as far as that is known.
    fn sent_bytes(&self) -> u64 {
        0
    }
}

/// A batch that arrived.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// How much of it the collector did not take.
    pub(super) rejected: u64,
    /// Why, or what else it wants known. Mostly empty.
    pub(super) remark: String,
}

impl Delivered {
    /// As far as an answer about a batch of so many can be true, and with a reason where something was rejected.
    pub(super) fn of_batch(mut self, len: u64) -> Self {
        self.rejected = self.rejected.min(len);
        if self.rejected > 0 && self.remark.is_empty() {
            "the collector gives no reason".clone_into(&mut self.remark);
        }
        self
    }
}

impl From<Answer> for Delivered {
    fn from(answer: Answer) -> Self {
        Self {
            rejected: answer.rejected,
            remark: answer.message,
        }
    }
}

/// An exporter of spans of the SDK's.
pub(super) struct Exporter<E>(pub(super) E);

impl<E: SpanExporter + 'static> Destination for Exporter<E> {
    async fn export(&self, batch: Batch) -> Result<Delivered, OTelSdkError> {
        let Items::Spans(spans) = batch.items else {
            return not_mine();
        };
        self.0.export(spans).await?;
        Ok(Delivered::default())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    // `shutdown` and not `shutdown_with_timeout`: exporters implement one or the other, and the first calls the second.
    // The deadline is kept by those who wait.
    fn shutdown(&self) -> OTelSdkResult {
        self.0.shutdown()
    }
}

/// A collector that takes spans by OTLP.
pub(super) struct Collector {
    transport: Transport,
    target: Target,
    resource: Vec<u8>,
    /// Where the memory of a batch goes back to.
    shared: Arc<Shared>,
}

impl Collector {
    pub(super) fn new(transport: Transport, target: Target, shared: Arc<Shared>) -> Self {
        Self {
            transport,
            target,
            resource: Vec::new(),
            shared,
        }
    }
}

impl Destination for Collector {
    async fn export(&self, batch: Batch) -> Result<Delivered, OTelSdkError> {
        let Items::Encoded(batch) = batch.items else {
            return not_mine();
        };
        let body = batch.request(&self.resource);
        self.shared.recycle(batch);
        let answer = self.transport.send(Payload::plain(body.into())).await;
        answer
            .map(Delivered::from)
            .map_err(|error| self.target.error(&error))
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = encode::resource(resource);
    }

    fn sent_bytes(&self) -> u64 {
        self.transport.sent_bytes()
    }
}

/// An exporter of log records of the SDK's.
pub(super) struct RecordExporter<E>(pub(super) E);

impl<E: LogExporter + 'static> Destination for RecordExporter<E> {
    async fn export(&self, batch: Batch) -> Result<Delivered, OTelSdkError> {
        let Items::Records(records) = batch.items else {
            return not_mine();
        };
        self.0.export(LogBatch::new(&parts(&records))).await?;
        Ok(Delivered::default())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.0.shutdown()
    }
}

/// A collector that takes log records by OTLP.
pub(super) struct RecordCollector(pub(super) otlp::LogExporter);

impl Destination for RecordCollector {
    async fn export(&self, batch: Batch) -> Result<Delivered, OTelSdkError> {
        let Items::Records(records) = batch.items else {
            return not_mine();
        };
        let answer = self.0.deliver(LogBatch::new(&parts(&records))).await?;
        Ok(answer.into())
    }

    fn set_resource(&mut self, resource: &Resource) {
        LogExporter::set_resource(&mut self.0, resource);
    }

    fn sent_bytes(&self) -> u64 {
        self.0.sent_bytes()
    }
}

fn parts(records: &[Record]) -> Vec<(&SdkLogRecord, &InstrumentationScope)> {
    let parts = records.iter().map(|record| (&record.0, &record.1));
    parts.collect()
}

/// A pipeline fills its batches with what its destination takes.
fn not_mine() -> Result<Delivered, OTelSdkError> {
    let reason = "the batch holds something else".to_owned();
    Err(OTelSdkError::InternalFailure(reason))
}
