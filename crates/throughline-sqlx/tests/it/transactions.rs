//! Connections, transactions and savepoints.

use sqlx::{Acquire, Connection, Database, Executor, Sqlite};
use throughline_sqlx::{TracedConnection, TracedTransaction};
use throughline_testing::opentelemetry::trace::Status;

use crate::support::{names, only, orders, under};

const COUNT: &str = "SELECT count(*) FROM orders";

async fn add(connection: &mut TracedConnection<'_, Sqlite>, item: &str) -> sqlx::Result<()> {
    let query = sqlx::query("INSERT INTO orders (item) VALUES (?)").bind(item);
    query.execute(&mut *connection).await?;
    Ok(())
}

/// Generic over what a query can be sent through.
async fn count<'c>(executor: impl Executor<'c, Database = Sqlite>) -> i64 {
    let query = sqlx::query_scalar(COUNT).fetch_one(executor);
    query.await.unwrap()
}

/// Generic over what lends connections.
async fn count_twice<'a>(from: impl Acquire<'a, Database = Sqlite>) -> i64 {
    let mut connection = from.acquire().await.unwrap();
    count(&mut *connection).await + count(&mut *connection).await
}

#[tokio::test]
async fn queries_of_a_transaction_have_spans_by_every_way_to_write_them() {
    let (pool, memory) = orders().await;
    let mut tx = pool.begin().await.unwrap();
    assert_eq!(count(&mut *tx).await, 3);
    assert_eq!(count(&mut tx).await, 3);
    assert_eq!((&mut *tx).fetch_all(COUNT).await.unwrap().len(), 1);
    add(&mut tx, "jug").await.unwrap();
    add(&mut tx, "mug").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        names(&memory),
        [
            "SELECT orders",
            "SELECT orders",
            "SELECT orders",
            "INSERT orders",
            "INSERT orders"
        ]
    );
    assert_eq!(count(pool.inner()).await, 5);
}

#[tokio::test]
async fn queries_of_a_connection_have_spans_by_every_way_to_write_them() {
    let (pool, memory) = orders().await;
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(count(&mut *connection).await, 3);
    assert_eq!(count(&mut connection).await, 3);
    add(&mut connection, "jug").await.unwrap();
    connection.ping().await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    add(&mut tx, "mug").await.unwrap();
    drop(tx);
    assert_eq!(count(&mut *connection).await, 4);
    assert_eq!(memory.spans().len(), 5);
    assert!(pool.try_acquire().is_none());
    drop(connection);
    drop(pool.acquire().await.unwrap());
}

#[tokio::test]
async fn what_begins_and_ends_a_transaction_has_spans_where_it_is_said_so() {
    let (pool, memory) = orders().await;
    let pool = pool.transaction_spans();
    let work = async {
        let mut tx = pool.begin().await.unwrap();
        let mut savepoint = tx.begin().await.unwrap();
        add(&mut savepoint, "jug").await.unwrap();
        savepoint.rollback().await.unwrap();
        tx.begin().await.unwrap().commit().await.unwrap();
        tx.commit().await.unwrap();
        // It comes back a little later than it was dropped.
        let tx = loop {
            match pool.try_begin().await.unwrap() {
                Some(tx) => break tx,
                None => tokio::task::yield_now().await,
            }
        };
        tx.rollback().await.unwrap();
        let mut connection = pool.acquire().await.unwrap();
        connection.begin().await.unwrap().commit().await.unwrap();
    };
    under(&memory, "request", work).await;
    let mut expected = vec![
        "BEGIN",
        "SAVEPOINT",
        "INSERT orders",
        "ROLLBACK TO SAVEPOINT",
        "SAVEPOINT",
        "RELEASE SAVEPOINT",
        "COMMIT",
        "BEGIN",
        "ROLLBACK",
        "BEGIN",
        "COMMIT",
        "request",
    ];
    assert_eq!(names(&memory), expected);
    expected.pop();
    let trace = memory.trace();
    let request = trace.find("request").span_id;
    for span in memory.spans().iter().take(expected.len()) {
        assert_eq!(span.parent_span_id, Some(request), "{}", span.name);
        assert_eq!(span.status, Status::Unset);
    }
    memory.spans()[0].assert_attributes(&[
        ("db.system.name", "sqlite".into()),
        ("db.namespace", ":memory:".into()),
        ("db.query.text", "BEGIN".into()),
        ("db.query.summary", "BEGIN".into()),
    ]);
    assert_eq!(count(pool.inner()).await, 3);
}

