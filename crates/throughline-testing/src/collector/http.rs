//! OTLP over HTTP with protobuf bodies.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use axum::{Extension, Router};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tonic::Code;

use super::intercept::Behavior;
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
    if let Err(problem) = check_encoding(&headers) {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return failure(status, Code::InvalidArgument, &problem);
    }
    match S::decode(body) {
        Ok(request) => protobuf(StatusCode::OK, &store.accept(request, behavior)),
        Err(error) => failure(
            StatusCode::BAD_REQUEST,
            Code::InvalidArgument,
            &error.to_string(),
        ),
    }
}

fn check_encoding(headers: &HeaderMap) -> Result<(), String> {
    let header = |name: HeaderName| {
        let value = headers.get(name)?;
        Some(String::from_utf8_lossy(value.as_bytes()))
    };
    match header(CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => {
            return Err(format!("content-encoding {encoding} is not supported"));
        }
        _ => {}
    }
    match header(CONTENT_TYPE) {
        Some(kind) if kind == PROTOBUF => Ok(()),
        Some(kind) => Err(format!("content-type is {kind} instead of {PROTOBUF}")),
        None => Err(format!("content-type is missing; it should be {PROTOBUF}")),
    }
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
