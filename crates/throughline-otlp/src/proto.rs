//! As much protobuf as it takes to read the fields of a message that is held as a whole, so every length is bounded by
//! what was read.

/// The value of a field, as far as its wire type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    /// 32 or 64 bits.
    Fixed(u64),
    Bytes(&'a [u8]),
}

/// The bytes are not a protobuf message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The fields of a message in their order, until the end or the first that is malformed. Also the numbers of a packed
/// list, one by one.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let key = self.varint()?;
        let number = key >> 3;
        if number == 0 {
            return Err(Malformed);
        }
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed(self.fixed(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Malformed)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed(self.fixed(4)?),
            // Groups, which proto3 has not, and two types that do not exist.
            _ => return Err(Malformed),
        };
        Ok((number, value))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Malformed)?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    /// A number of up to 8 bytes.
    pub(crate) fn fixed(&mut self, length: usize) -> Result<u64, Malformed> {
        let mut bytes = [0; 8];
        bytes[..length].copy_from_slice(self.take(length)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &[u8], expected: Result<&[(u64, Value<'_>)], Malformed>) {
        let fields: Result<Vec<_>, _> = Fields::of(message).collect();
        assert_eq!(fields, expected.map(<[_]>::to_vec), "{message:x?}");
    }

    #[test]
    fn fields_are_read_in_order() {
        check(&[], Ok(&[]));
        check(&[0x08, 0x96, 0x01], Ok(&[(1, Value::Varint(150))]));
        check(
            &[0x12, 2, b'o', b'k', 0x18, 0],
            Ok(&[(2, Value::Bytes(b"ok")), (3, Value::Varint(0))]),
        );
        check(
            &[0x0d, 1, 2, 3, 4, 0x11, 1, 2, 3, 4, 5, 6, 7, 8],
            Ok(&[
                (1, Value::Fixed(0x0403_0201)),
                (2, Value::Fixed(0x0807_0605_0403_0201)),
            ]),
        );
        let most = [
            0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
        ];
        check(&most, Ok(&[(1, Value::Varint(u64::MAX))]));
    }

    #[test]
    fn what_is_no_message_is_malformed() {
        for message in [
            &b"<html>"[..],
            &[0x08],
            &[0x08, 0x80],
            &[0x0a, 5, b'a'],
            &[
                0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            ],
            &[0x0d, 1, 2, 3],
            &[0x0b],
            &[0x00, 0x00],
            &[0xff; 64],
        ] {
            check(message, Err(Malformed));
        }
    }
}
