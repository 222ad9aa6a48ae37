#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod future;
mod layer;
mod service;
mod settings;

pub use future::ResponseFuture;
pub use layer::{RequestHead, ServerLayer};
pub use service::Server;

pub use http;
pub use opentelemetry;
pub use throughline_core::http_semconv::{IpNetwork, ParseNetworkError, Route};

use throughline_core::OperationBody;
use throughline_core::http_semconv::ServerCall;

/// The response body of a traced service: the inner one, whose end is the end of the span.
pub type ResponseBody<B> = OperationBody<B, ServerCall>;
