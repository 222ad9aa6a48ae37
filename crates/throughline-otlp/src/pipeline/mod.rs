//! From what is finished to its export: a bounded queue, a worker on the export thread, deadlines and counts.

mod batch;
mod builder;
mod counts;
mod destination;
mod error;
mod future;
mod handle;
mod logs;
mod observe;
mod prepare;
mod settings;
mod shared;
mod spans;
mod state;
mod warnings;
mod worker;

pub use self::builder::SpanPipelineBuilder;
pub use self::counts::{Dropped, ExportStats, LogCounts, SpanCounts};
pub use self::error::FlushError;
pub use self::future::PipelineFuture;
pub use self::logs::{LogPipeline, LogPipelineBuilder};
pub use self::spans::SpanPipeline;
