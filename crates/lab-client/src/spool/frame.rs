//! Bytes of a spool.

use lab_model::{RunId, WriterId};
use uuid::Uuid;

/// What every spool begins with; the last byte is the version of the format.
const MAGIC: [u8; 8] = *b"labspl\0\x01";
/// Bytes of the header: magic, run, writer, checksum.
pub(super) const HEADER: usize = 8 + 16 + 16 + 4;
/// Bytes before a payload: length, number, checksum.
pub(super) const PREFIX: usize = 4 + 8 + 4;
/// Longest payload. A longer record is refused when it is logged: with the rest of a delivery it must fit into what a
/// server takes at once, 32 MiB by default, or it would be refused for ever.
pub(super) const MAX_PAYLOAD: usize = 16 << 20;

/// The header of a spool.
pub(super) fn header(run: RunId, writer: WriterId) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..24].copy_from_slice(run.as_uuid().as_bytes());
    bytes[24..40].copy_from_slice(writer.as_uuid().as_bytes());
    let checksum = crc32c::crc32c(&bytes[..40]);
    bytes[40..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Run and writer of a header; `None` if it is none.
pub(super) fn parse_header(bytes: &[u8; HEADER]) -> Option<(RunId, WriterId)> {
    let checksum = u32::from_le_bytes(bytes[40..].try_into().ok()?);
    if bytes[..8] != MAGIC || crc32c::crc32c(&bytes[..40]) != checksum {
        return None;
    }
    let id = |range: std::ops::Range<usize>| Uuid::from_slice(&bytes[range]).ok();
    Some((RunId::from_uuid(id(8..24)?), WriterId::from_uuid(id(24..40)?)))
}

/// Fills in the prefix of a frame whose payload is there.
pub(super) fn write_prefix(seq: u64, frame: &mut [u8]) {
    let (prefix, payload) = frame.split_at_mut(PREFIX);
    // A payload is at most MAX_PAYLOAD, which fits.
    prefix[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    prefix[4..12].copy_from_slice(&seq.to_le_bytes());
    prefix[12..].copy_from_slice(&checksum(seq, payload).to_le_bytes());
}

/// Length, number and checksum of the payload that follows.
pub(super) fn parse_prefix(bytes: &[u8; PREFIX]) -> Option<(usize, u64, u32)> {
    let length = u32::from_le_bytes(bytes[..4].try_into().ok()?) as usize;
    let seq = u64::from_le_bytes(bytes[4..12].try_into().ok()?);
    let checksum = u32::from_le_bytes(bytes[12..].try_into().ok()?);
    (length <= MAX_PAYLOAD).then_some((length, seq, checksum))
}

/// The checksum of a frame. The number is in it, so that a frame cannot pass for another.
pub(super) fn checksum(seq: u64, payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&seq.to_le_bytes()), payload)
}
