//! Shutdown from any thread, on any executor, more than once, and none at all.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanProcessor;
use throughline_otlp::{ExportRuntime, FlushError, SpanPipeline};

use crate::support::{
    AMPLE, Act, Call, Gate, SHORT, Scripted, Setup, block_on, next, span_data, wait_for,
    within_deadline,
};

#[test]
fn a_second_shutdown_yields_the_same_result() {
    let check = |act: Act, deadline, expected: fn(&Result<(), FlushError>) -> bool| {
        let (exporter, _calls) = Scripted::always(act);
        let setup = Setup::lazy(exporter);
        setup.end("span");
        let first = setup.pipeline.shutdown_blocking(deadline);
        assert!(expected(&first), "{first:?}");
        assert_eq!(setup.pipeline.shutdown_blocking(AMPLE), first);
        assert_eq!(block_on(setup.pipeline.shutdown(AMPLE)), first);
        assert_eq!(setup.pipeline.flush_blocking(AMPLE), Ok(()));
        assert_eq!(setup.provider.shutdown().is_ok(), first.is_ok());
    };
    check(Act::Succeed, AMPLE, Result::is_ok);
    check(Act::Fail("no"), AMPLE, |result| {
        matches!(result, Err(FlushError::Lost { count: 1, .. }))
    });
    check(Act::Hang, SHORT, |result| {
        matches!(result, Err(FlushError::DeadlinePassed { unsent: 1, .. }))
    });
}

#[test]
fn concurrent_shutdowns_all_return_and_export_once() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    setup.end_many(1000);
    let start = Barrier::new(6);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                start.wait();
                setup.pipeline.shutdown_blocking(AMPLE).unwrap();
            });
            scope.spawn(|| {
                start.wait();
                block_on(setup.pipeline.shutdown(AMPLE)).unwrap();
            });
        }
    });
    assert_eq!(setup.counts().exported, 1000);
    wait_for(&calls, &Call::Dropped);
}

#[test]
fn the_latest_deadline_decides_what_is_dropped() {
    let gate = Gate::default();
    let (exporter, _calls) = Scripted::always(Act::Block(gate.clone()));
    let setup = Setup::lazy(exporter);
    setup.end("slow");
    let patient = setup.pipeline.shutdown(AMPLE);
    within_deadline(|| setup.pipeline.shutdown_blocking(SHORT)).unwrap_err();
    assert_eq!(setup.counts().queued, 1);
    gate.open();
    block_on(patient).unwrap();
    assert_eq!(setup.counts().exported, 1);
}

#[test]
fn shutdown_needs_no_runtime() {
    let check = |act: Act, deadline, ok: bool| {
        let (exporter, _calls) = Scripted::always(act);
        let setup = Setup::lazy(exporter);
        setup.end("span");
        let shutdown = setup.pipeline.shutdown(deadline);
        assert_eq!(within_deadline(|| block_on(shutdown)).is_ok(), ok);
        assert_eq!(setup.counts().queued, 0);
    };
    check(Act::Succeed, AMPLE, true);
    check(Act::Hang, SHORT, false);
}

#[test]
fn a_blocked_export_thread_does_not_hold_up_the_future() {
    let gate = Gate::default();
    let (exporter, _calls) = Scripted::always(Act::Block(gate.clone()));
    let setup = Setup::lazy(exporter);
    setup.end("span");
    within_deadline(|| block_on(setup.pipeline.shutdown(SHORT))).unwrap_err();
    assert_eq!(setup.counts().dropped.shutdown, 1);
    gate.open();
}

#[tokio::test(flavor = "current_thread")]
async fn shutdown_on_a_current_thread_runtime_does_not_stall_it() {
    let gate = Gate::default();
    let (exporter, _calls) = Scripted::always(Act::Block(gate.clone()));
    let setup = Setup::lazy(exporter);
    setup.end("span");
    // Only a task of the same thread lets the export go on.
    let opener = tokio::spawn(async move { gate.open() });
    setup.pipeline.shutdown(AMPLE).await.unwrap();
    opener.await.unwrap();
    assert_eq!(setup.counts().exported, 1);
}

