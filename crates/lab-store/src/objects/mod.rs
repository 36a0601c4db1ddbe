//! The bytes of artifacts, stored once per distinct content under their SHA-256.
//!
//! Content is cut where the content itself says so (FastCDC, about 1 MiB a chunk), so that a checkpoint which differs from
//! another in one tensor shares all other chunks with it. A chunk is stored under its own hash, a manifest under the hash
//! of the whole lists the chunks:
//!
//! ```text
//! chunks/ab/abcdef…      one byte for the form, then the chunk as it is or compressed
//! manifests/12/123456…   JSON: version, hash, size, parameters of the cutting, chunks in their order
//! ```
//!
//! Invariants
//! - A manifest is written after all its chunks, so content is there whole or not at all. A crash leaves chunks that no
//!   manifest names, which cost space and nothing else.
//! - A chunk says itself in which form it is. Two writers with different settings may store the same chunk at the same
//!   time; either copy is right for every manifest.
//! - Nothing is handed to a reader that was not hashed after it was read.
//! - Memory does not grow with the content but for its list of chunks, 40 bytes for each MiB: at most about 50 MiB per
//!   writer and 20 MiB per reader.

mod chunk;
mod error;
mod manifest;
mod put;
mod read;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use lab_model::{BoxError, Compression, ContentHash, Error, Result};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

/// Content-addressed storage of artifacts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    compression: Compression,
}

/// Content that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// SHA-256 of the content.
    pub hash: ContentHash,
    /// Its length, before compression.
    pub size_bytes: u64,
}

/// Content, or a part of it, on its way out.
pub struct ObjectReader {
    /// The content as a whole.
    pub info: ObjectInfo,
    /// Which bytes of it the stream yields.
    pub range: Range<u64>,
    /// The bytes, each chunk verified before it is handed out. Ends in an error if anything is missing or altered.
    pub stream: BoxStream<'static, Result<Bytes>>,
}

impl fmt::Debug for ObjectReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectReader").field("info", &self.info).field("range", &self.range).finish_non_exhaustive()
    }
}

impl Objects {
    /// Storage in a folder, which is made if it is not there. What [`put`](Self::put) acknowledges survives a power cut:
    /// files and the folders that name them are synced. Blocks the thread for a moment.
    ///
    /// # Errors
    /// [`Error::Io`] where the folder cannot be made; [`Error::Storage`] where it cannot be opened.
    pub fn local(root: &Path, compression: Compression) -> Result<Self> {
        make_folder(root).map_err(|e| Error::io(format!("creating `{}`", root.display()), e))?;
        let folder =
            LocalFileSystem::new_with_prefix(root).map_err(error::classify("opening the folder of artifacts"))?;
        Ok(Self::new(Arc::new(folder.with_fsync(true)), compression))
    }

    /// Storage in any object store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, compression: Compression) -> Self {
        Self { store, compression }
    }

    /// Stores content and says what it is. Content that is there already is not stored again.
    ///
    /// If the future is dropped or fails, no content is added. `name` is for messages only.
    ///
    /// # Errors
    /// [`Error::ArtifactTooLarge`] as soon as more than `limit_bytes` have come; [`Error::Io`] where `content` fails;
    /// [`Error::Storage`].
    pub async fn put<S, E>(&self, name: &str, content: S, limit_bytes: u64) -> Result<ObjectInfo>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
        E: Into<BoxError>,
    {
        put::put(self, name, content, limit_bytes).await
    }

    /// What is stored under the hash, if anything is.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn info(&self, hash: ContentHash) -> Result<Option<ObjectInfo>> {
        Ok(manifest::load(&*self.store, hash).await?.map(|manifest| manifest.info()))
    }

    /// The content with that hash, or the bytes of `range` in it; `None` if there is no such content.
    ///
    /// # Errors
    /// [`Error::Invalid`] if `range` does not lie within the content; [`Error::Storage`].
    pub async fn open(&self, hash: ContentHash, range: Option<Range<u64>>) -> Result<Option<ObjectReader>> {
        match manifest::load(&*self.store, hash).await? {
            Some(manifest) => read::open(self, manifest, range).map(Some),
            None => Ok(None),
        }
    }
}

fn make_folder(root: &Path) -> std::io::Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    if let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folder(parent)?;
    }
    match std::fs::create_dir(root) {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && root.is_dir() => {}
        made => made?,
    }
    sync_parent(root)
}

/// A folder whose name is not on the disk takes all that is in it along when the power goes.
#[cfg(unix)]
fn sync_parent(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent)?.sync_all()
}

/// Other systems do not open folders.
#[cfg(not(unix))]
fn sync_parent(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Runs work for the processor beside the threads that wait for the network.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| Error::Internal { problem: e.to_string() })
}
