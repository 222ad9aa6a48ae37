//! The HTTP rules of the OpenTelemetry semantic conventions 1.44, for servers and clients.
//!
//! <https://opentelemetry.io/docs/specs/semconv/http/>

mod client;
mod endpoint;
mod forwarded;
mod headers;
mod method;
mod metrics;
mod network;
mod path;
mod route;
mod server;
mod settings;
mod url;

pub use client::{
    ClientCall, ClientMetrics, ClientRequest, ClientSettings, Destinations, ErrorTypes, Hosts,
    PeerFinder, UrlTemplate, causes, is_tls,
};
pub use endpoint::{default_port, split_host};
pub use headers::CapturedHeaders;
pub use method::KnownMethods;
pub use network::{IpNetwork, ParseNetworkError};
pub use path::PathPatterns;
pub use route::Route;
pub use server::{Finish, FinishHook, Labels, ServerCall, ServerMetrics, ServerRequest, Treatment};
pub use settings::HttpSettings;
pub use url::{SENSITIVE_QUERY_KEYS, redact_query, redact_url};

use std::borrow::Cow;

use http::{StatusCode, Version};
use opentelemetry::{Key, KeyValue};

use crate::operation::Outcome;

// Names of attributes, as constants of the API's key type.
const ERROR_TYPE: Key = Key::from_static_str("error.type");
const METHOD: Key = Key::from_static_str("http.request.method");
const METHOD_ORIGINAL: Key = Key::from_static_str("http.request.method_original");
const RESEND_COUNT: Key = Key::from_static_str("http.request.resend_count");
const STATUS_CODE: Key = Key::from_static_str("http.response.status_code");
const ROUTE: Key = Key::from_static_str("http.route");
const PEER_ADDRESS: Key = Key::from_static_str("network.peer.address");
const PEER_PORT: Key = Key::from_static_str("network.peer.port");
const PROTOCOL_VERSION: Key = Key::from_static_str("network.protocol.version");
const SERVER_ADDRESS: Key = Key::from_static_str("server.address");
const SERVER_PORT: Key = Key::from_static_str("server.port");
const CLIENT_ADDRESS: Key = Key::from_static_str("client.address");
const CLIENT_PORT: Key = Key::from_static_str("client.port");
const REQUEST_SIZE: Key = Key::from_static_str("http.request.body.size");
const RESPONSE_SIZE: Key = Key::from_static_str("http.response.body.size");
const TRANSPORT: Key = Key::from_static_str("network.transport");
const LOCAL_ADDRESS: Key = Key::from_static_str("network.local.address");
const LOCAL_PORT: Key = Key::from_static_str("network.local.port");
const SYNTHETIC_TYPE: Key = Key::from_static_str("user_agent.synthetic.type");
const URL_FULL: Key = Key::from_static_str("url.full");
const URL_PATH: Key = Key::from_static_str("url.path");
const URL_QUERY: Key = Key::from_static_str("url.query");
const URL_SCHEME: Key = Key::from_static_str("url.scheme");
const URL_TEMPLATE: Key = Key::from_static_str("url.template");
const USER_AGENT: Key = Key::from_static_str("user_agent.original");

/// The `error.type` of a dropped operation and of a panicked one.
const CANCELLED: &str = "cancelled";
const PANIC: &str = "panic";
/// The conventions' `error.type` for what has no name of its own.
const OTHER: &str = "_OTHER";

/// `network.protocol.version`: `1.1`, `2`, never `2.0`.
fn protocol_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_09 => Some("0.9"),
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

/// The `error.type` for errors of type `E`: the type's path, or `_OTHER` where that says nothing.
#[must_use]
pub fn error_type_of<E: ?Sized>() -> &'static str {
    let name = std::any::type_name::<E>();
    if name.contains("dyn ") { OTHER } else { name }
}

/// How much of a text of a request is recorded, in bytes: as much of a URI as every server should take (RFC 9110,
/// section 4.1).
const MAX_TEXT: usize = 8000;

/// The first [`MAX_TEXT`] bytes, but no half of a character.
fn bounded(text: &str) -> &str {
    &text[..boundary(text.as_bytes(), MAX_TEXT)]
}

/// The end of the first `max` bytes, but not in the middle of a character.
fn boundary(text: &[u8], max: usize) -> usize {
    let mut end = text.len().min(max);
    while end > 0 && end < text.len() && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    end
}

/// Why an operation is an error, if it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Status(StatusCode),
    Cancelled,
    Panicked,
    Other(&'static str),
}

impl Failure {
    /// The failure of an operation with `outcome`. A status that is an error by itself names the reason best.
    fn of(
        outcome: Outcome,
        status: Option<StatusCode>,
        is_error: impl Fn(StatusCode) -> bool,
    ) -> Option<Self> {
        if let Some(status) = status.filter(|&status| is_error(status)) {
            return Some(Self::Status(status));
        }
        match outcome {
            Outcome::Finished | Outcome::Upgraded => None,
            Outcome::Error(error_type) => Some(Self::Other(error_type)),
            Outcome::Cancelled => Some(Self::Cancelled),
            Outcome::Panicked => Some(Self::Panicked),
        }
    }

    fn error_type(self) -> KeyValue {
        let value: Cow<'static, str> = match self {
            Self::Status(status) => status.as_str().to_owned().into(),
            Self::Cancelled => CANCELLED.into(),
            Self::Panicked => PANIC.into(),
            Self::Other(error_type) => error_type.into(),
        };
        KeyValue::new(ERROR_TYPE, value)
    }

    /// The description of the span's status: none where an attribute gives the reason already.
    fn description(self, responded: bool) -> &'static str {
        match self {
            Self::Status(_) | Self::Other(_) => "",
            Self::Cancelled if responded => "dropped before the end of the response body",
            Self::Cancelled => "dropped before the response",
            Self::Panicked => "panicked",
        }
    }
}
