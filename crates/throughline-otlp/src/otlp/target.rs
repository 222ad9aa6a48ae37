use std::sync::Mutex;

use opentelemetry_sdk::error::OTelSdkError;
use tracing::warn;

use super::OtlpConfig;
use crate::Signal;
use crate::guard::guarded;
use crate::throttle::Throttle;
use crate::transport::{Answer, SendError};

/// What every exporter knows about where it sends to.
#[derive(Debug)]
pub(crate) struct Target {
    shown_endpoint: String,
    signal: Signal,
    remarks: Mutex<Throttle>,
}

impl Target {
    pub(crate) fn new(config: &OtlpConfig, signal: Signal) -> Self {
        Self {
            shown_endpoint: config.shown_endpoint(),
            signal,
            remarks: Mutex::default(),
        }
    }

    /// The endpoint as it may be shown.
    pub(super) fn shown_endpoint(&self) -> &str {
        &self.shown_endpoint
    }

    /// The error of the SDK for one of the transport's.
    pub(crate) fn error(&self, error: &SendError) -> OTelSdkError {
        match error {
            SendError::TimedOut(limit) => OTelSdkError::Timeout(*limit),
            error => self.failed(&error.to_string()),
        }
    }

    pub(super) fn failed(&self, reason: &str) -> OTelSdkError {
        OTelSdkError::InternalFailure(format!("{}: {reason}", self.shown_endpoint))
    }

    /// Warns of what a successful answer rejects: "The client SHOULD log it" (OTLP specification, "Partial Success").
    pub(super) fn remark(&self, answer: &Answer) {
        if answer.rejected == 0 && answer.message.is_empty() {
            return;
        }
        let Some(answers) = Throttle::count(&self.remarks) else {
            return;
        };
        let (rejected, reason) = (answer.rejected, answer.message.as_str());
        let (endpoint, signal) = (self.shown_endpoint.as_str(), self.signal);
        // A subscriber is foreign code: its panic would cost a batch that has arrived.
        let _ = guarded(|| {
            warn!(
                target: "throughline_otlp",
                %signal,
                endpoint,
                answers,
                rejected,
                reason,
                "the collector did not take everything, or has something to say",
            );
        });
    }
}
