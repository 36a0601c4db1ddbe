//! A chunk: the points of one series, folded out of many batches for good.
//!
//! The key is not in it: the row that holds the chunk knows the series, and a rename must not touch the bytes.

use lab_model::{SeriesKey, SeriesPoints};

use crate::SeriesError;
use crate::columns::{self, Base, Effort};
use crate::wire::{self, put_varint};

/// First byte of a chunk. A golden file holds the decoder to it.
const FORMAT: u8 = 0x81;

/// The points as bytes, in their order. Meant for points sorted by [`merge`](crate::merge), exact for any.
///
/// # Panics
/// If the columns are not of one length, which [`Validate`](lab_model::Validate) refuses.
#[must_use]
pub fn encode_chunk(points: &SeriesPoints) -> Vec<u8> {
    let mut out = wire::envelope();
    put_varint(&mut out, points.len() as u64);
    columns::encode(points, Base::default(), Effort::Thorough, &mut out);
    wire::seal(out, FORMAT)
}

/// The points of a chunk, as they were encoded, under the key of the series that the caller knows it by.
///
/// # Errors
/// If the bytes are of another format or damaged.
pub fn decode_chunk(bytes: &[u8], key: SeriesKey) -> Result<SeriesPoints, SeriesError> {
    let mut reader = wire::open(bytes, FORMAT, "chunk")?;
    let n = reader.count()?;
    let points = columns::decode(&mut reader, n, Base::default(), key)?;
    reader.end()?;
    Ok(points)
}
