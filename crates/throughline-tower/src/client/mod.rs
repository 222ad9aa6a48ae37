//! The layer for clients.

mod future;
mod layer;
mod resends;
mod service;
mod settings;

pub use future::ClientResponseFuture;
pub use layer::ClientLayer;
pub use resends::Resends;
pub use service::Client;

use throughline_core::OperationBody;
use throughline_core::http_semconv::ClientCall;

/// The response body of a traced client: the inner one, whose end is the end of the span.
pub type ClientResponseBody<B> = OperationBody<B, ClientCall>;
