//! A span with ten attributes, from its making to the collector.

use std::io;

use clap::{Args, ValueEnum};
use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use throughline_otlp::otlp::Protocol;

use crate::drive::Path;
use crate::request::Input;
use crate::sdk;

/// A span and its export.
#[derive(Clone, Debug, Args)]
pub struct ExportOptions {
    /// The collector's endpoint.
    pub endpoint: String,
}

/// What exports.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Export {
    /// Nothing: the span alone.
    Bare,
    /// `throughline-otlp`, over HTTP.
    ThroughlineHttp,
    /// `throughline-otlp`, over gRPC.
    ThroughlineGrpc,
}

impl Export {
    pub(crate) fn path(self, options: &ExportOptions) -> io::Result<Box<dyn Path>> {
        let protocol = match self {
            Self::Bare => return Ok(exports(SdkTracerProvider::builder().build())),
            Self::ThroughlineHttp => Protocol::HttpProtobuf,
            Self::ThroughlineGrpc => Protocol::Grpc,
        };
        let collector = sdk::collector(&options.endpoint, protocol);
        let tracers = sdk::tracers(Input::AlwaysOn, Some(&collector))?;
        Ok(exports(tracers))
    }
}

/// A span with ten attributes. `of_the_request` makes the values of those that each request brings.
pub fn span(tracer: &SdkTracer, of_the_request: impl Fn(&'static str) -> Value) -> Span {
    let attributes = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("url.path", of_the_request("/users/42")),
        KeyValue::new("http.route", "/users/{id}"),
        KeyValue::new("server.address", of_the_request("shop.example")),
        KeyValue::new("server.port", 8080),
        KeyValue::new("client.address", of_the_request("192.0.2.7")),
        KeyValue::new("user_agent.original", of_the_request("bench/1.0")),
        KeyValue::new("network.protocol.version", "1.1"),
        KeyValue::new("http.response.status_code", 200),
    ];
    let span = tracer.span_builder("GET /users/{id}");
    span.with_attributes(attributes).start(tracer)
}

/// The path of spans through `provider`.
#[must_use]
pub fn exports(provider: SdkTracerProvider) -> Box<dyn Path> {
    Box::new(Exports {
        tracer: provider.tracer("bench"),
        provider,
    })
}

struct Exports {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl Path for Exports {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            span(&self.tracer, Value::from).end();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.provider.force_flush().map_err(io::Error::other)
    }
}
