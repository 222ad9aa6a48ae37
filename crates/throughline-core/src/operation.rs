//! The one lifecycle of an operation: it starts, its context is attached while it runs, and it finishes exactly once.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, Response, StatusCode, Version};
use http_body::Body;
use opentelemetry::trace::{SpanRef, Status, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use crate::body::{OperationBody, announced_length};
use crate::http_semconv::error_type_of;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It ran to its end. A response status may still say that it failed.
    Finished,
    /// It failed; the value is the `error.type`: predictable and of low cardinality.
    Error(&'static str),
    /// It was dropped before its end.
    Cancelled,
    /// It panicked: within [`Operation::enter`] or [`Operation::within`].
    Panicked,
    /// The protocol was switched (101, or a successful CONNECT) and HTTP is over.
    Upgraded,
}

/// What a kind of operation records when it ends.
pub trait Details {
    /// Records the outcome, on metrics and, where the span records, on the span. Called exactly once.
    ///
    /// `elapsed` is the duration that the span will have.
    fn finish(self, outcome: Outcome, elapsed: Duration, span: Option<RecordingSpan<'_>>);

    /// Notes that so many bytes more of the response's body went through. Default: they do not matter.
    fn passed(&mut self, bytes: u64) {
        let _ = bytes;
    }
}

/// The details of an operation over HTTP.
pub trait HttpDetails: Details {
    /// Notes the head of the response and the length of its body, where that is known; returns the outcome where the
    /// operation ends with the head, as it does where no body can follow.
    fn responded(
        &mut self,
        status: StatusCode,
        version: Version,
        length: Option<u64>,
    ) -> Option<Outcome>;

    /// The headers of the response that the span records. Default: none.
    fn captured(&self, headers: &HeaderMap) -> Vec<KeyValue> {
        let _ = headers;
        Vec::new()
    }

    /// The `error.type` of an error in place of the response or in its body.
    fn error_type<E: 'static>(&self, _: &E) -> &'static str {
        error_type_of::<E>()
    }
}

/// The span of an operation that records, to add to it.
///
/// Nothing outside this module touches the span's representation, so that a faster one can take its place.
#[derive(Debug)]
pub struct RecordingSpan<'a> {
    span: &'a SpanRef<'a>,
    /// When it ends, where it is about to.
    end: Option<SystemTime>,
    renamed: Cell<bool>,
}

impl<'a> RecordingSpan<'a> {
    fn new(span: &'a SpanRef<'a>, end: Option<SystemTime>) -> Self {
        let renamed = Cell::new(false);
        Self { span, end, renamed }
    }

    /// Adds an attribute. A key that the span has already is added again: the caller adds each once.
    pub fn set_attribute(&self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    /// Adds attributes, as [`set_attribute`](Self::set_attribute) does.
    pub fn set_attributes(&self, attributes: impl IntoIterator<Item = KeyValue>) {
        for attribute in attributes {
            self.set_attribute(attribute);
        }
    }

    /// Adds an event: of now, or of the end of a span that is about to end.
    pub fn add_event(&self, name: &'static str, attributes: Vec<KeyValue>) {
        match self.end {
            Some(end) => self.span.add_event_with_timestamp(name, end, attributes),
            None => self.span.add_event(name, attributes),
        }
    }

    /// Replaces the name. It must be of low cardinality.
    pub fn set_name(&self, name: impl Into<Cow<'static, str>>) {
        self.span.update_name(name);
        self.renamed.set(true);
    }

    /// Sets the status to error. An empty description is right where an attribute gives the reason.
    pub fn set_error(&self, description: &'static str) {
        self.span.set_status(Status::error(description));
    }
}

/// An operation in flight: the guard that finishes it exactly once, in [`Drop`] at the latest, as
/// [`Outcome::Cancelled`].
#[derive(Debug)]
pub struct Operation<D: Details> {
    context: Context,
    /// Until it has finished. None from the beginning where neither a span nor metrics record: then it only carries
    /// its context.
    live: Option<Live<D>>,
}

#[derive(Debug)]
struct Live<D> {
    started: Instant,
    /// When the span started by the wall clock; absent where the span does not record.
    span_started_at: Option<SystemTime>,
    details: D,
}

impl<D: Details> Operation<D> {
    /// An operation with something to record: it has a span since `span_started_at`, or is measured.
    #[inline]
    pub(crate) fn new(
        context: Context,
        started: Instant,
        span_started_at: Option<SystemTime>,
        is_measured: bool,
        details: D,
    ) -> Self {
        let records = is_measured || span_started_at.is_some();
        Self {
            context,
            live: records.then_some(Live {
                started,
                span_started_at,
                details,
            }),
        }
    }

    pub(crate) fn carrying(context: Context) -> Self {
        Self {
            context,
            live: None,
        }
    }

    /// The context that the operation's own work runs in: its span (or the remote parent, where no span could be
    /// started) and the baggage.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The details, until the operation has finished. None where there is nothing to record.
    pub fn details_mut(&mut self) -> Option<&mut D> {
        self.live.as_mut().map(|live| &mut live.details)
    }

    /// Shows `work` the span, where it records and has not ended, and says whether the span has a new name. A panic in
    /// `work` does not reach the caller.
    pub fn record(&self, work: impl FnOnce(&RecordingSpan<'_>)) -> bool {
        let live = self.live.as_ref();
        if live.is_none_or(|live| live.span_started_at.is_none()) {
            return false;
        }
        let span = self.context.span();
        let span = RecordingSpan::new(&span, None);
        let _ = catch_unwind(AssertUnwindSafe(|| work(&span)));
        span.renamed.get()
    }

    /// Runs `work` with the context attached; a panic in it finishes the operation as [`Outcome::Panicked`].
    ///
    /// The panic is noticed here and not when the operation is dropped, because a layer that catches panics drops the
    /// future after the unwinding is over.
    pub fn enter<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let context = self.context.clone();
        let mut unwinding = FinishOnUnwind {
            operation: self,
            returned: false,
        };
        // Dropped before `unwinding`: a span processor runs under its span's lock, so that span must not be current.
        let _attached = context.attach();
        let result = work();
        unwinding.returned = true;
        result
    }

    /// Awaits `future`, [entered](Self::enter) at each poll; between polls the context is not attached.
    ///
    /// What it returns does not finish the operation: only the caller knows an error from a success. Dropped before its
    /// end, it leaves the operation as it is; dropping that is what cancels it.
    pub async fn within<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| self.enter(|| future.as_mut().poll(cx))).await
    }

    /// Finishes the operation: records the outcome and ends the span. Later calls do nothing.
    ///
    /// A panic in a span processor or a metric reader does not reach the caller.
    pub fn finish(&mut self, outcome: Outcome) {
        let Some(live) = self.live.take() else { return };
        let elapsed = live.started.elapsed();
        let span = self.context.span();
        // Span processors and metric readers are foreign code. A panic in them must not take the request along, nor
        // abort the process where this runs in a destructor.
        let _ = catch_unwind(AssertUnwindSafe(|| match live.span_started_at {
            Some(started_at) => {
                // By the monotonic clock: a step of the wall clock does not change a duration.
                let end = started_at + elapsed;
                let shown = RecordingSpan::new(&span, Some(end));
                live.details.finish(outcome, elapsed, Some(shown));
                span.end_with_timestamp(end);
            }
            None => live.details.finish(outcome, elapsed, None),
        }));
    }
}

