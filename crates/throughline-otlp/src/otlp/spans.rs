use std::fmt;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

use super::target::Target;
use super::{BuildError, OtlpConfig};
use crate::encode::{self, EncodedBatch};
use crate::transport::{Payload, Transport};
use crate::{ExportRuntime, Signal};

/// Sends spans: made by [`span_exporter`](super::span_exporter), for the SDK's own span processors. A
/// [`SpanPipeline`](crate::SpanPipeline) does without it, and cheaper.
///
/// Its errors say what happened and at which endpoint, without credentials. `Debug` shows that endpoint only.
pub struct SpanExporter {
    target: Target,
    transport: Transport,
    resource: Vec<u8>,
}

impl SpanExporter {
    pub(super) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        Ok(Self {
            target: Target::new(config, Signal::Traces),
            transport: Transport::new(runtime, config, Signal::Traces)?,
            resource: Vec::new(),
        })
    }
}

impl opentelemetry_sdk::trace::SpanExporter for SpanExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let body = EncodedBatch::of(&batch).request(&self.resource);
        drop(batch);
        let outcome = self.transport.send(Payload::plain(body.into())).await;
        let answer = outcome.map_err(|error| self.target.error(&error))?;
        self.target.remark(&answer);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = encode::resource(resource);
    }
}

impl fmt::Debug for SpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanExporter")
            .field("endpoint", &self.target.shown_endpoint())
            .finish_non_exhaustive()
    }
}
