//! A query, taken apart and put together again.

use sqlx::error::BoxDynError;
use sqlx::{Arguments, Database, Execute, SqlStr};

/// A query whose text has been looked at: [`Execute::sql`] consumes it.
#[derive(Debug)]
pub struct Taken<DB: Database> {
    sql: SqlStr,
    statement: Option<DB::Statement>,
    /// None once they are taken.
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    persistent: bool,
}

impl<DB: Database> Taken<DB> {
    pub(crate) fn new<'q>(mut query: impl Execute<'q, DB>) -> Self {
        // The text goes last, and some drivers look for a statement while the arguments are there.
        let statement = query.statement().cloned();
        let arguments = query.take_arguments();
        let persistent = query.persistent();
        Self {
            statement,
            arguments: Some(arguments),
            persistent,
            sql: query.sql(),
        }
    }

    /// The text itself, which shares its memory.
    pub(crate) fn text(&self) -> SqlStr {
        self.sql.clone()
    }

    /// Whether values come apart from the text. Arguments that could not be encoded were some.
    pub(crate) fn has_arguments(&self) -> bool {
        match &self.arguments {
            Some(Ok(Some(arguments))) => arguments.len() > 0,
            Some(Err(_)) => true,
            Some(Ok(None)) | None => false,
        }
    }
}

impl<DB: Database> Execute<'_, DB> for Taken<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
