use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::explain::Explain;

/// A connection, with TLS or without.
pub(crate) enum Stream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<Tls>),
}

/// A connection that notes why the server refuses it.
///
/// In TLS 1.3 a server looks at the client's certificate after the client's handshake is done. So its refusal arrives as
/// an error of the first read, of which the HTTP library keeps no more than a text over HTTP/2; or it is not read at all,
/// since the server closes at once and the first write fails before.
pub(crate) struct Tls {
    io: TokioIo<TlsStream<TcpStream>>,
    explain: Arc<Explain>,
    /// The error of a write that waits for the server's reason.
    broken: Option<io::Error>,
}

impl Tls {
    pub(super) fn new(stream: TlsStream<TcpStream>, explain: Arc<Explain>) -> Self {
        Self {
            io: TokioIo::new(stream),
            explain,
            broken: None,
        }
    }

    fn write<T>(
        &mut self,
        task: &mut Context<'_>,
        write: impl FnOnce(
            Pin<&mut TokioIo<TlsStream<TcpStream>>>,
            &mut Context<'_>,
        ) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.broken.is_none() {
            match write(Pin::new(&mut self.io), task) {
                Poll::Ready(Err(error)) if !self.explain.note(&error) => self.broken = Some(error),
                other => return other,
            }
        }
        // A broken connection can be read from at once, if only its end.
        let mut space = [0; 64];
        let mut buffer = ReadBuf::new(&mut space);
        match Pin::new(&mut self.io).poll_read(task, buffer.unfilled()) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(reason)) => {
                self.explain.note(&reason);
            }
            Poll::Ready(Ok(())) => {}
        }
        let error = self.broken.take();
        Poll::Ready(Err(
            error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())
        ))
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Plain(io) => io.connected(),
            Self::Tls(tls) => tls.io.inner().get_ref().0.connected(),
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(io) => Pin::new(io).poll_read(task, buffer),
            Self::Tls(tls) => {
                let read = Pin::new(&mut tls.io).poll_read(task, buffer);
                if let Poll::Ready(Err(error)) = &read {
                    tls.explain.note(error);
                }
                read
            }
        }
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(io) => Pin::new(io).poll_write(task, bytes),
            Self::Tls(tls) => tls.write(task, |io, task| io.poll_write(task, bytes)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(io) => Pin::new(io).poll_flush(task),
            Self::Tls(tls) => tls.write(task, Write::poll_flush),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Plain(io) => Pin::new(io).poll_shutdown(task),
            Self::Tls(tls) => Pin::new(&mut tls.io).poll_shutdown(task),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Tls(tls) => tls.io.is_write_vectored(),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(task, slices),
            Self::Tls(tls) => tls.write(task, |io, task| io.poll_write_vectored(task, slices)),
        }
    }
}
