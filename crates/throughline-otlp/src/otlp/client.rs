use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{RetryPolicy, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

use super::target::Target;
use super::{BuildError, Compression, OtlpConfig};
use crate::transport::{Answer, Payload, SendError, Transport};
use crate::{ExportRuntime, Signal};

/// Stands between an exporter of `opentelemetry-otlp`, which believes that it speaks HTTP, and the transport.
///
/// Of its requests only the body is taken. It knows of the endpoint what may be shown, and has put the headers of the
/// environment among its own.
#[derive(Debug)]
pub(super) struct Client {
    transport: Transport,
    target: Target,
    timeout: Duration,
    // The exporter around this client replaces every error by "network error", and tells nobody what was rejected: the
    // outcome waits here.
    outcome: Mutex<Option<Result<Answer, SendError>>>,
}

impl Client {
    pub(super) fn new(
        runtime: &ExportRuntime,
        config: &OtlpConfig,
        signal: Signal,
    ) -> Result<Arc<Self>, BuildError> {
        Ok(Arc::new(Self {
            transport: Transport::new(runtime, config, signal)?,
            target: Target::new(config, signal),
            timeout: config.timeout,
            outcome: Mutex::default(),
        }))
    }

    /// Makes an exporter send by this client. Everything is set that the environment could set otherwise.
    pub(super) fn serve<B: WithExportConfig + WithHttpConfig>(self: &Arc<Self>, exporter: B) -> B {
        exporter
            // It may log its endpoint, so it gets the one that may be shown.
            .with_endpoint(self.shown_endpoint())
            // This only decides how the body is encoded.
            .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
            .with_timeout(self.timeout)
            .with_shared_http_client(Arc::clone(self) as Arc<_>)
            // Retries are the transport's: the exporter's own would block the thread while they wait.
            .with_retry_policy(RetryPolicy::disabled())
    }

    pub(super) fn shown_endpoint(&self) -> &str {
        self.target.shown_endpoint()
    }

    /// The bytes that were sent so far.
    pub(super) fn sent_bytes(&self) -> u64 {
        self.transport.sent_bytes()
    }

    /// What became of the last request: the exporter's result in the words of the transport, which knows more.
    pub(super) fn explain(&self, result: OTelSdkResult) -> Result<Answer, OTelSdkError> {
        match (self.outcome().take(), result) {
            (Some(Ok(answer)), Ok(())) => Ok(answer),
            (Some(Err(error)), _) => Err(self.target.error(&error)),
            (_, Err(OTelSdkError::InternalFailure(reason))) => Err(self.target.failed(&reason)),
            (_, Err(error)) => Err(error),
            (None, Ok(())) => Ok(Answer::default()),
        }
    }

    /// Warns of what a successful answer rejects.
    pub(super) fn remark(&self, answer: &Answer) {
        self.target.remark(answer);
    }

    fn outcome(&self) -> MutexGuard<'_, Option<Result<Answer, SendError>>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        *self.outcome() = None;
        let outcome = self.transport.send(payload(request.into_body())).await;
        *self.outcome() = Some(outcome.clone());
        let answer = outcome.map_err(|error| error.to_string())?;
        Ok(Response::new(answer.body))
    }
}

/// The exporter compresses by itself when `OTEL_EXPORTER_OTLP_COMPRESSION` says so, in a build where another crate
/// enables that. No export request begins like the two formats do, so there is no need to trust a header.
fn payload(body: Bytes) -> Payload {
    match body.get(..4) {
        Some([0x1f, 0x8b, ..]) => Payload::compressed(body, Compression::Gzip),
        Some([0x28, 0xb5, 0x2f, 0xfd]) => Payload::compressed(body, Compression::Zstd),
        _ => Payload::plain(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_compressed_already_is_recognised() {
        let check = |body: &'static [u8], expected: fn(Bytes) -> Payload| {
            let body = Bytes::from_static(body);
            assert_eq!(payload(body.clone()), expected(body));
        };
        check(b"", Payload::plain);
        check(b"\x0a\x02\x0a\x00", Payload::plain);
        check(b"\x1f\x8b\x08\x00\x00", |body| {
            Payload::compressed(body, Compression::Gzip)
        });
        check(b"\x28\xb5\x2f\xfd\x00", |body| {
            Payload::compressed(body, Compression::Zstd)
        });
    }
}
