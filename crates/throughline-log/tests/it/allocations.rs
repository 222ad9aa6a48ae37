//! The steady state of a thread: a line costs no allocation.

use throughline_log::{Format, LogLayer};
use tracing::{info, info_span};
use tracing_subscriber::layer::SubscriberExt;

use crate::support::in_trace;

#[track_caller]
fn check(format: Format, event: impl Fn()) {
    let layer = LogLayer::new(format).writer(std::io::sink);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        let _trace = in_trace();
        let _outer = info_span!("outer", customer = "Jane").entered();
        let _inner = info_span!("inner", attempt = 2).entered();
        event();
        let measured = allocation_counter::measure(|| {
            event();
            event();
        });
        assert_eq!(measured.count_total, 0, "{format}");
    });
}

#[test]
fn an_event_allocates_nothing() {
    for format in [Format::Json, Format::Text] {
        check(format, || {
            info!(order = 7, total = 9.5, customer = "Jane", "placed");
        });
        check(format, || {
            info!(order = ?Some(7), name = %"a\nb", wide = u128::MAX, order = 8, "{} placed", 7);
        });
    }
}

#[test]
fn the_memory_of_a_huge_line_is_not_kept() {
    let huge = "x".repeat(100_000);
    let layer = LogLayer::json().writer(std::io::sink);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        info!("warm up");
        let measured = allocation_counter::measure(|| info!(huge, "{huge}"));
        assert!(measured.bytes_max > 200_000, "{measured:?}");
        assert!(measured.bytes_current <= 0, "{measured:?}");
    });
}
