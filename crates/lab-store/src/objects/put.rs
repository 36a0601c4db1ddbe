//! Content on its way in: gathered into blocks, cut, hashed, packed and stored, a few chunks at a time.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use lab_model::{BoxError, ContentHash, ContentHasher, Error, Result};
use object_store::ObjectStoreExt as _;
use tokio::task::JoinSet;

use super::error::classify;
use super::manifest::{self, ChunkRef, Manifest};
use super::{ObjectInfo, Objects, blocking, chunk};

/// Bytes gathered before they are cut: twice the greatest chunk, so that each block yields some.
const BLOCK: usize = 2 * chunk::CHUNKING.max_bytes;

/// Chunks being packed or written at one time. Bounds memory; hides the time that a sync takes.
const IN_FLIGHT: usize = 4;

pub(super) async fn put<S, E>(objects: &Objects, name: &str, content: S, limit_bytes: u64) -> Result<ObjectInfo>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
    E: Into<BoxError>,
{
    let mut content = content.map(|piece| piece.map_err(|e| interrupted(name, e.into())));
    let mut writer = Writer::new(objects);
    let mut block = BytesMut::new();
    let mut size_bytes = 0u64;
    while let Some(piece) = content.next().await {
        let mut piece = piece?;
        size_bytes += piece.len() as u64;
        if size_bytes > limit_bytes {
            return Err(Error::ArtifactTooLarge { name: name.to_owned(), limit_bytes });
        }
        while !piece.is_empty() {
            let part = piece.split_to(piece.len().min(BLOCK - block.len()));
            block.extend_from_slice(&part);
            if block.len() == BLOCK {
                block = writer.take(block, false).await?;
            }
        }
    }
    writer.take(block, true).await?;
    writer.finish().await
}

/// An error of the sender. It keeps its kind, which tells whether trying again can help.
fn interrupted(name: &str, error: BoxError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let source = error.downcast::<io::Error>().map_or_else(io::Error::other, |error| *error);
    Error::io(format!("receiving artifact `{name}`"), source)
}

struct Writer<'a> {
    objects: &'a Objects,
    hasher: ContentHasher,
    /// In the order of the content; those in flight are still empty.
    chunks: Vec<Option<ChunkRef>>,
    /// Dropped with the writer, which ends what nobody waits for any more.
    in_flight: JoinSet<Result<(usize, ChunkRef)>>,
}

impl<'a> Writer<'a> {
    fn new(objects: &'a Objects) -> Self {
        Self { objects, hasher: ContentHasher::default(), chunks: Vec::new(), in_flight: JoinSet::new() }
    }

    /// Stores the chunks of a block and gives back the bytes after the last.
    async fn take(&mut self, block: BytesMut, is_last: bool) -> Result<BytesMut> {
        let (mut hasher, mut rest) = (std::mem::take(&mut self.hasher), block.freeze());
        let (hasher, chunks, rest) = blocking(move || {
            let mut chunks = Vec::new();
            while let Some(chunk) = chunk::next(&mut rest, is_last) {
                hasher.update(&chunk);
                chunks.push(chunk);
            }
            (hasher, chunks, rest)
        })
        .await?;
        self.hasher = hasher;
        for chunk in chunks {
            if self.in_flight.len() >= IN_FLIGHT {
                self.land().await?;
            }
            let at = self.chunks.len();
            self.chunks.push(None);
            let objects = self.objects.clone();
            self.in_flight.spawn(async move { Ok((at, store_chunk(&objects, chunk).await?)) });
        }
        Ok(BytesMut::from(&rest[..]))
    }

    /// Waits for one chunk.
    async fn land(&mut self) -> Result<()> {
        if let Some(stored) = self.in_flight.join_next().await {
            let (at, chunk) = stored.map_err(|e| Error::Internal { problem: e.to_string() })??;
            self.chunks[at] = Some(chunk);
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<ObjectInfo> {
        while !self.in_flight.is_empty() {
            self.land().await?;
        }
        let chunks = self.chunks.into_iter().flatten().collect();
        let manifest = Manifest::new(self.hasher.finish(), chunk::CHUNKING, chunks);
        manifest::save(&*self.objects.store, &manifest).await?;
        Ok(manifest.info())
    }
}

async fn store_chunk(objects: &Objects, chunk: Bytes) -> Result<ChunkRef> {
    let hashed = chunk.clone();
    let hash = blocking(move || ContentHash::of(&hashed)).await?;
    let (path, stored) = (chunk::path(hash), ChunkRef { hash, size_bytes: chunk.len() });
    match objects.store.head(&path).await {
        Ok(_) => return Ok(stored),
        Err(object_store::Error::NotFound { .. }) => {}
        Err(e) => return Err(classify("storing an artifact")(e)),
    }
    let compression = objects.compression;
    let payload = blocking(move || chunk::pack(&chunk, compression)).await?;
    objects.store.put(&path, payload).await.map_err(classify("storing an artifact"))?;
    Ok(stored)
}
