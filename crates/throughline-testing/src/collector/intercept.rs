//! What happens to an export request before it is looked at: it is counted, and the collector
//! behaves as it was told.

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tonic::Code;

use super::http;
use super::store::Store;

/// Larger request bodies are refused.
pub(super) const BODY_LIMIT: usize = 16 << 20;

/// How a [`Collector`](crate::Collector) treats export requests, over HTTP and over gRPC.
///
/// A request is treated by the behavior at the time of its arrival.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Behavior {
    /// Accepts everything. The default.
    #[default]
    Accept,
    /// Closes every connection at once, those that are open included, as if nobody listened.
    Refuse,
    /// Accepts everything, but only after this time. A client that gives up earlier leaves nothing
    /// behind.
    Delay(Duration),
    /// Answers with this HTTP status, from 400 to 599; over gRPC with the code that
    /// [gRPC](https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md) maps it to,
    /// so that 429, 502, 503 and 504 become `UNAVAILABLE`.
    Status(u16),
    /// Reads the request and never answers.
    Hang,
    /// Accepts everything, and answers that some of it was rejected. What exactly cannot be said in
    /// OTLP, so that all of it is kept.
    PartialSuccess {
        /// How many spans, data points or log records.
        rejected: i64,
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Http,
    Grpc,
}

pub(super) async fn intercept(
    State((store, protocol)): State<(Arc<Store>, Protocol)>,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await;
    store.arrived(readable(&head.headers));
    let Ok(body) = body else {
        let problem = "the body is larger than 16 MiB or was cut off";
        return failure(protocol, StatusCode::PAYLOAD_TOO_LARGE, problem);
    };
    let mut request = Request::from_parts(head, Body::from(body));
    let behavior = store.behavior();
    request.extensions_mut().insert(behavior);
    match behavior {
        Behavior::Accept | Behavior::PartialSuccess { .. } => next.run(request).await,
        Behavior::Delay(time) => {
            tokio::time::sleep(time).await;
            next.run(request).await
        }
        Behavior::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            failure(protocol, status, "the collector was told to fail")
        }
        // With `Refuse`, the connection is about to be closed.
        Behavior::Hang | Behavior::Refuse => future::pending().await,
    }
}

fn failure(protocol: Protocol, status: StatusCode, message: &str) -> Response {
    let code = grpc_code(status);
    match protocol {
        Protocol::Http => http::failure(status, code, message),
        Protocol::Grpc => tonic::Status::new(code, message).into_http(),
    }
}

fn grpc_code(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        413 => Code::ResourceExhausted,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// Names in lower case; several values of a name are joined by commas.
fn readable(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut readable: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        readable
            .entry(name.to_string())
            .and_modify(|values| {
                values.push_str(", ");
                values.push_str(&value);
            })
            .or_insert_with(|| value.to_string());
    }
    readable
}
