//! What is recorded where it is set otherwise.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::trace::FutureExt;
use opentelemetry::{Context, KeyValue};
use sqlx::{Executor, Sqlite};
use throughline_sqlx::TracedPool;
use throughline_testing::opentelemetry::trace::{SpanKind, Status};
use throughline_testing::{Expected, InMemory};

use crate::support::{names, only, orders, sqlite, traced, under};

type Set = fn(TracedPool<Sqlite>) -> TracedPool<Sqlite>;

/// What is recorded with an argument and without.
type Texts = (Option<&'static str>, Option<&'static str>);

async fn check_texts(set: Set, sql: &'static str, (bound, alone): Texts) {
    let (pool, memory) = orders().await;
    let pool = set(pool);
    let text = || {
        only(&memory)
            .attribute("db.query.text")
            .map(ToString::to_string)
    };
    // Some fail, which does not matter here.
    let _ = sqlx::query(sql).bind(1).execute(&pool).await;
    assert_eq!(text().as_deref(), bound, "{sql} with arguments");
    let _ = pool.execute(sql).await;
    assert_eq!(text().as_deref(), alone, "{sql}");
}

#[tokio::test]
async fn a_text_is_as_written_where_values_come_apart_from_it() {
    let ways: [(Set, Texts); 4] = [
        (
            |pool| pool,
            (Some("SELECT 'a' WHERE ?"), Some("SELECT ? WHERE ?")),
        ),
        (
            TracedPool::sanitize_all_queries,
            (Some("SELECT ? WHERE ?"), Some("SELECT ? WHERE ?")),
        ),
        (TracedPool::without_query_text, (None, None)),
        (
            TracedPool::raw_query_text_with_secrets,
            (Some("SELECT 'a' WHERE ?"), Some("SELECT 'a' WHERE ?")),
        ),
    ];
    for (set, expected) in ways {
        check_texts(set, "SELECT 'a' WHERE ?", expected).await;
    }
    let alter = "ALTER USER app PASSWORD 's3cret'";
    let masked = Some("ALTER USER app PASSWORD ?");
    check_texts(|pool| pool, alter, (masked, masked)).await;
    let raw = (Some(alter), Some(alter));
    check_texts(TracedPool::raw_query_text_with_secrets, alter, raw).await;
    check_texts(|pool| pool, "", (None, None)).await;
}

#[tokio::test]
async fn affected_rows_are_opt_in() {
    let (pool, memory) = orders().await;
    pool.execute("DELETE FROM orders WHERE id = 1")
        .await
        .unwrap();
    let affected = || {
        only(&memory)
            .attribute("throughline.db.affected_rows")
            .cloned()
    };
    assert_eq!(affected(), None);
    let pool = pool.affected_rows();
    let update = || sqlx::query("UPDATE orders SET item = item || '!' WHERE id > ?").bind(1);
    update().execute(&pool).await.unwrap();
    assert_eq!(affected(), Some(2.into()));
    update().fetch_all(&pool).await.unwrap();
    assert_eq!(affected(), Some(2.into()));
    let mut stream = pool.fetch_many("DELETE FROM orders WHERE id = 2; DELETE FROM orders");
    while let Some(item) = futures_util::StreamExt::next(&mut stream).await {
        item.unwrap();
    }
    drop(stream);
    assert_eq!(affected(), Some(2.into()));
    pool.execute("DELETE FROM orders").await.unwrap();
    assert_eq!(affected(), Some(0.into()));
    // Neither a select nor what is no statement on rows, of which SQLite repeats the last figure.
    for other in ["SELECT 1", "PRAGMA user_version", "no such statement"] {
        let _ = pool.execute(other).await;
        assert_eq!(affected(), None, "{other}");
    }
}

#[tokio::test]
async fn waits_for_connections_have_spans_where_it_is_said_so() {
    let (pool, memory) = orders().await;
    let pool = pool.acquire_spans().transaction_spans().pool_name("shop");
    under(&memory, "request", async {
        pool.execute("SELECT 1").await.unwrap();
        pool.begin().await.unwrap().rollback().await.unwrap();
        drop(pool.acquire().await.unwrap());
    })
    .await;
    let expected = [
        "acquire", "SELECT", "acquire", "BEGIN", "ROLLBACK", "acquire", "request",
    ];
    assert_eq!(names(&memory), expected);
    let spans = memory.take_spans();
    let of = |at: usize| spans[at].parent_span_id;
    assert_eq!(
        (of(0), of(2)),
        (Some(spans[1].span_id), Some(spans[3].span_id))
    );
    assert_eq!(
        (of(5), of(1)),
        (Some(spans[6].span_id), Some(spans[6].span_id))
    );
    let wait = &spans[0];
    assert_eq!(
        (wait.kind.clone(), wait.status.clone()),
        (SpanKind::Internal, Status::Unset)
    );
    wait.assert_attributes(&[("db.client.connection.pool.name", "shop".into())]);

    pool.close().await;
    pool.acquire().await.unwrap_err();
    let wait = only(&memory);
    wait.assert_attributes(&[
        ("db.client.connection.pool.name", "shop".into()),
        ("error.type", "pool_closed".into()),
    ]);
    assert_eq!(wait.status, Status::error(""));

    let (pool, memory) = orders().await;
    let pool = pool.acquire_spans().only_under_parent();
    drop(pool.acquire().await.unwrap());
    assert!(memory.spans().is_empty());
    let held = pool.acquire().await.unwrap();
    under(&memory, "request", async {
        assert!(futures_util::FutureExt::now_or_never(pool.acquire()).is_none());
    })
    .await;
    drop(held);
    assert_eq!(memory.spans()[0].error_type(), Some("cancelled"));
}

