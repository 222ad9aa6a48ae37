//! What a layer does for some requests only, and what it does more than by default. Held behind one pointer: a layer
//! without any of it pays for a look at that.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::{Request, Response};
use throughline_core::http_semconv::{FinishHook, ServerCall, Treatment};
use throughline_core::{Operation, RecordingSpan};

use crate::connection::{ConnectionSpan, WeakConnectionSpan};
use crate::head::{RequestHead, ResponseHead};
use crate::trace_response::TraceResponse;

type Predicate = Arc<dyn Fn(RequestHead<'_>) -> bool + Send + Sync>;
type RequestHook = Arc<dyn Fn(RequestHead<'_>, &RecordingSpan<'_>) + Send + Sync>;
type ResponseHook = Arc<dyn Fn(ResponseHead<'_>, &RecordingSpan<'_>) + Send + Sync>;

#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) filter: Option<Predicate>,
    pub(crate) is_public: Option<Predicate>,
    pub(crate) on_request: Option<RequestHook>,
    pub(crate) on_response: Option<ResponseHook>,
    pub(crate) on_finish: Option<FinishHook>,
    pub(crate) trace_response: TraceResponse,
    pub(crate) upgraded_connections: bool,
}

impl Options {
    pub(crate) fn treatment<B>(&self, request: &Request<B>) -> Treatment {
        // What a predicate that panics would have said is not known: the request is traced, and its caller not trusted.
        let ask = |predicate: &Predicate| {
            let asked = AssertUnwindSafe(|| predicate(RequestHead::of(request)));
            catch_unwind(asked).unwrap_or(true)
        };
        Treatment {
            is_public: self.is_public.as_ref().is_some_and(ask),
            is_left_out: self.filter.as_ref().is_some_and(|filter| !ask(filter)),
        }
    }

    /// Puts the span of a connection into the request, where that is asked for.
    pub(crate) fn connection<B>(&self, request: &mut Request<B>) -> Option<WeakConnectionSpan> {
        self.upgraded_connections.then(|| {
            let (connection, weak) = ConnectionSpan::new();
            request.extensions_mut().insert(connection);
            weak
        })
    }

    pub(crate) fn started<B>(&self, operation: &mut Operation<ServerCall>, request: &Request<B>) {
        let renamed = (self.on_request.as_ref())
            .is_some_and(|hook| operation.record(|span| hook(RequestHead::of(request), span)));
        if let Some(call) = operation.details_mut() {
            if renamed {
                call.keep_name();
            }
            if let Some(hook) = &self.on_finish {
                call.on_finish(Arc::clone(hook));
            }
        }
    }

    pub(crate) fn responded<B>(
        &self,
        operation: &mut Operation<ServerCall>,
        response: &mut Response<B>,
    ) {
        let renamed = (self.on_response.as_ref())
            .is_some_and(|hook| operation.record(|span| hook(ResponseHead::of(response), span)));
        if renamed && let Some(call) = operation.details_mut() {
            call.keep_name();
        }
        self.trace_response
            .write(operation.context(), response.headers_mut());
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("filter", &self.filter.is_some())
            .field("is_public", &self.is_public.is_some())
            .field("on_request", &self.on_request.is_some())
            .field("on_response", &self.on_response.is_some())
            .field("on_finish", &self.on_finish.is_some())
            .field("trace_response", &self.trace_response)
            .field("upgraded_connections", &self.upgraded_connections)
            .finish()
    }
}
