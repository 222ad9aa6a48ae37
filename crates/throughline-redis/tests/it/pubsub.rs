//! Subscribers.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, StreamExt};
use redis::AsyncCommands;
use throughline_redis::TracedPubSub;
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::{SpanKind, Status};

use crate::servers::{Server, server};
use crate::support::{endpoint, names, only, traced, tracing, under};

async fn subscriber(server: &Server) -> (TracedPubSub, InMemory) {
    let (memory, client) = (InMemory::new(), server.client(1));
    let pubsub = client.get_async_pubsub().await.unwrap();
    (TracedPubSub::new(pubsub, tracing(&client, &memory)), memory)
}

#[tokio::test]
async fn a_subscription_is_a_command() {
    let Some(server) = server() else { return };
    let (mut pubsub, memory) = subscriber(&server).await;
    pubsub.subscribe(&["a", "b"]).await.unwrap();
    let mut expected = endpoint(&server, "1");
    expected.extend([
        ("db.operation.name", "SUBSCRIBE".into()),
        ("db.query.text", "SUBSCRIBE a b".into()),
    ]);
    only(&memory).assert_attributes(&expected);
    pubsub.unsubscribe("a").await.unwrap();
    pubsub.psubscribe("c.*").await.unwrap();
    pubsub.punsubscribe("c.*").await.unwrap();
    let _: redis::Value = pubsub.ping().await.unwrap();
    let expected = ["UNSUBSCRIBE @", "PSUBSCRIBE @", "PUNSUBSCRIBE @"];
    assert_eq!(names(&memory, &server.name()), expected);
}

#[tokio::test]
async fn a_message_is_processed_in_a_span() {
    let Some(server) = server() else { return };
    let (mut pubsub, memory) = subscriber(&server).await;
    pubsub.subscribe("processed").await.unwrap();
    pubsub.psubscribe("orders.*").await.unwrap();
    drop(memory.take_spans());
    let (mut publisher, published) = traced(&server).await;
    for channel in ["processed", "orders.new"] {
        let subscribers: usize = publisher.publish(channel, "s3cret").await.unwrap();
        assert_eq!(subscribers, 1);
    }
    assert_eq!(
        names(&published, &server.name()),
        ["PUBLISH @", "PUBLISH @"]
    );

    let mut messages = pubsub.into_on_message();
    for (name, channel, template) in [
        ("process processed", "processed", None),
        ("process orders.*", "orders.new", Some("orders.*")),
    ] {
        let message = messages.next().await.unwrap();
        assert_eq!(message.get_payload_bytes(), b"s3cret");
        let inner = message.process(under(&memory, "work", async { 7 })).await;
        assert_eq!(inner, 7);
        let spans = memory.take_spans();
        let span = &spans[1];
        assert_eq!(
            (&*span.name, span.kind.clone(), &span.status),
            (name, SpanKind::Consumer, &Status::Unset)
        );
        let port = i64::from(server.port);
        let mut expected = vec![
            ("messaging.system", "redis".into()),
            ("messaging.operation.name", "process".into()),
            ("messaging.operation.type", "process".into()),
            ("messaging.destination.name", channel.into()),
            ("server.address", "127.0.0.1".into()),
            ("server.port", port.into()),
            ("network.peer.address", "127.0.0.1".into()),
            ("network.peer.port", port.into()),
        ];
        expected.extend(template.map(|it| ("messaging.destination.template", it.into())));
        span.assert_attributes(&expected);
        assert!(!format!("{spans:?}{message:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn processing_that_is_dropped_or_panics_is_an_error() {
    let Some(server) = server() else { return };
    let (pubsub, memory) = subscriber(&server).await;
    let (mut sink, mut messages) = pubsub.split();
    sink.subscribe("dropped").await.unwrap();
    drop(memory.take_spans());
    let mut publisher = server
        .client(1)
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let _: usize = publisher.publish("dropped", 1).await.unwrap();
    let message = messages.next().await.unwrap();

    assert!(
        message
            .process(std::future::pending::<()>())
            .now_or_never()
            .is_none()
    );
    assert_eq!(only(&memory).error_type(), Some("cancelled"));
    let panicking = message.process(async { panic!("on purpose") });
    AssertUnwindSafe(panicking)
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("panic"));
}
