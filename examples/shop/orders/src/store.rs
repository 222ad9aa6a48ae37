//! The orders and the stock in their database: SQLite or PostgreSQL, as its URL says.

use sqlx::Any;
use sqlx::any::AnyPoolOptions;
use throughline_sqlx::TracedPool;
use uuid::Uuid;

use crate::NewOrder;

#[derive(Clone)]
pub(crate) struct Store {
    // Was `sqlx::AnyPool`. That every query below has a span is this type's doing.
    pool: TracedPool<Any>,
}

impl Store {
    /// Connects, and makes the tables that are not there yet.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        sqlx::any::install_default_drivers();
        // A database in memory is its connection's own, and ends with it.
        let connections = if url.contains(":memory:") { 1 } else { 10 };
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect(url)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool: pool.into() })
    }

    /// Takes the goods from the stock and notes the order, or finds that there are none.
    pub(crate) async fn reserve(&self, order: &NewOrder) -> sqlx::Result<Option<Uuid>> {
        let mut tx = self.pool.begin().await?;
        let taken =
            sqlx::query("UPDATE stock SET pieces = pieces - 1 WHERE item = $1 AND pieces > 0")
                .bind(&order.item)
                .execute(&mut *tx)
                .await?;
        if taken.rows_affected() == 0 {
            return Ok(None);
        }
        let id = Uuid::new_v4();
        let insert = "INSERT INTO orders (id, customer, item, cents, state) \
                      VALUES ($1, $2, $3, $4, 'reserved')";
        sqlx::query(insert)
            .bind(id.to_string())
            .bind(&order.customer)
            .bind(&order.item)
            .bind(i64::from(order.cents))
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Some(id))
    }

    /// Notes that the order is paid.
    pub(crate) async fn book(&self, id: Uuid) -> sqlx::Result<()> {
        sqlx::query("UPDATE orders SET state = 'paid' WHERE id = $1")
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts the goods back.
    pub(crate) async fn release(&self, id: Uuid) -> sqlx::Result<()> {
        let mut tx = self.pool.begin().await?;
        let cancel = "UPDATE orders SET state = 'cancelled' WHERE id = $1 RETURNING item";
        let item: String = sqlx::query_scalar(cancel)
            .bind(id.to_string())
            .fetch_one(&mut *tx)
            .await?;
        sqlx::query("UPDATE stock SET pieces = pieces + 1 WHERE item = $1")
            .bind(item)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    }

    /// Waits for the queries that are under way, and says goodbye to the database.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}
