//! Spans of requests that switch the protocol, where they are to live as long as the connection.

use std::sync::Mutex;

use http::{HeaderName, Request, Response};
use throughline_testing::InMemory;
use throughline_tower::ConnectionSpan;

use crate::support::{
    active, assert_recorded_once, full, get, layer, only_span, serve, status_code,
};

#[tokio::test]
async fn an_upgraded_connection_keeps_its_span_where_that_is_asked_for() {
    for (asked, held, lives) in [
        (true, true, true),
        (true, false, false),
        (false, true, false),
    ] {
        let memory = InMemory::new();
        let plain = layer(&memory);
        let layer = if asked {
            plain.upgraded_connections()
        } else {
            plain
        };
        let connection = Mutex::new(None);
        let handler = async |mut request: Request<()>| {
            let span = request.extensions_mut().remove::<ConnectionSpan>();
            assert_eq!(span.is_some(), asked);
            *connection.lock().unwrap() = span.filter(|_| held);
            let response = Response::builder().status(101).header("x-a", "1");
            response.body(full("")).unwrap()
        };
        let layer = layer.capture_response_headers([HeaderName::from_static("x-a")]);
        serve(&layer, get("/"), handler).await;
        assert_eq!(memory.spans().len(), usize::from(!lives));
        assert_eq!(active(&memory), f64::from(u8::from(lives)));
        *connection.lock().unwrap() = None;
        assert_recorded_once(&memory, "SERVER GET");
        assert_eq!(status_code(&memory), Some(101));
        let header = only_span(&memory)
            .attribute("http.response.header.x-a")
            .cloned();
        assert_eq!(
            header.map(|value| value.to_string()).as_deref(),
            Some(r#"["1"]"#)
        );
    }
}

#[tokio::test]
async fn a_request_that_switches_nothing_does_not_wait_for_its_connection() {
    let memory = InMemory::new();
    let layer = layer(&memory).upgraded_connections();
    let held = Mutex::new(None);
    serve(&layer, get("/"), async |mut request: Request<()>| {
        *held.lock().unwrap() = request.extensions_mut().remove::<ConnectionSpan>();
        Response::new(full("body"))
    })
    .await;
    assert_recorded_once(&memory, "SERVER GET");
    drop(held);
    assert_eq!(memory.spans().len(), 1);
}
