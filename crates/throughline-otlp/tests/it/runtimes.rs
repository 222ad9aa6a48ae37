//! The way to a collector from every kind of runtime and from none, to the end, whether the collector answers or not.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Duration;

use throughline_otlp::otlp::{OtlpConfig, Protocol};
use throughline_otlp::{ExportRuntime, FlushError, SpanCounts, SpanPipeline};
use tokio::runtime::{Builder, Runtime};

use crate::collectors::ACCEPTS;
use crate::reply::Reply;
use crate::server::{Server, both};
use crate::support::{AMPLE, SHORT, Setup, block_on, within_deadline};
use crate::trial::{at_once, span_ids};

/// Spans that end before the flush, and as many after it.
const HALF: usize = 3;
const ALL: usize = 2 * HALF;

type Outcome = Result<(), FlushError>;

/// Where spans go, and how long a flush and a shutdown may take.
#[derive(Clone)]
struct Scene {
    config: OtlpConfig,
    deadline: Duration,
}

/// What a flush and shutdowns said, and what became of the spans.
struct Report(Vec<Outcome>, SpanCounts);

impl Scene {
    /// A pipeline that exports when it is told to.
    fn init(&self) -> Setup {
        let runtime = ExportRuntime::start().unwrap();
        let builder = SpanPipeline::builder().schedule_delay(AMPLE * 10);
        Setup::of(builder.build_otlp(&runtime, &self.config).unwrap())
    }

    async fn with_futures(&self) -> Report {
        let setup = self.init();
        setup.end_many(HALF);
        self.finish_with_futures(&setup).await
    }

    fn blocking(&self) -> Report {
        let setup = self.init();
        setup.end_many(HALF);
        self.finish_blocking(&setup)
    }

    async fn finish_with_futures(&self, setup: &Setup) -> Report {
        let flush = setup.pipeline.flush(self.deadline).await;
        setup.end_many(HALF);
        let shutdown = setup.pipeline.shutdown(self.deadline).await;
        Report(vec![flush, shutdown], setup.counts())
    }

    fn finish_blocking(&self, setup: &Setup) -> Report {
        let flush = setup.pipeline.flush_blocking(self.deadline);
        setup.end_many(HALF);
        let shutdown = setup.pipeline.shutdown_blocking(self.deadline);
        Report(vec![flush, shutdown], setup.counts())
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn one_worker() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().unwrap()
}

type Environment = fn(&Scene) -> Report;

const ENVIRONMENTS: &[(&str, Environment)] = &[
    ("no runtime, futures", |scene| {
        block_on(scene.with_futures())
    }),
    ("no runtime, blocking", Scene::blocking),
    ("current_thread, futures", |scene| {
        current_thread().block_on(scene.with_futures())
    }),
    ("current_thread, blocking", |scene| {
        current_thread().block_on(async { scene.blocking() })
    }),
    ("the only worker, futures", |scene| {
        let scene = scene.clone();
        on_the_only_worker(async move { scene.with_futures().await })
    }),
    ("the only worker, blocking", |scene| {
        let scene = scene.clone();
        on_the_only_worker(async move { scene.blocking() })
    }),
    ("two runtimes", on_two_runtimes),
    ("a runtime that is gone, futures", |scene| {
        let setup = on_a_runtime_that_ends(scene);
        block_on(scene.finish_with_futures(&setup))
    }),
    ("a runtime that is gone, blocking", |scene| {
        let setup = on_a_runtime_that_ends(scene);
        scene.finish_blocking(&setup)
    }),
    ("unwinding, futures", |scene| {
        unwinding(|| block_on(scene.with_futures()))
    }),
    ("unwinding, blocking", |scene| {
        unwinding(|| scene.blocking())
    }),
    ("unwinding on the only worker", |scene| {
        let scene = scene.clone();
        on_the_only_worker(async move { unwinding(|| scene.blocking()) })
    }),
    ("many shutdowns at a time", shut_down_many_times),
];

fn on_the_only_worker(task: impl Future<Output = Report> + Send + 'static) -> Report {
    let runtime = one_worker();
    let task = runtime.spawn(task);
    block_on(task).unwrap()
}

/// One of them flushes, the other one shuts down, and spans end on both.
fn on_two_runtimes(scene: &Scene) -> Report {
    let (one, other) = (current_thread(), one_worker());
    let setup = one.block_on(async { scene.init() });
    one.block_on(async { setup.end("one") });
    other.block_on(async { setup.end_many(HALF - 1) });
    let flush = one.block_on(setup.pipeline.flush(scene.deadline));
    one.block_on(async { setup.end("one") });
    other.block_on(async { setup.end_many(HALF - 1) });
    let shutdown = other.block_on(setup.pipeline.shutdown(scene.deadline));
    Report(vec![flush, shutdown], setup.counts())
}

fn on_a_runtime_that_ends(scene: &Scene) -> Setup {
    current_thread().block_on(async {
        let setup = scene.init();
        setup.end_many(HALF);
        setup
    })
}

/// Does it in a destructor that a panic runs.
fn unwinding(finish: impl FnOnce() -> Report) -> Report {
    struct OnDrop<F: FnOnce()>(Option<F>);
    impl<F: FnOnce()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            assert!(thread::panicking());
            self.0.take().unwrap()();
        }
    }
    let mut report = None;
    catch_unwind(AssertUnwindSafe(|| {
        // A second panic that got out of the destructor would end the process.
        let finish = || report = Some(catch_unwind(AssertUnwindSafe(finish)));
        let _on_drop = OnDrop(Some(finish));
        panic!("told to panic");
    }))
    .unwrap_err();
    report.unwrap().unwrap_or_else(|panic| resume_unwind(panic))
}

