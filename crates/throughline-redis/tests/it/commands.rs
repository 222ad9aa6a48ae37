//! What single commands leave.

use std::time::Duration;

use redis::{AsyncCommands, RedisResult, Value};
use throughline_redis::{QueryText, Traced, TracedBlocking, Tracing};
use throughline_testing::InMemory;
use throughline_testing::opentelemetry::trace::Status;
use throughline_testing::opentelemetry_sdk::trace::Sampler;

use crate::servers::server;
use crate::support::{endpoint, measured, names, only, traced, tracing, under};

#[tokio::test]
async fn an_error_has_the_prefix_of_the_server() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    let () = connection.set("text", "abc").await.unwrap();
    drop(memory.take_spans());
    let check = |operation: &'static str, text: &str, code: &'static str| {
        let span = only(&memory);
        let mut expected = endpoint(&server, "1");
        expected.extend([
            ("db.operation.name", operation.into()),
            ("db.query.text", text.into()),
            ("db.response.status_code", code.into()),
            ("error.type", code.into()),
        ]);
        span.assert_attributes(&expected);
        assert_eq!(span.status, Status::error(""));
    };
    connection.incr::<_, _, i64>("text", 1).await.unwrap_err();
    check("INCRBY", "INCRBY text 1", "ERR");
    connection.llen::<_, i64>("text").await.unwrap_err();
    check("LLEN", "LLEN text", "WRONGTYPE");
    let auth = redis::cmd("auth")
        .arg("s3cret")
        .exec_async(&mut connection)
        .await;
    auth.unwrap_err();
    check("auth", "auth ?", "ERR");
    let newauth = redis::cmd("NEWAUTH")
        .arg("s3cret")
        .exec_async(&mut connection)
        .await;
    newauth.unwrap_err();
    check("NEWAUTH", "NEWAUTH ?", "ERR");
    let unloaded = redis::cmd("FCALL")
        .arg("unknown")
        .arg(0)
        .exec_async(&mut connection)
        .await;
    unloaded.unwrap_err();
    assert_eq!(only(&memory).name, "FCALL unknown");
}

#[tokio::test]
async fn the_code_of_a_script_is_recorded_where_it_is_one() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    for (says, expected) in [
        ("MYCODE of a script", "MYCODE"),
        ("s3cret of a script", "_OTHER"),
    ] {
        let script = format!("return redis.error_reply('{says}')");
        let eval = redis::cmd("EVAL")
            .arg(&script)
            .arg(0)
            .exec_async(&mut connection)
            .await;
        eval.unwrap_err();
        let span = only(&memory);
        assert_eq!(span.error_type(), Some(expected));
        assert!(!format!("{span:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn an_error_within_a_pipeline_is_its_error() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    let () = connection.set("within", "abc").await.unwrap();
    drop(memory.take_spans());
    let mut pipeline = redis::pipe();
    pipeline.get("within").incr("within", 1).ignore_errors();
    let answers: Vec<RedisResult<Value>> = pipeline.query_async(&mut connection).await.unwrap();
    assert!(answers[0].is_ok() && answers[1].is_err());
    let span = only(&memory);
    let mut expected = endpoint(&server, "1");
    expected.extend([
        ("db.operation.name", "PIPELINE".into()),
        ("db.operation.batch.size", 2.into()),
        ("db.query.text", "GET within; INCRBY within 1".into()),
        ("db.response.status_code", "ERR".into()),
        ("error.type", "ERR".into()),
    ]);
    span.assert_attributes(&expected);

    let mut transaction = pipeline.clone();
    transaction.atomic();
    let _: Vec<RedisResult<Value>> = transaction.query_async(&mut connection).await.unwrap();
    let span = only(&memory);
    assert_eq!(
        (span.name.starts_with("MULTI "), span.error_type()),
        (true, Some("ERR"))
    );

    // It is never begun.
    let mut aborted = redis::pipe();
    aborted.atomic().cmd("NEWCOMMAND").get("within");
    aborted.exec_async(&mut connection).await.unwrap_err();
    let span = only(&memory);
    assert_eq!(
        (&*span.name, span.error_type()),
        (&*format!("MULTI {}", server.name()), Some("EXECABORT"))
    );
}

#[tokio::test]
async fn a_batch_of_one_is_a_command_and_one_of_none_a_batch() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    let _: (Value,) = redis::pipe()
        .get("one")
        .query_async(&mut connection)
        .await
        .unwrap();
    let span = only(&memory);
    let mut expected = endpoint(&server, "1");
    expected.extend([
        ("db.operation.name", "GET".into()),
        ("db.query.text", "GET one".into()),
    ]);
    span.assert_attributes(&expected);
    // The client refuses to send nothing.
    redis::pipe().exec_async(&mut connection).await.unwrap_err();
    let span = only(&memory);
    let mut expected = endpoint(&server, "1");
    expected.extend([
        ("db.operation.name", "PIPELINE".into()),
        ("db.operation.batch.size", 0.into()),
        ("error.type", "client".into()),
    ]);
    span.assert_attributes(&expected);
}

#[tokio::test]
async fn a_transaction_that_a_watched_key_ends_is_no_error() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    redis::cmd("WATCH")
        .arg("watched")
        .exec_async(&mut connection)
        .await
        .unwrap();
    let mut other = server
        .client(1)
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let _: i64 = other.incr("watched", 1).await.unwrap();
    drop(memory.take_spans());
    let mut transaction = redis::pipe();
    let answer: Option<(i64,)> = transaction
        .atomic()
        .incr("watched", 1)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(answer, None);
    let span = only(&memory);
    assert_eq!(
        (span.status, &*span.name),
        (Status::Unset, &*format!("MULTI INCRBY {}", server.name()))
    );
}

