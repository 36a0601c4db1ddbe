//! A chunk: where it ends, and its bytes as they are stored.

use bytes::Bytes;
use fastcdc::v2020::{FastCDC, Normalization};
use lab_model::{Compression, ContentHash};
use object_store::PutPayload;
use object_store::path::Path;

use super::manifest::{ChunkRef, Chunking};

/// How content is cut. Another choice shares nothing with what is stored already, so each manifest names it.
///
/// Larger chunks mean fewer files and syncs, smaller ones find more in common; about 1 MiB writes at the speed of the disk.
pub(super) const CHUNKING: Chunking =
    Chunking { min_bytes: 256 * 1024, average_bytes: 1024 * 1024, max_bytes: 4 * 1024 * 1024 };

/// Forms of a stored chunk, its first byte.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// From this size on a sample decides first: random bytes at a high level would cost seconds per chunk.
const SAMPLED_FROM: usize = 256 * 1024;
const SAMPLE: usize = 64 * 1024;

/// Where a chunk is kept.
pub(super) fn path(hash: ContentHash) -> Path {
    let hash = hash.to_string();
    Path::from(format!("chunks/{}/{hash}", &hash[..2]))
}

/// Takes the next chunk off the front. Unless `is_last`, that takes [`CHUNKING`]'s greatest size, and without it is `None`:
/// where a chunk ends may depend on as many bytes.
pub(super) fn next(rest: &mut Bytes, is_last: bool) -> Option<Bytes> {
    let Chunking { min_bytes, average_bytes, max_bytes } = CHUNKING;
    if rest.is_empty() || (!is_last && rest.len() < max_bytes) {
        return None;
    }
    let cutter = FastCDC::with_level(rest, min_bytes, average_bytes, max_bytes, Normalization::Level1);
    let (_, end) = cutter.cut(0, rest.len());
    Some(rest.split_to(end))
}

/// The chunk as it is stored.
pub(super) fn pack(chunk: &Bytes, compression: Compression) -> PutPayload {
    match compress(chunk, compression) {
        Some(packed) => [Bytes::from_static(&[ZSTD]), packed.into()].into_iter().collect(),
        None => [Bytes::from_static(&[PLAIN]), chunk.clone()].into_iter().collect(),
    }
}

/// The compressed bytes where they save 5 % at least: less is not worth the time of every reader.
fn compress(chunk: &[u8], compression: Compression) -> Option<Vec<u8>> {
    let Compression::Zstd(level) = compression else { return None };
    let pays = |packed: &Vec<u8>, plain: &[u8]| packed.len() < plain.len() / 20 * 19;
    // Of the middle, because files begin with headers that are not like the rest.
    let sample = &chunk[(chunk.len().saturating_sub(SAMPLE)) / 2..][..SAMPLE.min(chunk.len())];
    if chunk.len() >= SAMPLED_FROM && !zstd::bulk::compress(sample, 1).is_ok_and(|packed| pays(&packed, sample)) {
        return None;
    }
    zstd::bulk::compress(chunk, i32::from(level)).ok().filter(|packed| pays(packed, chunk))
}

/// The chunk out of what is stored, or what is wrong with it.
pub(super) fn unpack(mut stored: Bytes, expected: &ChunkRef) -> Result<Bytes, &'static str> {
    if stored.is_empty() {
        return Err("is empty");
    }
    let form = stored.split_to(1)[0];
    let chunk = match form {
        PLAIN => stored,
        ZSTD => {
            let mut plain = vec![0; expected.size_bytes];
            match zstd::bulk::decompress_to_buffer(&stored, &mut plain) {
                Ok(n) if n == plain.len() => plain.into(),
                Ok(_) => return Err("is shorter than it was"),
                Err(_) => return Err("cannot be decompressed"),
            }
        }
        _ => return Err("is in a form that this program does not know"),
    };
    if chunk.len() != expected.size_bytes {
        return Err("is of another length than it was");
    }
    if ContentHash::of(&chunk) != expected.hash {
        return Err("has another hash than it had");
    }
    Ok(chunk)
}
