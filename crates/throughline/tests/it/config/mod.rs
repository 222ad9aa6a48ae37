//! From variables to a configuration. Every message is checked as a whole: it is what an operator gets to see.

mod batch;
mod changes;
mod collector;
mod database;
mod documented;
mod endpoint;
mod exporters;
mod general;
mod http;
mod logs;
mod of_signals;
mod printed;
mod property;
mod resource;
mod sampler;
mod stability;

use std::fmt::Debug;

use throughline::{Config, InitError};

type Variables<'a> = &'a [(&'a str, &'a str)];

fn from(variables: Variables<'_>) -> Result<Config, InitError> {
    Config::from_variables(|name| {
        let (_, value) = variables.iter().find(|(variable, _)| *variable == name)?;
        Some((*value).to_owned())
    })
}

/// What is read from the variables, and what is warned of.
#[track_caller]
#[allow(
    clippy::needless_pass_by_value,
    reason = "a table is easier to read without references"
)]
fn check_warned<T: Debug + PartialEq>(
    variables: Variables<'_>,
    read: impl Fn(&Config) -> T,
    expected: T,
    warnings: &[&str],
) {
    let config = from(variables).unwrap();
    assert_eq!(read(&config), expected, "{variables:?}");
    let warned: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warned, warnings, "{variables:?}");
}

#[track_caller]
fn check<T: Debug + PartialEq>(variables: Variables<'_>, read: impl Fn(&Config) -> T, expected: T) {
    check_warned(variables, read, expected, &[]);
}

#[track_caller]
fn check_error(variables: Variables<'_>, expected: &str) {
    let error = from(variables).unwrap_err();
    assert_eq!(error.to_string(), expected, "{variables:?}");
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}
