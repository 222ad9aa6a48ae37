//! Exporters that behave as they are told, and what the tests have in common.

use std::fmt;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use opentelemetry::trace::{Tracer, TracerProvider};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span, SpanData, SpanExporter};
use throughline_otlp::{ExportRuntime, SpanCounts, SpanPipeline, SpanPipelineBuilder};

/// Long enough for everything that does not hang.
pub(crate) const AMPLE: Duration = Duration::from_secs(30);

/// The deadline of a shutdown that is expected to pass.
pub(crate) const SHORT: Duration = Duration::from_millis(500);

/// When a call with the deadline [`SHORT`] must have returned on the slowest machine.
const GENEROUS: Duration = Duration::from_secs(5);

/// What one call of `export` does.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Succeed,
    Fail(&'static str),
    TimeOut,
    /// Panics before there is a future.
    Panic,
    /// Panics when it is polled.
    PanicInPoll,
    /// Panics when it is polled, and again when what was thrown is dropped.
    PanicTwice,
    /// Is never ready.
    Hang,
    /// Blocks the export thread until the gate opens, then succeeds.
    Block(Gate),
    /// Does the same, then fails.
    BlockAndFail(Gate),
}

/// What an exporter was asked to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Call {
    Resource(Option<String>),
    Export(Vec<String>),
    Flush,
    Shutdown,
    /// The future of an export was dropped before it was ready.
    Cancelled,
    /// The exporter itself was dropped.
    Dropped,
}

pub(crate) struct Scripted {
    calls: Sender<Call>,
    number: AtomicUsize,
    script: Box<dyn Fn(usize) -> Act + Send + Sync>,
}

impl Scripted {
    /// An exporter that asks the script what to do, with the number of the export from 0, and reports its calls.
    pub(crate) fn new(
        script: impl Fn(usize) -> Act + Send + Sync + 'static,
    ) -> (Self, Receiver<Call>) {
        let (calls, receiver) = mpsc::channel();
        let exporter = Self {
            calls,
            number: AtomicUsize::new(0),
            script: Box::new(script),
        };
        (exporter, receiver)
    }

    pub(crate) fn always(act: Act) -> (Self, Receiver<Call>) {
        Self::new(move |_| act.clone())
    }

    fn report(&self, call: Call) {
        // A test may have stopped to listen.
        let _ = self.calls.send(call);
    }
}

impl SpanExporter for Scripted {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let names = batch.iter().map(|span| span.name.to_string()).collect();
        self.report(Call::Export(names));
        let act = (self.script)(self.number.fetch_add(1, Ordering::Relaxed));
        assert!(!matches!(act, Act::Panic), "told to panic in export");
        // Made before the first poll: a future may be dropped without one.
        let cancelled = matches!(act, Act::Hang).then(|| ReportCancelled(self.calls.clone()));
        perform(act, cancelled)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.report(Call::Flush);
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.report(Call::Shutdown);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let name = resource.get(&"service.name".into());
        self.report(Call::Resource(name.map(|name| name.to_string())));
    }
}

async fn perform(act: Act, _cancelled: Option<ReportCancelled>) -> OTelSdkResult {
    match act {
        Act::Succeed | Act::Panic => Ok(()),
        Act::Fail(reason) => Err(OTelSdkError::InternalFailure(reason.to_owned())),
        Act::TimeOut => Err(OTelSdkError::Timeout(SHORT)),
        Act::PanicInPoll => panic!("told to panic in poll"),
        Act::PanicTwice => std::panic::panic_any(PanicsTwice),
        Act::Hang => std::future::pending().await,
        Act::Block(gate) => {
            gate.wait();
            Ok(())
        }
        Act::BlockAndFail(gate) => {
            gate.wait();
            Err(OTelSdkError::InternalFailure("told to".to_owned()))
        }
    }
}

struct PanicsTwice;

impl Drop for PanicsTwice {
    fn drop(&mut self) {
        std::panic::panic_any(Self)
    }
}

struct ReportCancelled(Sender<Call>);

