//! Content on its way out: chunks fetched a little ahead, each verified, and over a full read the whole as well.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};
use lab_model::{ContentHasher, Error, Result};
use object_store::ObjectStoreExt as _;

use super::error::{classify, damaged};
use super::manifest::{ChunkRef, Manifest};
use super::{ObjectInfo, ObjectReader, Objects, blocking, chunk};

/// Chunks fetched at one time.
const AHEAD: usize = 2;

pub(super) fn open(objects: &Objects, manifest: Manifest, range: Option<Range<u64>>) -> Result<ObjectReader> {
    let info = manifest.info();
    let range = range.unwrap_or(0..info.size_bytes);
    if range.start > range.end || range.end > info.size_bytes {
        return Err(Error::invalid("range", format!("is not within the {} bytes of the artifact", info.size_bytes)));
    }
    let objects = objects.clone();
    let parts = stream::iter(parts(manifest.chunks, &range))
        .map(move |(chunk, within)| fetch(objects.clone(), info, chunk, within))
        .buffered(AHEAD)
        .boxed();
    let is_whole = range == (0..info.size_bytes);
    let stream = if is_whole { verified(parts, info) } else { parts };
    Ok(ObjectReader { info, range, stream })
}

/// The chunks that hold bytes of the range, each with the place of those bytes in it.
fn parts(chunks: Vec<ChunkRef>, range: &Range<u64>) -> Vec<(ChunkRef, Range<usize>)> {
    let mut start = 0u64;
    let mut parts = Vec::new();
    for chunk in chunks {
        let end = start + chunk.size_bytes as u64;
        let (from, to) = (range.start.clamp(start, end), range.end.clamp(start, end));
        if from < to {
            parts.push((chunk, (from - start) as usize..(to - start) as usize));
        }
        start = end;
    }
    parts
}

async fn fetch(objects: Objects, info: ObjectInfo, part: ChunkRef, within: Range<usize>) -> Result<Bytes> {
    let problem = move |problem: &str| damaged(info.hash, format!("its chunk `{}` {problem}", part.hash));
    let found = match objects.store.get(&chunk::path(part.hash)).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Err(problem("is missing")),
        Err(e) => return Err(classify("reading an artifact")(e)),
    };
    // Looked at first, lest a file that has grown fills the memory.
    if found.meta.size > part.size_bytes as u64 + 1 {
        return Err(problem("is longer than it was"));
    }
    let stored = found.bytes().await.map_err(classify("reading an artifact"))?;
    let chunk = blocking(move || chunk::unpack(stored, &part)).await?.map_err(problem)?;
    Ok(chunk.slice(within))
}

/// Holds the last part back until the hash of the whole is found right, so that who reads to the end has what was stored.
fn verified(parts: BoxStream<'static, Result<Bytes>>, info: ObjectInfo) -> BoxStream<'static, Result<Bytes>> {
    let state = (parts, ContentHasher::default(), info.size_bytes);
    stream::try_unfold(state, move |(mut parts, mut hasher, mut left)| async move {
        let Some(part) = parts.try_next().await? else { return Ok(None) };
        let hashed = part.clone();
        hasher = blocking(move || {
            hasher.update(&hashed);
            hasher
        })
        .await?;
        left -= part.len() as u64;
        if left == 0 && hasher.clone().finish() != info.hash {
            return Err(damaged(info.hash, "its chunks are whole but make up other content"));
        }
        Ok(Some((part, (parts, hasher, left))))
    })
    .boxed()
}
