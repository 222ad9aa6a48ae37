//! The body that carries an operation to its end.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use ::http::{HeaderMap, Response};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use throughline_core::{OperationBody, Outcome};
use throughline_testing::InMemory;

use crate::support::{Probe, current_span, poll_once, probed, ready};

/// What a body does at a poll.
#[derive(Clone, Copy)]
enum Step {
    Data(&'static str),
    Trailers,
    Pending,
    Fail,
    Panic,
}

use Step::{Data, Fail, Panic, Pending, Trailers};

#[derive(Debug)]
struct Failure;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl std::error::Error for Failure {}

/// A body that follows a script.
struct Script {
    steps: VecDeque<Step>,
    /// Whether `is_end_stream` tells the end.
    tells_end: bool,
    hint: SizeHint,
    /// The span that was current at each poll.
    polled_in: Arc<Mutex<Vec<String>>>,
}

fn script(steps: &[Step]) -> Script {
    Script {
        steps: steps.iter().copied().collect(),
        tells_end: false,
        hint: SizeHint::new(),
        polled_in: Arc::default(),
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        let this = self.get_mut();
        this.polled_in.lock().unwrap().push(current_span());
        match this.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Data(data)) => Poll::Ready(Some(Ok(Frame::data(data.into())))),
            Some(Trailers) => Poll::Ready(Some(Ok(Frame::trailers(HeaderMap::new())))),
            Some(Pending) => Poll::Pending,
            Some(Fail) => Poll::Ready(Some(Err(Failure))),
            Some(Panic) => panic!("in the body"),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.tells_end && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

type Frames = Option<Result<Frame<Bytes>, Failure>>;

fn poll(body: &mut OperationBody<Script, Probe>) -> Poll<Frames> {
    poll_once(|cx| Pin::new(body).poll_frame(cx))
}

/// Answers with `body` and polls it `polls` times: the operation has then `expected`, and at last exactly one outcome
/// and one span.
#[track_caller]
fn check(body: Script, length: Option<&str>, polls: usize, expected: Option<Outcome>) {
    let memory = InMemory::new();
    let probe = Probe::default();
    let mut response = Response::new(body);
    if let Some(length) = length {
        let headers = response.headers_mut();
        headers.insert("content-length", length.parse().unwrap());
    }
    let mut body = probed(&memory, &probe).respond(response).into_body();
    for _ in 0..polls {
        assert_eq!(probe.outcomes(), [], "finished before its end");
        let _ = catch_unwind(AssertUnwindSafe(|| poll(&mut body)));
    }
    assert_eq!(probe.outcomes(), Vec::from_iter(expected));
    assert_eq!(memory.spans().len(), usize::from(expected.is_some()));
    drop(body);
    assert_eq!(probe.outcomes(), [expected.unwrap_or(Outcome::Cancelled)]);
    assert_eq!(memory.spans().len(), 1);
}

const FINISHED: Option<Outcome> = Some(Outcome::Finished);

#[test]
fn a_body_finishes_with_its_last_frame() {
    check(script(&[]), None, 1, FINISHED);
    check(script(&[Data("ab"), Pending, Data("c")]), None, 4, FINISHED);
    // Nothing follows trailers, and hyper does not ask.
    check(script(&[Data("ab"), Trailers]), None, 2, FINISHED);
}

#[test]
fn a_body_finishes_when_it_says_so() {
    let tells_end = |steps| Script {
        tells_end: true,
        ..script(steps)
    };
    check(tells_end(&[]), None, 0, FINISHED);
    check(tells_end(&[Data("ab"), Data("c")]), None, 2, FINISHED);
    check(tells_end(&[Data("ab"), Trailers]), None, 2, FINISHED);
}

#[test]
fn a_body_finishes_with_the_last_announced_byte() {
    check(script(&[]), Some("0"), 0, FINISHED);
    check(script(&[Data("ab"), Data("c")]), Some("3"), 2, FINISHED);
    // More than was announced, and less.
    check(script(&[Data("abcd")]), Some("3"), 1, FINISHED);
    check(script(&[Data("ab")]), Some("3"), 2, FINISHED);
    // Nonsense announces nothing.
    for nonsense in ["", "3, 3", "-1", "99999999999999999999999"] {
        check(script(&[Data("abc")]), Some(nonsense), 2, FINISHED);
    }
    let exactly = |length, steps| Script {
        hint: SizeHint::with_exact(length),
        ..script(steps)
    };
    check(exactly(0, &[]), None, 0, FINISHED);
    check(exactly(3, &[Data("ab"), Data("c")]), None, 2, FINISHED);
}

#[test]
fn a_default_body_finishes_nothing() {
    let mut body = OperationBody::<String, Probe>::default();
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(ready(poll_once(|cx| Pin::new(&mut body).poll_frame(cx))).is_none());
}

#[test]
fn a_body_that_fails_is_an_error() {
    let expected = Some(Outcome::Error("it::body::Failure"));
    check(script(&[Fail]), None, 1, expected);
    check(script(&[Data("ab"), Fail]), Some("3"), 2, expected);
}

#[test]
fn a_body_that_panics_has_panicked() {
    check(
        script(&[Data("a"), Panic]),
        None,
        2,
        Some(Outcome::Panicked),
    );
}

#[test]
fn an_unfinished_body_that_is_dropped_is_cancelled() {
    check(script(&[Data("ab")]), None, 0, None);
    check(script(&[Data("ab"), Pending]), Some("3"), 2, None);
}

#[test]
fn a_response_that_ends_with_its_head_is_over_at_once() {
    for outcome in [Outcome::Finished, Outcome::Upgraded] {
        let memory = InMemory::new();
        let probe = Probe::ending_with_head(outcome);
        // A HEAD response announces the length that a GET would have.
        let response = Response::builder()
            .header("content-length", "3")
            .body(script(&[Data("abc")]));
        let response = probed(&memory, &probe).respond(response.unwrap());
        assert_eq!(probe.outcomes(), [outcome]);
        drop(response);
        assert_eq!(probe.outcomes(), [outcome]);
        assert_eq!(memory.spans().len(), 1);
    }
}

#[test]
fn frames_and_hints_pass_through() {
    let memory = InMemory::new();
    let mut hint = SizeHint::new();
    hint.set_lower(2);
    hint.set_upper(9);
    let script = Script {
        hint,
        tells_end: true,
        ..script(&[Data("ab"), Trailers])
    };
    let operation = probed(&memory, &Probe::default());
    let mut body = operation.respond(Response::new(script)).into_body();
    assert_eq!(format!("{:?}", body.size_hint()), format!("{hint:?}"));
    assert!(!body.is_end_stream());
    let data = ready(poll(&mut body)).unwrap().unwrap();
    assert_eq!(data.into_data().unwrap(), "ab");
    let trailers = ready(poll(&mut body)).unwrap().unwrap();
    assert!(trailers.is_trailers());
    assert!(body.is_end_stream());
    assert!(ready(poll(&mut body)).is_none());
}

#[test]
fn a_body_is_polled_in_the_context_of_its_operation() {
    let memory = InMemory::new();
    let outside = current_span();
    let script = script(&[Data("ab"), Pending]);
    let polled_in = Arc::clone(&script.polled_in);
    let operation = probed(&memory, &Probe::default());
    let mut body = operation.respond(Response::new(script)).into_body();
    for _ in 0..2 {
        let _ = poll(&mut body);
        assert_eq!(current_span(), outside);
    }
    drop(body);
    let span = memory.spans()[0].span_id.to_string();
    assert_eq!(*polled_in.lock().unwrap(), [span.clone(), span]);
}
