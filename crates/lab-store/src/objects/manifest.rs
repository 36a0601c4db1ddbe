//! The list of chunks that content consists of.

use bytes::Bytes;
use lab_model::{ContentHash, Error, Result};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde::{Deserialize, Serialize};

use super::ObjectInfo;
use super::error::{classify, damaged};

/// Format of the manifest.
const VERSION: u32 = 1;

/// Most bytes of a chunk that a reader takes into memory, whatever the manifest says.
const MAX_CHUNK: usize = 64 * 1024 * 1024;

/// What is stored under the hash of content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    version: u32,
    pub(super) hash: ContentHash,
    pub(super) size_bytes: u64,
    chunking: Chunking,
    pub(super) chunks: Vec<ChunkRef>,
}

/// Parameters of FastCDC (2020) at normalization level 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Chunking {
    pub(super) min_bytes: usize,
    pub(super) average_bytes: usize,
    pub(super) max_bytes: usize,
}

/// One chunk of content.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ChunkRef {
    pub(super) hash: ContentHash,
    pub(super) size_bytes: usize,
}

impl Manifest {
    pub(super) fn new(hash: ContentHash, chunking: Chunking, chunks: Vec<ChunkRef>) -> Self {
        let size_bytes = chunks.iter().map(|chunk| chunk.size_bytes as u64).sum();
        Self { version: VERSION, hash, size_bytes, chunking, chunks }
    }

    pub(super) fn info(&self) -> ObjectInfo {
        ObjectInfo { hash: self.hash, size_bytes: self.size_bytes }
    }

    /// Reads a manifest and makes sure that it can be that of `hash`.
    fn parse(bytes: &[u8], hash: ContentHash) -> Result<Self> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let unreadable = |e: serde_json::Error| damaged(hash, format!("its manifest cannot be read: {e}"));
        let Head { version } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if version != VERSION {
            let problem =
                format!("the manifest of object `{hash}` has version {version}; this program reads {VERSION}");
            return Err(Error::storage("reading an artifact", problem));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(unreadable)?;
        let sizes = manifest.chunks.iter().try_fold(0u64, |sum, chunk| {
            (1..=MAX_CHUNK).contains(&chunk.size_bytes).then(|| sum.checked_add(chunk.size_bytes as u64))?
        });
        let is_of_nothing = manifest.chunks.is_empty();
        if manifest.hash != hash
            || sizes != Some(manifest.size_bytes)
            || (is_of_nothing && hash != ContentHash::of(&[]))
        {
            return Err(damaged(hash, "its manifest contradicts itself"));
        }
        Ok(manifest)
    }
}

fn path(hash: ContentHash) -> Path {
    let hash = hash.to_string();
    Path::from(format!("manifests/{}/{hash}", &hash[..2]))
}

/// The manifest of content, if there is one.
pub(super) async fn load(store: &dyn ObjectStore, hash: ContentHash) -> Result<Option<Manifest>> {
    match stored(store, hash).await? {
        Some(bytes) => super::blocking(move || Manifest::parse(&bytes, hash)).await?.map(Some),
        None => Ok(None),
    }
}

/// Makes content readable: all its chunks must be stored. A manifest that is there and says the same is left alone; one
/// that does not is damaged or of other parameters, and is replaced.
pub(super) async fn save(store: &dyn ObjectStore, manifest: &Manifest) -> Result<()> {
    let json = serde_json::to_vec(manifest)
        .map_err(|e| Error::Serialization { what: "manifest of an artifact".to_owned(), source: e.into() })?;
    if stored(store, manifest.hash).await?.is_some_and(|bytes| bytes == json) {
        return Ok(());
    }
    let written = store.put(&path(manifest.hash), json.into()).await;
    written.map(|_| ()).map_err(classify("storing an artifact"))
}

async fn stored(store: &dyn ObjectStore, hash: ContentHash) -> Result<Option<Bytes>> {
    match store.get(&path(hash)).await {
        Ok(found) => found.bytes().await.map(Some).map_err(classify("reading an artifact")),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(e) => Err(classify("reading an artifact")(e)),
    }
}
