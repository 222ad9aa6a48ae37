//! The orders of a shop: sqlx as an application writes it, for PostgreSQL.

use futures_util::{StreamExt, TryStreamExt};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgListener, PgPoolCopyExt, PgRow};
use sqlx::{
    Acquire, Either, Executor, FromRow, PgExecutor, Postgres, QueryBuilder, Row, SqlStr, Statement,
};

use super::{PgPool, PgTransaction};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/it/unchanged/migrations");

#[derive(Debug, Clone, PartialEq, FromRow)]
struct Order {
    id: i64,
    customer: String,
    note: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    item: String,
    cents: i64,
}

impl<'r> FromRow<'r, PgRow> for Line {
    fn from_row(row: &'r PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            item: row.try_get("item")?,
            cents: row.try_get("cents")?,
        })
    }
}

#[derive(Debug, Clone)]
struct Orders {
    pool: PgPool,
}

impl Orders {
    async fn new(pool: PgPool) -> Result<Self, MigrateError> {
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool })
    }

    /// Fills the stock from lines of `item <tab> pieces`.
    async fn fill_stock(&self, tsv: &[u8]) -> sqlx::Result<u64> {
        let mut connection = self.pool.acquire().await?;
        let mut copy = connection.copy_in_raw("COPY stock FROM STDIN").await?;
        copy.send(tsv).await?;
        copy.finish().await
    }

    /// The stock as such lines.
    async fn dump_stock(&self) -> sqlx::Result<Vec<u8>> {
        let rows = "COPY (SELECT item, pieces FROM stock ORDER BY item) TO STDOUT";
        let chunks = self.pool.copy_out_raw(rows).await?;
        let chunks: Vec<_> = chunks.try_collect().await?;
        Ok(chunks.concat())
    }

    /// Books an order, and takes what it is of from the stock.
    async fn place(
        &self,
        customer: &str,
        note: Option<&str>,
        lines: &[Line],
    ) -> sqlx::Result<Order> {
        let mut tx = self.pool.begin().await?;
        let order = insert_order(&mut *tx, customer, note).await?;

        let mut insert = QueryBuilder::new("INSERT INTO lines (order_id, item, cents) ");
        insert.push_values(lines, |mut row, line| {
            row.push_bind(order.id).push_bind(&line.item);
            row.push_bind(line.cents);
        });
        insert.build().execute(&mut *tx).await?;

        for line in lines {
            take_from_stock(&mut tx, &line.item).await?;
        }
        // Whoever listens hears of it when it is committed.
        tx.execute(sqlx::query("SELECT pg_notify('orders', $1)").bind(order.id.to_string()))
            .await?;
        tx.commit().await?;
        Ok(order)
    }

    async fn find(&self, id: i64) -> sqlx::Result<Option<Order>> {
        sqlx::query_as!(
            Order,
            "SELECT id, customer, note FROM orders WHERE id = $1",
            id
        )
        .fetch_optional(&self.pool)
        .await
    }

    /// The lines of an order, as they come.
    async fn lines(&self, id: i64) -> sqlx::Result<Vec<Line>> {
        let query =
            sqlx::query_as("SELECT item, cents FROM lines WHERE order_id = $1 ORDER BY item");
        query.bind(id).fetch(&self.pool).try_collect().await
    }

    /// The first line of at least so many cents.
    async fn first_of_worth(&self, cents: i64) -> sqlx::Result<Option<String>> {
        let mut lines =
            sqlx::query("SELECT item, cents FROM lines ORDER BY item").fetch(&self.pool);
        while let Some(line) = lines.next().await.transpose()? {
            if line.get::<i64, _>("cents") >= cents {
                return line.try_get("item").map(Some);
            }
        }
        Ok(None)
    }

    /// How many pieces there are of each, by a statement that is prepared once.
    async fn pieces(&self, items: &[&str]) -> sqlx::Result<Vec<Option<i64>>> {
        let mut connection = self.pool.acquire().await?;
        let statement = SqlStr::from_static("SELECT pieces FROM stock WHERE item = $1");
        let statement = connection.prepare(statement).await?;
        let mut pieces = Vec::new();
        for item in items {
            let query = statement.query_scalar::<i64>().bind(item);
            pieces.push(query.fetch_optional(&mut *connection).await?);
        }
        Ok(pieces)
    }

    /// An order with all its lines, or nothing: by a transaction that is asked for its own way.
    async fn cancel(&self, id: i64) -> sqlx::Result<bool> {
        let mut tx = self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL SERIALIZABLE")
            .await?;
        let gone = sqlx::query!("DELETE FROM orders WHERE id = $1", id)
            .execute(tx.as_mut())
            .await?;
        match gone.rows_affected() {
            0 => tx.rollback().await?,
            _ => tx.commit().await?,
        }
        Ok(gone.rows_affected() > 0)
    }

    /// How many orders and lines there are, by one round trip.
    async fn counts(&self) -> sqlx::Result<Vec<i64>> {
        let both = sqlx::raw_sql("SELECT count(*) FROM orders; SELECT count(*) FROM lines");
        let mut counts = Vec::new();
        let mut items = both.fetch_many(&self.pool);
        while let Some(item) = items.try_next().await? {
            if let Either::Right(row) = item {
                counts.push(row.try_get(0)?);
            }
        }
        Ok(counts)
    }

    async fn turnover(&self) -> sqlx::Result<i64> {
        turnover(&self.pool).await
    }

    /// Forgets what there is none of, unless all connections are in use.
    async fn tidy(&self) -> sqlx::Result<bool> {
        let Some(mut connection) = self.pool.try_acquire() else {
            return Ok(false);
        };
        connection
            .execute("DELETE FROM stock WHERE pieces = 0")
            .await?;
        Ok(true)
    }

    async fn close(self) {
        let connections = self.pool.size();
        assert!(connections <= self.pool.options().get_max_connections());
        self.pool.close().await;
        assert!(self.pool.is_closed());
    }
}

