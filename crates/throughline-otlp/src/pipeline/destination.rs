//! Where batches go: an exporter of the SDK's, or a collector.

use std::sync::Arc;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::SpanExporter;

use super::batch::Batch;
use super::shared::Shared;
use crate::encode;
use crate::transport::{Payload, SendError, Transport};

/// Takes batches, one at a time, on the export thread.
pub(super) trait Destination: Send + Sync + 'static {
    fn export(&self, batch: Batch) -> impl Future<Output = Result<Delivered, OTelSdkError>> + Send;

    fn set_resource(&mut self, resource: &Resource);

    fn force_flush(&self) -> OTelSdkResult;

    fn shutdown(&self) -> OTelSdkResult;
}

/// A batch that arrived.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    /// How many of its spans the collector did not take.
    pub(super) rejected: u64,
    /// Why, or what else it wants known. Mostly empty.
    pub(super) remark: String,
}

/// An exporter of the SDK's.
pub(super) struct Exporter<E>(pub(super) E);

impl<E: SpanExporter + 'static> Destination for Exporter<E> {
    async fn export(&self, batch: Batch) -> Result<Delivered, OTelSdkError> {
        match batch {
            Batch::Spans(spans) => self.0.export(spans).await?,
            // Only a collector's pipeline encodes.
            Batch::Encoded(_) => {}
        }
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

/// A collector that takes OTLP.
pub(super) struct Collector {
    transport: Transport,
    shown_endpoint: String,
    resource: Vec<u8>,
    /// Where the memory of a batch goes back to.
    shared: Arc<Shared>,
}

impl Collector {
    pub(super) fn new(transport: Transport, shown_endpoint: String, shared: Arc<Shared>) -> Self {
        Self {
            transport,
            shown_endpoint,
            resource: Vec::new(),
            shared,
        }
    }
}

impl Destination for Collector {
    async fn export(&self, batch: Batch) -> Result<Delivered, OTelSdkError> {
        let Batch::Encoded(batch) = batch else {
            // Only an exporter's pipeline does not encode.
            return Ok(Delivered::default());
        };
        let body = batch.request(&self.resource);
        self.shared.recycle(batch);
        match self.transport.send(Payload::plain(body.into())).await {
            Ok(answer) => Ok(Delivered {
                rejected: answer.rejected,
                remark: answer.message,
            }),
            Err(SendError::TimedOut(limit)) => Err(OTelSdkError::Timeout(limit)),
            Err(error) => Err(OTelSdkError::InternalFailure(format!(
                "{}: {error}",
                self.shown_endpoint
            ))),
        }
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = encode::resource(resource);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        Ok(())
    }
}
