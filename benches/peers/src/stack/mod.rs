//! What stands around the router: the peers, and a lower bound.

mod axum_otel;
mod axum_tracing_opentelemetry;
mod fastrace_axum;
mod opentelemetry_instrumentation_tower;
mod tower_otel;
mod trace_layer;

use std::io;

use axum::Router;
use clap::ValueEnum;
use throughline_bench::{Observed, RequestOptions};

use crate::floor;

/// What stands around the router.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Stack {
    /// axum-tracing-opentelemetry, with the layer that tells the client the ids.
    AxumTracingOpentelemetry,
    /// opentelemetry-instrumentation-tower, of opentelemetry-rust-contrib.
    OpentelemetryInstrumentationTower,
    /// tower-otel.
    TowerOtel,
    /// axum-otel.
    AxumOtel,
    /// tower-http's `TraceLayer`, with tracing-opentelemetry.
    TraceLayer,
    /// fastrace-axum, with fastrace-opentelemetry.
    FastraceAxum,
    /// A lower bound, written by hand for this path.
    Floor,
}

impl Stack {
    /// Puts the stack around a router.
    ///
    /// # Errors
    ///
    /// When there is no exporter to be had, or the stack does not have what the options ask for.
    pub fn observe(self, router: Router, options: &RequestOptions) -> io::Result<Observed> {
        self.check(options)?;
        match self {
            Self::AxumTracingOpentelemetry => axum_tracing_opentelemetry::observe(router, options),
            Self::OpentelemetryInstrumentationTower => {
                opentelemetry_instrumentation_tower::observe(router, options)
            }
            Self::TowerOtel => tower_otel::observe(router, options),
            Self::AxumOtel => axum_otel::observe(router, options),
            Self::TraceLayer => trace_layer::observe(router, options),
            Self::FastraceAxum => fastrace_axum::observe(router, options),
            Self::Floor => {
                let router = router.layer(floor::layer(options.input));
                Ok(Observed::without_export(router))
            }
        }
    }

    /// What a stack would leave out in silence must not be measured as if it were there.
    fn check(self, options: &RequestOptions) -> io::Result<()> {
        let metrics = matches!(
            self,
            Self::OpentelemetryInstrumentationTower | Self::TowerOtel
        );
        // To them the spans of `tracing` and OpenTelemetry's current one are nothing.
        let foreign = matches!(self, Self::FastraceAxum | Self::Floor);
        let lacks = match options {
            options if options.metrics && !metrics => "metrics",
            options if options.work && foreign => "#[instrument] spans",
            options if options.attributes > 0 && foreign => "OpenTelemetry attributes",
            options if options.export.is_some() && self == Self::Floor => "export",
            _ => return Ok(()),
        };
        let message = format!("this stack has no {lacks}");
        Err(io::Error::new(io::ErrorKind::Unsupported, message))
    }
}
