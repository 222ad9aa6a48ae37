//! Every way in which an exchange ends, over real connections with HTTP/1.1 and HTTP/2.
//!
//! What is expected follows from the conventions for HTTP (`http-spans/#status`, `#name`, `http-metrics/#http-server`):
//!
//! - 5xx are errors of a server, and `error.type` is the code; 4xx are the client's, and no error.
//! - A response that was not sent in full is an error: `cancelled` where the server was made to drop it, `panic`, or the
//!   type of the error. Its status code is recorded as far as there was one, and no other is made up.
//! - What an inner layer makes of it is the service's own response; what an outer one does then, the span cannot know.
//! - There is one span and one measurement, and they last until the server has taken the last of the response: the head
//!   where nothing of HTTP follows, the frame that completes the announced length or says that it is the last one, else
//!   the end after it.

mod table;

use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use throughline_testing::InMemory;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::exchange::Event::{Called, Dropped, Failed};
use crate::exchange::Protocol::{Http1, Http2};
use crate::exchange::{Answer, AnyService, Client, Event, Log, Protocol, Traced, serve_one};
use crate::support::{DURATION, Fed, assert_recorded_once, layer, metric, only_span, status_code};
use table::{finished, layered, unfinished};

/// What the client does.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Reads all of the response, if it gets one.
    Reads,
    /// Cuts the connection when the service has been called.
    LeavesBeforeTheHead,
    /// Cuts the connection when it has some of the body.
    LeavesInTheBody,
    /// Cuts the connection when the service has been called and waits for the rest of the request.
    LeavesInTheUpload,
    /// Resets the stream when the service has been called, and stays connected.
    ResetsBeforeTheHead,
    /// Resets the stream when it has some of the body, and stays connected.
    ResetsInTheBody,
    /// Sends the body of its request when it is told to continue.
    Continues,
    /// Speaks over the upgraded connection.
    Upgrades,
}

struct Case {
    name: &'static str,
    app: fn(&Traced) -> AnyService,
    protocols: &'static [Protocol],
    method: Method,
    path: &'static str,
    client: Does,
    /// The status that the client must get; None: no whole response.
    answer: Option<u16>,
    /// What else must hold for the response.
    also: fn(&Answer) -> bool,
    /// The span's status code.
    status: Option<u16>,
    /// The span's `error.type`.
    error: Option<&'static str>,
    /// With what the span ends.
    ends: Event,
}

