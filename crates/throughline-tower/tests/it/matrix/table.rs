//! The cases.

use std::convert::Infallible;
use std::future::{Pending, pending};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::sync::mpsc::unbounded_channel;
use tower::{Layer, ServiceBuilder, service_fn};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::services::ServeDir;
use tower_http::timeout::TimeoutLayer;

use super::{Case, Does, case};
use crate::exchange::Event::{Data, Dropped, End, Failed, Head, Panicked, Trailers};
use crate::exchange::Protocol::{Http1, Http2};
use crate::exchange::{Answer, AnyService, Traced, any};
use crate::support::{AnyBody, BROKEN, Broken, Fed, Step, full, steps, steps_to_end};

fn respond(traced: &Traced, response: fn() -> Response<AnyBody>) -> AnyService {
    any(
        traced.layer(service_fn(move |_: Request<Incoming>| async move {
            Ok::<_, Infallible>(response())
        })),
    )
}

fn ok(body: AnyBody) -> Response<AnyBody> {
    Response::new(body)
}

fn with_status(status: StatusCode) -> Response<AnyBody> {
    let mut response = ok(full("text"));
    *response.status_mut() = status;
    response
}

/// `count` chunks of 64 KiB; None: more than fit on their way, and no end.
fn chunks(count: Option<usize>) -> AnyBody {
    let (send, receive) = unbounded_channel();
    let chunk = || Bytes::from_static(&[b'x'; 64 * 1024]);
    for _ in 0..count.unwrap_or(160) {
        send.send(chunk()).unwrap();
    }
    if count.is_none() {
        tokio::spawn(async move { send.closed().await });
    }
    Fed(receive).map_err(|never| match never {}).boxed_unsync()
}

async fn never(_: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
    pending().await
}

async fn panics(_: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
    panic!("on purpose")
}

fn panics_at_once(_: Request<Incoming>) -> Pending<Result<Response<AnyBody>, Infallible>> {
    panic!("on purpose")
}

async fn text(_: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
    let mut response = ok(full(
        "a text that is long enough to be worth its compression",
    ));
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert("content-type", text);
    Ok(response)
}

async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    Ok(Response::new(Full::new(body)))
}

async fn upgrade(mut request: Request<Incoming>) -> Result<Response<AnyBody>, Infallible> {
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded.await.unwrap()));
        tokio::io::copy(&mut from, &mut to).await.ok();
    });
    let mut response = Response::builder().status(101);
    for (name, value) in [("connection", "upgrade"), ("upgrade", "echo")] {
        response = response.header(name, value);
    }
    Ok(response.body(full("")).unwrap())
}

fn timeout_layer() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::ZERO)
}

fn is_compressed(answer: &Answer) -> bool {
    answer.headers["content-encoding"] == "gzip"
}

/// What was sent.
pub(super) fn finished() -> Vec<Case> {
    vec![
        case("a body of known length", 200, Data, |traced| {
            respond(traced, || ok(full("text")))
        }),
        case("a body that says its end", 200, Data, |traced| {
            respond(traced, || ok(steps_to_end([Step::Data("text")])))
        }),
        Case {
            also: |answer| answer.body.len() == 1 << 20,
            ..case("a stream of 1 MiB", 200, End, |traced| {
                respond(traced, || ok(chunks(Some(16))))
            })
        },
        Case {
            also: |answer| answer.trailers.as_ref().unwrap()["checksum"] == "1",
            ..case("trailers", 200, Trailers, |traced| {
                respond(traced, || {
                    let mut response = ok(steps([Step::Data("text"), Step::Trailers]));
                    let trailer = HeaderValue::from_static("checksum");
                    response.headers_mut().insert("trailer", trailer);
                    response
                })
            })
        },
        case("204", 204, Head, |traced| {
            respond(traced, || {
                let mut response = ok(full(""));
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            })
        }),
        Case {
            method: Method::HEAD,
            also: |answer| answer.headers["content-length"] == "4" && answer.body.is_empty(),
            ..case("HEAD", 200, Head, |traced| {
                respond(traced, || {
                    let mut response = ok(steps([]));
                    let length = HeaderValue::from_static("4");
                    response.headers_mut().insert("content-length", length);
                    response
                })
            })
        },
        Case {
            // Over HTTP/2, hyper would send such a body.
            protocols: &[Http1],
            method: Method::HEAD,
            also: |answer| answer.body.is_empty(),
            ..case("HEAD with a body", 200, Head, |traced| {
                respond(traced, || ok(chunks(None)))
            })
        },
        case("404", 404, Data, |traced| {
            respond(traced, || with_status(StatusCode::NOT_FOUND))
        }),
        case("405", 405, Data, |traced| {
            respond(traced, || with_status(StatusCode::METHOD_NOT_ALLOWED))
        }),
        Case {
            error: Some("500"),
            ..case("500", 500, Data, |traced| {
                respond(traced, || with_status(StatusCode::INTERNAL_SERVER_ERROR))
            })
        },
        Case {
            path: "/Cargo.toml",
            also: |answer| answer.body.starts_with(b"[package]"),
            ..case("a file", 200, Data, |traced| {
                any(traced.layer(ServeDir::new(env!("CARGO_MANIFEST_DIR"))))
            })
        },
        Case {
            path: "/nowhere",
            ..case("no file", 404, Head, |traced| {
                any(traced.layer(ServeDir::new(env!("CARGO_MANIFEST_DIR"))))
            })
        },
        Case {
            // Over HTTP/2, hyper sends none.
            protocols: &[Http1],
            method: Method::POST,
            client: Does::Continues,
            also: |answer| answer.body == "an item",
            ..case("100 before 200", 200, Data, |traced| {
                any(traced.layer(service_fn(echo)))
            })
        },
        Case {
            protocols: &[Http1],
            client: Does::Upgrades,
            ..case("an upgrade", 101, Head, |traced| {
                any(traced.layer(service_fn(upgrade)))
            })
        },
        case("two of our layers", 200, Data, |traced| {
            any(traced.layer(traced.layer.layer(service_fn(text))))
        }),
    ]
}

