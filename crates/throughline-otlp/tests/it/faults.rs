//! What happens when the exporter misbehaves: nothing is lost without being counted, and the pipeline goes on.

use std::time::Duration;

use throughline_otlp::{Dropped, FlushError, Signal, SpanPipeline};

use crate::support::{AMPLE, Act, Call, Gate, SHORT, Scripted, Setup, wait_for, within_deadline};

/// Ends three spans, shuts down, and compares what was dropped.
#[track_caller]
fn check(act: &Act, deadline: Duration, expected: impl Fn(&Dropped) -> u64) {
    let (exporter, calls) = Scripted::always(act.clone());
    let setup = Setup::lazy(exporter);
    setup.end_many(3);
    within_deadline(|| setup.pipeline.shutdown_blocking(deadline)).unwrap_err();
    let counts = setup.counts();
    assert_eq!(expected(&counts.dropped), 3, "{act:?}: {counts}");
    assert_eq!(
        (counts.dropped.total(), counts.queued, counts.exported),
        (3, 0, 0)
    );
    wait_for(&calls, &Call::Shutdown);
    wait_for(&calls, &Call::Dropped);
}

#[test]
fn every_fault_has_its_own_count_and_shutdown_keeps_its_deadline() {
    check(&Act::Fail("refused"), AMPLE, |dropped| {
        dropped.export_failed
    });
    check(&Act::TimeOut, AMPLE, |dropped| dropped.export_timeout);
    check(&Act::Panic, AMPLE, |dropped| dropped.exporter_panicked);
    check(&Act::PanicInPoll, AMPLE, |dropped| {
        dropped.exporter_panicked
    });
    check(&Act::PanicTwice, AMPLE, |dropped| dropped.exporter_panicked);
    check(&Act::Hang, SHORT, |dropped| dropped.shutdown);
}

#[test]
fn an_exporter_that_blocks_its_thread_does_not_hold_up_the_shutdown() {
    let gate = Gate::default();
    let (exporter, calls) = Scripted::always(Act::Block(gate.clone()));
    let setup = Setup::lazy(exporter);
    setup.end_many(600);
    let error = within_deadline(|| setup.pipeline.shutdown_blocking(SHORT)).unwrap_err();
    let expected = FlushError::DeadlinePassed {
        signal: Signal::Traces,
        after: SHORT,
        unsent: 600,
    };
    assert_eq!(error, expected);
    let counts = setup.counts();
    assert_eq!((counts.dropped.shutdown, counts.queued), (600, 0));
    // What the exporter says about the batch later changes nothing.
    gate.open();
    wait_for(&calls, &Call::Dropped);
    assert_eq!(setup.counts(), counts);
}

#[test]
fn an_export_is_cancelled_at_its_deadline() {
    let first_hangs = |call| if call == 0 { Act::Hang } else { Act::Succeed };
    let (exporter, calls) = Scripted::new(first_hangs);
    let builder = SpanPipeline::builder()
        .schedule_delay(Duration::ZERO)
        .export_timeout(Duration::from_millis(50));
    let setup = Setup::new(builder, exporter);
    setup.end("lost");
    wait_for(&calls, &Call::Cancelled);
    setup.end("next");
    wait_for(&calls, &Call::Export(vec!["next".to_owned()]));
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    let counts = setup.counts();
    assert_eq!((counts.dropped.export_timeout, counts.exported), (1, 1));
}

#[test]
fn the_pipeline_goes_on_after_panics_and_failures() {
    let script = |call| match call {
        0 => Act::Panic,
        1 => Act::PanicInPoll,
        2 => Act::Fail("no"),
        _ => Act::Succeed,
    };
    let (exporter, _calls) = Scripted::new(script);
    let setup = Setup::lazy(exporter);
    for _ in 0..3 {
        setup.end("lost");
        setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    }
    setup.end("kept");
    setup.pipeline.flush_blocking(AMPLE).unwrap();
    let counts = setup.counts();
    assert_eq!(
        (
            counts.dropped.exporter_panicked,
            counts.dropped.export_failed
        ),
        (2, 1)
    );
    assert_eq!(counts.exported, 1);
    assert_eq!(
        counts.to_string(),
        "4 spans started: 1 exported, 3 dropped (export failed: 1, exporter panicked: 2)"
    );
}

#[test]
fn an_exporter_that_always_panics_is_left_alone() {
    let (exporter, calls) = Scripted::always(Act::Panic);
    let setup = Setup::lazy(exporter);
    for _ in 0..30 {
        setup.end("lost");
        setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    }
    assert_eq!(setup.counts().dropped.exporter_panicked, 30);
    let exports = calls
        .try_iter()
        .filter(|call| matches!(call, Call::Export(_)));
    assert_eq!(exports.count(), 10);
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_it() {
    let gate = Gate::default();
    let (exporter, calls) = Scripted::always(Act::Block(gate.clone()));
    let builder = SpanPipeline::builder().schedule_delay(Duration::ZERO);
    let setup = Setup::new(builder.max_queue_size(2), exporter);
    setup.end("in flight");
    wait_for(&calls, &Call::Export(vec!["in flight".to_owned()]));
    for name in ["a", "b", "too many", "too many"] {
        setup.end(name);
    }
    assert_eq!(setup.counts().dropped.queue_full, 2);
    gate.open();
    wait_for(&calls, &Call::Export(vec!["a".to_owned(), "b".to_owned()]));
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(setup.counts().exported, 3);
}

#[test]
fn a_flush_that_is_too_late_loses_nothing() {
    let gate = Gate::default();
    let (exporter, _calls) = Scripted::always(Act::Block(gate.clone()));
    let setup = Setup::lazy(exporter);
    setup.end("slow");
    let error = within_deadline(|| setup.pipeline.flush_blocking(SHORT)).unwrap_err();
    let expected = FlushError::DeadlinePassed {
        signal: Signal::Traces,
        after: SHORT,
        unsent: 1,
    };
    assert_eq!(error, expected);
    gate.open();
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    assert_eq!(setup.counts().exported, 1);
}

#[test]
fn a_failed_flush_says_why_without_credentials() {
    let reason = "POST http://user:secret@collector/v1/traces: refused\nsecond line";
    let (exporter, _calls) = Scripted::always(Act::Fail(reason));
    let setup = Setup::lazy(exporter);
    setup.end("lost");
    let error = setup.pipeline.flush_blocking(AMPLE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 span dropped: POST http://collector/v1/traces: refused second line"
    );
}
