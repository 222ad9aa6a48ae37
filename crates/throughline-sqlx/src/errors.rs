//! How an operation ends: `error.type` and `db.response.status_code`.

use sqlx::Error;
use throughline_core::db_semconv::DatabaseCall;
use throughline_core::http_semconv::ErrorTypes;
use throughline_core::{Operation, Outcome};

use crate::database::status_code;

/// Ends `operation` with what it came to. sqlx makes `RowNotFound` of an answer without rows, above all of this: it does not
/// come here.
pub(crate) fn finish<T>(operation: &mut Operation<DatabaseCall>, result: &Result<T, Error>) {
    let outcome = match result {
        Ok(_) => Outcome::Finished,
        Err(error) => Outcome::Error(error_type(error)),
    };
    if let (Some(call), Err(Error::Database(error))) = (operation.details_mut(), result)
        && let Some(code) = status_code(&**error)
    {
        call.answered_with(code.into_owned());
    }
    operation.finish(outcome);
}

/// The `error.type` of what has no code of the database's. No text of an error: it may quote a value or a password.
pub(crate) fn error_type(error: &Error) -> &'static str {
    match error {
        Error::Configuration(_) => "configuration",
        Error::InvalidArgument(_) => "invalid_argument",
        Error::Database(_) => "database",
        Error::Io(error) => match ErrorTypes::default().of(error) {
            known @ ("timeout" | "connect") => known,
            _ => "io",
        },
        Error::Tls(_) => "tls",
        Error::Protocol(_) => "protocol",
        Error::TypeNotFound { .. } => "type_not_found",
        Error::ColumnIndexOutOfBounds { .. } | Error::ColumnNotFound(_) => "column_not_found",
        Error::Encode(_) => "encode",
        Error::ColumnDecode { .. } | Error::Decode(_) => "decode",
        Error::AnyDriverError(_) => "any_driver",
        Error::PoolTimedOut => "pool_timeout",
        Error::PoolClosed => "pool_closed",
        Error::WorkerCrashed => "worker_crashed",
        Error::InvalidSavePointStatement | Error::BeginFailed => "transaction",
        _ => "_OTHER",
    }
}
