//! Commands as they are sent.

use throughline_core::db_semconv::redis::Commands;

/// The commands that are read, their arguments with a space between them.
#[track_caller]
fn check(sent: &[u8], expected: &[&str]) {
    let read = |command: Vec<&[u8]>| String::from_utf8(command.join(&b' ')).unwrap();
    let commands: Vec<_> = Commands::new(sent)
        .map(|command| read(command.collect()))
        .collect();
    assert_eq!(commands, expected, "{}", sent.escape_ascii());
}

#[test]
fn commands_are_read() {
    check(b"", &[]);
    check(b"*1\r\n$4\r\nPING\r\n", &["PING"]);
    check(
        b"*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n*1\r\n$4\r\nPING\r\n",
        &["GET a\r\n", "PING"],
    );
    check(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$0\r\n\r\n", &["SET a "]);
    check(b"*0\r\n*1\r\n$1\r\na\r\n", &["", "a"]);
}

#[test]
fn what_is_no_command_ends_them() {
    check(b"PING\r\n", &[]);
    check(b"*\r\n*1\r\n$1\r\na\r\n", &["", "a"]);
    check(b"*-1\r\n", &[]);
    check(b"*1\n$1\r\na\r\n", &[]);
    check(b"*99999999999999999999\r\n$1\r\na\r\n", &[]);
    check(b"*1\r\n$1\r\na\r\n+OK\r\n", &["a"]);
}

#[test]
fn a_command_that_is_cut_short_is_the_last() {
    check(b"*2\r\n$3\r\nGET\r\n", &["GET"]);
    check(b"*2\r\n$3\r\nGET\r\n$9\r\na\r\n", &["GET"]);
    check(b"*2\r\n$3\r\nGET\r\n$1\r\na", &["GET"]);
    check(
        b"*2\r\n$3\r\nGET\r\n$99999999999999999999\r\na\r\n",
        &["GET"],
    );
    check(b"*2\r\n$3\r\nGET\r\n:1\r\n*1\r\n$4\r\nPING\r\n", &["GET"]);
    check(b"*4000000000\r\n$3\r\nGET\r\n", &["GET"]);
}