/// Two of each kind at the same time, and one when all is over.
fn shut_down_many_times(scene: &Scene) -> Report {
    let setup = scene.init();
    setup.end_many(ALL);
    let outcomes = Mutex::new(Vec::new());
    let start = Barrier::new(4);
    let report = |shutdown: fn(&SpanPipeline, Duration) -> Outcome| {
        start.wait();
        let outcome = shutdown(&setup.pipeline, scene.deadline);
        outcomes.lock().unwrap().push(outcome);
    };
    let with_futures: fn(&SpanPipeline, Duration) -> Outcome =
        |pipeline, deadline| current_thread().block_on(pipeline.shutdown(deadline));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| report(SpanPipeline::shutdown_blocking));
            scope.spawn(|| report(with_futures));
        }
    });
    let again = setup.pipeline.shutdown_blocking(AMPLE);
    let mut outcomes = outcomes.into_inner().unwrap();
    outcomes.push(again);
    Report(outcomes, setup.counts())
}

/// One server answers and one does not.
fn check(name: &str, environment: Environment, protocol: Protocol) {
    let shown = format!("{name}, {protocol:?}");
    let server = Server::start(protocol, move |request| ACCEPTS(protocol, request));
    let Report(outcomes, counts) = environment(&Scene {
        config: server.config(),
        deadline: AMPLE,
    });
    assert!(outcomes.iter().all(Result::is_ok), "{shown}: {outcomes:?}");
    let all = ALL as u64;
    assert_eq!((counts.started, counts.exported), (all, all), "{shown}");
    let exports = server.exports();
    let ids: Vec<_> = exports
        .flat_map(|export| span_ids(protocol, export.body))
        .collect();
    let distinct: HashSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (ALL, ALL), "{shown}");

    let silent = Server::start(protocol, |_| Reply::hang());
    let scene = Scene {
        config: silent.config(),
        deadline: SHORT,
    };
    let Report(outcomes, counts) = within_deadline(|| environment(&scene));
    let late = |it: &Outcome| matches!(it, Err(FlushError::DeadlinePassed { after: SHORT, .. }));
    assert!(outcomes.iter().all(late), "{shown}: {outcomes:?}");
    let settled = (counts.started, counts.dropped.shutdown, counts.queued);
    assert_eq!(settled, (all, all, 0), "{shown}");
}

#[test]
fn spans_arrive_and_deadlines_hold_wherever_an_application_runs() {
    both(|protocol| {
        at_once(ENVIRONMENTS, |&(name, environment)| {
            check(name, environment, protocol);
        });
    });
}
