//! `OTEL_BSP_…`: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor>.

use std::fmt;
use std::time::Duration;

use super::env::Env;

/// How ended spans wait for their export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanBatch {
    /// The longest time that an ended span waits; 0 is none. `OTEL_BSP_SCHEDULE_DELAY` in milliseconds; default: 5 s.
    pub schedule_delay: Duration,
    /// The longest time for one export; 0 is no limit. `OTEL_BSP_EXPORT_TIMEOUT` in milliseconds; default: 30 s.
    pub export_timeout: Duration,
    /// How many ended spans may wait; what ends while it is full is dropped and counted. `OTEL_BSP_MAX_QUEUE_SIZE`;
    /// default: 2048.
    pub max_queue_size: usize,
    /// How many spans one export takes. `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`; default: 512, or the size of a smaller queue.
    pub max_export_batch_size: usize,
}

impl SpanBatch {
    pub(super) fn of(env: &Env<'_>) -> Self {
        const BATCH: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
        let default_delay = Duration::from_secs(5);
        let default_timeout = Duration::from_secs(30);
        let max_queue_size = env.count("OTEL_BSP_MAX_QUEUE_SIZE", 2048);
        let max_export_batch_size = env.count(BATCH, max_queue_size.min(512));
        if max_export_batch_size > max_queue_size {
            let batch = max_export_batch_size.to_string();
            let queue = max_queue_size.to_string();
            env.warn(BATCH, &batch, "is more than the queue holds", &queue);
        }
        Self {
            schedule_delay: env.milliseconds_or_0("OTEL_BSP_SCHEDULE_DELAY", default_delay),
            export_timeout: env.milliseconds_or_0("OTEL_BSP_EXPORT_TIMEOUT", default_timeout),
            max_queue_size,
            max_export_batch_size: max_export_batch_size.min(max_queue_size),
        }
    }
}

impl fmt::Display for SpanBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            schedule_delay,
            export_timeout,
            max_queue_size,
            max_export_batch_size,
        } = self;
        write!(
            f,
            "{max_export_batch_size} of {max_queue_size}, every {schedule_delay:?}, within {export_timeout:?}"
        )
    }
}
