//! How an operation ends: `error.type` and `db.response.status_code`.

use redis::{ErrorKind, RedisError, RedisResult, ServerError, Value};
use throughline_core::db_semconv::DatabaseCall;
use throughline_core::{Operation, Outcome};

/// The answer to a script that the server does not know yet. The client loads it and asks again.
const NO_SCRIPT: &str = "NOSCRIPT";

/// What an answer tells of its errors.
pub(crate) trait Answer {
    /// The first error in it.
    fn error(&self) -> Option<&ServerError>;
}

impl Answer for Value {
    fn error(&self) -> Option<&ServerError> {
        match self {
            Self::ServerError(error) => Some(error),
            _ => None,
        }
    }
}

impl Answer for Vec<Value> {
    fn error(&self) -> Option<&ServerError> {
        self.iter().find_map(|value| match value {
            // The answers of a transaction.
            Value::Array(values) => values.iter().find_map(Value::error),
            value => value.error(),
        })
    }
}

/// Ends `operation` with what it came to.
pub(crate) fn finish<T: Answer>(operation: &mut Operation<DatabaseCall>, result: &RedisResult<T>) {
    let (code, error_type) = match result {
        Ok(answer) => match answer.error() {
            None => return operation.finish(Outcome::Finished),
            Some(error) => (Some(error.code()), "_OTHER"),
        },
        Err(error) => (error.code(), error_type(error)),
    };
    if code == Some(NO_SCRIPT) {
        return operation.finish(Outcome::Finished);
    }
    if let (Some(call), Some(code)) = (operation.details_mut(), code.filter(|code| is_prefix(code)))
    {
        call.answered_with(code.to_owned());
    }
    operation.finish(Outcome::Error(error_type));
}

/// Whether it is the prefix of an error, and not the first word of what a script or module says: "the first upper-case
/// word after the -" (RESP, "Simple errors").
fn is_prefix(code: &str) -> bool {
    let may_be = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    code.len() <= 32 && code.bytes().all(may_be)
}

/// The `error.type` of what the server did not answer with. No text of an error: it may quote a key or a value.
fn error_type(error: &RedisError) -> &'static str {
    match error.kind() {
        _ if error.is_timeout() => "timeout",
        _ if error.is_connection_refusal() => "connect",
        ErrorKind::Io => "io",
        ErrorKind::Parse => "parse",
        ErrorKind::AuthenticationFailed => "authentication",
        ErrorKind::UnexpectedReturnType => "unexpected_return_type",
        ErrorKind::InvalidClientConfig => "client_config",
        ErrorKind::Client => "client",
        ErrorKind::ClusterConnectionNotFound => "cluster_connection_not_found",
        ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::EmptySentinelList => "sentinel",
        ErrorKind::RESP3NotSupported => "resp3_not_supported",
        _ => "_OTHER",
    }
}
