//! What became of the last metrics. The SDK's reader gives up waiting for them after 5 s, whatever it is told; the exporter
//! knows.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;

/// An exporter that reports, once it is shut down, whether its last export was taken.
pub(crate) struct Reporting<E> {
    exporter: E,
    taken: Mutex<bool>,
    end: SyncSender<bool>,
}

impl<E> Reporting<E> {
    pub(crate) fn new(exporter: E) -> (Self, Receiver<bool>) {
        let (end, last) = mpsc::sync_channel(1);
        let reporting = Self {
            exporter,
            taken: Mutex::new(true),
            end,
        };
        (reporting, last)
    }
}

impl<E: PushMetricExporter> PushMetricExporter for Reporting<E> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let result = self.exporter.export(metrics).await;
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = result.is_ok();
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        let result = self.exporter.shutdown_with_timeout(timeout);
        let taken = *self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        // Only the first end counts.
        let _ = self.end.try_send(taken && result.is_ok());
        result
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