#[test]
fn a_shutdown_goes_on_when_its_future_is_dropped() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let Setup {
        pipeline,
        provider,
        tracer,
        ..
    } = Setup::lazy(exporter);
    opentelemetry::trace::Tracer::start(&tracer, "span");
    drop(pipeline.shutdown(AMPLE));
    drop((pipeline, provider, tracer));
    wait_for(&calls, &Call::Export(vec!["span".to_owned()]));
    wait_for(&calls, &Call::Dropped);
}

#[test]
fn spans_that_end_after_the_shutdown_are_counted() {
    let (exporter, _calls) = Scripted::always(Act::Succeed);
    let setup = Setup::lazy(exporter);
    setup.pipeline.shutdown_blocking(AMPLE).unwrap();
    setup.end_many(2);
    assert_eq!(setup.counts().dropped.shutdown, 2);
}

#[test]
fn a_timeout_beyond_all_clocks_is_no_problem() {
    let (exporter, _calls) = Scripted::always(Act::Succeed);
    let builder = SpanPipeline::builder()
        .schedule_delay(Duration::MAX)
        .export_timeout(Duration::MAX);
    let setup = Setup::new(builder, exporter);
    setup.end("span");
    setup.pipeline.flush_blocking(Duration::MAX).unwrap();
    setup.pipeline.shutdown_blocking(Duration::MAX).unwrap();
}

#[test]
fn dropping_the_provider_exports_what_is_queued() {
    let (exporter, calls) = Scripted::always(Act::Succeed);
    let Setup {
        pipeline,
        provider,
        tracer,
        ..
    } = Setup::lazy(exporter);
    opentelemetry::trace::Tracer::start(&tracer, "span");
    drop((provider, tracer));
    assert_eq!(pipeline.counts().exported, 1);
    wait_for(&calls, &Call::Shutdown);
}

#[test]
fn the_worker_ends_with_the_last_handle() {
    let check = |act: Act, expected: &[Call]| {
        let (exporter, calls) = Scripted::always(act);
        let runtime = ExportRuntime::start().unwrap();
        let pipeline = SpanPipeline::builder()
            .schedule_delay(Duration::ZERO)
            .build(&runtime, exporter);
        drop(runtime);
        drop(pipeline.clone());
        pipeline.on_end(span_data());
        assert_eq!(next(&calls), Call::Export(vec!["span".to_owned()]));
        drop(pipeline);
        for call in expected {
            assert_eq!(next(&calls), *call);
        }
    };
    check(Act::Succeed, &[Call::Shutdown, Call::Dropped]);
    check(Act::Hang, &[Call::Cancelled, Call::Shutdown, Call::Dropped]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_ends_with_the_last_handle() {
    use std::sync::mpsc;

    use opentelemetry_sdk::error::OTelSdkResult;
    use opentelemetry_sdk::trace::{SpanData, SpanExporter};

    /// Reports the number of the thread that it runs on, in `/proc`.
    #[derive(Debug)]
    struct WhereAmI(mpsc::Sender<std::path::PathBuf>);

    impl SpanExporter for WhereAmI {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            let thread = std::fs::read_link("/proc/thread-self").unwrap();
            self.0.send(thread).unwrap();
            Ok(())
        }
    }

    let (sender, receiver) = mpsc::channel();
    let Setup {
        pipeline,
        provider,
        tracer,
        ..
    } = Setup::lazy(WhereAmI(sender));
    opentelemetry::trace::Tracer::start(&tracer, "span");
    pipeline.flush_blocking(AMPLE).unwrap();
    let thread = std::path::Path::new("/proc").join(receiver.recv().unwrap());
    assert!(thread.exists());
    drop((pipeline, provider, tracer));
    let deadline = Instant::now() + AMPLE;
    while thread.exists() {
        assert!(Instant::now() < deadline, "the export thread goes on");
        thread::yield_now();
    }
}
