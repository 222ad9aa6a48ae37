//! Names and texts of Redis commands: <https://opentelemetry.io/docs/specs/semconv/db/redis/>.
//!
//! [`Text`] is what `db.query.text` has of a command: its name, and of its arguments those that are neither values nor
//! secrets. The others are a `?` each, as the conventions have it: "`HMSET myhash field1 ? field2 ?`".
//!
//! # What is kept
//!
//! | of | is kept |
//! |---|---|
//! | commands that no table of ours knows, those of modules too | the name alone |
//! | `AUTH`, `ACL`, `SCRIPT`, `FUNCTION`, `SENTINEL` | the name; but for `AUTH` the subcommand |
//! | `HELLO`, `MIGRATE` | what stands before the user's name and password |
//! | `CONFIG` | the names of parameters |
//! | `EVAL`, `EVALSHA`, `FCALL` and those that end with `_RO` | the keys, and what names a script: one word; no script |
//! | what writes values, or looks for them | the keys and the names of fields |
//! | all others | everything |
//!
//! Whatever its case, a command is the same, and it is written as it was given. A text has 2 KiB at most, and ends with `…` where there
//! was more. Bytes that are not UTF-8 are written as `�`.
//!
//! [`Commands`] reads commands as they are sent. None of this panics, and nothing but the text is allocated.

mod commands;
mod packed;
mod text;

pub use packed::{Arguments, Commands};
pub use text::{Command, Text};
