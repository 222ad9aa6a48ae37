use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

use super::{BuildError, Compression, OtlpConfig};
use crate::ExportRuntime;
use crate::transport::{Answer, Payload, SendError, Signal, Transport};

/// Stands between an exporter of `opentelemetry-otlp`, which believes that it speaks HTTP, and the transport.
///
/// Of its requests only the body is taken. It knows of the endpoint what may be shown, and has put the headers of the
/// environment among its own.
#[derive(Debug)]
pub(super) struct Client {
    transport: Transport,
    // The exporter around this client replaces every error by "network error", and tells nobody what was rejected: the
    // outcome waits here.
    outcome: Mutex<Option<Result<Answer, SendError>>>,
}

impl Client {
    pub(super) fn new(
        runtime: &ExportRuntime,
        config: &OtlpConfig,
        signal: Signal,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            transport: Transport::new(runtime, config, signal)?,
            outcome: Mutex::new(None),
        })
    }

    /// How the last request ended, once.
    pub(super) fn take_outcome(&self) -> Option<Result<Answer, SendError>> {
        self.outcome().take()
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
