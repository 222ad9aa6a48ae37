//! OTLP over gRPC: one unary call an export (OTLP specification, "OTLP/gRPC"; gRPC over HTTP/2, "Requests",
//! "Responses").

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, uri};
use hyper::body::Incoming;

use super::answer::Answer;
use super::compress::Payload;
use super::connect::{Body, Unread, body, read};
use super::error::{Failed, SendError};
use super::grpc_status::{Code, Status};
use super::secrets::Secrets;
use crate::Signal;
use crate::otlp::{BuildError, OtlpConfig};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// A flag, and the length of the message in four bytes.
const PREFIX: usize = 5;

/// Where the calls for a signal go: scheme and authority are the endpoint's.
pub(super) fn uri(config: &OtlpConfig, endpoint: Uri, signal: Signal) -> Result<Uri, BuildError> {
    let path = endpoint
        .path_and_query()
        .map_or("", uri::PathAndQuery::as_str);
    if !matches!(path, "" | "/") {
        return Err(config.invalid_endpoint(
            "gRPC has paths of its own; write only scheme, host and port, such as http://localhost:4317",
        ));
    }
    let service = match signal {
        Signal::Traces => "trace.v1.TraceService",
        Signal::Metrics => "metrics.v1.MetricsService",
        Signal::Logs => "logs.v1.LogsService",
    };
    let path = format!("/opentelemetry.proto.collector.{service}/Export");
    let mut parts = endpoint.into_parts();
    parts.path_and_query = path.parse().ok();
    Uri::from_parts(parts).map_err(|error| config.invalid_endpoint(error.to_string()))
}

pub(super) fn request(payload: Payload, left: Option<Duration>) -> Request<Body> {
    let prefix = prefix(&payload);
    let mut request = Request::new(body(prefix, payload.bytes));
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Some(encoding) = payload.encoding {
        let encoding = HeaderValue::from_static(encoding.name());
        headers.insert("grpc-encoding", encoding);
    }
    if let Some(timeout) = left.and_then(timeout) {
        headers.insert("grpc-timeout", timeout);
    }
    request
}

fn prefix(payload: &Payload) -> Bytes {
    let mut prefix = BytesMut::with_capacity(PREFIX);
    prefix.put_u8(payload.encoding.is_some().into());
    // No queue holds 4 GiB; if one did, the server would refuse the call.
    prefix.put_u32(u32::try_from(payload.bytes.len()).unwrap_or(u32::MAX));
    prefix.freeze()
}

/// At most eight digits and a unit. More than three years are none.
fn timeout(left: Duration) -> Option<HeaderValue> {
    let (value, unit) = match left.as_millis() {
        millis @ ..=99_999_999 => (millis.max(1), 'm'),
        millis @ ..=99_999_999_999 => (millis / 1000, 'S'),
        _ => return None,
    };
    HeaderValue::try_from(format!("{value}{unit}")).ok()
}

pub(super) async fn answer(
    response: Response<Incoming>,
    secrets: &Secrets,
) -> Result<Answer, Failed> {
    let (parts, body) = response.into_parts();
    // A call without a message has its status in the headers ("Trailers-Only").
    if let Some(status) = Status::of(&parts.headers) {
        return outcome(&status, Answer::undecodable, secrets);
    }
    if parts.status != StatusCode::OK || !is_grpc(&parts.headers) {
        return Err(not_grpc(parts.status, &parts.headers));
    }
    let body = read(body).await.map_err(|unread| match unread {
        Unread::TooLarge(cause) => Failed::finally(SendError::Unreadable(cause)),
        // Without trailers nothing has been accepted.
        Unread::Broken(cause) => Failed::retryable(SendError::Broken(cause)),
    })?;
    let Some(status) = body.trailers().and_then(Status::of) else {
        let error = "it ended without a gRPC status".to_owned();
        return Err(Failed::finally(SendError::Unreadable(error)));
    };
    let answer = || match message(body.to_bytes()) {
        Some(message) => Answer::decode(message, secrets),
        None => Answer::undecodable(),
    };
    outcome(&status, answer, secrets)
}

