//! The same on every server.

use std::sync::Arc;

use futures_util::{FutureExt, StreamExt, TryStreamExt};
use sqlx::any::install_default_drivers;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Any, ColumnIndex, Decode, Encode, Executor, IntoArguments, MySql, Postgres, Type};
use throughline_sqlx::{Instrumented, TracedPool};
use throughline_testing::opentelemetry::trace::{SpanKind, Status};
use throughline_testing::{Expected, InMemory, SpanRecord};

use crate::pool::figures;
use crate::servers::{self, Server};
use crate::support::{names, only, rows, traced};

/// A table that only the connection sees which makes it: tests share their servers.
const ORDERS: &str = "CREATE TEMPORARY TABLE orders (id INT PRIMARY KEY, item VARCHAR(20))";

pub(crate) fn postgres_options(server: &Server) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass().host("127.0.0.1");
    options
        .port(server.port)
        .username("postgres")
        .password("s3cret")
}

/// Two connections to PostgreSQL.
async fn postgres() -> Option<(TracedPool<Postgres>, InMemory, Arc<Server>)> {
    let server = servers::postgres()?;
    let options = PgPoolOptions::new().max_connections(2);
    let pool = options
        .connect_with(postgres_options(&server))
        .await
        .unwrap();
    let memory = InMemory::new();
    Some((traced(pool, &memory), memory, server))
}

/// Two connections to MariaDB.
async fn mariadb() -> Option<(TracedPool<MySql>, InMemory, Arc<Server>)> {
    let server = servers::mariadb()?;
    let options = MySqlConnectOptions::new()
        .host("127.0.0.1")
        .port(server.port);
    let options = options.username("root").database("mysql");
    let pool = MySqlPoolOptions::new().max_connections(2);
    let pool = pool.connect_with(options).await.unwrap();
    let memory = InMemory::new();
    Some((traced(pool, &memory).system_name("mariadb"), memory, server))
}

