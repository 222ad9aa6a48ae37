//! Exactly what server and client operations record.

mod both;
mod client;
mod metrics;
mod server;

use std::net::SocketAddr;

use ::http::{Request, Response, StatusCode, Version};
use bytes::Bytes;
use http_body_util::Full;
use opentelemetry::trace::{SpanKind, Status};
use throughline_core::http_semconv::{
    ClientCall, ClientRequest, Route, ServerCall, ServerRequest, Treatment,
};
use throughline_core::{Operation, SCHEMA_URL};
use throughline_testing::{Expected, InMemory, SpanRecord};

use crate::support::{client, server};

type Attributes<'a> = &'a [(&'a str, Expected)];

fn peer() -> Option<SocketAddr> {
    "[2001:db8::7]:50000".parse().ok()
}

/// A request with everything.
fn full_request() -> Request<()> {
    Request::builder()
        .method("POST")
        .uri("/orders/42?q=1&sig=secret")
        .version(Version::HTTP_2)
        .header("host", "shop.example:8443")
        .header("user-agent", "curl/8.5.0")
        .header("authorization", "secret")
        .body(())
        .unwrap()
}

/// Error with this description, or unset.
fn span_status(error: Option<&'static str>) -> Status {
    error.map_or(Status::Unset, Status::error)
}

#[track_caller]
fn check_server(
    request: &Request<()>,
    route: Option<&str>,
    peer: fn() -> Option<SocketAddr>,
    finish: impl FnOnce(Operation<ServerCall>),
    name: &str,
    attributes: Attributes<'_>,
) -> SpanRecord {
    let memory = InMemory::new();
    let operation = ServerRequest {
        method: request.method(),
        uri: request.uri(),
        version: request.version(),
        headers: request.headers(),
        route: &|| Route::intern(route?),
        peer: &peer,
        local: &|| None,
        is_encrypted: &|| false,
        treatment: Treatment::default(),
    }
    .start(&server(&memory).resolve());
    finish(operation);
    let trace = memory.trace();
    let span = trace.find(name);
    span.assert_attributes(attributes);
    assert_eq!(span.kind, SpanKind::Server);
    assert_eq!(span.scope, "test-server");
    assert_eq!(span.scope_version.as_deref(), Some("1.2.3"));
    assert_eq!(span.schema_url.as_deref(), Some(SCHEMA_URL));
    span.clone()
}

fn respond(status: u16) -> impl FnOnce(Operation<ServerCall>) {
    move |operation| {
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        drop(operation.respond(response));
    }
}

#[track_caller]
fn check_client(
    request: ClientRequest<'_>,
    finish: impl FnOnce(Operation<ClientCall>),
    name: &str,
    expected: Option<&'static str>,
    attributes: Attributes<'_>,
) {
    let memory = InMemory::new();
    finish(request.start(&client(&memory).resolve()));
    let trace = memory.trace();
    let span = trace.find(name);
    span.assert_attributes(attributes);
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.status, span_status(expected));
    assert_eq!(span.scope, "test-client");
    assert_eq!(span.schema_url.as_deref(), Some(SCHEMA_URL));
}

fn answer(status: u16, body: &'static str) -> impl FnOnce(Operation<ClientCall>) {
    move |operation| {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        *response.version_mut() = Version::HTTP_2;
        drop(operation.respond(response));
    }
}
