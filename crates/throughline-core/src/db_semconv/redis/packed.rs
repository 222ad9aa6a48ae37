//! Commands as a client sends them: <https://redis.io/docs/latest/develop/reference/protocol-spec/#sending-commands-to-a-redis-server>.

/// The commands in bytes that a client sends: "an array of bulk strings" each. It ends before what is none.
///
/// ```
/// use throughline_core::db_semconv::redis::Commands;
///
/// let sent = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n";
/// let mut commands = Commands::new(sent);
/// assert_eq!(commands.next().map(|get| get.collect()), Some(vec![&b"GET"[..], b"a"]));
/// assert_eq!(commands.next().map(|ping| ping.collect()), Some(vec![&b"PING"[..]]));
/// assert!(commands.next().is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Commands<'a>(&'a [u8]);

impl<'a> Commands<'a> {
    /// The commands in `sent`.
    #[must_use]
    pub fn new(sent: &'a [u8]) -> Self {
        Self(sent)
    }
}

impl<'a> Iterator for Commands<'a> {
    type Item = Arguments<'a>;

    fn next(&mut self) -> Option<Arguments<'a>> {
        let (left, rest) = number(self.0, b'*')?;
        let command = Arguments { left, rest };
        let mut arguments = command.clone();
        for _ in &mut arguments {}
        // A command that is cut short is the last one.
        self.0 = if arguments.left == 0 {
            arguments.rest
        } else {
            &[]
        };
        Some(command)
    }
}

/// A command's name and its arguments.
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    left: usize,
    rest: &'a [u8],
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let left = self.left.checked_sub(1)?;
        let (length, rest) = number(self.rest, b'$')?;
        let (argument, rest) = rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix(b"\r\n")?;
        self.left = left;
        Some(argument)
    }
}

/// The number behind the byte that says of what, and what follows its line.
fn number(bytes: &[u8], of: u8) -> Option<(usize, &[u8])> {
    let mut number = 0_usize;
    let mut rest = bytes.strip_prefix(&[of])?;
    while let [digit @ b'0'..=b'9', others @ ..] = rest {
        number = number
            .checked_mul(10)?
            .checked_add(usize::from(digit - b'0'))?;
        rest = others;
    }
    Some((number, rest.strip_prefix(b"\r\n")?))
}