#[tokio::test]
async fn savepoints_undo_what_is_theirs() {
    let (pool, memory) = orders().await;
    let mut tx: TracedTransaction<'_, Sqlite> = pool.begin().await.unwrap();
    add(&mut tx, "jug").await.unwrap();
    let mut savepoint = tx.begin().await.unwrap();
    add(&mut savepoint, "mug").await.unwrap();
    let mut inner = savepoint.begin().await.unwrap();
    add(&mut inner, "jar").await.unwrap();
    inner.commit().await.unwrap();
    drop(savepoint);
    tx.commit().await.unwrap();
    assert_eq!(count(pool.inner()).await, 4);
    assert_eq!(memory.spans().len(), 3);
}

#[tokio::test]
async fn begin_is_traced_while_the_traits_of_sqlx_are_in_scope() {
    // `Acquire` and `Connection` have methods of that name.
    fn is_ours<DB: Database>(_: &TracedTransaction<'_, DB>) {}
    let (pool, _) = orders().await;
    let mut connection = pool.acquire().await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    is_ours(&tx);
    is_ours(&tx.begin().await.unwrap());
    drop(tx);
    drop(connection);
    is_ours(&pool.begin().await.unwrap());
    let raw = &mut *pool.inner().acquire().await.unwrap();
    drop(Connection::begin(raw).await.unwrap());
}

#[tokio::test]
async fn who_is_generic_over_acquire_gets_a_connection_without_spans() {
    let (pool, memory) = orders().await;
    assert_eq!(count_twice(&pool).await, 6);
    let mut tx = pool.begin().await.unwrap();
    assert_eq!(count_twice(&mut tx).await, 6);
    assert_eq!(count_twice(&mut *tx).await, 6);
    drop(tx);
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(count_twice(&mut connection).await, 6);
    assert_eq!(count(connection.inner_mut()).await, 3);
    assert!(memory.spans().is_empty());
}

#[tokio::test]
async fn a_transaction_with_a_statement_of_its_own_begins() {
    let (pool, memory) = orders().await;
    let pool = pool.transaction_spans();
    let tx = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(only(&memory).name, "BEGIN");
    assert!(pool.try_begin().await.unwrap().is_none());
    assert!(memory.spans().is_empty());
    drop(tx);
    pool.begin_with("no such statement").await.unwrap_err();
    assert_eq!(only(&memory).error_type(), Some("1"));
    let tx = loop {
        // It comes back a little later than it was dropped.
        match pool.try_begin_with("BEGIN EXCLUSIVE").await.unwrap() {
            Some(tx) => break tx,
            None => tokio::task::yield_now().await,
        }
    };
    tx.rollback().await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert!(tx.is_in_transaction());
    // Within one there is none to begin by a statement of one's own.
    tx.begin_with("BEGIN IMMEDIATE").await.unwrap_err();
    drop(tx);
    assert_eq!(names(&memory), ["BEGIN", "ROLLBACK", "BEGIN", "BEGIN"]);
}

#[tokio::test]
async fn a_transaction_of_a_closure_is_committed_when_that_succeeds() {
    let (pool, memory) = orders().await;
    let mut connection = pool.acquire().await.unwrap();
    let added = connection.transaction(|tx| {
        Box::pin(async move {
            add(tx, "jug").await?;
            Ok::<_, sqlx::Error>(count(&mut **tx).await)
        })
    });
    assert_eq!(added.await.unwrap(), 4);
    let failed = connection.transaction(|tx| {
        Box::pin(async move {
            add(tx, "mug").await?;
            add(tx, "jug").await
        })
    });
    failed.await.unwrap_err();
    assert_eq!(count(connection.as_mut()).await, 4);
    assert!(!connection.is_in_transaction());
    assert_eq!(memory.spans().len(), 5);
}

#[tokio::test]
async fn tasks_take_pools_and_transactions_along() {
    let (pool, memory) = orders().await;
    let mut tx = pool.begin().await.unwrap();
    let task = tokio::spawn(async move {
        add(&mut tx, "jug").await.unwrap();
        tx.commit().await.unwrap();
    });
    task.await.unwrap();
    let task = tokio::spawn(async move { count(&pool).await });
    assert_eq!(task.await.unwrap(), 4);
    assert_eq!(memory.spans().len(), 2);
}
