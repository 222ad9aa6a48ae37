//! What a query records, through a pool.

use std::future::poll_fn;
use std::task::Poll;

use futures_util::TryStreamExt;
use sqlx::{Executor, QueryBuilder, Row, Sqlite};
use throughline_sqlx::TracedPool;
use throughline_testing::opentelemetry::trace::{SpanKind, Status};
use throughline_testing::opentelemetry_sdk::trace::Sampler;
use throughline_testing::{Expected, InMemory};

use crate::support::{measured, names, only, orders, rows, sqlite, traced, under};

const SELECT: &str = "SELECT id, item FROM orders WHERE id >= ?";

/// Exactly what a query on SQLite records when it succeeds.
fn attributes(
    text: Option<&'static str>,
    summary: &'static str,
    rows: i64,
) -> Vec<(&'static str, Expected)> {
    let mut attributes = vec![
        ("db.system.name", "sqlite".into()),
        ("db.namespace", ":memory:".into()),
        ("db.query.summary", summary.into()),
        ("db.response.returned_rows", rows.into()),
    ];
    attributes.extend(text.map(|text| ("db.query.text", text.into())));
    attributes
}

/// A query through a pool: one span, with these rows, whatever it is asked by.
async fn check<T>(count: i64, ask: impl AsyncFnOnce(&TracedPool<Sqlite>) -> sqlx::Result<T>) {
    let (pool, memory) = orders().await;
    ask(&pool).await.unwrap();
    let span = only(&memory);
    assert_eq!(span.name, "SELECT orders");
    assert_eq!(
        (span.kind.clone(), span.status.clone()),
        (SpanKind::Client, Status::Unset)
    );
    assert_eq!(span.scope, "throughline-sqlx");
    span.assert_attributes(&attributes(Some(SELECT), "SELECT orders", count));
    assert_eq!(measured(&memory), 1);
}

#[tokio::test]
async fn every_way_to_ask_has_one_span() {
    let query = || sqlx::query(SELECT).bind(2);
    let of = || sqlx::query_as::<_, (i64, String)>(SELECT).bind(2);
    check(2, async |pool| query().execute(pool).await).await;
    check(2, async |pool| query().fetch_all(pool).await).await;
    check(1, async |pool| query().fetch_one(pool).await).await;
    check(1, async |pool| query().fetch_optional(pool).await).await;
    check(2, async |pool| {
        query().fetch(pool).try_collect::<Vec<_>>().await
    })
    .await;
    check(2, async |pool| of().fetch_all(pool).await).await;
    check(1, async |pool| of().fetch_one(pool).await).await;
    check(2, async |pool| {
        of().fetch(pool).try_collect::<Vec<_>>().await
    })
    .await;
    check(2, async |pool| {
        let ids = sqlx::query_scalar::<_, i64>(SELECT)
            .bind(2)
            .fetch_all(pool)
            .await?;
        assert_eq!(ids, [2, 3]);
        Ok(())
    })
    .await;
    check(2, async |pool| {
        let items = query().map(|row: sqlx::sqlite::SqliteRow| row.get::<String, _>(1));
        assert_eq!(items.fetch_all(pool).await?, ["cup", "pot"]);
        Ok(())
    })
    .await;
    check(2, async |pool| {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT id, item FROM orders WHERE id >= ");
        query.push_bind(2).build().fetch_all(pool).await
    })
    .await;
    check(2, async |pool| {
        let statement = pool.prepare(sqlx::SqlSafeStr::into_sql_str(SELECT)).await?;
        sqlx::Statement::query(&statement)
            .bind(2)
            .fetch_all(pool)
            .await
    })
    .await;
}

#[tokio::test]
async fn what_is_written_is_there_and_no_row() {
    let (pool, memory) = orders().await;
    const INSERT: &str = "INSERT INTO orders (item) VALUES (?)";
    let done = sqlx::query(INSERT)
        .bind("jug")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!((done.rows_affected(), done.last_insert_rowid()), (1, 4));
    let span = only(&memory);
    span.assert_attributes(&attributes(Some(INSERT), "INSERT orders", 0));
}

#[tokio::test]
async fn several_statements_are_one_operation() {
    let (pool, memory) = orders().await;
    let done = sqlx::raw_sql("DELETE FROM orders WHERE id = 1; DELETE FROM orders WHERE id > 1")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 3);
    only(&memory);

    let sets = sqlx::raw_sql("SELECT 1; SELECT 2").fetch_all(&pool).await;
    assert_eq!(sets.unwrap().len(), 2);
    assert_eq!(rows(&only(&memory)), Some(2));
}

