//! Names and texts of Redis commands.

mod generated;
mod packed;

use opentelemetry::StringValue;
use throughline_core::db_semconv::QueryText;
use throughline_core::db_semconv::redis::{Command, Text};

use crate::support::cases;

/// The text of a command, whose arguments have a space between them.
#[track_caller]
fn check(command: &str, expected: &str) {
    assert_eq!(text(&[words(command)]), expected, "{command}");
}

fn words(command: &str) -> Vec<&[u8]> {
    command.split(' ').map(str::as_bytes).collect()
}

fn text(commands: &[Vec<&[u8]>]) -> String {
    let mut text = Text::new(QueryText::Sanitized);
    for command in commands {
        if let Some(command) = Command::new(command.iter().copied()) {
            text.push_command(&command);
        }
    }
    text.finish().map(String::from).unwrap_or_default()
}

#[test]
fn the_published_cases_hold() {
    for case in cases("redis_sanitizer_java.json") {
        let mut command = vec![case["command"].as_str().unwrap()];
        let arguments = case["args"].as_array().unwrap();
        command.extend(arguments.iter().map(|argument| argument.as_str().unwrap()));
        let bytes = command.iter().map(|argument| argument.as_bytes());
        assert_eq!(text(&[bytes.collect()]), case["expect"].as_str().unwrap());
    }
}

/// The name of a command.
fn name(command: &[u8]) -> StringValue {
    Command::new([command].into_iter()).unwrap().name()
}

#[test]
fn values_are_replaced_and_keys_and_names_of_fields_kept() {
    check("GET a", "GET a");
    check("SET a b EX 10 NX", "SET a ? ? ? ?");
    check("MSET a 1 b 2 c", "MSET a ? b ? c");
    check("HSET a b 1 c 2", "HSET a b ? c ?");
    check("HMGET a b c", "HMGET a b c");
    check("XADD s * a 1 b 2", "XADD s * a ? b ?");
    check("ZADD a NX 1 b", "ZADD a ? ? ?");
    check("PUBLISH a b", "PUBLISH a ?");
    check("SET", "SET");
    check("SET  b", "SET  ?");
}

#[test]
fn no_secret_is_kept() {
    check("AUTH s3cret", "AUTH ?");
    check("AUTH bob s3cret", "AUTH ? ?");
    check("auth bob s3cret", "auth ? ?");
    check("HELLO 3 AUTH bob s3cret SETNAME a", "HELLO 3 AUTH ? ? ? ?");
    check("HELLO 3 auth bob s3cret", "HELLO 3 auth ? ?");
    check("HELLO AUTH bob s3cret", "HELLO AUTH ? ?");
    check("ACL SETUSER bob >s3cret ~*", "ACL SETUSER ? ? ?");
    check("ACL DELUSER bob", "ACL DELUSER ?");
    check("CONFIG SET requirepass s3cret", "CONFIG SET requirepass ?");
    check(
        "CONFIG SET a 1 requirepass s3cret",
        "CONFIG SET a ? requirepass ?",
    );
    check("CONFIG GET maxmemory", "CONFIG GET maxmemory");
    check("MIGRATE h 1 a 0 9 AUTH s3cret", "MIGRATE h 1 a 0 9 AUTH ?");
    check(
        "MIGRATE h 1 a 0 9 AUTH2 bob s3cret",
        "MIGRATE h 1 a 0 9 AUTH2 ? ?",
    );
    check(
        "MIGRATE h 1  0 9 COPY REPLACE AUTH2 bob s3cret KEYS a",
        "MIGRATE h 1  0 9 COPY ? ? ? ? ? ?",
    );
    check("MIGRATE h 1 AUTH s3cret 0 9", "MIGRATE h 1 AUTH ? ? ?");
    check("SENTINEL SET a auth-pass s3cret", "SENTINEL SET ? ? ?");
    check("COMMAND GETKEYS SET a s3cret", "COMMAND GETKEYS ? ? ?");
    check("command getkeys SET a s3cret", "command getkeys ? ? ?");
    check("COMMAND INFO get", "COMMAND INFO get");
    check("MODULE LOAD a.so s3cret", "MODULE LOAD ? ?");
    check("MODULE LIST", "MODULE LIST");
}

