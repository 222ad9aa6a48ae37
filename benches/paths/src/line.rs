//! A log line in a span with two fields.

use std::io;

use clap::{Args, ValueEnum};
use opentelemetry::ContextGuard;
use throughline_log::LogLayer;
use tracing::span::EnteredSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, fmt};

use crate::child::{install_subscriber, under_a_parent};
use crate::drive::Path;
use crate::request::Input;

/// A log line.
#[derive(Clone, Debug, Args)]
pub struct LineOptions {
    /// What writes it.
    by: Line,
}

/// What writes a log line, to nowhere.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum Line {
    /// Nothing.
    Bare,
    /// `LogLayer::json()`, which adds the ids.
    ThroughlineJson,
    /// `LogLayer::text()`, which adds the ids.
    ThroughlineText,
    /// tracing-subscriber's `fmt().json()`, without ids.
    FmtJson,
    /// tracing-subscriber's `fmt()`, without ids.
    FmtText,
}

impl LineOptions {
    pub(crate) fn path(&self) -> Box<dyn Path> {
        let registry = Registry::default();
        let json = || LogLayer::json().writer(io::sink);
        let text = || LogLayer::text().writer(io::sink);
        let fmt = || fmt::layer().with_writer(io::sink);
        match self.by {
            Line::Bare => {}
            Line::ThroughlineJson => install_subscriber(registry.with(json())),
            Line::ThroughlineText => install_subscriber(registry.with(text())),
            Line::FmtJson => install_subscriber(registry.with(fmt().json())),
            Line::FmtText => install_subscriber(registry.with(fmt().with_ansi(false))),
        }
        Box::new(Lines {
            _parent: under_a_parent(Input::Sampled),
            _span: tracing::info_span!("request", method = "GET", route = "/users/{id}").entered(),
        })
    }
}

struct Lines {
    _parent: ContextGuard,
    _span: EnteredSpan,
}

impl Path for Lines {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            tracing::info!(order = 42, item = "book", "order placed");
        }
    }
}
