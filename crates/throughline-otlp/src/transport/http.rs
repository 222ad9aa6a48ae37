//! OTLP over HTTP/1.1 with protobuf bodies (OTLP specification, "OTLP/HTTP").

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response};
use hyper::body::Incoming;

use super::answer::{Answer, status_message};
use super::compress::Payload;
use super::connect::{Body, Unread, body, read};
use super::error::{Failed, SendError};
use super::retry::{is_retryable, retry_after};
use super::secrets::Secrets;

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

pub(super) fn request(payload: Payload) -> Request<Body> {
    let mut request = Request::new(body(Bytes::new(), payload.bytes));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, PROTOBUF);
    if let Some(encoding) = payload.encoding {
        let encoding = HeaderValue::from_static(encoding.name());
        headers.insert(CONTENT_ENCODING, encoding);
    }
    request
}

pub(super) async fn answer(
    response: Response<Incoming>,
    secrets: &Secrets,
) -> Result<Answer, Failed> {
    let (parts, body) = response.into_parts();
    let status = parts.status;
    let body = read(body).await;
    if status.is_success() {
        // What has been accepted is not sent again.
        return match body {
            Ok(body) => Ok(Answer::decode(body.to_bytes(), secrets)),
            Err(Unread::TooLarge(cause) | Unread::Broken(cause)) => {
                Err(Failed::finally(SendError::Unreadable(cause)))
            }
        };
    }
    // Whatever is wrong with the body takes nothing from the status.
    let message = match body {
        Ok(body) if is_protobuf(&parts.headers) => status_message(&body.to_bytes()),
        _ => String::new(),
    };
    let message = secrets.hide_in(&message);
    let error = SendError::Status { status, message };
    Err(if is_retryable(status) {
        let wait = retry_after(&parts.headers, SystemTime::now());
        Failed::retryable_after(error, wait)
    } else {
        Failed::finally(error)
    })
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE) == Some(&PROTOBUF)
}