#[test]
fn of_a_script_its_name_and_keys_are_kept() {
    check("EVALSHA 4e6d8fc8 2 a b s3cret", "EVALSHA 4e6d8fc8 2 a b ?");
    check("EVALSHA_RO 4e6d8fc8 1 a", "EVALSHA_RO 4e6d8fc8 1 a");
    check("FCALL f 1 a s3cret", "FCALL f 1 a ?");
    check("EVAL 'a' s3cret", "EVAL ? ?");
    check("SCRIPT LOAD s3cret", "SCRIPT LOAD ?");
    check("FUNCTION LOAD s3cret", "FUNCTION LOAD ?");
    let script = b"return redis.call('set', KEYS[1], 's3cret')";
    assert_eq!(
        text(&[vec![b"EVAL", script, b"1", b"a", b"b"]]),
        "EVAL ? 1 a ?"
    );
    for none in ["", "-1", "many", "99999999999999999999999"] {
        let evalsha = vec![&b"EVALSHA"[..], b"4e6d", none.as_bytes(), b"s3cret"];
        assert_eq!(text(&[evalsha]), "EVALSHA 4e6d ? ?");
    }
}

#[test]
fn of_an_unknown_command_the_name_is_kept() {
    check("JSON.SET a $ s3cret", "JSON.SET ? ? ?");
    check("NEWAUTH s3cret", "NEWAUTH ?");
    for none in ["", "SET a s3cret", "s3cret=", "ü", &"A".repeat(33)] {
        assert_eq!(text(&[vec![none.as_bytes(), b"a"]]), "_OTHER ?");
        assert_eq!(name(none.as_bytes()).as_str(), "_OTHER");
    }
    assert_eq!(text(&[vec![b"\xff"]]), "_OTHER");
    assert_eq!(text(&[vec![]]), "");
}

#[test]
fn a_name_is_as_it_was_given() {
    for given in ["GET", "get", "Get", "JSON.GET", "ft._list", "a-b"] {
        assert_eq!(name(given.as_bytes()).as_str(), given);
    }
}

#[test]
fn a_stored_procedure_is_what_names_a_script() {
    for (command, expected) in [
        ("EVALSHA 4e6d8fc8 0", Some("4e6d8fc8")),
        ("evalsha 4e6d8fc8 0", Some("4e6d8fc8")),
        ("EVALSHA_RO 4e6d8fc8 0", Some("4e6d8fc8")),
        ("FCALL my_f 0", Some("my_f")),
        ("FCALL_RO my_f 0", Some("my_f")),
        ("FCALL a'b 0", None),
        ("FCALL", None),
        ("EVAL script 0", None),
        ("EVAL_RO script 0", None),
        ("GET a", None),
        ("NEWCALL a", None),
    ] {
        let found = Command::new(words(command).into_iter()).unwrap();
        assert_eq!(found.stored_procedure(), expected, "{command}");
    }
}

#[test]
fn several_commands_are_one_text() {
    let commands = [words("SET a 1"), words("GET a"), words("AUTH b")];
    assert_eq!(text(&commands), "SET a ?; GET a; AUTH ?");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    assert_eq!(text(&[vec![b"GET", b"a\xff\xfeb\xc3"]]), "GET a��b�");
    assert_eq!(
        text(&[vec!["GET".as_bytes(), "größe\n".as_bytes()]]),
        "GET größe\n"
    );
}

#[test]
fn a_text_is_cut_at_2_kib() {
    let exact = "a".repeat(2048 - 4);
    check(&format!("GET {exact}"), &format!("GET {exact}"));
    check(&format!("GET {exact}b"), &format!("GET {exact}…"));
    check(&format!("GET {exact} b"), &format!("GET {exact}…"));
    check(
        &format!("GET {}", "ü".repeat(3000)),
        &format!("GET {}…", "ü".repeat(1022)),
    );
    let many = format!("DEL{}", " a".repeat(100_000));
    check(&many, &format!("{}…", &many[..2048]));
    let commands = vec![words("GET a"); 1000];
    let all = text(&commands);
    assert!(all.len() == 2048 + 3 && all.ends_with("GET …"), "{all}");
}

#[test]
fn a_text_shows_what_it_is_told_to() {
    for (shown, expected) in [
        (QueryText::Off, None),
        (QueryText::Parameterized, Some("SET a ?")),
        (QueryText::Sanitized, Some("SET a ?")),
        (QueryText::RawWithSecrets, Some("SET a s3cret")),
    ] {
        let mut text = Text::new(shown);
        text.push_command(&Command::new(words("SET a s3cret").into_iter()).unwrap());
        assert_eq!(text.finish().as_ref().map(StringValue::as_str), expected);
    }
    assert_eq!(Text::new(QueryText::Sanitized).finish(), None);
}
