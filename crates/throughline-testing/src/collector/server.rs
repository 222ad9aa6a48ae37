//! Listens and serves connections, on a thread and a runtime of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use super::intercept::{Behavior, Protocol, intercept};
use super::store::Store;
use super::{grpc, http};

/// A running server. Dropping it stops it and waits until its sockets are closed.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) http: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(store: &Arc<Store>) -> io::Result<Self> {
        let (http, grpc) = (bind()?, bind()?);
        let (http_address, grpc_address) = (http.local_addr()?, grpc.local_addr()?);
        let endpoints = (
            Endpoint::new(Protocol::Http, store, http::router(Arc::clone(store))),
            Endpoint::new(Protocol::Grpc, store, grpc::router(Arc::clone(store))),
        );
        let (stop, stopped) = oneshot::channel();
        let (started, runtime) = mpsc::channel();
        // The runtime is made and dropped on its own thread: the caller's may belong to a runtime,
        // and those must not drop another one.
        let thread = thread::Builder::new()
            .name("otlp-collector".to_owned())
            .spawn(move || match prepare(http, grpc) {
                Ok((runtime, http, grpc)) => {
                    let _ = started.send(Ok(runtime.handle().clone()));
                    runtime.block_on(async {
                        tokio::select! {
                            _ = stopped => {}
                            () = endpoints.0.serve(http) => {}
                            () = endpoints.1.serve(grpc) => {}
                        }
                    });
                }
                Err(error) => {
                    let _ = started.send(Err(error));
                }
            })?;
        let runtime = runtime.recv().map_err(io::Error::other)??;
        Ok(Self {
            http: http_address,
            grpc: grpc_address,
            runtime,
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic was printed when it happened; a test kit that panics in `drop` would hide
            // the failure of the test.
            let _ = thread.join();
        }
    }
}

fn bind() -> io::Result<StdListener> {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn prepare(
    http: StdListener,
    grpc: StdListener,
) -> io::Result<(Runtime, TcpListener, TcpListener)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let (http, grpc) = (TcpListener::from_std(http)?, TcpListener::from_std(grpc)?);
    drop(entered);
    Ok((runtime, http, grpc))
}

struct Endpoint {
    connections: auto::Builder<TokioExecutor>,
    service: TowerToHyperService<Router>,
    store: Arc<Store>,
}

impl Endpoint {
    fn new(protocol: Protocol, store: &Arc<Store>, router: Router) -> Self {
        let connections = auto::Builder::new(TokioExecutor::new());
        let layer = from_fn_with_state((Arc::clone(store), protocol), intercept);
        Self {
            connections: match protocol {
                Protocol::Http => connections.http1_only(),
                Protocol::Grpc => connections.http2_only(),
            },
            service: TowerToHyperService::new(router.route_layer(layer)),
            store: Arc::clone(store),
        }
    }

    async fn serve(self, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // The client is gone already, or the process is out of file descriptors and gets
                // some back when other tests end.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            if self.store.behavior() == Behavior::Refuse {
                // A reset instead of an orderly end, which is as close as an open port comes to a
                // closed one.
                let _ = stream.set_zero_linger();
            } else {
                let _ = stream.set_nodelay(true);
                self.spawn(stream);
            }
        }
    }

    /// Serves a connection until it ends or is to be refused.
    fn spawn(&self, stream: TcpStream) {
        let (connections, service) = (self.connections.clone(), self.service.clone());
        let mut behavior = self.store.watch_behavior();
        tokio::spawn(async move {
            let refused = behavior.wait_for(|behavior| *behavior == Behavior::Refuse);
            tokio::select! {
                _ = refused => {}
                // A client that goes away is no failure of the collector.
                _ = connections.serve_connection(TokioIo::new(stream), service) => {}
            }
        });
    }
}
