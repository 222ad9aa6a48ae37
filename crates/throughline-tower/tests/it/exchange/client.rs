//! A client with one connection, for HTTP/1.1 and HTTP/2.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::AnyBody;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// The value of `network.protocol.version`.
    pub(crate) fn version(self) -> &'static str {
        match self {
            Self::Http1 => "1.1",
            Self::Http2 => "2",
        }
    }
}

/// A client with one connection, which is cut when the client is dropped.
pub(crate) struct Client {
    sender: Sender,
    tasks: Tasks,
}

enum Sender {
    Http1(http1::SendRequest<AnyBody>),
    Http2(http2::SendRequest<AnyBody>),
}

/// The client's tasks, which end with it: hyper's own would first close the connection in good order.
#[derive(Clone, Default)]
struct Tasks(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        let future = async move {
            future.await;
        };
        self.0.lock().unwrap().spawn(future);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.tasks.0.lock().unwrap().abort_all();
    }
}

impl Client {
    pub(crate) async fn new(socket: TcpStream, protocol: Protocol) -> Self {
        socket.set_nodelay(true).unwrap();
        let tasks = Tasks::default();
        let io = TokioIo::new(socket);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.unwrap();
                tasks.execute(connection.with_upgrades());
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(tasks.clone(), io).await.unwrap();
                tasks.execute(connection);
                Sender::Http2(sender)
            }
        };
        Self { sender, tasks }
    }

    /// A request that this client can send.
    pub(crate) fn request(&self, method: Method, path: &str) -> Request<AnyBody> {
        let body = Empty::new().map_err(|never| match never {});
        let mut request = Request::new(body.boxed_unsync());
        *request.method_mut() = method;
        let headers = request.headers_mut();
        headers.insert("accept-encoding", HeaderValue::from_static("gzip"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        match self.sender {
            Sender::Http1(_) => {
                headers.insert("host", HeaderValue::from_static("localhost"));
                *request.uri_mut() = path.parse().unwrap();
            }
            Sender::Http2(_) => {
                *request.version_mut() = Version::HTTP_2;
                *request.uri_mut() = format!("http://localhost{path}").parse().unwrap();
            }
        }
        request
    }

    /// Sends a request; what is returned resolves with the head of the response, and dropped takes the request back.
    pub(crate) fn send(
        &mut self,
        request: Request<AnyBody>,
    ) -> Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>> {
        match &mut self.sender {
            Sender::Http1(sender) => Box::pin(sender.send_request(request)),
            Sender::Http2(sender) => Box::pin(sender.send_request(request)),
        }
    }

    /// Waits until the next request can be sent.
    pub(crate) async fn ready(&mut self) {
        match &mut self.sender {
            Sender::Http1(sender) => sender.ready().await.unwrap(),
            Sender::Http2(sender) => sender.ready().await.unwrap(),
        }
    }

    pub(crate) fn is_connected(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) async fn read(response: Response<Incoming>) -> hyper::Result<Self> {
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        Ok(Self {
            status: head.status,
            headers: head.headers,
            trailers: body.trailers().cloned(),
            body: body.to_bytes(),
        })
    }
}
