//! What a [`Server`](crate::server::Server) does with a request.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use throughline_otlp::otlp::Protocol;

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<Bytes>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) end: End,
    /// Before each part of the body.
    pub(crate) pause: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Orderly,
    /// So many bytes more.
    After(usize),
    /// The connection or the stream is cut off.
    Cut,
    /// There is not even a head, ever.
    Hang,
    /// The connection is closed without an answer.
    Close,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Vec::new(),
            trailers: None,
            end: End::Orderly,
            pause: None,
        }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        insert(&mut self.headers, name, value);
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body.push(body.into());
        self
    }

    pub(crate) fn trailer(mut self, name: &'static str, value: &str) -> Self {
        insert(self.trailers.get_or_insert_default(), name, value);
        self
    }

    /// A success with this response message.
    pub(crate) fn accepted(protocol: Protocol, message: &[u8]) -> Self {
        match protocol {
            Protocol::Grpc => {
                let mut framed = BytesMut::new();
                framed.put_u8(0);
                framed.put_u32(u32::try_from(message.len()).unwrap());
                framed.put_slice(message);
                Self::grpc(0).body(framed)
            }
            _ => Self::status(200).body(message.to_vec()),
        }
    }

    /// A gRPC answer with this status in its trailers.
    pub(crate) fn grpc(code: u8) -> Self {
        Self::status(200)
            .header("content-type", "application/grpc")
            .trailer("grpc-status", &code.to_string())
    }

    /// A gRPC answer that consists of headers only.
    #[cfg(feature = "grpc")]
    pub(crate) fn grpc_headers_only(code: u8) -> Self {
        Self::status(200)
            .header("content-type", "application/grpc")
            .header("grpc-status", &code.to_string())
    }

    /// The body byte by byte, a hundred of them a second.
    pub(crate) fn trickled(self) -> Self {
        let bytes = self.body.concat().into_iter();
        Self {
            body: bytes.map(|byte| vec![byte].into()).collect(),
            pause: Some(Duration::from_millis(10)),
            ..self
        }
    }

    /// … and then so many bytes more.
    pub(crate) fn and_then(self, bytes: usize) -> Self {
        let end = End::After(bytes);
        Self { end, ..self }
    }

    /// … and then cuts it off.
    pub(crate) fn cut(self) -> Self {
        let end = End::Cut;
        Self { end, ..self }
    }

    pub(crate) fn hang() -> Self {
        let end = End::Hang;
        Self {
            end,
            ..Self::status(200)
        }
    }

    /// No answer but the end of the connection.
    pub(crate) fn close() -> Self {
        let end = End::Close;
        Self {
            end,
            ..Self::status(200)
        }
    }

    /// Whether it says that the server did not take the request.
    pub(crate) fn is_refusal(&self) -> bool {
        let grpc_status = self.trailers.as_ref().and_then(|it| it.get("grpc-status"));
        self.status != 200 || grpc_status.is_some_and(|code| code != "0")
    }
}

fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    headers.insert(HeaderName::from_static(name), value);
}
