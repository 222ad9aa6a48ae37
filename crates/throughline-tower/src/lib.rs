#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod client;
mod connection;
mod future;
mod head;
mod layer;
mod options;
mod service;
mod setters;
mod settings;
mod trace_response;

pub use client::{Client, ClientLayer, ClientResponseBody, ClientResponseFuture, Resends};
pub use connection::ConnectionSpan;
pub use future::ResponseFuture;
pub use head::{Encrypted, LocalAddress, PeerAddress, RequestHead, ResponseHead};
pub use layer::ServerLayer;
pub use service::Server;

pub use http;
pub use opentelemetry;
pub use throughline_core::http_semconv::{
    Finish, IpNetwork, Labels, ParseNetworkError, Route, UrlTemplate, causes, is_tls,
};

pub use throughline_core::{Outcome, RecordingSpan};

use throughline_core::OperationBody;
use throughline_core::http_semconv::ServerCall;

/// The response body of a traced service: the inner one, whose end is the end of the span.
pub type ResponseBody<B> = OperationBody<B, ServerCall>;
