//! A pipeline in front of a collector that keeps it waiting.

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use throughline_otlp::otlp::Protocol;
use throughline_otlp::{ExportRuntime, FlushError, SpanPipeline, SpanPipelineBuilder};

use crate::collectors::{ACCEPTS, Peer, Place};
use crate::reception::Reception;
use crate::support::{AMPLE, Act, Gate, Scripted, Setup, block_on};

/// Spans in one export.
pub(crate) const BATCH: u64 = 6;
/// Spans that fit into the queue, beside those that are being exported.
pub(crate) const ROOM: u64 = 6;

const THREADS: u64 = 4;
/// Spans that are ended while the pipeline is held up.
pub(crate) const MANY: u64 = 10 * THREADS;
pub(crate) const TOO_MANY: u64 = MANY - ROOM;

/// So that a span is as long and a little more.
const BYTES: usize = 1000;
const NAME: &str = match str::from_utf8(&[b'x'; BYTES]) {
    Ok(name) => name,
    Err(_) => unreachable!(),
};

/// What keeps the queue from growing past [`ROOM`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Spans,
    Bytes,
}

pub(crate) const BOUNDS: [Bound; 2] = [Bound::Spans, Bound::Bytes];

impl Bound {
    /// A pipeline that exports what is a whole batch, and the rest when it is told to.
    pub(crate) fn pipeline(self) -> SpanPipelineBuilder {
        let builder = SpanPipeline::builder()
            .schedule_delay(AMPLE * 10)
            .export_timeout(AMPLE * 10)
            .max_export_batch_size(BATCH as usize);
        match self {
            Self::Spans => builder.max_queue_size(ROOM as usize),
            Self::Bytes => builder.max_queue_bytes((ROOM as usize + 1) * BYTES),
        }
    }
}

/// A pipeline that is held up until its door is opened.
pub(crate) struct Trial {
    peer: Peer,
    protocol: Protocol,
    place: Place,
    pub(crate) door: Gate,
    runtime: ExportRuntime,
    pub(crate) setup: Setup,
    /// Holds up the export thread.
    blocker: Option<Setup>,
}

impl Trial {
    pub(crate) fn new(peer: Peer, timeout: Duration, protocol: Protocol, bound: Bound) -> Self {
        let door = Gate::default();
        let (mut config, place) = peer.start(protocol, &door);
        config.timeout = timeout;
        let runtime = ExportRuntime::start().unwrap();
        let pipeline = bound.pipeline().build_otlp(&runtime, &config).unwrap();
        Self {
            peer,
            protocol,
            place,
            door,
            runtime,
            setup: Setup::of(pipeline),
            blocker: None,
        }
    }

    /// Ends more spans than fit, on several threads, while the server holds the first batch, or another exporter the
    /// export thread. Returns how many spans wait.
    #[track_caller]
    pub(crate) fn fill(&mut self) -> u64 {
        let in_flight = match self.place {
            Place::Up(_) => {
                self.end_batch();
                BATCH
            }
            Place::Down(_) => {
                self.blocker = Some(blocker(&self.runtime, &self.door));
                0
            }
        };
        self.door.reached();
        let before = self.setup.counts();
        let most = in_flight + ROOM;
        end_on_threads(&self.setup, most);
        // All of them have returned, and nobody has answered anything.
        let mut expected = before;
        expected.started += MANY;
        expected.queued = most;
        expected.dropped.queue_full += TOO_MANY;
        assert_eq!(self.setup.counts(), expected);
        most
    }

    pub(crate) fn end_batch(&self) {
        (0..BATCH).for_each(|_| self.setup.end(NAME));
    }

    /// Begins to listen where nobody did.
    pub(crate) fn come_up(&mut self) {
        let Place::Down(port) = &mut self.place else {
            return;
        };
        let (protocol, reception) = (self.protocol, Reception::default());
        let script = move |request| ACCEPTS(protocol, request);
        let server = port.take().unwrap().listen(protocol, reception, script);
        self.place = Place::Up(server);
        self.peer = Peer::Answers(ACCEPTS);
    }

    /// Opens the door when the shutdown has begun.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), FlushError> {
        let shutdown = self.setup.pipeline.shutdown(timeout);
        self.door.open();
        block_on(shutdown)
    }

    pub(crate) fn requests(&self) -> usize {
        match &self.place {
            Place::Up(server) => server.requests(),
            Place::Down(_) => 0,
        }
    }

    /// How many spans the server has taken, as far as it knows.
    pub(crate) fn taken(&self) -> usize {
        let Place::Up(server) = &self.place else {
            return 0;
        };
        let exports = server.exports().enumerate();
        let taken = exports.filter(|(request, _)| self.peer.accepts(self.protocol, *request));
        let ids: HashSet<_> = taken
            .flat_map(|(_, export)| span_ids(self.protocol, export.body))
            .collect();
        ids.len()
    }
}

/// Blocks the export thread until the door is opened.
fn blocker(runtime: &ExportRuntime, door: &Gate) -> Setup {
    let (exporter, _calls) = Scripted::always(Act::Block(door.clone()));
    let builder = SpanPipeline::builder().schedule_delay(Duration::ZERO);
    let blocker = Setup::on(runtime, builder, exporter);
    blocker.end("blocks");
    blocker
}

/// Ends [`MANY`] spans, while there must never be more than `most` that wait.
pub(crate) fn end_on_threads(setup: &Setup, most: u64) {
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..MANY / THREADS {
                    setup.end(NAME);
                    let counts = setup.counts();
                    assert!(counts.queued <= most, "{counts}");
                }
            });
        }
    });
}

pub(crate) fn span_ids(protocol: Protocol, mut body: Bytes) -> Vec<Vec<u8>> {
    if protocol == Protocol::Grpc {
        let _prefix = body.split_to(5);
    }
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|it| it.scope_spans);
    let spans = scopes.flat_map(|scope| scope.spans);
    spans.map(|span| span.span_id).collect()
}

/// Checks all cases at the same time, where that takes a while.
pub(crate) fn at_once<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| check(case));
        }
    });
}
