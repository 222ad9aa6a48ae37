//! What several of the modules need.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version};
use opentelemetry::metrics::Meter;
use opentelemetry::trace::{SpanKind, TraceContextExt};
use serde_json::Value as Json;
use throughline_core::http_semconv::{
    ClientCall, ClientMetrics, ClientRequest, ServerCall, ServerMetrics, ServerRequest, Treatment,
};
use throughline_core::{
    Details, HttpDetails, Instrumentation, Instruments, MeterSource, Operation, Outcome, Parent,
    RecordingSpan, SamplerHint, SpanRequest, TracerSource,
};
use throughline_testing::InMemory;

pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
pub(crate) const SPAN: &str = "b7ad6b7169203331";

/// A `traceparent` of [`TRACE`] and [`SPAN`].
pub(crate) fn traceparent(flags: &str) -> String {
    format!("00-{TRACE}-{SPAN}-{flags}")
}

/// Headers in this order, a name as often as it comes.
pub(crate) fn headers(fields: &[(&str, &str)]) -> HeaderMap {
    let fields = fields.iter().map(|(name, value)| {
        (
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        )
    });
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, value);
    }
    headers
}

/// The only value of a header.
#[track_caller]
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next();
    assert!(values.next().is_none(), "{name} is there more than once");
    value.map(|value| value.to_str().unwrap())
}

/// The cases of a public test suite. They do not travel with the project: without them a test says so and passes.
pub(crate) fn cases(file: &str) -> Vec<Json> {
    let folder = env::var_os("THROUGHLINE_CASES").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/cases"),
        PathBuf::from,
    );
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        // Past the capture of the test harness.
        let _ = writeln!(
            io::stderr(),
            "SKIPPED: all cases of {file}, which is not in {} (set THROUGHLINE_CASES to its folder)",
            folder.display()
        );
        return Vec::new();
    };
    let json: Json = serde_json::from_str(&text).unwrap();
    json["cases"].as_array().unwrap().clone()
}

/// Set in the process of one test.
const IN_CHILD: &str = "THROUGHLINE_TEST_CHILD";

/// Runs `test`, which sets globals, in a process of its own. `name` is the test's, with its module.
#[track_caller]
pub(crate) fn in_own_process(name: &str, test: fn()) {
    if env::var_os(IN_CHILD).is_some() {
        return test();
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(IN_CHILD, "1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

pub(crate) fn poll_once<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
pub(crate) fn ready<T>(polled: Poll<T>) -> T {
    match polled {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("pending"),
    }
}

/// The hexadecimal id of the current span.
pub(crate) fn current_span() -> String {
    let context = opentelemetry::Context::current();
    context.span().span_context().span_id().to_string()
}

pub(crate) fn server(memory: &InMemory) -> Instrumentation<ServerMetrics> {
    server_with(memory, SamplerHint::default())
}

pub(crate) fn server_with(memory: &InMemory, hint: SamplerHint) -> Instrumentation<ServerMetrics> {
    let mut instrumentation = Instrumentation::new("test-server", "1.2.3");
    let tracers = TracerSource::new(memory.tracer_provider());
    instrumentation.set_tracers(tracers.with_sampler_hint(hint));
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    instrumentation.change_http(|http| http.server_active_requests = true);
    instrumentation
}

pub(crate) fn client(memory: &InMemory) -> Instrumentation<ClientMetrics> {
    let mut instrumentation = Instrumentation::new("test-client", "1.2.3");
    instrumentation.set_tracers(TracerSource::new(memory.tracer_provider()));
    instrumentation.set_meters(MeterSource::new(memory.meter_provider()));
    instrumentation
}

/// The operation of a request without a route or a known peer.
pub(crate) fn serve(
    instrumentation: &Instrumentation<ServerMetrics>,
    request: &Request<()>,
) -> Operation<ServerCall> {
    ServerRequest {
        method: request.method(),
        uri: request.uri(),
        version: request.version(),
        headers: request.headers(),
        route: &|| None,
        peer: &|| None,
        local: &|| None,
        is_encrypted: &|| false,
        treatment: Treatment::default(),
    }
    .start(&instrumentation.resolve())
}

/// A GET request for `/` with these headers.
pub(crate) fn get(fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::new(());
    *request.headers_mut() = headers(fields);
    request
}

/// The operation of a call of `http://example.com/`.
pub(crate) fn call(instrumentation: &Instrumentation<ClientMetrics>) -> Operation<ClientCall> {
    ClientRequest {
        method: &::http::Method::GET,
        url: &|| "http://example.com/".into(),
        host: "example.com",
        port: Some(80),
        scheme: None,
        headers: &HeaderMap::new(),
        body_size: &|| None,
        template: None,
        resend_count: 0,
        settings: &Arc::default(),
    }
    .start(&instrumentation.resolve())
}

/// The headers that an operation's own outgoing requests get.
pub(crate) fn sent<M: Instruments, D: Details>(
    instrumentation: &Instrumentation<M>,
    operation: &Operation<D>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let resolved = instrumentation.resolve();
    resolved
        .propagation()
        .inject(operation.context(), &mut headers);
    headers
}

/// An instrumentation without metrics of its own.
#[derive(Debug)]
pub(crate) struct NoMetrics;

impl Instruments for NoMetrics {
    fn new(_: &Meter, _: bool) -> Self {
        Self
    }
}

/// Details that keep every outcome they are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    ends_with_head: Option<Outcome>,
}

impl Probe {
    pub(crate) fn ending_with_head(outcome: Outcome) -> Self {
        Self {
            ends_with_head: Some(outcome),
            ..Self::default()
        }
    }

    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        let outcomes = self.outcomes.lock();
        outcomes.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpDetails for Probe {
    fn responded(&mut self, _: StatusCode, _: Version, _: Option<u64>) -> Option<Outcome> {
        self.ends_with_head
    }
}

impl Details for Probe {
    fn finish(self, outcome: Outcome, _: Duration, _: Option<RecordingSpan<'_>>) {
        let outcomes = self.outcomes.lock();
        outcomes
            .unwrap_or_else(PoisonError::into_inner)
            .push(outcome);
    }
}

/// An operation that tells `probe` its outcome, with a span of `memory`.
pub(crate) fn probed(memory: &InMemory, probe: &Probe) -> Operation<Probe> {
    let mut instrumentation = Instrumentation::<NoMetrics>::new("test", "1.2.3");
    instrumentation.set_tracers(TracerSource::new(memory.tracer_provider()));
    instrumentation
        .resolve()
        .start(internal(), Vec::new, probe.clone())
}

/// An INTERNAL span without a parent.
pub(crate) fn internal() -> SpanRequest {
    SpanRequest {
        kind: SpanKind::Internal,
        name: "work".into(),
        parent: Parent::Local(opentelemetry::Context::new()),
    }
}
