//! OTLP over HTTP with protobuf bodies.

use std::borrow::Cow;
use std::io::Read;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Router};
use flate2::read::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tonic::Code;

use super::intercept::{BODY_LIMIT, Behavior};
use super::signal::Signal;
use super::store::Store;

const PROTOBUF: &str = "application/x-protobuf";

pub(super) fn router(store: Arc<Store>) -> Router {
    Router::new()
        .route("/v1/traces", route::<ExportTraceServiceRequest>())
        .route("/v1/metrics", route::<ExportMetricsServiceRequest>())
        .route("/v1/logs", route::<ExportLogsServiceRequest>())
        .with_state(store)
}

fn route<S: Signal + 'static>() -> MethodRouter<Arc<Store>> {
    post(export::<S>)
}

async fn export<S: Signal>(
    State(store): State<Arc<Store>>,
    Extension(behavior): Extension<Behavior>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match decode::<S>(&headers, body) {
        Ok(request) => protobuf(StatusCode::OK, &store.accept(request, behavior)),
        Err((status, problem)) => {
            let code = match status {
                StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
                _ => Code::InvalidArgument,
            };
            failure(status, code, &problem)
        }
    }
}

fn decode<S: Signal>(headers: &HeaderMap, body: Bytes) -> Result<S, Refusal> {
    let body = decompress(headers, body)?;
    check_type(headers)?;
    S::decode(body).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

/// Why a request is not taken.
type Refusal = (StatusCode, String);

fn decompress(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Refusal> {
    match header(headers, CONTENT_ENCODING).as_deref() {
        None | Some("identity") => Ok(body),
        Some("gzip") => {
            let mut message = Vec::new();
            // One byte more than allowed tells that there is more.
            let mut decoder = MultiGzDecoder::new(&body[..]).take(BODY_LIMIT as u64 + 1);
            match decoder.read_to_end(&mut message) {
                Ok(length) if length <= BODY_LIMIT => Ok(message.into()),
                Ok(_) => {
                    let problem = "the decompressed body is larger than 16 MiB";
                    Err((StatusCode::PAYLOAD_TOO_LARGE, problem.to_owned()))
                }
                Err(error) => {
                    let problem = format!("the body is not gzip: {error}");
                    Err((StatusCode::BAD_REQUEST, problem))
                }
            }
        }
        Some(encoding) => {
            let problem = format!("content-encoding {encoding} is not supported");
            Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
        }
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let problem = match header(headers, CONTENT_TYPE) {
        Some(kind) if kind == PROTOBUF => return Ok(()),
        Some(kind) => format!("content-type is {kind} instead of {PROTOBUF}"),
        None => format!("content-type is missing; it should be {PROTOBUF}"),
    };
    Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()))
}

/// The specification wants every failure explained by the protobuf message `google.rpc.Status`.
pub(super) fn failure(status: StatusCode, code: Code, message: &str) -> Response {
    let explanation = RpcStatus {
        code: code.into(),
        message: message.to_owned(),
    };
    protobuf(status, &explanation)
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn protobuf(status: StatusCode, message: &impl Message) -> Response {
    let body = message.encode_to_vec();
    (status, [(CONTENT_TYPE, PROTOBUF)], body).into_response()
}
