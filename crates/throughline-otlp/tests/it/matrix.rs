//! Every fault of a collector, met by a whole pipeline: spans end without waiting, memory stays bounded, the shutdown
//! returns, and each span is counted once.

use throughline_otlp::otlp::Protocol;
use throughline_otlp::{Dropped, FlushError, Signal};

use crate::collectors::{ACCEPTS, Case, Peer, cases};
use crate::server::both;
use crate::support::{AMPLE, Act, Gate, SHORT, Scripted, Setup, within_deadline};
use crate::trial::{BATCH, BOUNDS, Bound, ROOM, TOO_MANY, Trial, at_once, end_on_threads};

/// Checks both protocols with both bounds.
fn everywhere(check: impl Fn(Protocol, Bound) + Copy + Send + Sync) {
    both(|protocol| at_once(&BOUNDS, |bound| check(protocol, *bound)));
}

fn check(case: &Case, protocol: Protocol, bound: Bound) {
    let shown = format!("{}, {protocol:?}, bounded in {bound:?}", case.name);
    let mut trial = Trial::new(case.peer, case.timeout, protocol, bound);
    let _open = trial.setup.start("open");
    let waiting = trial.fill();
    let result = trial.shutdown(AMPLE);
    let counts = trial.setup.counts();
    let mut dropped = Dropped::default();
    dropped.queue_full = TOO_MANY;
    *(case.reason)(&mut dropped) = case.lost;
    assert_eq!(counts.dropped, dropped, "{shown}");
    assert_eq!(counts.exported, waiting - case.lost, "{shown}");
    assert_eq!((counts.queued, counts.open), (0, 1), "{shown}");
    match result {
        Ok(()) => assert_eq!(case.lost, 0, "{shown}"),
        Err(error) => {
            assert!(
                matches!(error, FlushError::Lost { count, .. } if count == case.lost),
                "{shown}: {error}"
            );
            assert!(error.to_string().contains(case.says), "{shown}: {error}");
        }
    }
    assert_eq!(trial.requests(), case.requests, "{shown}");
    assert_eq!(
        trial.taken() as u64,
        counts.exported + case.taken,
        "{shown}"
    );
}

#[test]
fn whatever_a_collector_does_each_span_is_counted_once_by_its_reason() {
    everywhere(|protocol, bound| {
        at_once(&cases(protocol), |case| check(case, protocol, bound));
    });
}

/// Without the time to wait for what the collector does.
fn check_hurried(case: &Case, protocol: Protocol) {
    let shown = format!("{}, {protocol:?}", case.name);
    let mut trial = Trial::new(case.peer, AMPLE, protocol, Bound::Spans);
    let _open = trial.setup.start("open");
    let waiting = trial.fill();
    let _result = within_deadline(|| trial.shutdown(SHORT));
    let counts = trial.setup.counts();
    let settled = counts.exported + counts.dropped.total();
    assert_eq!(settled, waiting + TOO_MANY, "{shown}: {counts}");
    assert_eq!((counts.queued, counts.open), (0, 1), "{shown}");
    assert!(trial.taken() as u64 >= counts.exported, "{shown}: {counts}");
}

#[test]
fn whatever_a_collector_does_the_shutdown_keeps_its_deadline() {
    both(|protocol| at_once(&cases(protocol), |case| check_hurried(case, protocol)));
}

fn left_after_deadline(spans: u64) -> FlushError {
    FlushError::DeadlinePassed {
        signal: Signal::Traces,
        after: SHORT,
        unsent: spans,
    }
}

/// The server never lets its first connection in, or somebody else blocks the export thread.
fn check_held(peer: Peer, protocol: Protocol, bound: Bound) {
    let mut trial = Trial::new(peer, AMPLE, protocol, bound);
    let _open = trial.setup.start("open");
    let waiting = trial.fill();
    let error = within_deadline(|| trial.setup.pipeline.shutdown_blocking(SHORT)).unwrap_err();
    assert_eq!(error, left_after_deadline(waiting));
    let counts = trial.setup.counts();
    assert_eq!((counts.dropped.shutdown, counts.queued), (waiting, 0));
    assert_eq!((counts.exported, counts.open), (0, 1));
    assert_eq!(trial.requests(), 0);
    // It is too late for this to change anything.
    trial.door.open();
    assert_eq!(trial.setup.counts(), counts);
}

#[test]
fn a_shutdown_does_not_wait_for_a_door_to_open() {
    let peers = [
        Peer::Answers(ACCEPTS),
        #[cfg(feature = "tls")]
        Peer::Expired,
        Peer::Absent,
    ];
    everywhere(|protocol, bound| at_once(&peers, |peer| check_held(*peer, protocol, bound)));
}

/// Nobody listens for two exports, and while the queue fills up.
fn check_outage(protocol: Protocol, bound: Bound) {
    let mut trial = Trial::new(Peer::Absent, AMPLE, protocol, bound);
    let _open = trial.setup.start("open");
    for exports in 1..=2 {
        trial.end_batch();
        // It may have failed before there was a flush.
        let _result = trial.setup.pipeline.flush_blocking(AMPLE);
        let dropped = trial.setup.counts().dropped;
        assert_eq!(dropped.export_failed, exports * BATCH, "{dropped}");
    }
    trial.fill();
    trial.come_up();
    trial.door.open();
    trial.setup.pipeline.flush_blocking(AMPLE).unwrap();
    let counts = trial.setup.counts();
    let mut dropped = Dropped::default();
    (dropped.export_failed, dropped.queue_full) = (2 * BATCH, TOO_MANY);
    assert_eq!((counts.exported, counts.dropped), (ROOM, dropped));
    // And it goes on.
    trial.end_batch();
    trial.shutdown(AMPLE).unwrap();
    let counts = trial.setup.counts();
    assert_eq!((counts.exported, counts.dropped), (ROOM + BATCH, dropped));
    assert_eq!((counts.queued, counts.open), (0, 1));
    assert_eq!(trial.taken() as u64, counts.exported);
}

#[test]
fn what_fits_into_the_queue_outlasts_an_outage_and_the_rest_is_counted() {
    everywhere(check_outage);
}

#[test]
fn spans_end_while_an_exporter_blocks_its_thread_for_ever() {
    let never = Gate::default();
    let (exporter, _calls) = Scripted::always(Act::Block(never.clone()));
    let setup = Setup::new(Bound::Spans.pipeline(), exporter);
    let _open = setup.start("open");
    (0..BATCH).for_each(|_| setup.end("in flight"));
    never.reached();
    end_on_threads(&setup, BATCH + ROOM);
    let counts = setup.counts();
    assert_eq!(
        (counts.queued, counts.dropped.queue_full),
        (BATCH + ROOM, TOO_MANY)
    );
    let error = within_deadline(|| setup.pipeline.shutdown_blocking(SHORT)).unwrap_err();
    assert_eq!(error, left_after_deadline(BATCH + ROOM));
    let counts = setup.counts();
    assert_eq!((counts.dropped.shutdown, counts.queued), (BATCH + ROOM, 0));
    assert_eq!((counts.exported, counts.open), (0, 1));
    never.open();
}
