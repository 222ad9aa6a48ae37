use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::LogBatch;

use super::client::Client;
use super::{BuildError, OtlpConfig};
use crate::transport::Answer;
use crate::{ExportRuntime, Signal};

/// Sends log records: made by [`log_exporter`](super::log_exporter), for the SDK's own log processors. A
/// [`LogPipeline`](crate::LogPipeline) has its own.
///
/// Its errors say what happened and at which endpoint, without credentials. `Debug` shows that endpoint only.
pub struct LogExporter {
    inner: opentelemetry_otlp::LogExporter,
    client: Arc<Client>,
}

impl LogExporter {
    pub(crate) fn new(runtime: &ExportRuntime, config: &OtlpConfig) -> Result<Self, BuildError> {
        let client = Client::new(runtime, config, Signal::Logs)?;
        let inner = (client.serve(opentelemetry_otlp::LogExporter::builder().with_http()))
            .build()
            .map_err(|error| BuildError::of_exporter(&error))?;
        Ok(Self { inner, client })
    }

    /// Sends a batch, and returns what the collector says about it.
    pub(crate) async fn deliver(&self, batch: LogBatch<'_>) -> Result<Answer, OTelSdkError> {
        let result = opentelemetry_sdk::logs::LogExporter::export(&self.inner, batch).await;
        self.client.explain(result)
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.client.sent_bytes()
    }
}

impl opentelemetry_sdk::logs::LogExporter for LogExporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let answer = self.deliver(batch).await?;
        self.client.remark(&answer);
        Ok(())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl fmt::Debug for LogExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogExporter")
            .field("endpoint", &self.client.shown_endpoint())
            .finish_non_exhaustive()
    }
}
