//! With one line changed.

use throughline_sqlx::{PgPool, PgTransaction};

#[path = "repository.rs"]
#[expect(clippy::duplicate_mod, reason = "that it compiles is what is tested")]
pub(super) mod repository;
