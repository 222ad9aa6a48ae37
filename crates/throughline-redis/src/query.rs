//! What is recorded of commands.

use redis::{Arg, Cmd, Pipeline};
use throughline_core::db_semconv::redis::{Command, Text};
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
    let Some(command) = Command::new(arguments) else {
        return Query::default();
    };
    let mut text = Text::new(shown);
    text.push_command(&command);
    let script = command.stored_procedure();
    Query {
        text: text.finish(),
        operation: Some(command.name()),
        stored_procedure: script.map(|name| name.to_owned().into()),
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
    for command in commands().map_while(Command::new) {
        if text.is_full() {
            break;
        }
        text.push_command(&command);
    }
    let common = first.and_then(Command::new).filter(|first| {
        let mut others = all.map(Command::new);
        others.all(|command| command.is_some_and(|command| command.is_same(first)))
    });
    let common = common.map(|command| command.name());
    Query {
        text: text.finish(),
        operation: Some(batch_name(is_transaction, common)),
        batch_size: Some(size),
        ..Query::default()
    }
}

/// "If the individual operations are known to have the same command then that command SHOULD be used prepended by `MULTI ` or
/// `PIPELINE `."
fn batch_name(is_transaction: bool, common: Option<StringValue>) -> StringValue {
    let batch = if is_transaction { "MULTI" } else { "PIPELINE" };
    match common {
        Some(command) => format!("{batch} {command}").into(),
        None => batch.into(),
    }
}