/// Compares a span with what every span of its server has, and `more`.
#[track_caller]
fn check(
    span: &SpanRecord,
    (system, namespace, server): (&'static str, &'static str, &Server),
    more: &[(&'static str, Expected)],
) {
    let mut expected = vec![
        ("db.system.name", system.into()),
        ("db.namespace", namespace.into()),
        ("server.address", "127.0.0.1".into()),
        ("server.port", i64::from(server.port).into()),
    ];
    expected.extend_from_slice(more);
    span.assert_attributes(&expected);
    assert_eq!(span.kind, SpanKind::Client);
}

/// What is on spans alone.
const ON_SPANS: [&str; 2] = ["db.query.text", "db.response.returned_rows"];

/// The operation was measured with what its span has.
#[track_caller]
fn check_measured(memory: &InMemory, span: &SpanRecord) {
    let metrics = memory.metrics();
    let mut durations = (metrics.iter()).filter(|it| it.name == "db.client.operation.duration");
    let points = &durations.next().unwrap().points;
    let mut expected = span.attributes.clone();
    expected.retain(|key, _| !ON_SPANS.contains(&key.as_str()));
    let mut same = points.iter().filter(|point| point.attributes == expected);
    assert!(
        same.next().is_some(),
        "{expected:#?} is none of {points:#?}"
    );
}

/// Queries that succeed and fail on one connection, with `placeholder`s for two values.
macro_rules! check_queries {
    ($pool:expr, $memory:expr, $of:expr, $insert:literal, $select:literal, $duplicate:literal, $missing:literal) => {{
        let (pool, memory) = ($pool, $memory);
        let mut connection = pool.acquire().await.unwrap();
        connection.execute(ORDERS).await.unwrap();
        only(&memory);
        let insert = || sqlx::query($insert).bind(1).bind("tea");
        let done = insert().execute(&mut *connection).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
        let mut inserted = vec![
            ("db.query.text", $insert.into()),
            ("db.query.summary", "INSERT orders".into()),
            ("db.response.returned_rows", 0.into()),
        ];
        let span = only(&memory);
        check(&span, $of, &inserted);
        check_measured(&memory, &span);

        insert().execute(&mut *connection).await.unwrap_err();
        inserted.push(("db.response.status_code", $duplicate.into()));
        inserted.push(("error.type", $duplicate.into()));
        let span = only(&memory);
        check(&span, $of, &inserted);
        assert_eq!(span.status, Status::error(""));
        assert!(!format!("{span:?}").contains("tea"));

        let select = || sqlx::query_as::<_, (i32, String)>($select).bind(0);
        let tea = (1, "tea".to_owned());
        assert_eq!(select().fetch_one(&mut *connection).await.unwrap(), tea);
        assert_eq!(select().fetch_all(&mut *connection).await.unwrap().len(), 1);
        let stream = select().fetch(&mut *connection);
        assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap().len(), 1);
        for span in memory.take_spans() {
            assert_eq!(span.name, "SELECT orders");
            let selected = [
                ("db.query.text", $select.into()),
                ("db.query.summary", "SELECT orders".into()),
                ("db.response.returned_rows", 1.into()),
            ];
            check(&span, $of, &selected);
            check_measured(&memory, &span);
        }

        let mut tx = connection.begin().await.unwrap();
        let mut savepoint = tx.begin().await.unwrap();
        savepoint.execute("DELETE FROM orders").await.unwrap();
        savepoint.rollback().await.unwrap();
        assert_eq!(select().fetch_all(&mut *tx).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        assert_eq!(names(&memory), ["DELETE orders", "SELECT orders"]);
        drop(memory.take_spans());

        // It is asked for, and not there.
        let call = connection.execute("CALL place_order(7)");
        call.await.unwrap_err();
        let called = [
            ("db.query.text", "CALL place_order(?)".into()),
            ("db.query.summary", "CALL place_order".into()),
            ("db.stored_procedure.name", "place_order".into()),
            ("db.response.returned_rows", 0.into()),
            ("db.response.status_code", $missing.into()),
            ("error.type", $missing.into()),
        ];
        let span = only(&memory);
        check(&span, $of, &called);
        check_measured(&memory, &span);
    }};
}

#[tokio::test]
async fn postgres_records_its_queries() {
    let Some((pool, memory, server)) = postgres().await else {
        return;
    };
    check_queries!(
        pool,
        memory,
        ("postgresql", "postgres", &server),
        "INSERT INTO orders VALUES ($1, $2)",
        "SELECT id, item FROM orders WHERE id > $1",
        "23505",
        "42883"
    );
}

#[tokio::test]
async fn mariadb_records_its_queries() {
    let Some((pool, memory, server)) = mariadb().await else {
        return;
    };
    check_queries!(
        pool,
        memory,
        ("mariadb", "mysql", &server),
        "INSERT INTO orders VALUES (?, ?)",
        "SELECT id, item FROM orders WHERE id > ?",
        "1062",
        "1305"
    );
}

#[tokio::test]
async fn any_records_the_database_behind_it() {
    install_default_drivers();
    let Some(server) = servers::postgres() else {
        return;
    };
    let url = format!(
        "postgres://postgres:s3cret@127.0.0.1:{}/postgres",
        server.port
    );
    let memory = InMemory::new();
    let pool = sqlx::Pool::<Any>::connect(&url).await.unwrap();
    let pool = traced(pool, &memory);
    let text = "SELECT 1 FROM pg_class WHERE relpages > $1 LIMIT 1";
    sqlx::query(text).bind(0).fetch_all(&pool).await.unwrap();
    let selected = [
        ("db.query.text", text.into()),
        ("db.query.summary", "SELECT pg_class".into()),
        ("db.response.returned_rows", 1.into()),
    ];
    check(
        &only(&memory),
        ("postgresql", "postgres", &server),
        &selected,
    );
    pool.execute("no such statement").await.unwrap_err();
    let span = only(&memory);
    assert_eq!(span.error_type(), Some("42601"));
    assert!(!format!("{span:?}{pool:?}").contains("s3cret"));

    let sqlite = sqlx::Pool::<Any>::connect("sqlite::memory:").await.unwrap();
    let sqlite = traced(sqlite, &memory);
    sqlite.execute("no such statement").await.unwrap_err();
    let span = only(&memory);
    assert_eq!(span.attribute("db.system.name"), Some(&"sqlite".into()));
    assert_eq!(span.attribute("db.namespace"), Some(&":memory:".into()));
    assert_eq!(span.error_type(), Some("1"));
}

#[tokio::test]
async fn the_schema_is_that_of_the_options() {
    install_default_drivers();
    let Some(server) = servers::postgres() else {
        return;
    };
    let memory = InMemory::new();
    let options = postgres_options(&server).options([("search_path", "shop,public")]);
    let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
    traced(pool, &memory).execute("SELECT 1").await.unwrap();
    let url = format!(
        "postgres://postgres@127.0.0.1:{}/postgres?options[search_path]=shop,public",
        server.port
    );
    let pool = sqlx::Pool::<Any>::connect(&url).await.unwrap();
    let pool = traced(pool, &memory).old_names();
    pool.execute("SELECT 1").await.unwrap();
    let selected = [
        ("db.query.text", "SELECT ?".into()),
        ("db.query.summary", "SELECT".into()),
        ("db.response.returned_rows", 1.into()),
    ];
    let of = ("postgresql", "postgres|shop", &*server);
    let spans = memory.take_spans();
    check(&spans[0], of, &selected);
    let old = [
        ("db.system", "postgresql".into()),
        ("db.name", "postgres".into()),
        ("db.user", "postgres".into()),
        ("db.statement", "SELECT ?".into()),
        ("db.operation", "SELECT".into()),
    ];
    check(&spans[1], of, &[&selected[..], &old[..]].concat());
}

#[tokio::test]
async fn any_has_the_numbers_of_mariadb() {
    install_default_drivers();
    let Some(server) = servers::mariadb() else {
        return;
    };
    let url = format!("mariadb://root@127.0.0.1:{}/mysql", server.port);
    let memory = InMemory::new();
    let pool = sqlx::Pool::<Any>::connect(&url).await.unwrap();
    let pool = traced(pool, &memory);
    pool.execute("SELECT 1 FROM nowhere").await.unwrap_err();
    let failed = [
        ("db.query.text", "SELECT ? FROM nowhere".into()),
        ("db.query.summary", "SELECT nowhere".into()),
        ("db.response.returned_rows", 0.into()),
        ("db.response.status_code", "1146".into()),
        ("error.type", "1146".into()),
    ];
    check(&only(&memory), ("mariadb", "mysql", &server), &failed);
}

/// Drops a query that the server is at: `asleep` counts those. `wake` ends them.
async fn check_cancelled<DB>(
    (pool, memory, _server): (TracedPool<DB>, InMemory, Arc<Server>),
    [sleep, asleep, wake]: [&'static str; 3],
) where
    DB: Instrumented,
    f64: Type<DB> + for<'q> Encode<'q, DB>,
    i64: Type<DB> + for<'r> Decode<'r, DB>,
    usize: ColumnIndex<DB::Row>,
    for<'q> DB::Arguments: IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let pool = pool.pool_name("shop");
    let sleeping = async || {
        let count = sqlx::query_scalar::<_, i64>(asleep);
        count.fetch_one(pool.inner()).await.unwrap()
    };
    let mut query = Box::pin(sqlx::query(sleep).bind(3600.0).execute(&pool));
    loop {
        assert!(query.as_mut().now_or_never().is_none());
        if sleeping().await == 1 {
            break;
        }
    }
    assert_eq!(figures(&memory)["pending_requests shop"], 0.0);
    assert!(!figures(&memory).contains_key("use_time shop"));
    drop(query);
    let span = only(&memory);
    assert_eq!(
        (span.name.as_str(), span.error_type()),
        ("SELECT", Some("cancelled"))
    );
    for used in 2..5 {
        // The server still sleeps, and there is another connection.
        assert_eq!(sleeping().await, 1);
        pool.execute("SELECT 1").await.unwrap();
        assert_eq!(figures(&memory)["use_time shop"], f64::from(used));
    }
    assert_eq!(memory.take_spans().len(), 3);

    // sqlx takes the connection back when the server is done with what nobody waits for.
    sqlx::raw_sql(wake).execute(pool.inner()).await.unwrap();
    while figures(&memory)["count shop used"] > 0.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(sleeping().await, 0);
    let figures = figures(&memory);
    assert_eq!(figures["pending_requests shop"], 0.0);
    assert_eq!(figures["wait_time shop"], 4.0);
    assert!(!figures.contains_key("timeouts shop"));
    assert!(memory.spans().is_empty());
}

#[tokio::test]
async fn a_query_cancelled_on_postgres_leaves_one_span_and_the_pool_works() {
    if let Some(postgres) = postgres().await {
        let sleep = "SELECT pg_sleep($1)";
        let asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        let wake =
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
        check_cancelled(postgres, [sleep, asleep, wake]).await;
    }
}

#[tokio::test]
async fn a_query_cancelled_on_mariadb_leaves_one_span_and_the_pool_works() {
    if let Some(mariadb) = mariadb().await {
        let sleep = "SELECT SLEEP(?)";
        let asleep =
            "SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'";
        let wake = "BEGIN NOT ATOMIC DECLARE asleep BIGINT; SELECT id INTO asleep FROM \
            information_schema.processlist WHERE state = 'User sleep'; KILL QUERY asleep; END";
        check_cancelled(mariadb, [sleep, asleep, wake]).await;
    }
}

#[tokio::test]
async fn a_stream_dropped_while_it_waits_for_more_is_cancelled_with_the_rows_so_far() {
    let Some((pool, memory, _server)) = postgres().await else {
        return;
    };
    let mut other = pool.inner().acquire().await.unwrap();
    other.execute("SELECT pg_advisory_lock(7)").await.unwrap();
    // Large enough that the server does not keep the rows back until the end.
    let sets = "SELECT repeat('x', 20000) FROM generate_series(1, 9); SELECT pg_advisory_lock(7)";
    let mut stream = pool.fetch(sets);
    stream.next().await.unwrap().unwrap();
    let mut count = 1;
    while let Some(row) = stream.next().now_or_never() {
        row.unwrap().unwrap();
        count += 1;
    }
    drop(stream);
    let span = only(&memory);
    assert_eq!(
        (rows(&span), span.error_type()),
        (Some(count), Some("cancelled"))
    );
    other.execute("SELECT pg_advisory_unlock(7)").await.unwrap();
    pool.execute("SELECT 1").await.unwrap();
}

#[tokio::test]
async fn several_result_sets_are_one_operation() {
    async fn check<DB: Instrumented>(pool: &TracedPool<DB>, memory: &InMemory) {
        let sets = "SELECT 1; SELECT 2 UNION SELECT 3";
        let mut stream = pool.fetch_many(sets);
        let mut ends = 0;
        while let Some(item) = stream.next().await {
            ends += u32::from(item.unwrap().is_left());
        }
        drop(stream);
        assert_eq!((ends, rows(&only(memory))), (2, Some(3)));
        // Given up between them.
        let mut stream = pool.fetch_many(sets);
        stream.next().await.unwrap().unwrap();
        drop(stream);
        let span = only(memory);
        assert_eq!((rows(&span), span.error_type()), (Some(1), None));
        pool.execute("SELECT 1").await.unwrap();
    }
    if let Some((pool, memory, _server)) = postgres().await {
        check(&pool, &memory).await;
    }
    if let Some((pool, memory, _server)) = mariadb().await {
        check(&pool, &memory).await;
    }
}

#[tokio::test]
async fn copy_and_listen_go_on_working_beside_the_spans() {
    let Some((pool, memory, _server)) = postgres().await else {
        return;
    };
    let mut connection = pool.acquire().await.unwrap();
    connection.execute(ORDERS).await.unwrap();
    let raw = connection.inner_mut();
    let mut copy = raw.copy_in_raw("COPY orders FROM STDIN").await.unwrap();
    copy.send(b"1\ttea\n2\tcup\n".as_slice()).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), 2);
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM orders");
    assert_eq!(count.fetch_one(&mut *connection).await.unwrap(), 2);
    drop(connection);

    let mut listener = PgListener::connect_with(pool.inner()).await.unwrap();
    listener.listen("orders").await.unwrap();
    let notify = sqlx::query("SELECT pg_notify($1, $2)")
        .bind("orders")
        .bind("tea");
    notify.execute(&pool).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "tea");
    assert_eq!(
        names(&memory),
        ["CREATE TABLE orders", "SELECT orders", "SELECT"]
    );
}
