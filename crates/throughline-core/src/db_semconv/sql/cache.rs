//! Statements that come again.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use super::statement::{Dialect, Statement};

/// How many places a statement may have.
const WAYS: usize = 4;
const SETS: usize = 128;

/// Longer statements are read each time: 512 of them would be kept for ever.
const MAX_BYTES: usize = 10 * 1024;

/// What [`Statement`] knows, shared. A text that does not differ from the SQL is the same allocation.
#[derive(Clone)]
pub struct CachedStatement {
    dialect: Dialect,
    sql: Arc<str>,
    sanitized: Arc<str>,
    as_written: Arc<str>,
    summary: Option<Arc<str>>,
}

impl CachedStatement {
    fn read(sql: &str, dialect: Dialect) -> Self {
        let statement = Statement::read(sql, dialect);
        let shared: Arc<str> = match sql.len() <= MAX_BYTES {
            true => sql.into(),
            // Nobody looks it up.
            false => Arc::default(),
        };
        let text = |text: &str| match text == &*shared {
            true => Arc::clone(&shared),
            false => text.into(),
        };
        Self {
            dialect,
            sanitized: text(statement.sanitized()),
            as_written: text(statement.as_written()),
            summary: statement.summary().map(Into::into),
            sql: shared,
        }
    }

    /// Whether nothing in it is kept from anybody: a password does not stay in memory.
    fn may_be_kept(&self) -> bool {
        self.as_written == self.sql
    }

    /// [`Statement::sanitized`].
    #[must_use]
    pub fn sanitized(&self) -> &Arc<str> {
        &self.sanitized
    }

    /// [`Statement::as_written`].
    #[must_use]
    pub fn as_written(&self) -> &Arc<str> {
        &self.as_written
    }

    /// [`Statement::summary`].
    #[must_use]
    pub fn summary(&self) -> Option<&Arc<str>> {
        self.summary.as_ref()
    }
}

/// Without what the sanitized text is without.
impl fmt::Debug for CachedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedStatement")
            .field("sanitized", &self.sanitized)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

/// Statements that were read, by dialect and SQL: 512 at most, of 10 KiB at most each. One with a secret is not kept.
///
/// Looking one up takes no lock and allocates nothing. What did not come again gives way first.
pub struct StatementCache {
    hasher: RandomState,
    sets: Box<[[Slot; WAYS]]>,
}

#[derive(Default)]
struct Slot {
    hash: AtomicU64,
    /// Whether it was asked for since others last looked for a place.
    is_used: AtomicBool,
    statement: ArcSwapOption<CachedStatement>,
}

impl StatementCache {
    /// An empty one. It takes 16 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            sets: (0..SETS).map(|_| Default::default()).collect(),
        }
    }

    /// What [`Statement::read`] says of `sql`.
    #[must_use]
    pub fn get(&self, sql: &str, dialect: Dialect) -> Arc<CachedStatement> {
        if sql.len() > MAX_BYTES {
            return Arc::new(CachedStatement::read(sql, dialect));
        }
        let hash = self.hasher.hash_one(sql);
        let set = &self.sets[hash as usize % SETS];
        for slot in set {
            if let Some(statement) = slot.get(hash, sql, dialect) {
                return statement;
            }
        }
        let statement = Arc::new(CachedStatement::read(sql, dialect));
        if statement.may_be_kept() {
            free_slot(set).put(hash, Arc::clone(&statement));
        }
        statement
    }
}

impl Slot {
    fn get(&self, hash: u64, sql: &str, dialect: Dialect) -> Option<Arc<CachedStatement>> {
        if self.hash.load(Ordering::Relaxed) != hash {
            return None;
        }
        let statement = self.statement.load();
        let found = statement
            .as_ref()
            .filter(|it| it.dialect == dialect && *it.sql == *sql)?;
        // Written once, so that threads which ask for the same statement do not take the slot from each other.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(found))
    }

    /// Whoever looks between the two finds another statement than the hash says, and reads its own.
    fn put(&self, hash: u64, statement: Arc<CachedStatement>) {
        self.statement.store(Some(statement));
        self.hash.store(hash, Ordering::Relaxed);
        self.is_used.store(false, Ordering::Relaxed);
    }
}

/// The first slot that is empty or was not asked for again. Where all were, each must be from now on.
fn free_slot(set: &[Slot; WAYS]) -> &Slot {
    let is_free = |slot: &&Slot| !slot.is_used.load(Ordering::Relaxed);
    let is_empty = |slot: &&Slot| slot.statement.load().is_none();
    let found = set
        .iter()
        .find(is_empty)
        .or_else(|| set.iter().find(is_free));
    found.unwrap_or_else(|| {
        for slot in set {
            slot.is_used.store(false, Ordering::Relaxed);
        }
        &set[0]
    })
}

impl Default for StatementCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for StatementCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementCache").finish_non_exhaustive()
    }
}
