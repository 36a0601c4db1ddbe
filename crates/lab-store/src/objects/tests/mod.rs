//! Promises of the storage of artifacts, in memory, on a disk and over a store that fails.

mod damage;
mod put;
mod read;
mod store;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use lab_model::{Compression, ContentHash, Result};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::{ObjectInfo, Objects};

const MIB: usize = 1024 * 1024;

fn in_memory() -> (Arc<InMemory>, Objects) {
    let store = Arc::new(InMemory::new());
    let objects = Objects::new(Arc::<InMemory>::clone(&store), Compression::default());
    (store, objects)
}

/// Bytes without a pattern.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(len.div_ceil(8)).flatten().take(len).collect()
}

/// Bytes that compress, as those of a log do.
fn text(len: usize) -> Vec<u8> {
    (0..)
        .flat_map(|i: u32| format!("step {i} loss 0.{}\n", i.wrapping_mul(7919) % 997).into_bytes())
        .take(len)
        .collect()
}

async fn put(objects: &Objects, content: &[u8]) -> Result<ObjectInfo> {
    put_up_to(objects, content, u64::MAX).await
}

/// In pieces of odd lengths, as a network gives them.
async fn put_up_to(objects: &Objects, content: &[u8], limit: u64) -> Result<ObjectInfo> {
    let pieces: Vec<_> =
        content.chunks(70_001).map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece))).collect();
    objects.put("model.bin", stream::iter(pieces), limit).await
}

async fn get(objects: &Objects, hash: ContentHash) -> Result<Vec<u8>> {
    read(objects, hash, None).await
}

async fn read(objects: &Objects, hash: ContentHash, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>> {
    let reader = objects.open(hash, range).await?.expect("there is such content");
    let parts: Vec<Bytes> = reader.stream.try_collect().await?;
    Ok(parts.concat())
}

/// Paths and lengths of what is stored below a prefix.
async fn stored(store: &dyn ObjectStore, prefix: &str) -> Vec<(Path, u64)> {
    let listed = store.list(Some(&Path::from(prefix))).map(|found| found.map(|meta| (meta.location, meta.size)));
    let mut found: Vec<_> = listed.try_collect().await.unwrap();
    found.sort();
    found
}

async fn stored_bytes(store: &dyn ObjectStore) -> u64 {
    stored(store, "chunks").await.iter().map(|(_, size)| size).sum()
}

/// Replaces stored bytes behind the storage's back.
async fn alter(store: &dyn ObjectStore, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = store.get(path).await.unwrap().bytes().await.unwrap().to_vec();
    change(&mut bytes);
    store.put(path, bytes.into()).await.unwrap();
}
