//! Commands that are made up: no secret survives, and nothing panics.

use throughline_core::db_semconv::QueryText;
use throughline_core::db_semconv::redis::{Command, Commands, Text};

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn of(&mut self, all: &[&'static str]) -> &'static str {
        all[self.below(all.len())]
    }
}

const SECRET: &str = "s3cret";

/// `@` stands for a secret, `*` for any words with or without one, `.` for a word without.
const SHAPES: &[&str] = &[
    "AUTH *",
    "HELLO . AUTH *",
    "HELLO . SETNAME *",
    "HELLO AUTH *",
    "ACL SETUSER *",
    "ACL . *",
    "CONFIG SET . @ . @ . @",
    "MIGRATE . . . . . AUTH *",
    "MIGRATE . . . . . AUTH2 *",
    "MIGRATE . . . . . COPY *",
    "MIGRATE . . . . AUTH *",
    "SET . *",
    "SETEX . . *",
    "GETSET . *",
    "HSET . . @ . @",
    "HSETNX . . *",
    "MSET . @ . @ . @ .",
    "XADD . . . @ . @",
    "LPUSH . *",
    "ZADD . *",
    "PUBLISH . *",
    "EVAL @; 1 . *",
    "EVAL @; 0 *",
    "EVALSHA . 2 . . *",
    "FCALL . 0 *",
    "SCRIPT LOAD *",
    "SCRIPT . *",
    "FUNCTION LOAD *",
    "SENTINEL SET *",
    "COMMAND GETKEYS *",
    "MODULE LOAD *",
    "NEWCOMMAND *",
    "JSON.SET *",
    "GET@; *",
    "_ *",
];

/// A command of a shape, in any case.
fn command(random: &mut Random) -> Vec<Vec<u8>> {
    let shape = random.of(SHAPES);
    let mut words = Vec::new();
    for word in shape.split(' ') {
        match word {
            "*" => {
                for _ in 0..random.below(6) {
                    words.push(
                        random
                            .of(&[SECRET, ">s3cret", "as3cretb", "AUTH", "", "1", "ü", "*"])
                            .to_owned(),
                    );
                }
            }
            "." => words.push(
                random
                    .of(&["a", "b:1", "*", "ü", "0", "key", "", "'"])
                    .to_owned(),
            ),
            word => words.push(word.replace('@', SECRET)),
        }
    }
    if random.below(2) == 0 {
        let lower = words[0].to_lowercase();
        words[0] = lower;
    }
    words.into_iter().map(String::into_bytes).collect()
}

fn packed(commands: &[Vec<Vec<u8>>]) -> Vec<u8> {
    let mut sent = Vec::new();
    for command in commands {
        sent.extend(format!("*{}\r\n", command.len()).bytes());
        for argument in command {
            sent.extend(format!("${}\r\n", argument.len()).bytes());
            sent.extend(argument);
            sent.extend(b"\r\n");
        }
    }
    sent
}

/// What would be recorded of what is sent.
fn recorded(sent: &[u8]) -> String {
    let mut text = Text::new(QueryText::Sanitized);
    let mut all = String::new();
    for command in Commands::new(sent).filter_map(Command::new) {
        text.push_command(&command);
        all.push_str(command.stored_procedure().unwrap_or_default());
        all.push_str(command.name().as_str());
    }
    let text = text.finish().map(String::from).unwrap_or_default();
    assert!(text.len() <= 2048 + "…".len());
    text + &all
}

#[test]
fn no_secret_survives() {
    let mut random = Random(7);
    for _ in 0..20_000 {
        let commands: Vec<_> = (0..=random.below(3))
            .map(|_| command(&mut random))
            .collect();
        let sent = packed(&commands);
        let recorded = recorded(&sent);
        assert!(
            !recorded.contains(SECRET),
            "{}\n{recorded}",
            sent.escape_ascii()
        );
        let read: Vec<Vec<_>> =
            (Commands::new(&sent).map(|it| it.map(<[u8]>::to_vec).collect())).collect();
        assert_eq!(read, commands);
    }
}

#[test]
fn nothing_panics_at_random_inputs() {
    const PIECES: &[&str] = &[
        "*",
        "$",
        "\r\n",
        "\r",
        "\n",
        "0",
        "1",
        "3",
        "9999999999999999999999",
        "-1",
        "GET",
        "SET",
        "EVAL",
        "AUTH",
        "ü",
        "+OK",
        "*1\r\n",
        "$3\r\nGET\r\n",
        "$1\r\na\r\n",
        "*3\r\n",
        "\u{0}",
        ":1\r\n",
        "*0\r\n",
    ];
    let mut random = Random(1);
    for _ in 0..100_000 {
        let mut sent = Vec::new();
        for _ in 0..random.below(24) {
            match random.below(8) {
                0 => sent.push(random.below(256) as u8),
                _ => sent.extend(random.of(PIECES).bytes()),
            }
        }
        recorded(&sent);
    }
}
