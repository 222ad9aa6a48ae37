//! A server that answers exports as it is told, over HTTP/1.1 or HTTP/2, with TLS or without, and reports what it sees.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Context, Poll, ready};
use std::thread;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
#[cfg(feature = "grpc")]
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use throughline_otlp::otlp::{OtlpConfig, Protocol};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::{Interval, interval};

use crate::reception::{Acceptor, Io, Reception};
use crate::reply::{End, Reply};
use crate::support::AMPLE;

/// Both protocols, as far as they are compiled in.
pub(crate) const PROTOCOLS: &[Protocol] = &[
    Protocol::HttpProtobuf,
    #[cfg(feature = "grpc")]
    Protocol::Grpc,
];

/// Checks both protocols at the same time, where that takes a while.
pub(crate) fn both(check: impl Fn(Protocol) + Copy + Send) {
    thread::scope(|scope| {
        for &protocol in PROTOCOLS {
            scope.spawn(move || check(protocol));
        }
    });
}

/// What the server saw.
#[derive(Debug)]
pub(crate) enum Seen {
    Request(Export),
    /// The client went away before the answer was complete.
    Gone,
}

#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Script = dyn Fn(usize) -> Reply + Send + Sync;

/// A port that is taken and where nobody listens, so that connections are refused.
pub(crate) struct Port {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { socket, address }
    }

    /// How to send traces there.
    pub(crate) fn config(&self, protocol: Protocol, scheme: &str) -> OtlpConfig {
        config(self.address, protocol, scheme)
    }

    /// Asks the script for each reply, with the number of the request from 0.
    pub(crate) fn listen(
        self,
        protocol: Protocol,
        reception: Reception,
        script: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let listener = {
            let _entered = runtime.enter();
            self.socket.listen(1024).unwrap()
        };
        let (report, seen) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let counts = Arc::new(Counts::default());
        let shared = Arc::new(Shared {
            protocol,
            reception,
            report,
            script: Box::new(script),
            counts: Arc::clone(&counts),
        });
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    () = shared.accept(listener) => {}
                }
            });
        });
        Server {
            address: self.address,
            protocol,
            seen,
            counts,
            _stop: stop,
        }
    }
}

fn config(address: SocketAddr, protocol: Protocol, scheme: &str) -> OtlpConfig {
    let base = format!("{scheme}://{address}");
    let mut config = OtlpConfig::new(match protocol {
        Protocol::Grpc => base,
        _ => format!("{base}/v1/traces"),
    });
    config.protocol = protocol;
    config.timeout = AMPLE;
    config
}

/// Stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    protocol: Protocol,
    seen: Receiver<Seen>,
    counts: Arc<Counts>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
    sent: AtomicUsize,
}

impl Server {
    /// Asks the script for each reply, with the number of the request from 0.
    pub(crate) fn start(
        protocol: Protocol,
        script: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::with_tls(protocol, None, script)
    }

    pub(crate) fn with_tls(
        protocol: Protocol,
        tls: Option<Acceptor>,
        script: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let reception = Reception {
            tls,
            ..Reception::default()
        };
        Port::reserve().listen(protocol, reception, script)
    }

    /// How to send traces to it, if it has no TLS.
    pub(crate) fn config(&self) -> OtlpConfig {
        self.config_for("http")
    }

    pub(crate) fn config_for(&self, scheme: &str) -> OtlpConfig {
        config(self.address, self.protocol, scheme)
    }

    #[track_caller]
    pub(crate) fn next(&self) -> Seen {
        let seen = self.seen.recv_timeout(AMPLE);
        seen.expect("the server sees something")
    }

    #[track_caller]
    pub(crate) fn next_export(&self) -> Export {
        match self.next() {
            Seen::Request(export) => export,
            Seen::Gone => panic!("the client went away"),
        }
    }

    /// The requests so far that were not looked at yet.
    pub(crate) fn exports(&self) -> impl Iterator<Item = Export> {
        self.seen.try_iter().filter_map(|seen| match seen {
            Seen::Request(export) => Some(export),
            Seen::Gone => None,
        })
    }

    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// Bytes of endless bodies that were taken from it.
    pub(crate) fn sent(&self) -> usize {
        self.counts.sent.load(Ordering::SeqCst)
    }
}

struct Shared {
    protocol: Protocol,
    reception: Reception,
    report: Sender<Seen>,
    script: Box<Script>,
    counts: Arc<Counts>,
}

impl Shared {
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            self.counts.connections.fetch_add(1, Ordering::SeqCst);
            self.reception.wait();
            let shared = Arc::clone(&self);
            tokio::spawn(async move {
                if let Some(stream) = shared.reception.receive(stream).await {
                    shared.serve(stream).await;
                }
            });
        }
    }

    async fn serve(self: Arc<Self>, stream: Box<dyn Io>) {
        let protocol = self.protocol;
        let service = service_fn(move |request| Arc::clone(&self).answer(request));
        let stream = TokioIo::new(stream);
        // A client that goes away is what some tests are about.
        let _: Result<(), hyper::Error> = match protocol {
            #[cfg(feature = "grpc")]
            Protocol::Grpc => {
                let executor = hyper_util::rt::TokioExecutor::new();
                http2::Builder::new(executor)
                    .serve_connection(stream, service)
                    .await
            }
            _ => {
                http1::Builder::new()
                    .serve_connection(stream, service)
                    .await
            }
        };
    }

    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> io::Result<Response<ReplyBody>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let reply = (self.script)(self.counts.requests.fetch_add(1, Ordering::SeqCst));
        let export = Export {
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body,
        };
        // The test may be over.
        let _ = self.report.send(Seen::Request(export));
        let mut gone = Gone(Some(self.report.clone()));
        match reply.end {
            End::Hang => std::future::pending().await,
            End::Close => Err(io::ErrorKind::Other.into()),
            end => {
                if end == End::Orderly {
                    gone.0 = None;
                }
                let mut response = Response::new(ReplyBody {
                    chunks: reply.body.into(),
                    trailers: reply.trailers,
                    end,
                    pause: reply.pause.map(interval),
                    counts: Arc::clone(&self.counts),
                    _gone: gone,
                });
                *response.status_mut() = reply.status.try_into().unwrap();
                *response.headers_mut() = reply.headers;
                Ok(response)
            }
        }
    }
}

struct Gone(Option<Sender<Seen>>);

impl Drop for Gone {
    fn drop(&mut self) {
        if let Some(report) = self.0.take() {
            let _ = report.send(Seen::Gone);
        }
    }
}

struct ReplyBody {
    chunks: VecDeque<Bytes>,
    trailers: Option<HeaderMap>,
    end: End,
    pause: Option<Interval>,
    counts: Arc<Counts>,
    _gone: Gone,
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.poll_tick(task));
        }
        if let Some(chunk) = self.chunks.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match self.end {
            End::Cut => {
                // Once more, so that what is there is sent before.
                self.end = End::Close;
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            End::Close => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            End::After(left @ 1..) => {
                let chunk = Bytes::from_static(&[0; 64 * 1024]);
                self.counts.sent.fetch_add(chunk.len(), Ordering::SeqCst);
                self.end = End::After(left.saturating_sub(chunk.len()));
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            End::Orderly | End::After(0) | End::Hang => {}
        }
        let trailers = self.trailers.take();
        Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
    }
}