/// A GET whose response is read to its end, is `status` on both sides, and no error.
fn case(name: &'static str, status: u16, ends: Event, app: fn(&Traced) -> AnyService) -> Case {
    Case {
        name,
        app,
        protocols: &[Http1, Http2],
        method: Method::GET,
        path: "/things/7",
        client: Does::Reads,
        answer: Some(status),
        also: |_| true,
        status: Some(status),
        error: None,
        ends,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_finished_has_one_span() {
    check(finished()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_did_not_finish_has_one_span_and_an_error() {
    check(unfinished()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_layers_change_what_is_inside_of_ours_alone() {
    check(layered()).await;
}

async fn check(cases: Vec<Case>) {
    for case in cases {
        for &protocol in case.protocols {
            println!("{} over {protocol:?}", case.name);
            let done = timeout(Duration::from_secs(30), check_one(&case, protocol)).await;
            done.unwrap_or_else(|_| panic!("{} over {protocol:?} hangs", case.name));
        }
    }
}

async fn check_one(case: &Case, protocol: Protocol) {
    let memory = InMemory::new();
    let layer = layer(&memory).route(|_| Some("/things/{id}".into()));
    let (client, mut log) = serve_one(&memory, layer, case.app, protocol).await;
    let answer = act(case, client, &mut log, &memory).await;
    let status = answer.as_ref().map(|answer| answer.status.as_u16());
    assert_eq!(status, case.answer, "{answer:?}");
    assert!(answer.as_ref().is_none_or(case.also), "{answer:?}");

    let log = log.whole().await;
    let ended = log.iter().find(|(_, spans)| *spans > 0);
    assert_eq!(ended, Some(&(case.ends, 1)), "{log:?}");
    let error = case
        .error
        .map_or(String::new(), |error| format!(" [error {error}]"));
    assert_recorded_once(
        &memory,
        &format!("SERVER {} /things/{{id}}{error}", case.method),
    );
    assert_eq!(status_code(&memory), case.status.map(i64::from));
    let span = only_span(&memory);
    let version = span.attribute("network.protocol.version");
    assert_eq!(version, Some(&protocol.version().into()));
    for (key, value) in &metric(&memory, DURATION).points[0].attributes {
        assert_eq!(span.attribute(key), Some(value), "{key}");
    }
}

/// Does what the client is to do; returns the response, if it came in full.
async fn act(case: &Case, mut client: Client, log: &mut Log, memory: &InMemory) -> Option<Answer> {
    let mut request = client.request(case.method.clone(), case.path);
    match case.client {
        Does::Reads => Answer::read(client.send(request).await.ok()?).await.ok(),
        Does::LeavesBeforeTheHead | Does::ResetsBeforeTheHead => {
            let response = tokio::spawn(client.send(request));
            log.until(Called).await;
            assert_eq!(memory.spans(), []);
            leave(case, client, response.abort_handle(), log).await
        }
        Does::LeavesInTheBody | Does::ResetsInTheBody => {
            let mut body = client.send(request).await.unwrap().into_body();
            body.frame().await.unwrap().unwrap();
            assert_eq!(memory.spans(), []);
            let reading = tokio::spawn(async move {
                let _body = body;
                pending::<()>().await;
            });
            leave(case, client, reading.abort_handle(), log).await
        }
        Does::LeavesInTheUpload => {
            let (send, receive) = unbounded_channel();
            let body = Fed(receive).map_err(|never| match never {});
            *request.body_mut() = body.boxed_unsync();
            send.send("half an".into()).unwrap();
            let response = tokio::spawn(client.send(request));
            log.until(Called).await;
            drop(client);
            log.until(Failed).await;
            response.abort();
            None
        }
        Does::Continues => {
            let (send, receive) = unbounded_channel();
            let body = Fed(receive).map_err(|never| match never {});
            *request.body_mut() = body.boxed_unsync();
            let expect = HeaderValue::from_static("100-continue");
            request.headers_mut().insert("expect", expect);
            let send = Mutex::new(Some(send));
            hyper::ext::on_informational(&mut request, move |head| {
                assert_eq!(head.status(), 100);
                let send = send.lock().unwrap().take().unwrap();
                send.send("an item".into()).unwrap();
            });
            Answer::read(client.send(request).await.unwrap()).await.ok()
        }
        Does::Upgrades => {
            for (name, value) in [("connection", "upgrade"), ("upgrade", "echo")] {
                let value = HeaderValue::from_static(value);
                request.headers_mut().insert(name, value);
            }
            let mut response = client.send(request).await.unwrap();
            let upgraded = hyper::upgrade::on(&mut response).await.unwrap();
            assert_eq!(memory.spans().len(), 1);
            let mut connection = TokioIo::new(upgraded);
            connection.write_all(b"ping").await.unwrap();
            let mut heard = [0; 4];
            connection.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"ping");
            Answer::read(response).await.ok()
        }
    }
}

/// Ends the request without its response: with the connection, or without.
async fn leave(case: &Case, client: Client, request: AbortHandle, log: &mut Log) -> Option<Answer> {
    match case.client {
        Does::ResetsBeforeTheHead | Does::ResetsInTheBody => {
            request.abort();
            log.until(Dropped).await;
            assert!(client.is_connected());
        }
        _ => {
            drop(client);
            log.until(Dropped).await;
            request.abort();
        }
    }
    None
}
