//! A span and its export, by the stock exporters.

use std::{future, io, thread};

use clap::ValueEnum;
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use throughline_bench::{ExportOptions, Path, exports};
use tokio::runtime::{Builder, Handle};

use crate::sdk::{batch_processor, http_exporter};

/// What exports.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Export {
    /// `opentelemetry-otlp` over HTTP, by its default client.
    StockHttp,
    /// `opentelemetry-otlp` over gRPC.
    StockGrpc,
}

impl Export {
    pub(crate) fn path(self, options: &ExportOptions) -> io::Result<Box<dyn Path>> {
        match self {
            Self::StockHttp => {
                let exporter = http_exporter(&options.endpoint)?;
                Ok(exports_by(batch_processor(exporter)))
            }
            Self::StockGrpc => {
                let runtime = runtime()?;
                let _guard = runtime.enter();
                let exporter = opentelemetry_otlp::SpanExporter::builder()
                    .with_tonic()
                    .with_endpoint(&options.endpoint)
                    .build()
                    .map_err(io::Error::other)?;
                Ok(exports_by(batch_processor(exporter)))
            }
        }
    }
}

fn exports_by(processor: BatchSpanProcessor) -> Box<dyn Path> {
    exports(
        SdkTracerProvider::builder()
            .with_span_processor(processor)
            .build(),
    )
}

/// A runtime on a thread of its own, until the program ends: it drives the channel.
fn runtime() -> io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(future::pending::<()>()));
    Ok(handle)
}
