//! With the types of its pool and of what that begins changed, and nothing else.

use sqlx::Postgres;

type PgPool = throughline_sqlx::TracedPool<Postgres>;
type PgTransaction<'c> = throughline_sqlx::TracedTransaction<'c, Postgres>;

#[path = "repository.rs"]
#[expect(clippy::duplicate_mod, reason = "that it compiles is what is tested")]
pub(super) mod repository;
