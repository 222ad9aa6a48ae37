//! `process.*`: semantic conventions, "Process and process runtime resources".

use std::ffi::OsString;
use std::path::PathBuf;

use opentelemetry::{Array, KeyValue, StringValue, Value};

use super::surroundings::Surroundings;

/// The owner of a process of Windows.
pub(super) const VARIABLES: &[&str] = &["USERNAME"];

/// What is taken of the arguments, in bytes. A command line may have megabytes.
const MOST_OF_ARGUMENTS: usize = 16 * 1024;

pub(super) fn detect(surroundings: &Surroundings) -> Vec<KeyValue> {
    let executable = surroundings.executable.as_ref();
    let name = executable.and_then(|path| path.file_name()?.to_str());
    let path = executable.and_then(|path| path.to_str());
    let command = surroundings.arguments.first();
    let attributes = [
        ("process.pid", Some(i64::from(surroundings.pid).into())),
        ("process.executable.name", name.map(text)),
        ("process.executable.path", path.map(text)),
        ("process.command", command.map(|command| text(command))),
        ("process.owner", owner(surroundings).map(Value::from)),
        ("process.runtime.name", Some("rust".into())),
        (
            "process.runtime.version",
            option_env!("THROUGHLINE_RUSTC_VERSION").map(Value::from),
        ),
        (
            "process.runtime.description",
            option_env!("THROUGHLINE_RUSTC").map(Value::from),
        ),
    ];
    attributes
        .into_iter()
        .filter_map(|(key, value)| Some(KeyValue::new(key, value?)))
        .collect()
}

/// They may hold secrets: only for [`Detector::ProcessArguments`](super::Detector::ProcessArguments).
pub(super) fn detect_arguments(surroundings: &Surroundings) -> Vec<KeyValue> {
    let arguments = &surroundings.arguments;
    let array = arguments.iter().cloned().map(StringValue::from).collect();
    vec![
        KeyValue::new("process.command_args", Value::Array(Array::String(array))),
        KeyValue::new("process.args_count", arguments.len() as i64),
    ]
}

fn text(text: &str) -> Value {
    Value::from(text.to_owned())
}

/// Where the executable lies. Linux says so of one that was replaced meanwhile, too.
pub(super) fn executable() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?;
    let original = path
        .to_str()
        .and_then(|path| path.strip_suffix(" (deleted)"));
    Some(original.map_or_else(|| path.clone(), PathBuf::from))
}

/// `process.executable.name`, which is also in the name of a service that has none.
pub(crate) fn executable_name() -> Option<String> {
    Some(executable()?.file_name()?.to_str()?.to_owned())
}

/// The command and as many arguments as are taken.
pub(super) fn arguments(arguments: impl Iterator<Item = OsString>) -> Vec<String> {
    let mut left = MOST_OF_ARGUMENTS;
    arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .map_while(|argument| {
            left = left.checked_sub(argument.len())?;
            Some(argument)
        })
        .collect()
}

/// The name of the effective user in the local list of users. One that is elsewhere (LDAP) is not looked for.
fn owner(surroundings: &Surroundings) -> Option<String> {
    let Some(status) = surroundings.read("proc/self/status") else {
        return surroundings.variable("USERNAME").map(str::to_owned);
    };
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    let effective = uids.split_whitespace().nth(1)?;
    let users = surroundings.read("etc/passwd")?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, uid) = (fields.next()?, fields.next()?, fields.next()?);
        (uid == effective && !name.is_empty()).then(|| name.to_owned())
    })
}