impl<D: HttpDetails> Operation<D> {
    /// Finishes the operation with `error`, in place of a response or in its body.
    pub fn fail<E: 'static>(&mut self, error: &E) {
        if let Some(details) = self.details_mut() {
            let error_type = details.error_type(error);
            self.finish(Outcome::Error(error_type));
        }
    }

    /// Notes the head of `response` and goes on in its body, which [finishes](OperationBody) the operation.
    ///
    /// A response without a body (by its `content-length`, by the body's own account, or since none can
    /// [follow its head](HttpDetails::responded)) finishes it at once.
    pub fn respond<B: Body>(self, response: Response<B>) -> Response<OperationBody<B, D>> {
        self.respond_or_upgrade(response, |mut operation| {
            operation.finish(Outcome::Upgraded);
        })
    }

    /// The same, but an operation whose response switches the protocol is handed to `upgraded`, which finishes it.
    pub fn respond_or_upgrade<B: Body>(
        mut self,
        response: Response<B>,
        upgraded: impl FnOnce(Self),
    ) -> Response<OperationBody<B, D>> {
        let Some(details) = self.details_mut() else {
            return response.map(|body| OperationBody::new(body, None, self));
        };
        let length =
            (response.body().size_hint().exact()).or_else(|| announced_length(response.headers()));
        let ended = details.responded(response.status(), response.version(), length);
        let captured = details.captured(response.headers());
        if !captured.is_empty() {
            self.record(|span| span.set_attributes(captured));
        }
        if let Some(outcome) = ended {
            match outcome {
                Outcome::Upgraded => upgraded(self),
                outcome => self.finish(outcome),
            }
            return response.map(OperationBody::without_operation);
        }
        let (head, body) = response.into_parts();
        let body = if length == Some(0) || body.is_end_stream() {
            self.finish(Outcome::Finished);
            OperationBody::without_operation(body)
        } else {
            OperationBody::new(body, length, self)
        };
        Response::from_parts(head, body)
    }
}

impl<D: Details> Drop for Operation<D> {
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled);
    }
}

struct FinishOnUnwind<'a, D: Details> {
    operation: &'a mut Operation<D>,
    returned: bool,
}

impl<D: Details> Drop for FinishOnUnwind<'_, D> {
    fn drop(&mut self) {
        if !self.returned {
            self.operation.finish(Outcome::Panicked);
        }
    }
}
