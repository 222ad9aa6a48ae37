//! How a [`Server`](crate::server::Server) receives a connection.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::support::Gate;

#[cfg(feature = "tls")]
pub(crate) type Acceptor = tokio_rustls::TlsAcceptor;
/// There is none.
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub(crate) enum Acceptor {}

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What happens to a connection before there is a request.
#[derive(Default)]
pub(crate) struct Reception {
    /// The server takes a connection, and its thread waits here.
    pub(crate) door: Option<Gate>,
    /// What is sent in place of all answers. When that is nothing, the connection is reset.
    pub(crate) garbage: Option<&'static [u8]>,
    pub(crate) tls: Option<Acceptor>,
}

impl Reception {
    pub(crate) fn wait(&self) {
        if let Some(door) = &self.door {
            door.wait();
        }
    }

    /// None when there is nothing to be served.
    pub(crate) async fn receive(&self, stream: TcpStream) -> Option<Box<dyn Io>> {
        if let Some(garbage) = self.garbage {
            babble(&stream, garbage).await;
            return None;
        }
        match &self.tls {
            Some(tls) => handshake(stream, tls).await,
            None => Some(Box::new(stream)),
        }
    }
}

/// Says this and listens until the client leaves. When there is nothing to say, what the client sent stays unread, which
/// resets the connection.
async fn babble(stream: &TcpStream, garbage: &[u8]) {
    let would_block = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    while stream.readable().await.is_ok() && !garbage.is_empty() {
        match stream.try_read(&mut [0; 1024]) {
            // Once would do.
            Ok(1..) => drop(stream.try_write(garbage)),
            Err(error) if would_block(&error) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

#[cfg(feature = "tls")]
async fn handshake(stream: TcpStream, tls: &Acceptor) -> Option<Box<dyn Io>> {
    let stream = tls.accept(stream).await.ok()?;
    Some(Box::new(stream))
}

#[cfg(not(feature = "tls"))]
#[allow(clippy::unused_async, reason = "as the other one")]
async fn handshake(_: TcpStream, tls: &Acceptor) -> Option<Box<dyn Io>> {
    match *tls {}
}