/// Generic over what carries out the query.
async fn insert_order(
    executor: impl PgExecutor<'_>,
    customer: &str,
    note: Option<&str>,
) -> sqlx::Result<Order> {
    sqlx::query_as!(
        Order,
        "INSERT INTO orders (customer, note) VALUES ($1, $2) RETURNING id, customer, note",
        customer,
        note
    )
    .fetch_one(executor)
    .await
}

/// Takes a piece from the stock where there is one. What fails is undone by a savepoint, and the order goes on without.
async fn take_from_stock(tx: &mut PgTransaction<'_>, item: &str) -> sqlx::Result<()> {
    let mut savepoint = tx.begin().await?;
    let taken = sqlx::query("UPDATE stock SET pieces = pieces - 1 WHERE item = $1")
        .bind(item)
        .execute(&mut *savepoint)
        .await;
    match taken {
        Ok(_) => savepoint.commit().await,
        Err(sqlx::Error::Database(error)) if error.is_check_violation() => {
            savepoint.rollback().await
        }
        Err(error) => Err(error),
    }
}

/// Generic over what lends connections.
async fn turnover<'a>(from: impl Acquire<'a, Database = Postgres>) -> sqlx::Result<i64> {
    let mut connection = from.acquire().await?;
    let query =
        sqlx::query_scalar!(r#"SELECT COALESCE(sum(cents), 0)::BIGINT AS "cents!" FROM lines"#);
    query.fetch_one(&mut *connection).await
}

/// The id of the next order that is placed.
async fn next_order(listener: &mut PgListener) -> sqlx::Result<i64> {
    let notification = listener.recv().await?;
    let id = notification.payload().parse();
    id.map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// What the application tests it by.
pub(crate) async fn passes(pool: PgPool, mut listener: PgListener) {
    let orders = Orders::new(pool).await.unwrap();
    listener.listen("orders").await.unwrap();
    assert_eq!(orders.fill_stock(b"cup\t0\ntea\t5\n").await.unwrap(), 2);

    let line = |item: &str, cents| Line {
        item: item.to_owned(),
        cents,
    };
    let lines = [line("cup", 700), line("tea", 450)];
    let order = orders.place("ada", Some("a gift"), &lines).await.unwrap();
    assert_eq!(next_order(&mut listener).await.unwrap(), order.id);
    assert_eq!(orders.find(order.id).await.unwrap(), Some(order.clone()));
    assert_eq!(orders.find(order.id + 1).await.unwrap(), None);
    assert_eq!(orders.lines(order.id).await.unwrap(), lines);
    assert_eq!(orders.first_of_worth(1).await.unwrap().unwrap(), "cup");
    // There was no cup, and the transaction went on.
    assert_eq!(orders.dump_stock().await.unwrap(), b"cup\t0\ntea\t4\n");
    let pieces = orders.pieces(&["tea", "pot"]).await.unwrap();
    assert_eq!(pieces, [Some(4), None]);

    let twice = [line("tea", 1), line("tea", 1)];
    let error = orders.place("bob", None, &twice).await.unwrap_err();
    assert!(error.into_database_error().unwrap().is_unique_violation());
    assert_eq!(orders.counts().await.unwrap(), [1, 2]);
    assert_eq!(orders.turnover().await.unwrap(), 1150);

    assert!(orders.cancel(order.id).await.unwrap());
    assert!(!orders.cancel(order.id).await.unwrap());
    assert_eq!(orders.counts().await.unwrap(), [0, 0]);
    while !orders.tidy().await.unwrap() {
        tokio::task::yield_now().await;
    }
    assert_eq!(orders.dump_stock().await.unwrap(), b"tea\t4\n");
    drop(listener);
    orders.close().await;
}
