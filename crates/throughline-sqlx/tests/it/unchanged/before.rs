//! As it was.

use sqlx::{PgPool, PgTransaction};

#[path = "repository.rs"]
pub(super) mod repository;
