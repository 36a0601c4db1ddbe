//! Bytes in and out: variable-length integers, and the envelope around everything that is stored.
//!
//! The envelope is a format byte and a CRC-32C of all the rest. The check is not there for the database's sake, which has
//! its own, but for the numeric codec's: a damaged column may decode to other numbers without an error.

use crate::SeriesError;

/// Bytes before the body: format and check.
const ENVELOPE: usize = 5;

/// Room for an envelope, to be followed by the body and [`seal`].
pub(crate) fn envelope() -> Vec<u8> {
    vec![0; ENVELOPE]
}

/// Completes an envelope.
pub(crate) fn seal(mut bytes: Vec<u8>, format: u8) -> Vec<u8> {
    let check = check(format, &bytes[ENVELOPE..]);
    bytes[0] = format;
    bytes[1..ENVELOPE].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// The body of an envelope.
pub(crate) fn open<'a>(bytes: &'a [u8], format: u8, what: &'static str) -> Result<Reader<'a>, SeriesError> {
    let Some((head, body)) = bytes.split_first_chunk::<ENVELOPE>() else {
        return Err(SeriesError::corrupt("too short"));
    };
    if head[0] != format {
        return Err(SeriesError::Format { what, found: head[0], known: format });
    }
    if check(format, body).to_le_bytes() != head[1..] {
        return Err(SeriesError::corrupt("the checksum differs"));
    }
    Ok(Reader { rest: body })
}

fn check(format: u8, body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&[format]), body)
}

/// Appends an integer in seven-bit groups, the low ones first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Appends a signed integer so that small ones of either sign are short.
pub(crate) fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_varint(out, (n << 1 ^ n >> 63) as u64);
}

/// Reads what was appended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn byte(&mut self) -> Result<u8, SeriesError> {
        let (&first, rest) = self.rest.split_first().ok_or(SeriesError::corrupt("it ends early"))?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn take(&mut self, n: usize) -> Result<&'a [u8], SeriesError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(SeriesError::corrupt("it ends early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, SeriesError> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(SeriesError::corrupt("an integer is too long"))
    }

    pub(crate) fn signed(&mut self) -> Result<i64, SeriesError> {
        let n = self.varint()?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    /// A number of things, each of which takes memory in the end.
    pub(crate) fn count(&mut self) -> Result<usize, SeriesError> {
        usize::try_from(self.varint()?).map_err(|_| SeriesError::corrupt("a count is too large"))
    }

    /// The bytes behind their own length.
    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8], SeriesError> {
        let n = self.count()?;
        self.take(n)
    }

    pub(crate) fn nested(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn end(&self) -> Result<(), SeriesError> {
        if self.rest.is_empty() { Ok(()) } else { Err(SeriesError::corrupt("it goes on past its end")) }
    }
}
