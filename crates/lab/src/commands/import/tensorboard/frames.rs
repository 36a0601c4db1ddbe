//! TFRecord: length, its checksum, bytes, their checksum.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read as _};
use std::path::Path;

use anyhow::Context as _;

/// Longest record that is believed.
const MAX_LENGTH: u64 = 1 << 30;

/// The records of a file, up to where it ends or is torn: that of a live or killed writer may be.
pub(super) struct Frames {
    file: BufReader<File>,
    has_ended: bool,
}

impl Frames {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("`{}` cannot be read", path.display()))?;
        Ok(Self { file: BufReader::with_capacity(1 << 16, file), has_ended: false })
    }

    fn next_frame(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let mut head = [0; 12];
        match self.file.read_exact(&mut head) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(e),
        }
        let (length, sum) = head.split_at(8);
        let bytes = u64::from_le_bytes(length.try_into().unwrap_or_default());
        if masked(length).to_le_bytes() != sum || bytes > MAX_LENGTH {
            return Ok(None);
        }
        let mut data = Vec::new();
        // Not allocated before it is there: the length may be all that is.
        self.file.by_ref().take(bytes).read_to_end(&mut data)?;
        let mut sum = [0; 4];
        match self.file.read_exact(&mut sum) {
            Ok(()) if data.len() as u64 == bytes && masked(&data).to_le_bytes() == sum => Ok(Some(data)),
            Ok(()) => Ok(None),
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl Iterator for Frames {
    type Item = std::io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let frame = self.next_frame().transpose();
        self.has_ended = !matches!(frame, Some(Ok(_)));
        frame
    }
}

/// The checksum as it is stored: a checksum of data that holds checksums would be weak.
fn masked(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(data: &[u8]) -> Vec<u8> {
        let length = (data.len() as u64).to_le_bytes();
        [&length[..], &masked(&length).to_le_bytes(), data, &masked(data).to_le_bytes()].concat()
    }

    #[test]
    fn reading_stops_at_a_torn_or_damaged_record() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("x");
        let whole = [frame(b"one"), frame(b"two")].concat();
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Frames::open(&path).unwrap().map(|frame| String::from_utf8(frame.unwrap()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(read(&whole), ["one", "two"]);
        for cut in 19..whole.len() {
            assert_eq!(read(&whole[..cut]), ["one"], "{cut}");
        }
        for at in 19..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(read(&damaged), ["one"], "{at}");
        }
    }
}
