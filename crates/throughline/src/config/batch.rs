//! `OTEL_BSP_…` and `OTEL_BLRP_…`:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor>.

use std::time::Duration;

use super::env::{Env, Variables};

/// How ended spans, or log records, wait for their export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The longest time that one waits; 0 is none. `…_SCHEDULE_DELAY` in milliseconds; default: 5 s for spans, 1 s for log
    /// records.
    pub schedule_delay: Duration,
    /// The longest time for one export; 0 is no limit. `…_EXPORT_TIMEOUT` in milliseconds; default: 30 s.
    pub export_timeout: Duration,
    /// How many may wait; what comes while it is full is dropped and counted. `…_MAX_QUEUE_SIZE`; default: 2048.
    pub max_queue_size: usize,
    /// How many one export takes. `…_MAX_EXPORT_BATCH_SIZE`; default: 512, or the size of a smaller queue.
    pub max_export_batch_size: usize,
}

/// What a batch is read from.
pub(super) struct BatchVariables {
    pub(super) schedule_delay: Variables,
    pub(super) export_timeout: Variables,
    pub(super) max_queue_size: Variables,
    pub(super) max_export_batch_size: Variables,
}

pub(super) const SPANS: BatchVariables = BatchVariables {
    schedule_delay: &["OTEL_BSP_SCHEDULE_DELAY"],
    export_timeout: &["OTEL_BSP_EXPORT_TIMEOUT"],
    max_queue_size: &["OTEL_BSP_MAX_QUEUE_SIZE"],
    max_export_batch_size: &["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"],
};

pub(super) const LOGS: BatchVariables = BatchVariables {
    schedule_delay: &["OTEL_BLRP_SCHEDULE_DELAY"],
    export_timeout: &["OTEL_BLRP_EXPORT_TIMEOUT"],
    max_queue_size: &["OTEL_BLRP_MAX_QUEUE_SIZE"],
    max_export_batch_size: &["OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"],
};

impl Batch {
    pub(super) fn of_spans(env: &Env<'_>) -> Self {
        Self::of(env, &SPANS, Duration::from_secs(5))
    }

    pub(super) fn of_logs(env: &Env<'_>) -> Self {
        Self::of(env, &LOGS, Duration::from_secs(1))
    }

    fn of(env: &Env<'_>, variables: &BatchVariables, default_delay: Duration) -> Self {
        let max_queue_size = env.count(variables.max_queue_size, 2048);
        let batch = variables.max_export_batch_size;
        let max_export_batch_size = env.count(batch, max_queue_size.min(512));
        if max_export_batch_size > max_queue_size {
            let value = max_export_batch_size.to_string();
            let queue = max_queue_size.to_string();
            env.warn(batch[0], &value, "is more than the queue holds", &queue);
        }
        Self {
            schedule_delay: env.milliseconds_or_0(variables.schedule_delay, default_delay),
            export_timeout: env.timeout(variables.export_timeout, Duration::from_secs(30)),
            max_queue_size,
            max_export_batch_size: max_export_batch_size.min(max_queue_size),
        }
    }
}
