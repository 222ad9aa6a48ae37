//! Commands of Redis: as they are sent, and as words with a space between them.

use std::hint::black_box;

use throughline_core::db_semconv::QueryText;
use throughline_core::db_semconv::redis::{Command, Commands, Text};

use super::Target;
use crate::random::mutated;

pub(super) const TARGETS: [Target; 2] = [
    Target {
        name: "redis-packed",
        seeds: &[
            "sent: *3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\r\n\r\n*1\r\n$4\r\nPING\r\n",
            "sent: *5\r\n$7\r\nEVALSHA\r\n$4\r\n4e6d\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$3\r\nGET\r\n$1\r\na",
        ],
        input: mutated,
        check: |input| drop(recorded(without_name(input))),
        prepare: |input| {
            let sent = without_name(input).to_vec();
            Box::new(move || drop(black_box(recorded(black_box(&sent)))))
        },
        has_fixed_cost: false,
        is_dear: false,
    },
    Target {
        name: "redis-command",
        seeds: &[
            "command: SET a b EX 10",
            "command: MIGRATE h 1 a 0 5000 AUTH2 b c KEYS d e",
            "command: EVALSHA 4e6d8fc8 2 a b c d",
            "command: hset a b 1 c 2",
            "command: NEWCOMMAND a b",
        ],
        input: mutated,
        check: |input| {
            let sent = packed(without_name(input));
            drop(recorded(&sent));
            let mut commands = Commands::new(&sent);
            let command: Vec<_> = commands.next().into_iter().flatten().collect();
            assert_eq!(command.join(&b' '), without_name(input));
            assert!(commands.next().is_none());
        },
        prepare: |input| {
            let sent = packed(without_name(input));
            Box::new(move || drop(black_box(recorded(black_box(&sent)))))
        },
        has_fixed_cost: false,
        is_dear: false,
    },
];

fn without_name(input: &[u8]) -> &[u8] {
    let space = input.iter().position(|&byte| byte == b' ');
    space.map_or(input, |space| &input[space + 1..])
}

fn packed(command: &[u8]) -> Vec<u8> {
    let words: Vec<_> = command.split(|&byte| byte == b' ').collect();
    let mut sent = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        sent.extend(format!("${}\r\n", word.len()).bytes());
        sent.extend(word);
        sent.extend(b"\r\n");
    }
    sent
}

/// All that is recorded of commands, within its bounds.
fn recorded(sent: &[u8]) -> String {
    let mut text = Text::new(QueryText::Sanitized);
    for command in Commands::new(sent).filter_map(Command::new) {
        text.push_command(&command);
        black_box(command.stored_procedure());
        assert!(command.name().as_str().len() <= 32);
    }
    let text = text.finish().map(String::from).unwrap_or_default();
    assert!(text.len() <= 2048 + "…".len());
    text
}
