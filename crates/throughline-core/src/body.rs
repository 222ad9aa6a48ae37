//! The response body that keeps an operation alive until its last byte.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::operation::{Details, HttpDetails, Operation, Outcome};

pin_project! {
    /// A response body that finishes its operation when it ends, fails or is dropped.
    ///
    /// A body has ended when it returns no more frames, when it says so itself (`is_end_stream`), with its trailers, and
    /// when the bytes that went through reach the length announced: hyper drops such bodies without polling them to
    /// their end.
    #[derive(Debug)]
    pub struct OperationBody<B, D: Details> {
        #[pin]
        inner: B,
        remaining: Option<u64>,
        operation: Option<Operation<D>>,
    }
}

impl<B: Body, D: Details> OperationBody<B, D> {
    /// A body that finishes `operation`, after `length` bytes at the latest where that is known.
    pub(crate) fn new(inner: B, length: Option<u64>, operation: Operation<D>) -> Self {
        Self {
            inner,
            remaining: length,
            operation: Some(operation),
        }
    }

    /// A body that finishes nothing.
    pub fn without_operation(inner: B) -> Self {
        Self {
            inner,
            remaining: None,
            operation: None,
        }
    }
}

/// A body that finishes nothing, for layers that respond in the place of a service (the timeout of tower-http, say).
impl<B: Body + Default, D: Details> Default for OperationBody<B, D> {
    fn default() -> Self {
        Self::without_operation(B::default())
    }
}

/// What `content-length` says. None where it is no number, or no length that anything has: past it sums would overflow.
pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    const MAX_DIGITS: usize = 15;
    let digits = headers.get(CONTENT_LENGTH)?.as_bytes();
    let is_number = digits.len() <= MAX_DIGITS && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(digits).ok()?.parse().ok())?
}

impl<B, D> Body for OperationBody<B, D>
where
    B: Body<Error: 'static>,
    D: HttpDetails,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(operation) = this.operation else {
            return this.inner.poll_frame(cx);
        };
        let polled = operation.enter(|| this.inner.as_mut().poll_frame(cx));
        match &polled {
            Poll::Pending => return polled,
            Poll::Ready(None) => operation.finish(Outcome::Finished),
            Poll::Ready(Some(Err(error))) => operation.fail(error),
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    let bytes = data.remaining() as u64;
                    if let Some(remaining) = this.remaining {
                        *remaining = remaining.saturating_sub(bytes);
                    }
                    if let Some(details) = operation.details_mut() {
                        details.passed(bytes);
                    }
                }
                let is_last =
                    *this.remaining == Some(0) || this.inner.is_end_stream() || frame.is_trailers();
                if !is_last {
                    return polled;
                }
                operation.finish(Outcome::Finished);
            }
        }
        *this.operation = None;
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