#[tokio::test]
async fn no_literal_of_a_text_without_arguments_is_recorded() {
    let (pool, memory) = orders().await;
    let text = "INSERT INTO orders (item) VALUES ('s3cret')";
    pool.execute(text).await.unwrap();
    sqlx::raw_sql("SELECT 's3cret'")
        .fetch_one(&pool)
        .await
        .unwrap();
    sqlx::query("SELECT 's3cret'")
        .fetch_one(&pool)
        .await
        .unwrap();
    sqlx::query(text).execute(&pool).await.unwrap_err();
    assert_eq!(
        names(&memory),
        ["INSERT orders", "SELECT", "SELECT", "INSERT orders"]
    );
    assert!(!format!("{:?}", memory.spans()).contains("s3cret"));
    assert!(!format!("{:?}", memory.metrics()).contains("s3cret"));
    assert!(!format!("{pool:?}").contains("s3cret"));
}

#[tokio::test]
async fn a_row_that_is_not_there_is_no_error() {
    let (pool, memory) = orders().await;
    let query = || sqlx::query(SELECT).bind(99);
    let error = query().fetch_one(&pool).await.unwrap_err();
    assert!(matches!(error, sqlx::Error::RowNotFound));
    assert!(query().fetch_optional(&pool).await.unwrap().is_none());
    for span in memory.spans() {
        assert_eq!(
            (span.status.clone(), span.error_type()),
            (Status::Unset, None)
        );
        assert_eq!(rows(&span), Some(0));
    }
}

#[tokio::test]
async fn an_error_has_the_code_of_the_database() {
    let (pool, memory) = orders().await;
    let text = "INSERT INTO orders (item) VALUES (?)";
    let error = sqlx::query(text)
        .bind("tea")
        .execute(&pool)
        .await
        .unwrap_err();
    assert!(error.as_database_error().unwrap().is_unique_violation());
    let span = only(&memory);
    span.assert_attributes(&[
        ("db.system.name", "sqlite".into()),
        ("db.namespace", ":memory:".into()),
        ("db.query.text", text.into()),
        ("db.query.summary", "INSERT orders".into()),
        ("db.response.returned_rows", 0.into()),
        ("db.response.status_code", "2067".into()),
        ("error.type", "2067".into()),
    ]);
    assert_eq!(span.status, Status::error(""));
}

#[tokio::test]
async fn an_error_without_a_code_has_a_name() {
    let (pool, memory) = orders().await;
    pool.close().await;
    sqlx::query(SELECT)
        .bind(1)
        .execute(&pool)
        .await
        .unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("pool_closed"));
}

#[tokio::test]
async fn a_query_is_below_the_span_that_asked() {
    let (pool, memory) = orders().await;
    let ask = async {
        sqlx::query(SELECT).bind(1).fetch_all(&pool).await.unwrap();
        pool.execute("SELECT 1").await.unwrap();
    };
    under(&memory, "request", ask).await;
    let trace = memory.trace();
    let request = trace.find("request").span_id;
    assert_eq!(trace.find("SELECT orders").parent_span_id, Some(request));
    assert_eq!(trace.find("SELECT").parent_span_id, Some(request));

    // What is made there and awaited elsewhere is of there, too.
    let (pool, memory) = orders().await;
    let make = poll_fn(|_| Poll::Ready(pool.fetch_all("SELECT 1")));
    let made = under(&memory, "request", make).await;
    made.await.unwrap();
    let trace = memory.trace();
    let request = trace.find("request").span_id;
    assert_eq!(trace.find("SELECT").parent_span_id, Some(request));
}

#[tokio::test]
async fn without_a_parent_a_query_has_no_span_where_it_is_said_so() {
    let (pool, memory) = orders().await;
    let pool = pool.only_under_parent();
    pool.execute("SELECT 1").await.unwrap();
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory), 1);
    // It belongs to where it was made.
    let outside = pool.execute("SELECT 1");
    under(&memory, "request", outside).await.unwrap();
    assert_eq!(names(&memory), ["request"]);
    let inside = async { pool.execute("SELECT 1").await };
    under(&memory, "request", inside).await.unwrap();
    assert_eq!(names(&memory), ["request", "SELECT", "request"]);
}

#[tokio::test]
async fn an_unsampled_query_is_measured_and_answered() {
    let memory = InMemory::with_sampler(Sampler::AlwaysOff);
    let pool = traced(sqlite().await, &memory);
    assert_eq!(
        sqlx::query(SELECT)
            .bind(1)
            .fetch_all(&pool)
            .await
            .unwrap()
            .len(),
        3
    );
    assert!(memory.spans().is_empty());
    assert_eq!(measured(&memory), 1);
}

#[tokio::test]
async fn without_a_provider_queries_are_answered() {
    let pool = TracedPool::from(sqlite().await);
    assert_eq!(
        sqlx::query(SELECT)
            .bind(1)
            .fetch_all(&pool)
            .await
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn rows_are_opt_in() {
    let memory = InMemory::new();
    let pool = TracedPool::new(sqlite().await).tracer_provider(memory.tracer_provider());
    sqlx::query(SELECT).bind(1).fetch_all(&pool).await.unwrap();
    assert_eq!(rows(&only(&memory)), None);
}