fn outcome(
    status: &Status,
    answer: impl FnOnce() -> Answer,
    secrets: &Secrets,
) -> Result<Answer, Failed> {
    if status.code == Code::OK {
        return Ok(answer());
    }
    let retry = status.retry();
    let error = SendError::Grpc {
        code: status.code,
        message: secrets.hide_in(&status.message),
    };
    Err(Failed { error, retry })
}

/// The one message of the answer. Compressed ones were not asked for.
fn message(mut body: Bytes) -> Option<Bytes> {
    let message = body.split_off(PREFIX.min(body.len()));
    let (&flag, length) = body.split_first()?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let whole = usize::try_from(length) == Ok(message.len());
    (flag == 0 && whole).then_some(message)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_some_and(|kind| kind.starts_with(b"application/grpc"))
}

/// What a proxy or a server of something else answers ("HTTP to gRPC Status Code Mapping").
fn not_grpc(status: StatusCode, headers: &HeaderMap) -> Failed {
    let code = Code::of_http(status);
    let kind = headers.get(CONTENT_TYPE);
    let kind = kind.map_or("no content-type".into(), |kind| {
        String::from_utf8_lossy(kind.as_bytes())
    });
    let status = Status {
        code,
        message: crate::redact::printable(&format!("HTTP {status} with {kind} instead of gRPC")),
        retry_info: None,
    };
    let retry = status.retry();
    let error = SendError::Grpc {
        code,
        message: status.message,
    };
    Failed { error, retry }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::body::Body as _;

    use super::*;
    use crate::otlp::Compression;

    #[test]
    fn a_timeout_has_at_most_eight_digits() {
        let check = |left: Duration, expected: Option<&str>| {
            let timeout = timeout(left);
            assert_eq!(
                timeout.as_ref().map(|value| value.to_str().unwrap()),
                expected
            );
        };
        check(Duration::ZERO, Some("1m"));
        check(Duration::from_millis(9999), Some("9999m"));
        check(Duration::from_millis(99_999_999), Some("99999999m"));
        check(Duration::from_millis(100_000_000), Some("100000S"));
        check(Duration::from_secs(99_999_999), Some("99999999S"));
        check(Duration::MAX, None);
    }

    #[tokio::test]
    async fn a_message_is_framed_without_being_copied() {
        let sent = Bytes::from_static(b"spans");
        let check = async |payload: Payload, prefix: &[u8]| {
            let mut body = request(payload, None).into_body();
            let frame = body.frame().await.unwrap().unwrap();
            let (before, message) = frame.into_data().unwrap().into_inner();
            assert_eq!(before, prefix);
            assert_eq!(message.as_ptr_range(), sent.as_ptr_range());
            assert!(body.is_end_stream());
        };
        check(Payload::plain(sent.clone()), &[0, 0, 0, 0, 5]).await;
        let gzip = Payload::compressed(sent.clone(), Compression::Gzip);
        check(gzip, &[1, 0, 0, 0, 5]).await;
    }

    #[test]
    fn an_answer_is_one_whole_message() {
        let check = |body: &'static [u8], expected: Option<&'static [u8]>| {
            let message = message(Bytes::from_static(body));
            assert_eq!(message.as_deref(), expected, "{body:x?}");
        };
        check(&[0, 0, 0, 0, 0], Some(&[]));
        check(&[0, 0, 0, 0, 2, 10, 0], Some(&[10, 0]));
        check(&[1, 0, 0, 0, 2, 10, 0], None);
        check(&[0, 0, 0, 0, 3, 10, 0], None);
        check(&[0, 0, 0, 0, 1, 10, 0], None);
        check(&[0, 255, 255, 255, 255, 10], None);
        check(&[0, 0], None);
        check(&[], None);
    }

    #[test]
    fn every_signal_has_its_method() {
        let check = |signal, expected: &str| {
            let config = OtlpConfig::new("http://h:4317/");
            let endpoint = config.uri().unwrap();
            let uri = uri(&config, endpoint, signal).unwrap();
            assert_eq!(
                uri.to_string(),
                format!("http://h:4317/opentelemetry.proto.collector.{expected}/Export")
            );
        };
        check(Signal::Traces, "trace.v1.TraceService");
        check(Signal::Metrics, "metrics.v1.MetricsService");
        check(Signal::Logs, "logs.v1.LogsService");
    }
}
