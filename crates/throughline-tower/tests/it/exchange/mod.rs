//! One exchange over a real connection: a client that does as it is told, a server, and a witness between the two.

mod client;
mod witness;

pub(crate) use client::{Answer, Client, Protocol};
pub(crate) use witness::{Event, Log, Traced};

use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use throughline_testing::InMemory;
use throughline_tower::ServerLayer;
use tokio::net::{TcpListener, TcpStream};
use tower::util::BoxCloneService;
use tower::{BoxError, Service, ServiceExt};

/// What a server can serve.
pub(crate) type AnyService =
    BoxCloneService<Request<Incoming>, Response<UnsyncBoxBody<Bytes, io::Error>>, io::Error>;

pub(crate) fn any<S, B>(service: S) -> AnyService
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service.map_response(|response: Response<B>| {
        response.map(|body| body.map_err(io::Error::other).boxed_unsync())
    });
    BoxCloneService::new(service.map_err(io::Error::other))
}

/// Serves one connection, after which the log is whole.
pub(crate) async fn serve_one(
    memory: &InMemory,
    layer: ServerLayer,
    app: fn(&Traced) -> AnyService,
    protocol: Protocol,
) -> (Client, Log) {
    let (traced, log) = Traced::new(memory, layer);
    let service = app(&traced);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let server = auto::Builder::new(TokioExecutor::new());
        let service = TowerToHyperService::new(service);
        // However the connection ends: it is the witness who tells.
        server
            .serve_connection_with_upgrades(TokioIo::new(socket), service)
            .await
            .ok();
    });
    let socket = TcpStream::connect(address).await.unwrap();
    (Client::new(socket, protocol).await, log)
}