/// What was not sent, or not in full.
pub(super) fn unfinished() -> Vec<Case> {
    vec![
        Case {
            answer: None,
            status: None,
            error: Some(BROKEN),
            ..case("an error", 0, Failed, |traced| {
                any(traced.layer(service_fn(async |_: Request<Incoming>| {
                    Err::<Response<AnyBody>, _>(Broken(7))
                })))
            })
        },
        Case {
            answer: None,
            error: Some(BROKEN),
            ..case("an error in the body", 200, Failed, |traced| {
                respond(traced, || ok(steps([Step::Data("text"), Step::Fail])))
            })
        },
        Case {
            answer: None,
            status: None,
            error: Some("panic"),
            ..case("a panic", 0, Panicked, |traced| {
                any(traced.layer(service_fn(panics)))
            })
        },
        Case {
            answer: None,
            error: Some("panic"),
            ..case("a panic in the body", 200, Panicked, |traced| {
                respond(traced, || ok(steps([Step::Data("text"), Step::Panic])))
            })
        },
        Case {
            answer: None,
            status: None,
            error: Some("panic"),
            ..case("a panic before the future", 0, Panicked, |traced| {
                any(traced.layer(service_fn(panics_at_once)))
            })
        },
        Case {
            client: Does::LeavesInTheUpload,
            method: Method::POST,
            answer: None,
            status: None,
            error: Some("hyper::error::Error"),
            ..case("an upload that breaks off", 0, Failed, |traced| {
                any(traced.layer(service_fn(echo)))
            })
        },
        Case {
            client: Does::LeavesInTheBody,
            answer: None,
            error: Some("500"),
            ..case("a client that leaves a 500", 500, Dropped, |traced| {
                respond(traced, || {
                    let mut response = ok(chunks(None));
                    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    response
                })
            })
        },
        Case {
            client: Does::LeavesBeforeTheHead,
            answer: None,
            status: None,
            error: Some("cancelled"),
            ..case("a client that leaves early", 0, Dropped, |traced| {
                any(traced.layer(service_fn(never)))
            })
        },
        Case {
            client: Does::LeavesInTheBody,
            answer: None,
            error: Some("cancelled"),
            ..case("a client that leaves late", 200, Dropped, |traced| {
                respond(traced, || ok(chunks(None)))
            })
        },
        Case {
            protocols: &[Http2],
            client: Does::ResetsBeforeTheHead,
            answer: None,
            status: None,
            error: Some("cancelled"),
            ..case("an early reset", 0, Dropped, |traced| {
                any(traced.layer(service_fn(never)))
            })
        },
        Case {
            protocols: &[Http2],
            client: Does::ResetsInTheBody,
            answer: None,
            error: Some("cancelled"),
            ..case("a late reset", 200, Dropped, |traced| {
                respond(traced, || ok(chunks(None)))
            })
        },
    ]
}

/// What other layers make of it, inside and outside of ours.
pub(super) fn layered() -> Vec<Case> {
    vec![
        Case {
            error: Some("500"),
            ..case("CatchPanic inside", 500, Data, |traced| {
                let catches = ServiceBuilder::new().layer(traced);
                any(catches.layer(CatchPanicLayer::new()).service_fn(panics))
            })
        },
        Case {
            status: None,
            error: Some("panic"),
            ..case("CatchPanic outside", 500, Panicked, |traced| {
                let catches = ServiceBuilder::new().layer(CatchPanicLayer::new());
                any(catches.layer(traced).service_fn(panics))
            })
        },
        Case {
            error: Some("504"),
            ..case("Timeout inside", 504, Head, |traced| {
                let ends = ServiceBuilder::new().layer(traced);
                any(ends.layer(timeout_layer()).service_fn(never))
            })
        },
        Case {
            status: None,
            error: Some("cancelled"),
            ..case("Timeout outside", 504, Dropped, |traced| {
                let ends = ServiceBuilder::new().layer(timeout_layer());
                any(ends.layer(traced).service_fn(never))
            })
        },
        Case {
            also: is_compressed,
            ..case("Compression inside", 200, End, |traced| {
                let compresses = ServiceBuilder::new().layer(traced);
                any(compresses.layer(CompressionLayer::new()).service_fn(text))
            })
        },
        Case {
            also: is_compressed,
            ..case("Compression outside", 200, Data, |traced| {
                let compresses = ServiceBuilder::new().layer(CompressionLayer::new());
                any(compresses.layer(traced).service_fn(text))
            })
        },
    ]
}
