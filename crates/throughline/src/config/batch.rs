//! `OTEL_BSP_…` and `OTEL_BLRP_…`:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor>.

use std::time::Duration;

use super::env::Env;

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

impl Batch {
    pub(super) fn of_spans(env: &Env<'_>) -> Self {
        Self::of(env, "OTEL_BSP", Duration::from_secs(5))
    }

    pub(super) fn of_logs(env: &Env<'_>) -> Self {
        Self::of(env, "OTEL_BLRP", Duration::from_secs(1))
    }

    fn of(env: &Env<'_>, prefix: &str, default_delay: Duration) -> Self {
        let variable = |name: &str| format!("{prefix}_{name}");
        let max_queue_size = env.count(&variable("MAX_QUEUE_SIZE"), 2048);
        let batch = variable("MAX_EXPORT_BATCH_SIZE");
        let max_export_batch_size = env.count(&batch, max_queue_size.min(512));
        if max_export_batch_size > max_queue_size {
            let value = max_export_batch_size.to_string();
            let queue = max_queue_size.to_string();
            env.warn(&batch, &value, "is more than the queue holds", &queue);
        }
        Self {
            schedule_delay: env.milliseconds_or_0(&variable("SCHEDULE_DELAY"), default_delay),
            export_timeout: env.timeout(&variable("EXPORT_TIMEOUT"), Duration::from_secs(30)),
            max_queue_size,
            max_export_batch_size: max_export_batch_size.min(max_queue_size),
        }
    }
}
