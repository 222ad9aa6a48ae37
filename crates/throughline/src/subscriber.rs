//! The `tracing` subscriber of the process.

use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;

use crate::error::InitError;
use crate::layers::Layers;

/// Installs the subscriber.
pub(crate) fn install(layers: &Layers) -> Result<(), InitError> {
    let subscriber = Registry::default().with(layers.spans()).with(layers.logs());
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|_| InitError::SubscriberInstalled)?;
    forward_log_records();
    Ok(())
}

/// Makes records of the `log` crate events. Where the application has a logger of its own they stay there, and
/// everything else works.
fn forward_log_records() {
    let forwarding = LogTracer::builder()
        .with_max_level(LevelFilter::current().as_log())
        .init();
    if forwarding.is_err() {
        tracing::warn!(
            target: "throughline",
            "another logger is installed for the log crate: its records do not become log lines with ids",
        );
    }
}
