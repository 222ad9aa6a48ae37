//! TLS by rustls with ring, directly on its Tokio streams: of hyper-rustls only the connector would be used, and it keeps
//! to itself which side refused.

mod connector;
mod explain;
mod setup;
mod stream;

pub(super) use self::connector::Connector;
pub(super) use self::explain::Refusal;