#[tokio::test]
async fn a_transaction_is_named_after_its_own_statement() {
    let (pool, memory) = orders().await;
    let pool = pool.transaction_spans();
    drop(pool.begin_with("BEGIN IMMEDIATE").await.unwrap());
    let text =
        |text: &str| only(&memory).attribute("db.query.text") == Some(&text.to_owned().into());
    assert!(text("BEGIN IMMEDIATE"));
    let silent = pool.without_query_text();
    silent.begin().await.unwrap().commit().await.unwrap();
    for span in memory.take_spans() {
        assert_eq!(span.attribute("db.query.text"), None, "{span:?}");
    }
}

#[tokio::test]
async fn slow_queries_are_marked() {
    let marks = async |threshold: Duration| {
        let (pool, memory) = orders().await;
        pool.slow_threshold(threshold)
            .execute("SELECT 1")
            .await
            .unwrap();
        let events = only(&memory).events;
        events
            .into_iter()
            .map(|event| event.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(marks(Duration::ZERO).await, ["throughline.db.slow"]);
    assert!(marks(Duration::from_secs(3600)).await.is_empty());
}

#[tokio::test]
async fn old_names_stand_beside_the_stable_ones() {
    let (pool, memory) = orders().await;
    let pool = pool.old_names();
    let text = "SELECT id FROM orders WHERE id = ?";
    sqlx::query(text).bind(1).fetch_one(&pool).await.unwrap();
    let expected: [(&str, Expected); 10] = [
        ("db.system.name", "sqlite".into()),
        ("db.namespace", ":memory:".into()),
        ("db.query.text", text.into()),
        ("db.query.summary", "SELECT orders".into()),
        ("db.response.returned_rows", 1.into()),
        ("db.system", "sqlite".into()),
        ("db.name", ":memory:".into()),
        ("db.statement", text.into()),
        ("db.operation", "SELECT".into()),
        ("db.sql.table", "orders".into()),
    ];
    only(&memory).assert_attributes(&expected);
}

#[tokio::test]
async fn what_a_filter_leaves_out_leaves_nothing() {
    let memory = InMemory::new();
    let pool = traced(sqlite().await, &memory);
    let is_wanted = |query: &throughline_sqlx::Query| {
        query
            .summary
            .as_ref()
            .is_none_or(|it| it.as_str() != "SELECT orders")
    };
    let pool = pool.filter(is_wanted);
    pool.execute("SELECT * FROM orders").await.unwrap();
    assert!(memory.spans().is_empty());
    pool.execute("SELECT 1").await.unwrap();
    let metrics = memory.metrics();
    let mut durations = (metrics.iter()).filter(|it| it.name == "db.client.operation.duration");
    assert_eq!(durations.next().unwrap().points.len(), 1);
    assert_eq!(names(&memory), ["SELECT"]);
}

#[tokio::test]
async fn hooks_name_the_span_and_add_what_the_caller_carries() {
    struct OrderId(i64);

    let (pool, memory) = orders().await;
    let ended = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&ended);
    let pool = pool
        .on_start(|query, span| {
            assert_eq!(query.summary.as_ref().unwrap().as_str(), "SELECT orders");
            if let Some(OrderId(id)) = Context::current().get() {
                span.set_name("load order");
                span.set_attributes([KeyValue::new("db.query.parameter.0", id.to_string())]);
            }
        })
        .on_finish(move |finish, _| {
            let error = finish.error_type.map(str::to_owned);
            noted.lock().unwrap().push((finish.returned_rows, error));
        });
    let query = || sqlx::query("SELECT item FROM orders WHERE id = ?").bind(2);
    let one = query().fetch_one(&pool);
    let context = Context::current_with_value(OrderId(2));
    one.with_context(context.clone()).await.unwrap();
    let mut stream = query().fetch(&pool);
    let row = futures_util::StreamExt::next(&mut stream);
    row.with_context(context).await.unwrap().unwrap();
    drop(stream);
    query().fetch_all(&pool).await.unwrap();
    assert_eq!(
        names(&memory),
        ["load order", "load order", "SELECT orders"]
    );
    for span in &memory.spans()[..2] {
        let parameter = span.attribute("db.query.parameter.0");
        assert_eq!(parameter, Some(&"2".into()));
    }
    let held = pool.acquire().await.unwrap();
    assert!(futures_util::FutureExt::now_or_never(query().execute(&pool)).is_none());
    drop(held);
    let cancelled = (None, Some("cancelled".to_owned()));
    let one = || (Some(1), None);
    assert_eq!(*ended.lock().unwrap(), [one(), one(), one(), cancelled]);
}