#[tokio::test]
async fn a_command_is_below_the_span_that_asked() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    under(&memory, "request", async {
        let _: Value = connection.get("a").await.unwrap();
    })
    .await;
    let trace = memory.trace();
    let request = trace.find("request").span_id;
    let get = trace.find(&format!("GET {}", server.name()));
    assert_eq!(get.parent_span_id, Some(request));
}

#[tokio::test]
async fn a_command_that_is_not_polled_leaves_nothing() {
    let Some(server) = server() else { return };
    let (mut connection, memory) = traced(&server).await;
    drop(connection.get::<_, Value>("a"));
    let command = redis::Cmd::get("a");
    drop(redis::aio::ConnectionLike::req_packed_command(
        &mut connection,
        &command,
    ));
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory), 0);
}

#[tokio::test]
async fn without_a_parent_a_command_has_no_span_where_it_is_said_so() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let tracing = tracing(&client, &memory).only_under_parent();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut connection = Traced::new(connection, tracing);
    let _: Value = connection.get("a").await.unwrap();
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory), 1);
    under(&memory, "request", async {
        let _: Value = connection.get("a").await.unwrap();
    })
    .await;
    assert_eq!(names(&memory, &server.name()), ["GET @", "request"]);
}

#[tokio::test]
async fn an_unsampled_command_is_measured_and_answered() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::with_sampler(Sampler::AlwaysOff), server.client(0));
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut connection = Traced::new(connection, tracing(&client, &memory));
    let () = connection.set("unsampled", 7).await.unwrap();
    assert_eq!(connection.get::<_, u8>("unsampled").await.unwrap(), 7);
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory), 2);
}

#[tokio::test]
async fn without_a_provider_commands_are_answered() {
    let Some(server) = server() else { return };
    let client = server.client(0);
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut connection = Traced::new(connection, &client);
    let () = connection.set("unprovided", 7).await.unwrap();
    assert_eq!(connection.get::<_, u8>("unprovided").await.unwrap(), 7);
}

#[tokio::test]
async fn what_is_filtered_out_leaves_nothing_and_hooks_see_the_rest() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let tracing = tracing(&client, &memory)
        .filter(|query| {
            query
                .operation
                .as_ref()
                .is_none_or(|it| it.as_str() != "PING")
        })
        .on_start(|query, span| span.set_name(format!("my {}", query.operation.clone().unwrap())))
        .on_finish(|finish, span| span.set_name(format!("{:?}", finish.outcome)))
        .slow_threshold(Duration::ZERO)
        .query_text(QueryText::Off);
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut connection = Traced::new(connection, tracing);
    redis::cmd("PING")
        .exec_async(&mut connection)
        .await
        .unwrap();
    assert!(memory.spans().is_empty());
    let () = connection.set("hooked", 7).await.unwrap();
    let span = only(&memory);
    assert_eq!(span.name, "Finished");
    assert_eq!(span.attribute("db.query.text"), None);
    assert_eq!(span.events[0].name, "throughline.db.slow");
}

#[tokio::test]
async fn a_text_with_secrets_is_had_by_its_name_alone() {
    let Some(server) = server() else { return };
    let (memory, client) = (InMemory::new(), server.client(0));
    let tracing = tracing(&client, &memory).query_text(QueryText::RawWithSecrets);
    let mut connection = TracedBlocking::new(client.get_connection().unwrap(), tracing);
    redis::cmd("SET")
        .arg("raw")
        .arg("s3cret")
        .exec(&mut connection)
        .unwrap();
    let span = only(&memory);
    assert_eq!(
        span.attribute("db.query.text"),
        Some(&"SET raw s3cret".into())
    );
}

#[test]
fn nothing_secret_is_in_what_is_printed() {
    let client = redis::Client::open("redis://bob:s3cret@cache.internal/3").unwrap();
    let printed = format!("{:?}", Tracing::from(&client));
    assert!(printed.contains("cache.internal"), "{printed}");
    assert!(
        !printed.contains("s3cret") && !printed.contains("bob"),
        "{printed}"
    );
}