impl Drop for ReportCancelled {
    fn drop(&mut self) {
        let _ = self.0.send(Call::Cancelled);
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.report(Call::Dropped);
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

/// Holds threads back until it is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Debug, Default)]
struct Passage {
    open: bool,
    reached: bool,
}

impl Gate {
    pub(crate) fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    /// Not for ever, so that a test which waits for what waits here fails.
    pub(crate) fn wait(&self) {
        let mut passage = self.0.0.lock().unwrap();
        passage.reached = true;
        self.0.1.notify_all();
        let waited = self.0.1.wait_timeout_while(passage, AMPLE, |it| !it.open);
        drop(waited.unwrap());
    }

    /// Returns when a thread is being held back.
    #[track_caller]
    pub(crate) fn reached(&self) {
        let passage = self.0.0.lock().unwrap();
        let waited = self
            .0
            .1
            .wait_timeout_while(passage, AMPLE, |it| !it.reached);
        assert!(waited.unwrap().0.reached, "nobody came to the gate");
    }
}

/// A pipeline with an SDK in front of it.
pub(crate) struct Setup {
    pub(crate) pipeline: SpanPipeline,
    pub(crate) provider: SdkTracerProvider,
    pub(crate) tracer: SdkTracer,
    started: AtomicU64,
    ended: AtomicU64,
}

impl Setup {
    pub(crate) fn new(builder: SpanPipelineBuilder, exporter: impl SpanExporter + 'static) -> Self {
        let runtime = ExportRuntime::start().unwrap();
        Self::on(&runtime, builder, exporter)
    }

    pub(crate) fn on(
        runtime: &ExportRuntime,
        builder: SpanPipelineBuilder,
        exporter: impl SpanExporter + 'static,
    ) -> Self {
        Self::of(builder.build(runtime, exporter))
    }

    pub(crate) fn of(pipeline: SpanPipeline) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_span_processor(pipeline.clone())
            .with_resource(Resource::builder_empty().with_service_name("shop").build())
            .build();
        let tracer = provider.tracer("test");
        Self {
            pipeline,
            provider,
            tracer,
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
        }
    }

    /// A pipeline that exports only when it is told to.
    pub(crate) fn lazy(exporter: impl SpanExporter + 'static) -> Self {
        let builder = SpanPipeline::builder()
            .schedule_delay(AMPLE * 10)
            .export_timeout(AMPLE * 10);
        Self::new(builder, exporter)
    }

    pub(crate) fn start(&self, name: &'static str) -> Span {
        self.started.fetch_add(1, Ordering::SeqCst);
        self.tracer.start(name)
    }

    pub(crate) fn end(&self, name: &'static str) {
        drop(self.start(name));
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn end_many(&self, count: usize) {
        for _ in 0..count {
            self.end("span");
        }
    }

    /// The counts, which must agree with our own: no span is forgotten, none is counted twice. Other threads may go on
    /// meanwhile, so ours are taken before and after.
    #[track_caller]
    pub(crate) fn counts(&self) -> SpanCounts {
        let at_least = self.ended.load(Ordering::SeqCst);
        let counts = self.pipeline.counts();
        let at_most = self.started.load(Ordering::SeqCst);
        let ended = counts.exported + counts.dropped.total() + counts.queued;
        assert!(
            at_least <= ended && ended + counts.open <= at_most,
            "{at_least} to {at_most} spans: {counts:?}"
        );
        assert_eq!(counts.started, ended + counts.open, "{counts:?}");
        counts
    }
}

/// A span that no pipeline has seen, to be given to `on_end`.
pub(crate) fn span_data() -> SpanData {
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    tracer.start("span").exported_data().unwrap()
}

/// Runs what has a deadline of [`SHORT`], and fails when that was not kept.
#[track_caller]
pub(crate) fn within_deadline<T>(call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    let took = start.elapsed();
    assert!(took < GENEROUS, "a deadline of {SHORT:?} took {took:?}");
    result
}

#[track_caller]
pub(crate) fn next(calls: &Receiver<Call>) -> Call {
    calls.recv_timeout(AMPLE).expect("the exporter is called")
}

/// Waits for one call and passes over the ones before it.
#[track_caller]
pub(crate) fn wait_for(calls: &Receiver<Call>, expected: &Call) {
    while next(calls) != *expected {}
}

/// What was printed.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An executor without timers, I/O or threads.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut task = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut task) {
            return output;
        }
        thread::park();
    }
}
