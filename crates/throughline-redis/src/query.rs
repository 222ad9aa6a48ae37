//! What is recorded of commands.

use redis::{Arg, Cmd, Pipeline};
use throughline_core::db_semconv::redis::{Text, name, stored_procedure};
use throughline_core::db_semconv::{Query, QueryText};
use throughline_core::opentelemetry::StringValue;

/// The name and arguments of a command. A cursor, which differs from call to call, is a `?`.
pub(crate) fn arguments(command: &Cmd) -> impl Iterator<Item = &[u8]> + Clone {
    command.args_iter().map(|argument| match argument {
        Arg::Simple(argument) => argument,
        _ => b"?",
    })
}

/// One command.
pub(crate) fn of_command<'a>(
    shown: QueryText,
    arguments: impl Iterator<Item = &'a [u8]> + Clone,
) -> Query {
    let mut text = Text::new(shown);
    text.push_command(arguments.clone());
    Query {
        text: text.finish(),
        operation: arguments.clone().next().map(name),
        stored_procedure: stored_procedure(arguments).map(|name| name.to_owned().into()),
        ..Query::default()
    }
}

/// Several commands, in a transaction or not.
pub(crate) fn of_pipeline(shown: QueryText, pipeline: &Pipeline) -> Query {
    let commands = || pipeline.cmd_iter().map(arguments);
    of_batch(shown, commands, pipeline.len(), pipeline.is_transaction())
}

/// `size` commands.
pub(crate) fn of_batch<'a, I, A>(
    shown: QueryText,
    commands: impl Fn() -> I,
    size: usize,
    is_transaction: bool,
) -> Query
where
    I: Iterator<Item = A>,
    A: Iterator<Item = &'a [u8]> + Clone,
{
    let mut all = commands();
    let first = all.next();
    // "Requests to batch APIs that contain only one operation SHOULD be modeled as single operations."
    if let (Some(only), 1, false) = (&first, size, is_transaction) {
        return of_command(shown, only.clone());
    }
    let mut text = Text::new(shown);
    for command in commands() {
        if text.is_full() {
            break;
        }
        text.push_command(command);
    }
    let first = first.and_then(|mut command| command.next());
    let is_same = |mut command: A| {
        let name = command.next().zip(first);
        name.is_some_and(|(name, first)| name.eq_ignore_ascii_case(first))
    };
    let common = first.filter(|_| all.all(is_same));
    Query {
        text: text.finish(),
        operation: Some(batch_name(is_transaction, common)),
        batch_size: Some(size),
        ..Query::default()
    }
}

/// "If the individual operations are known to have the same command then that command SHOULD be used prepended by `MULTI ` or
/// `PIPELINE `."
fn batch_name(is_transaction: bool, common: Option<&[u8]>) -> StringValue {
    let batch = if is_transaction { "MULTI" } else { "PIPELINE" };
    match common {
        Some(command) => format!("{batch} {}", name(command)).into(),
        None => batch.into(),
    }
}
