//! A span with ten attributes, from its making to the collector.

use std::io;

use clap::{Args, ValueEnum};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

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
    Throughline,
}

impl Export {
    pub(crate) fn path(self, options: &ExportOptions) -> io::Result<Box<dyn Path>> {
        Ok(exports(match self {
            Self::Bare => SdkTracerProvider::builder().build(),
            Self::Throughline => sdk::tracers(Input::AlwaysOn, Some(&options.endpoint))?,
        }))
    }
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
            let attributes = [
                KeyValue::new("http.request.method", "GET"),
                KeyValue::new("url.scheme", "http"),
                KeyValue::new("url.path", "/users/42"),
                KeyValue::new("http.route", "/users/{id}"),
                KeyValue::new("server.address", "shop.example"),
                KeyValue::new("server.port", 8080),
                KeyValue::new("client.address", "192.0.2.7"),
                KeyValue::new("user_agent.original", "bench/1.0"),
                KeyValue::new("network.protocol.version", "1.1"),
                KeyValue::new("http.response.status_code", 200),
            ];
            let span = self.tracer.span_builder("GET /users/{id}");
            span.with_attributes(attributes).start(&self.tracer).end();
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.provider.force_flush().map_err(io::Error::other)
    }
}
