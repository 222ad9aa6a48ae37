//! Every kind of place that telemetry is started, flushed and stopped in.

use std::future::{Future, pending};
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use opentelemetry::global;
use throughline::{ShutdownError, ShutdownReport};
use throughline_testing::Collector;
use tokio::runtime::Builder;

use crate::app;
use crate::process::{self, PROTOCOLS};

/// One span and one measurement, on whatever thread this is.
pub(crate) fn work() {
    count();
    tracing::info_span!("work").in_scope(|| ());
}

fn count() {
    let counter = global::meter("it").u64_counter("work").build();
    counter.add(1, &[]);
}

/// What [`work`] leaves with a collector after so many times.
#[track_caller]
pub(crate) fn check_arrived(collector: &Collector, times: usize, case: &str) {
    let spans = collector.spans();
    assert_eq!(spans.len(), times, "{case}: {spans:?}");
    assert!(spans.iter().all(|span| span.name == "work"), "{case}");
    let mut metrics = collector.metrics();
    metrics.retain(|metric| metric.scope == "it");
    let [counter] = &metrics[..] else {
        panic!("{case}: {metrics:?}")
    };
    let value = counter.points[0].value;
    assert_eq!(
        (counter.name.as_str(), value),
        ("work", times as f64),
        "{case}"
    );
}

#[track_caller]
fn check_delivered(result: Result<ShutdownReport, ShutdownError>, spans: u64) {
    let report = result.unwrap();
    let counts = (report.spans.started, report.spans.exported);
    assert_eq!((counts, report.metrics_delivered), ((spans, spans), true));
}

/// A whole life: works, flushes, works again, shuts down.
pub(crate) async fn life() {
    let telemetry = app::init();
    work();
    check_delivered(telemetry.flush().await, 1);
    work();
    check_delivered(telemetry.shutdown().await, 2);
}

/// Lives of the same length, each somewhere else.
const ENVIRONMENTS: [(&str, fn()); 8] = [
    (
        "a current-thread runtime",
        || app::on_current_thread(life()),
    ),
    ("the only worker of a runtime", || {
        let runtime = app::multi_thread(1);
        runtime.block_on(runtime.spawn(life())).unwrap();
    }),
    ("the only worker of a runtime, blocked", || {
        let runtime = app::multi_thread(1);
        let life = runtime.spawn(async {
            let telemetry = app::init();
            work();
            check_delivered(block_on(telemetry.flush()), 1);
            work();
            check_delivered(telemetry.shutdown_blocking(), 2);
        });
        runtime.block_on(life).unwrap();
    }),
    ("a runtime without I/O and timers", || {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(life());
    }),
    ("no runtime", || {
        let telemetry = app::init();
        thread::spawn(work).join().unwrap();
        check_delivered(block_on(telemetry.flush()), 1);
        thread::spawn(work).join().unwrap();
        check_delivered(telemetry.shutdown_blocking(), 2);
    }),
    ("two runtimes", || {
        let [first, second] = [(); 2].map(|()| app::multi_thread(1));
        let telemetry = first.block_on(async { app::init() });
        first.block_on(first.spawn(async { work() })).unwrap();
        check_delivered(second.block_on(telemetry.flush()), 1);
        second.block_on(second.spawn(async { work() })).unwrap();
        check_delivered(first.block_on(telemetry.shutdown()), 2);
    }),
    ("a runtime that is gone before the shutdown", || {
        let runtime = app::multi_thread(1);
        let telemetry = runtime.block_on(async { app::init() });
        work();
        check_delivered(runtime.block_on(telemetry.flush()), 1);
        count();
        let span = tracing::info_span!("work");
        runtime.spawn(async move {
            let _ends_with_the_runtime = span;
            pending::<()>().await;
        });
        drop(runtime);
        check_delivered(telemetry.shutdown_blocking(), 2);
    }),
    ("a stack that unwinds", || {
        let life = || {
            app::on_current_thread(async {
                let telemetry = app::init();
                work();
                check_delivered(telemetry.flush().await, 1);
                count();
                let _span = tracing::info_span!("work").entered();
                panic!("on purpose");
            });
        };
        let panic = catch_unwind(life).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"on purpose"));
    }),
];

/// The one that the child runs in.
const ENVIRONMENT: &str = "THROUGHLINE_TEST_ENVIRONMENT";

#[test]
fn spans_and_metrics_arrive_from_every_environment() {
    let scenario = || {
        let chosen = std::env::var(ENVIRONMENT).unwrap();
        let (_, live) = ENVIRONMENTS
            .into_iter()
            .find(|(name, _)| *name == chosen)
            .unwrap();
        live();
    };
    let test = spans_and_metrics_arrive_from_every_environment;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    let check = |environment: &str, protocol: &str| {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().variable(ENVIRONMENT, environment);
        process.exporting_by(protocol, &collector).run();
        check_arrived(&collector, 2, &format!("{environment}, {protocol}"));
    };
    for (environment, _) in ENVIRONMENTS {
        for protocol in PROTOCOLS {
            check(environment, protocol);
        }
    }
}

#[test]
fn flushes_at_the_same_time_and_again_deliver_once() {
    let scenario = || {
        let telemetry = app::init();
        work();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| check_delivered(block_on(telemetry.flush()), 1));
            }
        });
        app::on_current_thread(async {
            let (first, second) = tokio::join!(telemetry.flush(), telemetry.flush());
            check_delivered(first, 1);
            check_delivered(second, 1);
        });
        check_delivered(telemetry.shutdown_blocking(), 1);
    };
    let test = flushes_at_the_same_time_and_again_deliver_once;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    for protocol in PROTOCOLS {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone();
        process.exporting_by(protocol, &collector).run();
        check_arrived(&collector, 1, protocol);
    }
}

/// What the child begins and gives up.
const BEGUN: &str = "THROUGHLINE_TEST_BEGUN";

#[test]
fn a_flush_or_a_shutdown_that_is_given_up_goes_on() {
    let scenario = || {
        let telemetry = app::init();
        work();
        match std::env::var(BEGUN).unwrap().as_str() {
            "flush" => give_up(telemetry.flush()),
            _ => give_up(telemetry.shutdown()),
        }
        println!("given up");
        // Nothing else delivers: the parent ends this process when it has seen enough.
        loop {
            thread::park();
        }
    };
    let test = a_flush_or_a_shutdown_that_is_given_up_goes_on;
    let Some(process) = process::of(test, scenario) else {
        return;
    };
    for begun in ["flush", "shutdown"] {
        let collector = Collector::start_blocking().unwrap();
        let process = process.clone().exporting_to(&collector);
        let process = process.variable("OTEL_BSP_SCHEDULE_DELAY", "3600000");
        let mut running = process.variable(BEGUN, begun).start();
        running.line("given up");
        let arrived = |spans: &[_]| !spans.is_empty() && !collector.metrics().is_empty();
        collector.wait_for_blocking(app::AMPLE, arrived).unwrap();
        check_arrived(&collector, 1, begun);
    }
}

/// Polls it once and drops it.
fn give_up<T>(future: impl Future<Output = T>) {
    let _ = pin!(future).poll(&mut Context::from_waker(Waker::noop()));
}

/// Runs a future on this thread without a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
